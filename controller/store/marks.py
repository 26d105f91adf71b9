"""Marks: what was changed about a device, and when. What it did before a mark is no measure of what it does now."""

from sqlalchemy import select

from controller.instants import Clock, as_text
from controller.jobs import DeviceMark
from controller.store.database import Database
from controller.tables import Mark


class Marks:
    """The marks of all devices. Blocking."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(self, device: str, what: str) -> DeviceMark:
        """Write down that something was changed just now."""
        mark = DeviceMark(at=as_text(self._clock()), what=what)
        with self._database.writing() as session:
            session.add(Mark(device=device, at=mark.at, what=mark.what))
        return mark

    def of_device(self, device: str) -> list[DeviceMark]:
        """A device's marks, oldest first."""
        query = select(Mark).where(Mark.device == device).order_by(Mark.at, Mark.id)
        with self._database.reading() as session:
            return [DeviceMark(at=row.at, what=row.what) for row in session.scalars(query)]
