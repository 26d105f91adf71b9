"""One board at work for one job: attempts are started on it, followed, and their records stored as they arrive.

A board that does not answer is waited for, however long: only its own word decides what became of a run. It has
the record, still works on it, or does not know it; in the last case the attempt is lost.
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

import structlog

from controller import plan
from controller.agent_client import AgentClient
from controller.analysis.void import void_because
from controller.bookkeeping import Bookkeeping
from controller.errors import (
    AgentError,
    AgentRefusedError,
    AnswerTooLargeError,
    RunUnknownError,
)
from controller.instants import from_text, utc_now
from controller.jobs import FINAL_JOB_STATES, RunningNow, RunSummary, ending
from controller.line import Line
from controller.live import Live, Now
from controller.next_slot import first_ended, next_slot, start_c
from controller.settings import Settings
from controller.store import Lease, NewArtefact, Planned, Store, StoredJob
from gradfilter.bench.schema import Failure, RunRecord, RunSpec, RunStatus

_PREPARATIONS = 3
_PREPARE, _MEASURE, _PROFILE = "prepare", "measure", "profile"
_MOST_FILES = 16
_LARGEST_FILE = 16 * 1024 * 1024
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

log = structlog.get_logger()


class Board:
    """A leased board. Every method may raise StaleLeaseError: then another controller has the board.

    rest_s: how long a board at work is left alone between two questions, as things stand.
    """

    def __init__(
        self,
        job: StoredJob,
        lease: Lease,
        *,
        store: Store,
        books: Bookkeeping,
        agents: AgentClient,
        live: Live,
        settings: Settings,
        rest_s: Callable[[], float],
    ) -> None:
        self._job = job
        self._lease = lease
        self._store = store
        self._books = books
        self._agents = agents
        self._live = live
        self._settings = settings
        self._rest_s = rest_s
        self._line = Line(lease, store=store, agents=agents, live=live, settings=settings)
        self._attempts: dict[str, RunSummary] = {}  # nobody else adds any while the lease is held
        self._first: RunSummary | None = None  # the run at whose start all others are to start
        self._first_start_c: float | None = None
        self._told: RunSpec | None = None
        self._log = log.bind(job=job.id, device=lease.device)

    # ------------------------------------------------------------------ what run_job tells

    async def take_up(self) -> None:
        """Close what an earlier controller, or a cancelled job, left open; finished records are fetched, not lost."""
        attempts = await asyncio.to_thread(self._store.runs.of_job, self._job.id)
        self._attempts = {run.id: run for run in attempts}
        for run in attempts:
            if run.state == "running":
                await (self._stop(run) if self._job.state in FINAL_JOB_STATES else self._follow(run))
        for run_id in await asyncio.to_thread(self._store.runs.left_on_agent, self._lease.device):
            await self._forget(run_id)

    async def prepare(self) -> str:
        """Have the board check every variant and make the starting checkpoint; the reason why it will not, or ''."""
        for _ in range(_PREPARATIONS):
            planned = Planned(purpose=_PREPARE, variant="", block=0, position=0, seed=self._job.spec.seed)
            record = await self._execute(planned)
            if record.state == "finished":
                return ""
            if record.state == "failed":
                return f"the preparation failed: {_message(record)}"
        return f"the preparation was lost {_PREPARATIONS} times: {_message(record)}"

    async def next_slot(self) -> plan.Slot | None:
        """What to measure next, None when the plan is done."""
        return await asyncio.to_thread(next_slot, self._store, self._job, self.measured())

    async def measure(self, slot: plan.Slot) -> None:
        """One attempt at a slot; its record is stored when this returns."""
        methods = tuple(method.name for method in slot.variant.methods)
        await self._execute(
            Planned(
                purpose=_MEASURE,
                variant=slot.variant.name,
                block=slot.block,
                position=slot.position,
                seed=slot.seed,
                methods=methods,
            ),
            is_last=slot.is_last,
        )

    async def profile(self) -> None:
        """Have every variant run once more under a profiler, and keep what that leaves; a failure harms no result."""
        attempts = self._attempts.values()
        done = {one.variant for one in attempts if one.purpose == _PROFILE and one.state in ("finished", "failed")}
        for variant in self._job.spec.variants:
            if variant.name not in done:
                await self._execute(Planned(_PROFILE, variant.name, block=0, position=0, seed=self._job.spec.seed))

    def measured(self) -> list[RunSummary]:
        """The measured attempts so far."""
        return [attempt for attempt in self._attempts.values() if attempt.purpose == _MEASURE]

    # ------------------------------------------------------------------ one attempt

    async def _execute(self, planned: Planned, *, is_last: bool = False) -> RunRecord:
        """Write the attempt down, start it, follow it to its end."""
        await self._line.make_sure()
        run = await self._books.start(planned, self._lease)
        self._attempts[run.id] = run
        if self._first is None and (first := first_ended(self._job, self.measured())) is not None:
            self._first, self._first_start_c = first, await asyncio.to_thread(start_c, self._store, first)
        self._told = spec = plan.run_spec(self._job.spec, run, self._first_start_c, is_last=is_last)
        self._log.info("run_started", run=run.id, variant=run.variant or run.purpose, block=run.block)
        try:
            status = await self._line.patiently(lambda board: self._agents.start(board, spec, self._lease.token))
        except (AgentRefusedError, RunUnknownError, AnswerTooLargeError) as error:
            return await self._close(run, "failed", Failure(kind="refused", message=str(error)))
        return await self._follow(run, status)

    async def _follow(self, run: RunSummary, status: RunStatus | None = None) -> RunRecord:
        """Wait for the run's end and store its record. status: what the board has said of it just now, if anything."""
        seen: RunStatus | None = None
        while True:
            try:
                status = status or await self._ask(run, seen)
            except RunUnknownError as error:
                if await self._can_never_come(run):
                    return await self._close(run, "lost", Failure(kind="lost", message=str(error)))
                continue
            except AnswerTooLargeError as error:
                return await self._close(run, "failed", Failure(kind="refused", message=str(error)))
            if status.record is not None:
                return await self._record(run, status.record)
            self._show(run, status)
            seen, status = status, None

    async def _ask(self, run: RunSummary, seen: RunStatus | None) -> RunStatus:
        """Where the run is: now, or, where it was seen before, once it has ended, or has moved on after a rest."""
        rest_s = 0.0 if seen is None else self._rest_s()
        ask = partial(
            self._agents.status,
            run_id=run.id,
            seen=seen,
            wait_s=0.0 if seen is None else max(rest_s, self._settings.poll_wait_s),
            rest_s=rest_s,
            trace_after_s=self._live.seen_until_s(self._job.id),
        )
        over_s = time.monotonic() + rest_s
        status = await self._line.patiently(ask)
        if status.record is None:
            await asyncio.sleep(over_s - time.monotonic())  # an agent of an earlier release knows of no rest
        return status

    async def _can_never_come(self, run: RunSummary) -> bool:
        """Whether the board, which does not know the run, has seen this lease: then an order for it that an earlier
        controller sent, and that is still on its way, will be refused.
        """
        try:
            await self._line.once(lambda board: self._agents.forget(board, run.id, self._lease.token))
        except AgentError as error:
            self._log.info("run_not_ruled_out", run=run.id, reason=str(error))
            await asyncio.sleep(self._settings.retry_s)
            return False
        return True

    async def _stop(self, run: RunSummary) -> None:
        """End a run that nobody wants any more, with what it measured so far.

        A board that stays silent until the run must be over by its own time limit is not waited for any longer.
        """
        limits = self._job.spec.limits
        elapsed_s = max(0.0, (utc_now() - from_text(run.started_at)).total_seconds())  # the clock may be set back
        gate_s = self._job.spec.gate.most_s if self._job.spec.gate is not None else 0.0
        patience_s = max(0.0, 2 * limits.settle_s + gate_s + limits.run_s - elapsed_s) + self._settings.agent_grace_s
        try:
            await asyncio.wait_for(self._cancel_and_follow(run), patience_s)
        except asyncio.TimeoutError:
            message = f"the board did not answer after the job had ended: {self._job.reason}"
            await self._close(run, "lost", Failure(kind="lost", message=message))

    async def _cancel_and_follow(self, run: RunSummary) -> None:
        try:
            await self._line.patiently(lambda board: self._agents.cancel(board, run.id, self._lease.token))
        except (RunUnknownError, AgentRefusedError) as error:
            self._log.info("cancel_without_effect", run=run.id, reason=str(error))
        await self._follow(run)

    # ------------------------------------------------------------------ records

    async def _record(self, run: RunSummary, record: RunRecord) -> RunRecord:
        """Store what the board measured, then let the board forget it."""
        if run.purpose == _PROFILE and record.state == "finished":
            await self._keep_files(run)
        void = await asyncio.to_thread(void_because, self._job.spec, record)
        await self._store_record(run, record, void=void)
        self._log.info("run_stored", run=run.id, state=record.state, void=void)
        await self._forget(run.id)
        return record

    async def _keep_files(self, run: RunSummary) -> None:
        """Fetch what the run left for people, before its record ends the attempt and the board forgets it."""
        try:
            files = await self._line.patiently(partial(self._agents.files, run_id=run.id))
        except (RunUnknownError, AnswerTooLargeError) as error:
            self._log.warning("files_lost", run=run.id, reason=str(error))
            return
        for file in files[:_MOST_FILES]:
            if file.bytes > _LARGEST_FILE or not _FILE_NAME.fullmatch(file.name):
                self._log.warning("file_left_on_board", run=run.id, name=file.name, bytes=file.bytes)
            else:
                await self._keep_file(run, file.name)

    async def _keep_file(self, run: RunSummary, name: str) -> None:
        try:
            content = await self._line.patiently(partial(self._agents.file, run_id=run.id, name=name))
        except (RunUnknownError, AnswerTooLargeError) as error:
            self._log.warning("file_lost", run=run.id, name=name, reason=str(error))
        else:
            await asyncio.to_thread(self._store.artefacts.add, run.id, [NewArtefact(name, content)])

    async def _close(self, run: RunSummary, state: Literal["failed", "lost"], failure: Failure) -> RunRecord:
        """End an attempt whose record cannot be had, with the reason as its record.

        The board may have one all the same (its order was still on the way), to be forgotten when it is next used.
        """
        told = self._told if self._told is not None and self._told.run_id == run.id else None
        spec = told or plan.run_spec(self._job.spec, run)  # of an earlier controller's order only so much is known
        record = RunRecord(spec=spec, state=state, failure=failure, started_at=run.started_at)
        await self._store_record(run, record)
        self._log.warning("run_closed", run=run.id, state=state, reason=failure.message)
        return record

    async def _store_record(self, run: RunSummary, record: RunRecord, *, void: str = "") -> None:
        """End the attempt with its record, for everybody who watches the job."""
        await self._books.end(record, self._lease, void)
        state, failure = ending(record, void)
        self._attempts[run.id] = replace(run, state=state, failure=failure)
        self._live.show(self._job.id, Now())
        self._live.changed(self._job.id)

    async def _forget(self, run_id: str) -> None:
        """Free the board's disk; what cannot be done now is done when the board is next used."""
        try:
            await self._line.once(lambda board: self._agents.forget(board, run_id, self._lease.token))
        except AgentError as error:
            self._log.info("run_kept_on_board", run=run_id, reason=str(error))
        else:
            await self._books.forgotten(run_id)

    def _show(self, run: RunSummary, status: RunStatus) -> None:
        running = RunningNow(
            run_id=run.id,
            purpose=run.purpose,
            variant=run.variant,
            block=run.block,
            state=status.state,
            phase=status.phase,
            done=status.done,
            total=status.total,
        )
        self._live.show(self._job.id, Now(running=running))
        if status.trace is not None:
            self._live.add_trace(self._job.id, status.trace)


def _message(record: RunRecord) -> str:
    """Why a run failed, with the field at fault where the worker named one."""
    if record.failure is None:
        return "no reason was given"
    field = record.failure.field
    named = not field or field in record.failure.message
    return record.failure.message if named else f"{field}: {record.failure.message}"
