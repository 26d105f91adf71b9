"""The mailbox: answers come back, and no letter stays behind, whatever becomes of the controller that asked."""

import asyncio
import contextlib

import pytest

from controller.access.board_tokens import BoardTokens
from controller.agent_client import AgentClient, BoardAddress
from controller.carrying import Answer, Order
from controller.documents import DEVICE_DESCRIPTION
from controller.mailbox import Mailbox
from controller.store import Store
from controller.store.letters import Letter
from tests.controller.samples import DEVICE, description

ORDER = Order(DEVICE, f"mailbox://{DEVICE}", "GET", "/v1/device", patience_s=60)


@pytest.fixture
def store(database_url, clock):
    opened = Store(database_url, clock=clock, monotonic=clock.monotonic)
    opened.database.migrate()
    yield opened
    opened.close()


def letter(number):
    return Letter(id=number, method="GET", path="/v1/device", lease=None, body=None)


def test_the_client_of_the_agents_can_read_an_answer(store):
    """What a board brings reaches who asked, as it would over a connection."""

    async def asked_and_answered():
        mailbox = Mailbox(store.letters, largest_answer=1 << 20)
        client = AgentClient(timeout_s=60, tokens=BoardTokens(b"key"), mailbox=mailbox, largest_answer=1 << 20)
        asking = asyncio.create_task(client.describe(BoardAddress(DEVICE, f"mailbox://{DEVICE}")))
        [fetched] = await mailbox.fetch(DEVICE, 60)
        body = DEVICE_DESCRIPTION.dump_json(description())
        await mailbox.bring(DEVICE, fetched.id, Answer(200, "application/json", body))
        answer = await asking
        await client.close()
        return answer

    assert description() == asyncio.run(asked_and_answered())


def test_who_goes_away_while_writing_leaves_no_letter(store):
    """A question that is cancelled while its letter waits for the database takes the letter back all the same."""

    async def ask_and_go_away():
        with store.database.writing():  # so that the letter cannot be written down yet
            asking = asyncio.create_task(Mailbox(store.letters, largest_answer=1).carry(ORDER))
            await asyncio.sleep(0.2)
            asking.cancel()
            await asyncio.sleep(0)
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(ask_and_go_away())
    assert [] == store.letters.take(DEVICE)


def test_letters_of_a_dead_controller_are_removed(store, clock):
    """What is older than an hour goes with the next letter to the same board; what is younger stays."""
    store.letters.post(DEVICE, letter("old"))
    clock.advance(1800)
    store.letters.post(DEVICE, letter("young"))
    clock.advance(1801)
    store.letters.post(DEVICE, letter("new"))
    assert ["young", "new"] == [waiting.id for waiting in store.letters.take(DEVICE)]
