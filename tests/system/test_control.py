"""Real jobs on this machine: what they find is printed, since no machine's noise can be asserted."""

import pytest

from tests.system.lab import tiny_job

PATIENCE_S = 900  # sixteen runs, on a machine that may have other work
PATIENCE_UNTIL_S = 2400  # 48 of them
pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(PATIENCE_S + 60)]


def test_plain_training_against_itself(shared_lab, capsys):
    """Eight pairs of runs in which nothing differs, end to end; what the verdicts say of them is printed."""
    variants = [{"name": "baseline", "methods": []}, {"name": "again", "methods": []}]
    job = shared_lab.submit(tiny_job(purpose="control", variants=variants, quick=False, repetitions=8))
    assert "finished" == shared_lab.wait_until_final(job, PATIENCE_S)["state"]
    report = shared_lab.get(f"/v1/jobs/{job}/report.json")
    assert 8 == report["blocks_complete"]
    metrics = report["variants"][1]["parts"][0]["metrics"]
    with capsys.disabled():
        print(f"\nA/A on this machine: {report['headline']}")
        for value in metrics.values():
            if value["verdict"] and value["verdict"]["p"] is not None:
                pairs = ", ".join(f"{pair:.3f}" for pair in value["pairs"].values())
                print(f"  {value['title']}: {value['verdict']['word']}, p {value['verdict']['p']:.3f}; pairs {pairs}")


@pytest.mark.timeout(PATIENCE_UNTIL_S + 60)
def test_blocks_are_added_until_a_real_job_is_known(shared_lab, capsys):
    """Digits, filtered against plain: the job ends at a look, by the width that it found, and says at which level."""
    workload = {"model": "resnet18", "image_size": 32}
    spec = tiny_job(workload=workload, quick=False, primary=["step_time"], until=0.1, repetitions=8)
    job = shared_lab.submit(spec)
    assert "finished" == shared_lab.wait_until_final(job, PATIENCE_UNTIL_S)["state"]
    report = shared_lab.get(f"/v1/jobs/{job}/report.json")
    stopping = report["stopping"]
    assert stopping["blocks"] in stopping["looks"]
    assert stopping["half_width"] <= stopping["goal"] or stopping["blocks"] == stopping["looks"][-1]
    with capsys.disabled():
        print(f"\nuntil ±10 % on this machine: {report['headline']}\n  {stopping['sentence']}")
