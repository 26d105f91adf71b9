"""What the agent itself takes from a small board."""

import subprocess
import sys
import time

import psutil
import pytest

from tests.agent.service import run_spec, wait_until

MOST_BYTES = 80e6
MOST_OF_A_CORE = 0.01


@pytest.fixture
def say(capsys):
    """Shows what was measured beside the test's name."""

    def say(what):
        with capsys.disabled():
            print(f"\n{what}")

    return say


def test_agent_at_rest_is_small(service, say):
    """After a run, and after its record was read, the agent stays under 80 MB resident."""
    service.put(run_spec(model="works-for-a-while", sampling={"period_s": 0.01}))
    service.await_end("run-1")
    service.http.get("/v1/device")
    service.http.get("/openapi.json")
    resident = psutil.Process(service.process.pid).memory_info().rss
    say(f"agent at rest: {resident / 1e6:.1f} MB")
    assert MOST_BYTES > resident


def test_agent_at_rest_is_quiet(service, say):
    """With nothing to do the agent takes less than a hundredth of a core."""
    wait_until("the worker's description", lambda: service.http.get("/v1/device").json()["worker"])
    process = psutil.Process(service.process.pid)
    before, since = process.cpu_times(), time.monotonic()
    time.sleep(3)
    after, seconds = process.cpu_times(), time.monotonic() - since
    share = max(after.user - before.user + after.system - before.system, 0.0) / seconds
    say(f"agent at rest: {share:.2%} of a core")
    assert MOST_OF_A_CORE > share


@pytest.mark.parametrize(
    ("module", "strangers"),
    [
        ("agent.app", {"torch", "numpy", "pandas", "pyarrow", "controller", "sqlalchemy", "jtop"}),
        ("agent.sampler", {"fastapi", "pydantic", "uvicorn", "asyncio", "torch", "numpy"}),
        ("agent.cli", {"fastapi", "uvicorn", "torch"}),
    ],
)
def test_imports_stay_light(module, strangers):
    """The agent loads nothing heavy, its sampler not even what the agent loads."""
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set() == strangers & set(loaded)
