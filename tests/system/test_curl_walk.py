"""curl alone, following only what OpenAPI says: submit a job, follow it, read the report."""

import json
import shutil
import subprocess

import pytest

from tests.system.lab import DEVICE

pytestmark = pytest.mark.system


def curl(*arguments: str) -> str:
    command = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "240", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == result.returncode, result.stdout + result.stderr
    return result.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (apt-get install curl)")
def test_curl_submits_follows_and_reads(shared_lab):
    """The documented example is accepted as it stands; its events lead to a final state and a report."""
    api = json.loads(curl(f"{shared_lab.controller_url}/openapi.json"))
    examples = api["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    example = next(e["value"] for name, e in examples.items() if e["value"]["workload"].get("model") == "tiny_cnn")
    assert {"post", "get"} <= api["paths"]["/v1/jobs"].keys()

    body = json.dumps({**example, "device": {"name": DEVICE}})
    job = json.loads(curl(f"{shared_lab.controller_url}/v1/jobs", "--json", body))["id"]
    events = curl("--no-buffer", f"{shared_lab.controller_url}/v1/jobs/{job}/events")
    states = [json.loads(line[len("data:") :])["state"] for line in events.splitlines() if line.startswith("data:")]
    assert "finished" == states[-1]
    assert "filter" in curl(f"{shared_lab.controller_url}/v1/jobs/{job}/report.md")
