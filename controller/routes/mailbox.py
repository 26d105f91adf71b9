"""The mailbox: where boards that dial out fetch what the controller asks of them, and bring their answers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.exceptions import HTTPException

from controller.carrying import Answer
from controller.problems import responses
from controller.services import ServicesOfApp
from controller.store.letters import Letter

router = APIRouter(prefix="/v1/mailbox", tags=["mailbox"])

_LONGEST_WAIT_S = 60
_BEARER = "Bearer "


def _board(device: str, services: ServicesOfApp, authorization: Annotated[str, Header()] = "") -> str:
    """The board that asks, which shows its own token."""
    if not authorization.startswith(_BEARER) or not services.board_tokens.is_of(
        device, authorization.removeprefix(_BEARER)
    ):
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED,
            f"this is the mailbox of board {device[:120]!r}: show its token, which `gradfilter tokens board` prints, "
            "in the header Authorization: Bearer TOKEN.",
        )
    return device


Board = Annotated[str, Depends(_board)]


@router.get("/{device}", responses=responses(401, 422), summary="Fetch a board's letters")  # noqa: FAST003 - _board has it
async def fetch(
    board: Board,
    services: ServicesOfApp,
    wait: Annotated[float, Query(ge=0, le=_LONGEST_WAIT_S, description="Seconds to wait for a letter.")] = 0,
) -> list[Letter]:
    """Requests for the board's own application, each given out once."""
    return await services.mailbox.fetch(board, wait)


@router.put(
    "/{device}/{letter}",  # noqa: FAST003 - _board has the device
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses(401, 404, 413, 422),
    summary="Bring a board's answer",
)
async def bring(
    board: Board,
    letter: str,
    services: ServicesOfApp,
    request: Request,
    x_status: Annotated[int, Header(ge=100, le=599, description="The answer's HTTP status.")],
) -> None:
    """What the board's application answered: the body as it is, with its Content-Type."""
    body = await _limited_body(request, services.mailbox.largest_answer)
    answer = Answer(x_status, request.headers.get("content-type", ""), body)
    if not await services.mailbox.bring(board, letter, answer):
        raise HTTPException(HTTPStatus.NOT_FOUND, "nobody waits for this answer any more; fetch the next letters.")


async def _limited_body(request: Request, most: int) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > most:
            sentence = f"an answer may have at most {most} bytes."
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)
    return bytes(received)
