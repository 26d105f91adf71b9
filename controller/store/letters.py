"""Letters: requests to boards that fetch them, and what the boards answered. None outlives the question it asks.

Those of a controller that died are removed with the first letter to their board an hour later.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select

from controller.carrying import Answer
from controller.instants import Clock, as_text
from controller.store.database import Database
from controller.tables import LetterRow

_OLDEST = timedelta(hours=1)  # no question waits nearly as long


@dataclass(frozen=True)
class Letter:
    """A request as it would go to an agent over HTTP. lease: the fencing token, where the request shows one."""

    id: str
    method: str
    path: str
    lease: int | None
    body: str | None


class Letters:
    """The letters of all boards."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def post(self, device: str, letter: Letter) -> None:
        """Lay a request down for a board to fetch."""
        now = self._clock()
        row = LetterRow(
            id=letter.id,
            device=device,
            method=letter.method,
            path=letter.path,
            lease=letter.lease,
            body=letter.body,
            posted_at=as_text(now),
            is_taken=False,
        )
        left_behind = delete(LetterRow).where(LetterRow.device == device, LetterRow.posted_at < as_text(now - _OLDEST))
        with self._database.writing() as session:
            session.execute(left_behind)
            session.add(row)

    def take(self, device: str) -> list[Letter]:
        """The letters that the board has not fetched yet, oldest first; each is given out once."""
        query = select(LetterRow).where(LetterRow.device == device, LetterRow.is_taken.is_(False))
        with self._database.reading() as session:  # mostly there is none, and looking must not keep writers waiting
            if session.scalar(query.limit(1)) is None:
                return []
        with self._database.writing() as session:
            rows = list(session.scalars(query.order_by(LetterRow.posted_at, LetterRow.id).with_for_update()))
            for row in rows:
                row.is_taken = True
            return [Letter(row.id, row.method, row.path, row.lease, row.body) for row in rows]

    def answer(self, device: str, letter_id: str, answer: Answer) -> bool:
        """Write down a board's answer; False when nobody waits for it any more, or it is a second one."""
        with self._database.writing() as session:
            row = session.get(LetterRow, letter_id, with_for_update=True)
            if row is None or row.device != device or row.status is not None:
                return False
            row.status, row.media_type, row.answer = answer.status, answer.media_type, answer.body
            return True

    def answer_to(self, letter_id: str) -> Answer | None:
        """The answer, None as long as there is none."""
        with self._database.reading() as session:
            row = session.get(LetterRow, letter_id)
            if row is None or row.status is None:
                return None
            return Answer(row.status, row.media_type or "", row.answer or b"")

    def drop(self, letter_id: str) -> None:
        """Nobody waits for an answer any more."""
        with self._database.writing() as session:
            session.execute(delete(LetterRow).where(LetterRow.id == letter_id))
