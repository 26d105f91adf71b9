"""The tables. Raw data is written once and never changed; measurements are a cache that can be made again.

Instants are UTC as ISO 8601 text of fixed width, so that they sort as text in every database; nothing here is
particular to one kind of database. store/ holds every statement that touches them.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class StorableText(TypeDecorator[str]):
    """Text that every database takes: PostgreSQL has no NUL character, which a worker's last words may hold."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Write the sign for an unreadable character instead."""
        return None if value is None else value.replace("\0", "\N{REPLACEMENT CHARACTER}")


class Base(DeclarativeBase):
    """All tables; constraints are named so that a migration can find them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: StorableText, dict[str, Any]: JSON, list[str]: JSON}  # noqa: RUF012 - SQLAlchemy's own idiom


class Device(Base):
    """A board. reason says why it did not answer; maintenance is the lab's word and keeps jobs away.

    fault: why it takes no jobs until somebody looks, '' of a sound one.
    """

    __tablename__ = "devices"

    name: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]
    tags: Mapped[list[str]]
    maintenance: Mapped[bool]
    answers: Mapped[bool]
    reason: Mapped[str]
    registered_at: Mapped[str]
    last_seen_at: Mapped[str | None]
    description: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    fault: Mapped[str]


class Lease(Base):
    """Who may use a board. The row outlives the device's registration, so that the token only ever grows.

    job_id: whose it is, None of nobody's. lasts_s: how long after its last renewal the holder is taken for dead.
    """

    __tablename__ = "leases"

    device: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"))
    token: Mapped[int] = mapped_column(BigInteger)
    renewed_at: Mapped[str]
    lasts_s: Mapped[float] = mapped_column(Double)


class Token(Base):
    """A person's token, as a digest; revoked ones stay. A user may have several."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    user: Mapped[str]
    scope: Mapped[str]
    created_at: Mapped[str]
    revoked_at: Mapped[str | None]


class LetterRow(Base):
    """A request that waits for a board to fetch it, then for the board's answer; gone as soon as nobody waits.

    What a controller that died left behind goes later, when its board is written to again.
    """

    __tablename__ = "letters"

    id: Mapped[str] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(index=True)
    method: Mapped[str]
    path: Mapped[str]
    lease: Mapped[int | None] = mapped_column(BigInteger)
    body: Mapped[str | None]
    posted_at: Mapped[str]
    is_taken: Mapped[bool]
    status: Mapped[int | None]
    media_type: Mapped[str | None]
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)


class Job(Base):
    """A job as it was asked for, and where it is. id is also the order of the queue; user: whose token submitted it.

    series: the first of the jobs that were submitted together, itself of one that was not.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "user", "started_at"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    spec: Mapped[dict[str, Any]]
    model: Mapped[str] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(index=True)
    device: Mapped[str | None] = mapped_column(index=True)
    created_at: Mapped[str]
    started_at: Mapped[str | None]
    finished_at: Mapped[str | None]
    reason: Mapped[str]
    user: Mapped[str] = mapped_column(server_default="")
    series: Mapped[int | None] = mapped_column(index=True)


class Run(Base):
    """One attempt at one slot. number is the order in which attempts were started.

    on_agent: the board may still keep the run's files, and is told to forget them at the next occasion.
    """

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("job_id", "purpose", "variant", "block", "attempt"),
        Index(None, "device", "finished_at", "number"),
        Index(None, "variant", "finished_at", "number"),
        Index(None, "finished_at", "number"),
        Index(None, "state", "purpose"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    device: Mapped[str]
    purpose: Mapped[str]
    variant: Mapped[str]
    block: Mapped[int]
    position: Mapped[int]
    attempt: Mapped[int]
    seed: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    started_at: Mapped[str]
    finished_at: Mapped[str | None]
    failure: Mapped[str]
    on_agent: Mapped[bool]


class RunMethod(Base):
    """The methods of a run's variant, for searching."""

    __tablename__ = "run_methods"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    method: Mapped[str] = mapped_column(primary_key=True, index=True)


class Record(Base):
    """What a run observed, without its series: raw, written once. measured_by: who last filled measurements from it.

    digest: the hash of the raw data when they were stored, '' by a version that took none.
    """

    __tablename__ = "records"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    document: Mapped[dict[str, Any]]
    measured_by: Mapped[str] = mapped_column(index=True)
    digest: Mapped[str] = mapped_column(server_default="")


class Mark(Base):
    """Something about a device was changed (a new system, new cooling): what it did before says nothing any more."""

    __tablename__ = "marks"

    id: Mapped[int] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(index=True)
    at: Mapped[str]
    what: Mapped[str]


class Artefact(Base):
    """A file that a run left for people: as the board wrote it, written once."""

    __tablename__ = "artefacts"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class SeriesDocument(Base):
    """All sensor series of a run as one Parquet document: raw, written once."""

    __tablename__ = "series"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    parquet: Mapped[bytes] = mapped_column(LargeBinary)


class DroppedRow(Base):
    """A run whose series and files were dropped to make room, how many bytes they took, and why, after 'because'.

    foreign_load: what of the series reports still say of it.
    """

    __tablename__ = "dropped"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    at: Mapped[str]
    why: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    foreign_load: Mapped[float | None]


class MeasurementRow(Base):
    """One metric of one part of one run, computed from its record; value is None where reason says why;
    source is the channel that an energy comes from, standard_uncertainty what its meter may be wrong by (k = 1).
    """

    __tablename__ = "measurements"
    __table_args__ = (Index(None, "metric", "run_id"),)

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float | None] = mapped_column(Double)
    unit: Mapped[str]
    kind: Mapped[str]
    reason: Mapped[str]
    source: Mapped[str]
    standard_uncertainty: Mapped[float | None] = mapped_column(Double)
