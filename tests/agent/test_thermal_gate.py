"""The thermal gate: the wait until the board is as warm as before the first run, within limits in both directions."""

from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from agent.app import create_app
from agent.thermal_gate import pass_gate
from agent.warm_load import WarmLoad
from gradfilter.bench.schema import Gate
from tests.agent.service import LEASE, await_gone, run_spec, wait_until

GATE = Gate(below_c=2.0, above_c=3.0, most_s=60.0, around_c=50.0)
TEMPERATURES = st.floats(20, 90)


class SimulatedBoard:
    """A chip that moves towards what its load makes of it, by a share a second; its clock moves when it rests."""

    def __init__(self, start_c, idle_c=30.0, loaded_c=80.0, pace=0.1):
        self.now_s, self.now_c, self.is_loaded = 0.0, start_c, False
        self._towards, self._pace = {False: idle_c, True: loaded_c}, pace

    def warm(self):
        self.is_loaded = True

    def close(self):
        self.is_loaded = False

    def rest(self, seconds):
        self.now_s += seconds
        self.now_c += (self._towards[self.is_loaded] - self.now_c) * min(1.0, self._pace * seconds)

    def pass_(self, gate):
        return pass_gate(gate, lambda: self.now_c, self, self.rest, lambda: self.now_s)


def test_a_board_that_is_too_hot_rests():
    """From 70 °C it cools into the band, and no load is put on it."""
    passage = SimulatedBoard(70.0).pass_(GATE)
    assert (True, 0.0) == (passage.passed, passage.warmed_s)
    assert 48.0 <= passage.start_c <= 53.0


def test_a_board_that_is_too_cold_is_warmed():
    """From 30 °C it would never get there by resting; the load is off again when the run starts."""
    board = SimulatedBoard(30.0)
    passage = board.pass_(GATE)
    assert passage.passed
    assert passage.warmed_s > 0
    assert not board.is_loaded


def test_the_first_run_sets_the_temperature():
    """Without a middle of the band the run is let through as it is, and what it started at is recorded."""
    passage = SimulatedBoard(37.5).pass_(replace(GATE, around_c=None))
    assert (37.5, None, 0.0, True) == (passage.start_c, passage.around_c, passage.waited_s, passage.passed)


def test_without_a_thermometer_nothing_is_waited_for():
    """There is nothing to wait for."""
    board = SimulatedBoard(37.5)
    passage = pass_gate(GATE, lambda: None, board, board.rest, lambda: board.now_s)
    assert (None, 0.0, True) == (passage.start_c, passage.waited_s, passage.passed)


def test_a_board_that_cannot_get_there_is_let_through_at_the_limit():
    """A room of 60 °C never lets the chip cool to 50: the run starts all the same, and says that it did not pass."""
    passage = SimulatedBoard(70.0, idle_c=60.0).pass_(GATE)
    assert (60.0, False) == (passage.waited_s, passage.passed)


GATES = st.builds(Gate, st.floats(0, 20), st.floats(0, 20), st.floats(0, 100), TEMPERATURES)


@given(start_c=TEMPERATURES, gate=GATES, pace=st.floats(0.001, 1))
def test_what_passes_is_in_the_band_and_nothing_waits_for_longer(start_c, gate, pace):
    """Whatever the chip does: inside the band it starts, outside only when the time is over, and never under load."""
    board = SimulatedBoard(start_c, pace=pace)
    passage = board.pass_(gate)
    assert passage.waited_s <= gate.most_s + 1e-6
    if passage.passed:
        assert gate.around_c - gate.below_c <= passage.start_c <= gate.around_c + gate.above_c
    else:
        assert passage.waited_s == pytest.approx(gate.most_s)
    assert 0 <= passage.warmed_s <= passage.waited_s + 1e-6
    assert not board.is_loaded


def test_the_warm_load_leaves_no_process_behind():
    """It keeps every core busy while it is on, and is gone when it is off."""
    load = WarmLoad()
    before = set(psutil.Process().children())
    load.warm()
    busy = list(set(psutil.Process().children()) - before)
    assert len(psutil.Process().cpu_affinity()) == len(busy)
    load.close()
    await_gone(busy)


@pytest.fixture
def zone(board, settings) -> Path:
    """The one thermal zone of a made-up Raspberry Pi, whose agent the client talks to."""
    settings.root = board("raspberry-pi-4")
    return settings.root / "sys/class/thermal/thermal_zone0/temp"


def start(client, spec):
    client.put(f"/v1/runs/{spec['run_id']}", json=spec, headers=LEASE)


def ended(client):
    return wait_until("the end", lambda: client.get("/v1/runs/run-1?wait=1").json()["record"])


def test_a_run_waits_at_its_gate(zone, settings):
    """A real agent holds the run while the board is too hot, starts it when it is not, and records the wait."""
    zone.write_text("71000\n")
    with TestClient(create_app(settings)) as client:
        start(client, run_spec(gate={"around_c": 50.0, "most_s": 60}))
        wait_until("the gate", lambda: client.get("/v1/runs/run-1").json()["phase"] == "gate")
        zone.write_text("51000\n")
        record = ended(client)
    assert ["settle", "gate", "setup", "measured"] == [phase["name"] for phase in record["phases"]]
    gate = record["environment"]["gate"]
    assert (51.0, 50.0, True) == (gate["start_c"], gate["around_c"], gate["passed"])


def test_the_record_says_that_the_gate_timed_out(zone, settings):
    """After its time the run starts at the temperature that there is."""
    zone.write_text("71000\n")
    with TestClient(create_app(settings)) as client:
        start(client, run_spec(gate={"around_c": 50.0, "most_s": 1}))
        gate = ended(client)["environment"]["gate"]
    assert (71.0, False) == (gate["start_c"], gate["passed"])


def test_a_run_is_cancelled_at_its_gate(zone, settings):
    """Nobody has to wait for a board to cool in order to stop."""
    zone.write_text("71000\n")
    with TestClient(create_app(settings)) as client:
        start(client, run_spec(gate={"around_c": 50.0, "most_s": 3000}))
        wait_until("the gate", lambda: client.get("/v1/runs/run-1").json()["phase"] == "gate")
        client.post("/v1/runs/run-1/cancel", headers=LEASE)
        assert "cancelled" == ended(client)["state"]
