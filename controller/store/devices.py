"""Boards: registering them, and what is known about them."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, Select, Text, cast, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from controller.documents import DEVICE_DESCRIPTION
from controller.errors import ConflictError, NotFoundError
from controller.instants import Clock, as_text
from controller.jobs import DeviceChange, DeviceHealth, DeviceView, NewDevice, Page
from controller.store.database import Database
from controller.store.paging import page, read_cursor
from controller.tables import Device, Lease
from gradfilter.bench.schema import DeviceDescription, DeviceSelector

# Plain columns: the boards of a lab are listed all the time. A description is read only where it has changed.
_SHOWN = (
    *(column for column in Device.__table__.c if column.name != "description"),
    cast(Device.description, Text).label("document"),
)


class Devices:
    """The boards of the lab."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._descriptions: dict[str, tuple[str, DeviceDescription]] = {}

    def add(self, device: NewDevice) -> None:
        """Register a board that nobody has spoken to yet.

        Raises:
            ConflictError: the name is taken.
        """
        row = Device(
            name=device.name,
            url=device.url.rstrip("/"),
            tags=sorted(set(device.tags)),
            maintenance=False,
            answers=False,
            reason="its agent has not been asked yet",
            registered_at=self._now(),
            last_seen_at=None,
            description=None,
            fault="",
        )
        try:
            with self._database.writing() as session:
                session.add(row)
        except IntegrityError as error:
            raise ConflictError(
                f"a device named {device.name!r} is registered already; change or remove it."
            ) from error

    def get(self, name: str) -> DeviceView:
        """One board.

        Raises:
            NotFoundError: it is not registered.
        """
        for view in self._views(select(Device).where(Device.name == name)):
            return view
        with self._database.reading() as session:
            raise _unknown(session, name)

    def url(self, name: str) -> str:
        """Where a board's agent listens.

        Raises:
            NotFoundError: it is not registered.
        """
        with self._database.reading() as session:
            url = session.scalar(select(Device.url).where(Device.name == name))
            if url is None:
                raise _unknown(session, name)
            return url

    def all(self) -> list[DeviceView]:
        """All boards by name."""
        return self._views(select(Device).order_by(Device.name))

    def meant(self, selectors: Iterable[DeviceSelector]) -> list[DeviceView]:
        """The boards that selectors choose from: those that they name, or all where one names none, or none's."""
        names = {selector.name for selector in selectors}
        if None in names:
            return self.all()
        found = self._views(select(Device).where(Device.name.in_(names)).order_by(Device.name))
        return found if len(found) == len(names) else self.all()

    def names(self) -> list[str]:
        """The names of all boards."""
        with self._database.reading() as session:
            return list(session.scalars(select(Device.name).order_by(Device.name)))

    def page(self, *, limit: int, cursor: str | None) -> Page[DeviceView]:
        """One page of boards by name."""
        query = select(Device).order_by(Device.name).limit(limit + 1)
        if (after := read_cursor(cursor, [str])) is not None:
            query = query.where(Device.name > after[0])
        return page(self._views(query), limit, lambda device: [device.name])

    def change(self, name: str, change: DeviceChange) -> None:
        """Change what the lab says about a board.

        Raises:
            NotFoundError: it is not registered.
        """
        with self._database.writing() as session:
            row = _find(session, name)
            if change.url is not None:
                row.url = change.url.rstrip("/")
            if change.tags is not None:
                row.tags = sorted(set(change.tags))
            if change.maintenance is not None:
                row.maintenance = change.maintenance
            if change.fault is not None:
                row.fault = change.fault

    def remove(self, name: str) -> None:
        """Forget a board; its runs stay.

        Raises:
            NotFoundError: it is not registered.
            ConflictError: a job holds it.
        """
        with self._database.writing() as session:
            row = _find(session, name)  # so that no lease on it is being taken
            if (job := _holder(session, name)) is not None:
                raise ConflictError(f"device {name!r} is held by job {job}; wait for its end or cancel it.")
            session.delete(row)

    def answered(self, name: str, description: DeviceDescription | None = None) -> None:
        """Its agent answered just now, perhaps with its description. A board that was removed meanwhile stays so."""
        with self._database.writing() as session:
            if (row := session.get(Device, name)) is not None:
                row.answers, row.reason, row.last_seen_at = True, "", self._now()
                if description is not None:
                    row.description = DEVICE_DESCRIPTION.dump_python(description, mode="json")

    def did_not_answer(self, name: str, reason: str) -> None:
        """Its agent did not answer, and why. A board that was removed meanwhile stays so."""
        with self._database.writing() as session:
            if (row := session.get(Device, name)) is not None:
                row.answers, row.reason = False, reason

    def _views(self, query: Select[Device]) -> list[DeviceView]:
        with self._database.reading() as session:
            holders = _holders(session)
            rows = session.execute(query.with_only_columns(*_SHOWN))
            return [self._view(row, holders.get(row.name)) for row in rows]

    def _view(self, row: Row[Any], job: str | None) -> DeviceView:
        description = None if row.document is None else self._described(row.name, row.document)
        return DeviceView(
            name=row.name,
            url=row.url,
            tags=sorted({*row.tags, *(description.tags if description else [])}),
            health=_health(row, job),
            health_reason=row.fault or row.reason,
            job=job,
            last_seen_at=row.last_seen_at,
            description=description,
        )

    def _described(self, name: str, document: str) -> DeviceDescription:
        """A board's description; read once while it stays the same, since a lab's boards are listed all the time."""
        known = self._descriptions.get(name)
        if known is None or known[0] != document:
            known = self._descriptions[name] = document, DEVICE_DESCRIPTION.validate_json(document)
        return known[1]

    def _now(self) -> str:
        return as_text(self._clock())


def _holder(session: Session, name: str) -> str | None:
    """The job that holds a board."""
    job = session.scalar(select(Lease.job_id).where(Lease.device == name))
    return None if job is None else str(job)


def _holders(session: Session) -> dict[str, str]:
    """The job that holds each leased board."""
    query = select(Lease.device, Lease.job_id).where(Lease.job_id.is_not(None))
    return {device: str(job) for device, job in session.execute(query)}


def _find(session: Session, name: str) -> Device:
    """A board's row, to be changed."""
    row = session.get(Device, name, with_for_update=True)
    if row is None:
        raise _unknown(session, name)
    return row


def _unknown(session: Session, name: str) -> NotFoundError:
    names = ", ".join(session.scalars(select(Device.name).order_by(Device.name).limit(20)))
    return NotFoundError(f"there is no device {name!r}; registered are: {names or 'none'}.")


def _health(row: Row[Any], job: str | None) -> DeviceHealth:
    """What stands in the way of a job, the gravest first."""
    if row.maintenance:
        return "maintenance"
    if row.fault:
        return "bad"
    if not row.answers:
        return "offline"
    return "online" if job is None else "leased"
