"""What Prometheus reads of the lab: queue, leases and boards, as the database knows them."""

from prometheus_client.parser import text_string_to_metric_families

from controller.jobs import NewDevice
from controller.store import Store
from controller.store.counts import Leased, Queue
from tests.controller.fake_agent import HOLD
from tests.controller.samples import DEVICE
from tests.controller.serving import wait_for
from tests.controller.stored import SPEC


def test_ages_are_those_of_the_oldest(database_url, clock):
    """Two jobs wait, the first for a minute and a half; of two leases one was renewed ten seconds ago."""
    store = Store(database_url, clock=clock, monotonic=clock.monotonic)
    store.database.migrate()
    leases = []
    for name in ("nano-1", "nano-2"):
        store.devices.add(NewDevice(name, f"http://{name}:8101"))
        leases.append(store.leases.start(store.jobs.add(SPEC).id, name, 60))
    assert (Queue(0, 0.0), Leased(2, 0.0)) == (store.counts.queue(), store.counts.leases())
    store.jobs.add(SPEC)
    clock.advance(80)
    store.jobs.add(SPEC)
    store.leases.renew(leases[0])
    clock.advance(10)
    assert (Queue(2, 90.0), Leased(2, 90.0)) == (store.counts.queue(), store.counts.leases())
    store.leases.renew(leases[1])
    clock.advance(1)
    assert Leased(2, 11.0) == store.counts.leases()
    store.close()


def test_every_state_of_a_board_is_counted(lab):
    """One works, one is in maintenance, one does not answer, one is bad; a job waits for its turn."""
    lab.agent.script = lambda spec: HOLD
    lab.submit()
    lab.agent.wait_for_active("prepare")
    lab.submit()
    for name, change in (("kept", {"maintenance": True}), ("away", {}), ("noisy", {"fault": "its controls failed"})):
        assert lab.request("POST", "/v1/devices", json={"name": name, "url": "http://127.0.0.1:9"}).is_success
        assert lab.request("PATCH", f"/v1/devices/{name}", json=change).is_success
    wait_for("the lease", lambda: lab.get(f"/v1/devices/{DEVICE}")["health"] == "leased" or None)
    read = _read(lab.request("GET", "/metrics").text)
    boards = {
        health: read["gradfilter_devices", health] for health in ("leased", "maintenance", "offline", "bad", "online")
    }
    assert {"leased": 1, "maintenance": 1, "offline": 1, "bad": 1, "online": 0} == boards
    assert (1, 1) == (read["gradfilter_queue_length", ""], read["gradfilter_leases", ""])
    assert read["gradfilter_queue_oldest_seconds", ""] > 0
    assert 0 <= read["gradfilter_lease_age_seconds", ""]


def _read(text):
    """Name and label → value."""
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, next(iter(sample.labels.values()), "")): sample.value for sample in samples}
