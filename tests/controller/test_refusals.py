"""The REST interface refuses what it cannot do: the field, what was given, what there is."""

import json

import pytest

from tests.controller.samples import job_document

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def lab(shared_lab):
    """One lab for all tests: what is refused changes nothing."""
    return shared_lab


def post_job(lab, **changes):
    return lab.request("POST", "/v1/jobs", json=job_document(**changes))


def errors(response):
    """The problem's fields and sentences."""
    assert (422, PROBLEM) == (response.status_code, response.headers["content-type"]), response.text
    return {error["field"]: error["message"] for error in response.json()["errors"]}


class TestBadInput:
    @pytest.mark.parametrize(
        ("changes", "field", "sentence"),
        [
            ({"device": {"name": "this-computre"}}, "device.name", "there are this-computer"),
            ({"device": {"tags": ["nano"]}}, "device.tags", "desk, x86_64"),
            ({"device": {}}, "device", "either a name or a list of tags"),
            ({"workload": {"kind": "training", "model": "resnet81"}}, "workload.model", "resnet18"),
            ({"workload": {"kind": "training", "model": "tiny_cnn", "dataset": "digit"}}, "workload.dataset", "digits"),
            ({"workload": {"kind": "training", "model": "tiny_cnn", "compute": "cuda"}}, "workload.compute", "cpu"),
            (
                {"workload": {"kind": "training", "model": "tiny_cnn", "batch_size": 0}},
                "workload.batch_size",
                "at least 1",
            ),
            (
                {"workload": {"kind": "training", "model": "tiny_cnn", "batch_size": "x"}},
                "workload.batch_size",
                "got 'x'",
            ),
            ({"workload": {"kind": "training"}}, "workload.model", "is required"),
            ({"workload": {"kind": "training", "model": "tiny_cnn", "rounds": 3}}, "workload.rounds", "no such field"),
            ({"workload": {"kind": "inference"}}, "workload.kind", "conv_layer"),
            ({"workload": {}}, "workload.kind", "is required"),
            (
                {"workload": {"kind": "training", "model": "tiny_cnn", "optimizer": {"learning_rate": -1}}},
                "workload.optimizer.learning_rate",
                "at least 0",
            ),
            (
                {
                    "workload": {
                        "kind": "conv_layer",
                        "shapes": [{"batch_size": 0, "in_channels": 1, "out_channels": 1}],
                    }
                },
                "workload.shapes.0.height",
                "is required",
            ),
            ({"variants": []}, "variants", "1 to 64"),
            ({"variants": [{"name": "a"}, {"name": "a"}]}, "variants", "distinct"),
            ({"variants": [{"name": "a b"}]}, "variants.0.name", "letters"),
            (
                {"variants": [{"name": "a", "methods": [{"name": "gradfilter"}]}]},
                "variants.0.methods.0.name",
                "gradient_filter",
            ),
            ({"repetitions": 0}, "repetitions", "at least 1"),
            ({"repetitions": 1.5}, "repetitions", "1.5"),
            ({"colour": "red"}, "colour", "no such field"),
        ],
    )
    def test_names_the_field_what_was_given_and_what_there_is(self, lab, changes, field, sentence):
        """A job that cannot be is refused before it is queued, field by field."""
        found = errors(post_job(lab, **changes))
        assert [field] == [name for name in found if name == field], found
        assert sentence in found[field]

    @pytest.mark.parametrize(
        ("options", "field", "sentence"),
        [
            ({"patch": 2}, "patch", "there are last, layers, patch_size"),
            ({"patch_size": "2"}, "patch_size", "must be int, got '2'"),
            ({"patch_size": True}, "patch_size", "must be int"),
            ({"last": 2.5}, "last", "must be Optional[int]"),
            ({"layers": ["a", 1]}, "layers", "must be Optional[List[str]]"),
        ],
    )
    def test_options_are_checked_against_the_board(self, lab, options, field, sentence):
        """An option that the board's method does not have, or of another type, is named with its place."""
        methods = [{"name": "gradient_filter", "options": options}]
        found = errors(post_job(lab, variants=[{"name": "base"}, {"name": "filtered", "methods": methods}]))
        assert sentence in found[f"variants.1.methods.0.options.{field}"]

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"",
            b"[]",
            b"null",
            b'"text"',
            b"\xff\xfe\xfd",
            b"[" * 100_000,
            json.dumps(job_document(note=float("nan"))).encode(),
            json.dumps(job_document(repetitions=float("inf"))).encode(),
            json.dumps(job_document()).replace('"patch_size": 2', '"patch_size": 1e999').encode(),
            json.dumps(job_document(note="\x00")).encode(),
            json.dumps(job_document()).replace('"patch_size": 2', '"patch_size": "\\ud800"').encode(),
            b"1" * 5000,
            b'{"note": "a", "note": "b"}',
            json.dumps(job_document(variants=["x"] * 10_000)).encode(),
        ],
        ids=[
            "torn",
            "empty",
            "list",
            "null",
            "text",
            "bytes",
            "deep",
            "nan",
            "inf",
            "huge",
            "nul",
            "surrogate",
            "digits",
            "twice",
            "many",
        ],
    )
    def test_a_body_that_is_no_job_is_422(self, lab, body):
        """Whatever is sent, the answer is a problem document and never a failure of the controller."""
        response = lab.request("POST", "/v1/jobs", content=body, headers={"content-type": "application/json"})
        assert errors(response)
        assert len(response.content) < 100_000

    def test_a_body_that_is_not_declared_as_json_is_422(self, lab):
        """Curl's own content type is answered with the header that is missing."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        response = lab.request("POST", "/v1/jobs", content=b"{}", headers=headers)
        assert "Content-Type: application/json" in errors(response)["body"]

    def test_a_huge_body_is_413(self, lab):
        """A body beyond a megabyte is refused unread."""
        response = lab.request(
            "POST", "/v1/jobs", content=b" " * (2 << 20), headers={"content-type": "application/json"}
        )
        assert (413, PROBLEM) == (response.status_code, response.headers["content-type"])

    @pytest.mark.parametrize(
        ("path", "field"),
        [
            ("/v1/jobs?limit=0", "limit"),
            ("/v1/jobs?state=done", "state"),
            ("/v1/jobs?cursor=x", "cursor"),
            ("/v1/results?since=yesterday", "since"),
            ("/v1/results?since=0001-01-01T00:00:00%2B14:00", "since"),
            ("/v1/results?since=9999-12-31T23:59:59-12:00", "since"),
            ("/v1/results?job=99999999999999999999999", "job"),
            ("/v1/results.xml", "table_format"),
            ("/v1/jobs/1/report.pdf", "report_format"),
        ],
    )
    def test_queries_name_their_field(self, lab, path, field):
        """A query that cannot be answered names its parameter."""
        assert field in errors(lab.request("GET", path))

    @pytest.mark.parametrize(
        ("device", "field"),
        [
            ({"name": "a b", "url": "http://x:1"}, "name"),
            ({"name": "a/b", "url": "http://x:1"}, "name"),
            ({"name": "a", "url": "nano-1:8101"}, "url"),
            ({"name": "a", "url": "http://x:99999"}, "url"),
            ({"name": "a", "url": "http://[::1]:0"}, "url"),
            ({"name": "a", "url": "http://x:1", "tags": [""]}, "tags"),
            ({"name": "a"}, "url"),
        ],
    )
    def test_devices_are_checked(self, lab, device, field):
        """A device needs a name, an address and plain tags."""
        assert field in errors(lab.request("POST", "/v1/devices", json=device))
