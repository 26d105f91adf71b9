"""A job from the form to the report, in a real browser on the real controller."""

import re

from playwright.sync_api import expect

from gradfilter.bench.schema import Trace
from tests.controller.fake_agent import HOLD
from tests.controller.samples import DEVICE


def submit(page):
    """Fill in the form for a tiny job and send it; the job's page comes back."""
    page.get_by_label("model").fill("tiny_cnn")
    page.get_by_label("repetitions").fill("1")
    page.get_by_label("patch size").first.fill("4")
    page.get_by_role("button", name="Queue the job").last.click()
    expect(page).to_have_url(re.compile(r"/jobs/\d+$"))


def test_a_job_is_submitted_watched_and_read(visitor, lab, agent):
    """The form queues a job, its page follows it to the end without a reload, and its report opens."""
    agent.script = lambda spec: "finished" if spec.purpose == "prepare" else HOLD
    page = visitor.open("/")
    page.get_by_role("link", name="New job").click()
    visitor.picture("new-job")
    assert [] == visitor.barriers()
    submit(page)
    (job,) = lab.get("/v1/jobs")["items"]
    assert "tiny_cnn" == job["spec"]["workload"]["model"]
    assert [{"patch_size": 4}] == [method["options"] for method in job["spec"]["variants"][1]["methods"]]

    agent.wait_for_active()
    expect(page.get_by_text("0 of 2 runs done")).to_be_visible()
    agent.trace = Trace([100.0, 101.0, 102.0], [5.0, 6.5, 6.0], [40.0, 41.0, 42.5], [0.1, None, 0.12])
    expect(page.get_by_role("img", name="power: now 6.00 W")).to_be_visible()
    expect(page.get_by_role("img", name="step time: now 120 ms")).to_be_visible()
    visitor.picture("job-running")
    assert [] == visitor.barriers()
    page.reload()
    expect(page.get_by_role("img", name="hottest zone: now 42.5 °C")).to_be_visible()
    for done in (1, 2):
        agent.end(agent.wait_for_active().run_id)
        expect(page.get_by_text(f"{done} of 2 runs done")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("finished")
    visitor.picture("job-finished")
    assert [] == visitor.barriers()

    page.get_by_role("link", name="Read the report").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("tiny_cnn on digits")
    visitor.picture("report")
    assert [] == visitor.barriers()


def test_a_mistake_in_the_form_is_shown_beside_its_field(visitor, lab):
    """What the board cannot do comes back on the form, with what was typed, and nothing is queued."""
    page = visitor.open(f"/jobs/new?device={DEVICE}")
    page.get_by_label("model").fill("resnet81")
    page.get_by_label("batch size").fill("none")
    page.get_by_label("batch size").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The job was not taken")
    batch = page.get_by_label("batch size")
    expect(batch).to_have_value("none")
    expect(batch).to_have_attribute("aria-invalid", "true")
    assert [] == visitor.barriers()
    visitor.picture("new-job-refused")
    assert [] == lab.get("/v1/jobs")["items"]
    visitor.complaints = [one for one in visitor.complaints if "422" not in one]


def test_variants_are_added_and_removed(visitor, lab):
    """Every button of the form gives the page back with what was typed so far."""
    page = visitor.open("/jobs/new")
    page.get_by_label("patch size").fill("4")
    page.get_by_role("button", name="Add it").click()
    expect(page.locator("fieldset")).to_have_count(2)
    expect(page.get_by_label("patch size").first).to_have_value("4")
    page.get_by_role("button", name="Remove variant 1").click()
    expect(page.locator("fieldset")).to_have_count(1)
    expect(page.get_by_label("patch size")).to_have_value("")
