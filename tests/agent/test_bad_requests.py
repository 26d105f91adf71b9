"""Whatever a request looks like, the answer is a problem document that says what is wrong."""

import json
import socket

import pytest

from tests.agent.service import LEASE, run_spec

SECRETS = ("Traceback", "/home", ".py", "site-packages")


def is_problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert not any(secret in answer.text for secret in SECRETS)
    return document


def spec_with(field):
    """A whole spec, and this field behind all others."""
    return json.dumps(run_spec()).encode()[:-1] + b", " + field + b"}"


@pytest.mark.parametrize(
    "run_id",
    [
        "..",
        ".hidden",
        "a..b",
        "-dash",
        "%2e%2e",
        "..%2F..%2Fetc%2Fpasswd",
        "a%2Fb",
        "a%00b",
        "x" * 101,
        "ünï",
        "a b",
        " ",
    ],
)
def test_run_ids_that_are_no_folder_names(client, run_id):
    """An id that could lead out of the data folder, or cannot be a file's name, reaches no file."""
    for answer in (
        client.get(f"/v1/runs/{run_id}"),
        client.delete(f"/v1/runs/{run_id}", headers=LEASE),
        client.put(f"/v1/runs/{run_id}", json=run_spec("..x"), headers=LEASE),
    ):
        assert answer.status_code in {404, 405, 422}
        is_problem(answer, answer.status_code)


def test_slash_in_a_run_id_is_refused(client):
    """The schema lets a name hold a slash; a run id may not."""
    document = is_problem(client.put("/v1/runs/a", json=run_spec("a/b"), headers=LEASE), 422)
    assert "'a/b'" in document["detail"]


def test_ids_in_path_and_body_must_agree(client):
    """A spec is accepted only under its own id."""
    document = is_problem(client.put("/v1/runs/other", json=run_spec(), headers=LEASE), 422)
    assert "'run-1'" in document["detail"]
    assert "'other'" in document["detail"]


@pytest.mark.parametrize("headers", [{}, {"X-Lease-Token": "seven"}, {"X-Lease-Token": "0"}, {"X-Lease-Token": "-1"}])
def test_changing_calls_need_a_token(client, headers):
    """Without a lease's token nothing changes, and the header is named."""
    for answer in (
        client.put("/v1/runs/run-1", json=run_spec(), headers=headers),
        client.post("/v1/runs/run-1/cancel", headers=headers),
        client.delete("/v1/runs/run-1", headers=headers),
    ):
        assert "X-Lease-Token" in is_problem(answer, 422)["errors"][0]["field"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"colour": "blue"}, "colour"),
        ({"workload": {"kind": "training", "model": "m", "colour": "blue"}}, "colour"),
        ({"variants": []}, "variants"),
        ({"purpose": "play"}, "purpose"),
        ({"limits": {"run_s": 0}}, "limits.run_s"),
        ({"sampling": {"period_s": "often"}}, "period_s"),
        ({"workload": {"kind": "juggling"}}, "workload"),
        ({"workload": {"kind": "training", "model": "m", "batch_size": 0}}, "batch_size"),
    ],
)
def test_bad_spec_names_the_field(client, change, named):
    """A field that is unknown, missing or out of range is named."""
    body = json.dumps(run_spec() | change)
    headers = {**LEASE, "Content-Type": "application/json"}
    assert named in is_problem(client.put("/v1/runs/run-1", content=body, headers=headers), 422)["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b"1" * 5000,
        spec_with(b'"seed": NaN'),
        spec_with(b'"seed": -Infinity'),
        spec_with(b'"seed": 1e999'),
        spec_with(b'"seed": 1.5'),
        spec_with(b'"job_id": "\\ud800"'),
        spec_with(b'"job_id": "\\u0000"'),
        spec_with(b'"job_id": "job-2"'),
        json.dumps(run_spec() | {"variants": ["x"] * 10_000}).encode(),
    ],
)
def test_body_that_is_no_spec(client, body):
    """A body that is no object of strict JSON is refused, in a short answer."""
    answer = client.put("/v1/runs/run-1", content=body, headers={**LEASE, "Content-Type": "application/json"})
    is_problem(answer, 422)
    assert len(answer.content) < 100_000


def test_body_that_is_too_large(client):
    """A body that would take a small board's memory is refused with the limit."""
    assert "bytes" in is_problem(client.put("/v1/runs/run-1", content=b" " * 600_000, headers=LEASE), 413)["detail"]


@pytest.mark.parametrize("query", ["wait=-1", "wait=61", "wait=nan", "wait=soon", "rest=-1", "rest=nan", "done=x"])
def test_bad_questions(client, query):
    """A wait that is negative, too long or no number is refused."""
    is_problem(client.get(f"/v1/runs/run-1?{query}"), 422)


def test_unknown_run(client):
    """A run that was never sent is not found, for reading and for changing."""
    for answer in (
        client.get("/v1/runs/never"),
        client.post("/v1/runs/never/cancel", headers=LEASE),
        client.delete("/v1/runs/never", headers=LEASE),
    ):
        assert "'never'" in is_problem(answer, 404)["detail"]


def test_unknown_path_and_method(client):
    """Paths and methods that are not in the API are problems too, and the allowed methods are named."""
    is_problem(client.get("/v2/device"), 404)
    answer = client.post("/v1/device")
    is_problem(answer, 405)
    assert "GET" == answer.headers["allow"]


def test_defect_shows_no_traceback(client, settings):
    """What nobody foresaw is answered with a problem document; its traceback stays in the log."""
    (settings.data_dir / "runs" / "broken").write_text("a file where a folder should be")
    is_problem(client.get("/v1/runs/broken"), 500)


def test_raw_nonsense_leaves_the_service_alive(service):
    """Bytes that are no HTTP, and a body that never comes, do not disturb the next request."""
    for nonsense in (b"\x00\x01\x02\r\n\r\n", b"PUT /v1/runs/a HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(nonsense)
    assert 200 == service.http.get("/health").status_code
