"""At which of a board's addresses its agent is announced; tests/system finds real agents."""

from ifaddr import IP, Adapter

from agent.announcing import reachable


def adapter(name, *addresses):
    """An interface as the library lists it."""
    return Adapter(name, name, [IP(address, 24, name) for address in addresses])


def test_bridges_and_loopback_are_left_out(tmp_path):
    """The kernel has a folder `bridge` for Docker's network; a container's end of a wire and a VLAN are others'."""
    (tmp_path / "sys/class/net/docker0/bridge").mkdir(parents=True)
    (tmp_path / "sys/class/net/eth0").mkdir()
    adapters = [
        adapter("lo", "127.0.0.1", ("::1", 0, 0)),
        adapter("eth0", "10.0.0.5", "10.0.0.6", ("fe80::1", 0, 2)),
        adapter("docker0", "172.17.0.1"),
        adapter("wlan0", "192.168.1.7"),
    ]
    assert ["10.0.0.5", "10.0.0.6", "192.168.1.7"] == reachable(adapters, tmp_path)
