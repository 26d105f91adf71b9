"""A whole controller and an agent under any sequence of faults: the jobs end all the same, and nothing is done twice.

each run started and recorded at most once · at most one valid record a slot · finished is final · cancelled stays so
"""

import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from controller.jobs import FINAL_JOB_STATES
from tests.controller.fake_agent import HOLD, FakeAgent
from tests.controller.lab import Lab

VALID = ("finished", "failed")
numbers = st.integers(min_value=0, max_value=5)


class FaultyLab(RuleBasedStateMachine):
    """What befalls a controller and its board, in any order, while they work."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.agent = FakeAgent(script=lambda spec: HOLD)
        self.agent.server.start()
        self.lab = Lab(self.folder, self.agent, timeout_s=1.0, poll_wait_s=0.1).__enter__()
        self.agent_is_there = True
        self.jobs = []
        self.final = {}  # job → the final state that it was seen in

    def teardown(self):
        try:
            self.heal()
            for job in self.jobs:
                self.lab.end_of(job)
            self.check_jobs()
            self.check_runs()
        finally:
            self.lab.__exit__()
            self.agent.server.stop()
            shutil.rmtree(self.folder)

    # ------------------------------------------------------------------ what happens

    @precondition(lambda self: len(self.jobs) < 3)
    @rule()
    def submit(self):
        self.jobs.append(self.lab.submit())

    @precondition(lambda self: self.jobs)
    @rule(number=numbers)
    def cancel(self, number):
        job = self.jobs[number % len(self.jobs)]
        answer = self.lab.request("POST", f"/v1/jobs/{job}/cancel")
        assert answer.status_code in (200, 409)

    @rule(outcome=st.sampled_from(["finished", "finished", "failed", "lost"]))
    def a_run_ends(self, outcome):
        for run_id in list(self.agent.active):
            self.agent.end(run_id, outcome)

    @rule()
    def the_controller_is_started_anew(self):
        self.lab.restart()

    @rule()
    def the_agent_goes_or_comes(self):
        (self.agent.server.stop if self.agent_is_there else self.agent.server.start)()
        self.agent_is_there = not self.agent_is_there

    @rule()
    def the_board_loses_everything(self):
        self.agent.lose_everything()

    @rule(seconds=st.sampled_from([0.05, 0.3]))
    def time_passes(self, seconds):
        time.sleep(seconds)

    # ------------------------------------------------------------------ what holds

    @invariant()
    def check_jobs(self):
        """What has ended stays as it is, and one job at most works on the board."""
        states = {job: self.lab.get(f"/v1/jobs/{job}")["state"] for job in self.jobs}
        for job, state in states.items():
            assert self.final.get(job, state) == state
            if state in FINAL_JOB_STATES:
                self.final[job] = state
        assert list(states.values()).count("running") <= 1

    def check_runs(self):
        assert {1} >= set(Counter(spec.run_id for spec in self.agent.started).values())
        for job in self.jobs:
            runs = self.lab.runs(job)
            assert {"finished", "failed", "lost", "cancelled"} >= {run["state"] for run in runs}
            slots = Counter((run["block"], run["variant"]) for run in runs if run["state"] in VALID)
            assert {1} >= set(slots.values())

    def heal(self):
        """From now on everything goes well."""
        self.agent.script = lambda spec: "finished"
        if not self.agent_is_there:
            self.agent.server.start()
        for run_id in list(self.agent.active):
            self.agent.end(run_id)


def examine(examples, steps):
    run_state_machine_as_test(
        FaultyLab,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_few_sequences():
    """A small sample of all sequences keeps the promises."""
    examine(2, 12)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_many_sequences():
    """So do many and long ones."""
    examine(60, 25)
