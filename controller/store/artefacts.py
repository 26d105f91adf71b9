"""Artefacts: files that runs left for people, such as profiles, kept with their job. Written once."""

from dataclasses import dataclass

from sqlalchemy import select

from controller.errors import NotFoundError
from controller.jobs import ArtefactView
from controller.store.database import Database
from controller.tables import Artefact, DroppedRow, Run


@dataclass(frozen=True)
class NewArtefact:
    """A file as the board handed it over."""

    name: str
    content: bytes


class Artefacts:
    """The files of all runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, run_id: str, files: list[NewArtefact]) -> None:
        """Keep a run's files; one that is kept already stays as it is."""
        with self._database.writing() as session:
            known = set(session.scalars(select(Artefact.name).where(Artefact.run_id == run_id)))
            session.add_all(
                Artefact(run_id=run_id, name=file.name, size=len(file.content), content=file.content)
                for file in files
                if file.name not in known
            )

    def of_job(self, job_id: str) -> list[ArtefactView]:
        """What a job's runs left, without the content, in the order of the runs."""
        query = (
            select(Run.id, Run.variant, Artefact.name, Artefact.size)
            .join(Artefact, Artefact.run_id == Run.id)
            .where(Run.job_id == int(job_id))
            .order_by(Run.number, Artefact.name)
        )
        with self._database.reading() as session:
            return [ArtefactView(run, variant, name, size) for run, variant, name, size in session.execute(query)]

    def content(self, run_id: str, name: str) -> bytes:
        """One file.

        Raises:
            NotFoundError: the run left no such file.
        """
        with self._database.reading() as session:
            row = session.get(Artefact, (run_id, name))
            if row is None and (dropped := session.get(DroppedRow, run_id)) is not None:
                raise NotFoundError(f"the files of run {run_id} were dropped at {dropped.at}, because {dropped.why}.")
            if row is None:
                raise NotFoundError(f"run {run_id[:120]!r} left no file {name[:120]!r}; its job's artefacts list them.")
            return row.content
