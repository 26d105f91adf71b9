"""Boards: registering them, and what is known about them."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from controller.documents import DEVICE_DESCRIPTION
from controller.errors import ConflictError, NotFoundError
from controller.instants import Clock, as_text
from controller.jobs import DeviceChange, DeviceHealth, DeviceView, NewDevice, Page
from controller.store.database import Database
from controller.store.paging import page, read_cursor
from controller.tables import Device, Lease
from gradfilter.bench.schema import DeviceDescription


class Devices:
    """The boards of the lab."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

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
        with self._database.reading() as session:
            return _view(_find(session, name), _holders(session).get(name))

    def all(self) -> list[DeviceView]:
        """All boards by name."""
        with self._database.reading() as session:
            holders = _holders(session)
            return [_view(row, holders.get(row.name)) for row in session.scalars(select(Device).order_by(Device.name))]

    def names(self) -> list[str]:
        """The names of all boards."""
        with self._database.reading() as session:
            return list(session.scalars(select(Device.name).order_by(Device.name)))

    def page(self, *, limit: int, cursor: str | None) -> Page[DeviceView]:
        """One page of boards by name."""
        query = select(Device).order_by(Device.name).limit(limit + 1)
        if (after := read_cursor(cursor, [str])) is not None:
            query = query.where(Device.name > after[0])
        with self._database.reading() as session:
            holders = _holders(session)
            found = [_view(row, holders.get(row.name)) for row in session.scalars(query)]
        return page(found, limit, lambda device: [device.name])

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
            row = _find(session, name)
            if (job := _holders(session).get(name)) is not None:
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

    def _now(self) -> str:
        return as_text(self._clock())


def _holders(session: Session) -> dict[str, str]:
    """The job that holds each leased board."""
    query = select(Lease.device, Lease.job_id).where(Lease.job_id.is_not(None))
    return {device: str(job) for device, job in session.execute(query)}


def _find(session: Session, name: str) -> Device:
    row = session.get(Device, name)
    if row is None:
        names = ", ".join(session.scalars(select(Device.name).order_by(Device.name).limit(20)))
        raise NotFoundError(f"there is no device {name!r}; registered are: {names or 'none'}.")
    return row


def _view(row: Device, job: str | None) -> DeviceView:
    description = None if row.description is None else DEVICE_DESCRIPTION.validate_python(row.description)
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


def _health(row: Device, job: str | None) -> DeviceHealth:
    """What stands in the way of a job, the gravest first."""
    if row.maintenance:
        return "maintenance"
    if row.fault:
        return "bad"
    if not row.answers:
        return "offline"
    return "online" if job is None else "leased"
