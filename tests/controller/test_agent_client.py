"""What the controller makes of agents that speak otherwise than it does."""

import asyncio
from dataclasses import replace

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from controller.access.board_tokens import BoardTokens
from controller.agent_client import AgentClient, BoardAddress
from controller.carrying import NotCarriedError
from controller.errors import AgentUnreachableError
from gradfilter.bench.schema import SCHEMA_VERSION
from tests.controller.lab import Lab
from tests.controller.samples import description
from tests.controller.serving import Server


class NoMailbox:
    """No board dials out here."""

    async def carry(self, order):
        raise NotCarriedError("there is no mailbox")


def ask(app, question):
    """What the client says to question(client, board) of an agent with this application."""

    async def asked(url):
        client = AgentClient(timeout_s=5, tokens=BoardTokens(b"key"), mailbox=NoMailbox(), largest_answer=1 << 20)
        try:
            return await question(client, BoardAddress("nano-1", url))
        finally:
            await client.close()

    with Server(lambda: app) as server:
        return asyncio.run(asked(server.url))


def complaint(answer):
    """What is said of an agent that answers so."""
    app = FastAPI()
    app.get("/v1/device")(lambda: answer)
    with pytest.raises(AgentUnreachableError) as error:
        ask(app, AgentClient.describe)
    return str(error.value)


def test_a_question_tells_what_was_seen_and_how_long_to_rest():
    """So the agent answers at once when the run ends, and otherwise not before there is news and the rest is over."""
    asked = []
    app = FastAPI()

    @app.get("/v1/runs/{run_id}")
    def show(run_id: str, request: Request):
        asked.append(dict(request.query_params))
        return {"run_id": run_id, "state": "running", "phase": "measured", "done": 3, "total": 9}

    async def question(client, board):
        seen = await client.status(board, "run-1")
        await client.status(board, "run-1", seen=seen, wait_s=10, rest_s=2.5, trace_after_s=0.5)

    ask(app, question)
    assert {"wait": "0.0", "rest": "0.0", "trace_after": "-1.0"} == asked[0]
    seen = {"state": "running", "phase": "measured", "done": "3"}
    assert {"wait": "10", "rest": "2.5", "trace_after": "0.5", **seen} == asked[1]


def test_an_agent_of_another_release():
    """Its board waits, with which of the two to update."""
    said = complaint(replace(description(), schema_version=1))
    assert said.endswith(f"speaks schema version 1, this controller {SCHEMA_VERSION}; update the older of the two.")


def test_an_answer_of_another_shape():
    """Of many fields that are wrong the first is named, in one line."""
    said = complaint({"hostname": 1, "cores": "many"})
    assert said.endswith("gave an answer that cannot be read: hostname: Input should be a valid string.")


@pytest.mark.parametrize("document", [[], "refused", {}, {"errors": 3}, {"errors": [{"field": "a"}]}])
def test_a_refusal_of_another_shape(document):
    """What says that it is a problem document and is none comes from no agent; it is not quoted, and harms nothing."""
    said = complaint(JSONResponse(document, 422, media_type="application/problem+json"))
    assert said.endswith("is not an agent (status 422)")


def test_a_record_too_large_to_be_taken_ends_its_run(tmp_path, agent):
    """The run has failed, with the size that is taken; the job goes on, and the board is told to forget."""
    agent.script = lambda spec: f"failed: {'x' * 100_000}" if spec.block == 1 else "finished"
    with Lab(tmp_path, agent, largest_record_bytes=1 << 16) as lab:
        job = lab.submit(repetitions=2)
        assert "finished" == lab.end_of(job)["state"]
        assert ["failed", "failed", "finished", "finished"] == lab.states(job)
        assert "more than the 65536 bytes that this controller takes" in lab.runs(job)[0]["failure"]
        lab.end_of(lab.submit())
        assert {run["id"] for run in lab.runs(job)} <= set(agent.forgotten)
