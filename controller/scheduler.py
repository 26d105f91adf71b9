"""The scheduler: gives queued jobs their boards and sees every job through to its end.

One event loop; every database call is made in a thread. A job whose controller went away is taken up again as soon
as the lease on its board has run out, whatever state its last attempt is in.
"""

import asyncio
import contextlib

import structlog
from sqlalchemy.exc import SQLAlchemyError

from controller import plan
from controller.agent_client import AgentClient, BoardAddress
from controller.board import Board
from controller.bookkeeping import Bookkeeping
from controller.cancelling import end
from controller.deadlines import Deadlines
from controller.errors import AgentError, ServiceError, StaleLeaseError
from controller.instants import utc_now
from controller.jobs import FINAL_JOB_STATES, DeviceView
from controller.keeping import Keeper
from controller.live import Live, Now
from controller.making_room import make_room, policy_of
from controller.measuring import measure_run, unmeasured_runs
from controller.seating import seats
from controller.settings import Settings
from controller.soundness import heed_control
from controller.store import Lease, Store, StoredJob

_QUESTIONS_PER_S = 50.0  # about runs that go on, to all boards together
_LONGEST_REST_S = 60.0  # agents hold no question for longer
_RESTS = 9  # times as long as a look at the queue took, so that a long queue leaves time for everything else

log = structlog.get_logger()


class Scheduler:
    """All jobs of one controller. Made, started and stopped on one event loop."""

    def __init__(self, store: Store, agents: AgentClient, live: Live, settings: Settings) -> None:
        self._store = store
        self._agents = agents
        self._live = live
        self._settings = settings
        self._books = Bookkeeping(store)
        self._keeper = Keeper(store, settings.lease_s)
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._duties: list[asyncio.Task[None]] = []
        self._tidying: asyncio.Task[None] | None = None  # which may end
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._waiting: set[str] = set()  # jobs whose boards others hold
        self._deadlines = Deadlines(utc_now, self._loop.time)
        self._at_work: set[str] = set()  # of these, the ones that a cancellation must interrupt

    def start(self) -> None:
        """Take up what was running and start working through the queue."""
        self._duties = [
            asyncio.create_task(self._work_through_the_queue(), name="queue"),
            asyncio.create_task(self._look_after_devices(), name="devices"),
            asyncio.create_task(self._keeper.work(), name="leases"),
        ]
        self._tidying = asyncio.create_task(self._tidy(), name="tidying")

    async def stop(self) -> None:
        """Stop at once; runs on boards go on and are picked up by the next start."""
        await end([*self._duties, *self._jobs.values(), *([self._tidying] if self._tidying else [])])

    @property
    def is_alive(self) -> bool:
        """Whether the queue is being worked through."""
        return bool(self._duties) and not any(task.done() for task in self._duties)

    def wake(self) -> None:
        """Look at the queue now; from any thread."""
        self._loop.call_soon_threadsafe(self._woken.set)

    # ------------------------------------------------------------------ the story of a job

    async def run_job(self, job: StoredJob, lease: Lease) -> None:
        """One job on its board, from preparation to verdict; also one that was begun or cancelled before."""
        board = Board(
            job,
            lease,
            store=self._store,
            books=self._books,
            agents=self._agents,
            live=self._live,
            settings=self._settings,
            rest_s=self._rest_s,
        )
        await board.take_up()
        if job.state in FINAL_JOB_STATES:
            return
        if refusal := await board.prepare():
            await asyncio.to_thread(self._store.jobs.end, job.id, "failed", refusal, lease)
            return
        while (slot := await board.next_slot()) is not None:
            await board.measure(slot)
        if job.spec.profile:
            await board.profile()
        state, reason = plan.verdict(job.spec, board.measured())
        await asyncio.to_thread(self._store.jobs.end, job.id, state, reason, lease)
        if fault := await asyncio.to_thread(heed_control, self._store, job.id):
            log.warning("device_is_bad", device=lease.device, reason=fault)

    def _rest_s(self) -> float:
        """How long a board at work is left alone: the longer the more of them there are."""
        return min(max(self._settings.poll_pause_s, len(self._jobs) / _QUESTIONS_PER_S), _LONGEST_REST_S)

    # ------------------------------------------------------------------ the queue

    async def _work_through_the_queue(self) -> None:
        while True:
            self._woken.clear()
            began_s = self._loop.time()
            try:
                await self._drop_cancelled_jobs()
                await self._take_up_open_jobs()
                await self._serve_the_queue()
            except SQLAlchemyError:
                log.exception("database_does_not_answer")
            await asyncio.sleep(min(_RESTS * (self._loop.time() - began_s), self._settings.tick_s))
            alarm = self._loop.call_later(self._settings.tick_s, self._woken.set)
            await self._woken.wait()
            alarm.cancel()

    async def _drop_cancelled_jobs(self) -> None:
        """Stop working for jobs that were cancelled; what they left open is then taken up to be closed."""
        cancelled = await asyncio.to_thread(self._store.jobs.cancelled_among, list(self._at_work))
        for job_id in cancelled & self._at_work:
            self._at_work.discard(job_id)
            self._jobs[job_id].cancel()

    async def _take_up_open_jobs(self) -> None:
        waiting: set[str] = set()
        boards = await asyncio.to_thread(self._store.jobs.open, set(self._jobs))
        free = await asyncio.to_thread(self._store.leases.within_reach, set(boards.values())) if boards else ()
        for job_id, board in boards.items():
            lease = None
            if board in free:
                lease = await asyncio.to_thread(self._store.leases.take_up, job_id, board, self._settings.lease_s)
            if lease is not None:
                await self._employ(lease)
            else:
                held = f"the lease on device {board!r}, which another controller holds or left behind"
                self._live.show(job_id, Now(waiting_for=held))
                waiting.add(job_id)
        for job_id in self._waiting - waiting - set(self._jobs):
            self._live.forget(job_id)
        self._waiting = waiting

    async def _serve_the_queue(self) -> None:
        queued = await asyncio.to_thread(self._store.jobs.queued)
        self._deadlines.keep({*(job.id for job in queued), *self._jobs})
        if not queued:
            return
        waiting = [job for job in queued if not await self._is_given_up(job)]
        for job_id, device in (await asyncio.to_thread(seats, self._store, waiting)).items():
            lease = await asyncio.to_thread(self._store.leases.start, job_id, device, self._settings.lease_s)
            if lease is not None:
                await self._employ(lease)

    async def _is_given_up(self, job: StoredJob) -> bool:
        """Whether no board began the job in the time that it allows for that; then it ends here."""
        allowed_s = job.spec.deadlines.start_s
        if allowed_s is None or self._deadlines.left_s(job.id, job.created_at, allowed_s) > 0:
            return False
        reason = f"no board began it within deadlines.start_s = {allowed_s:g} s."
        await asyncio.to_thread(self._store.jobs.give_up, job.id, reason)
        self._live.changed(job.id)
        return True

    # ------------------------------------------------------------------ one task per job

    async def _employ(self, lease: Lease) -> None:
        """Begin to work for a job, as it is under this lease."""
        job = await asyncio.to_thread(self._store.jobs.get, lease.job_id)
        log.info("job_taken", job=job.id, device=lease.device, token=lease.token, state=job.state)
        self._live.show(job.id, Now())
        self._live.changed(job.id)
        task = asyncio.create_task(self._see_through(job, lease), name=f"job {job.id}")
        self._jobs[job.id] = task
        if job.state not in FINAL_JOB_STATES:
            self._at_work.add(job.id)
        task.add_done_callback(lambda done: self._dismiss(job.id, done))

    def _dismiss(self, job_id: str, task: asyncio.Task[None]) -> None:
        del self._jobs[job_id]
        self._at_work.discard(job_id)
        self._live.forget(job_id)
        self._live.all_changed()
        self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("board_not_given_back", job=job_id, reason=str(error))

    async def _see_through(self, job: StoredJob, lease: Lease) -> None:
        """Run the job under its lease; whatever happens to it, the board is given back and the queue goes on."""
        story = asyncio.create_task(self.run_job(job, lease))
        keeper = asyncio.create_task(self._keeper.hold(lease))
        try:
            await asyncio.wait({story, keeper}, timeout=self._time_left(job), return_when=asyncio.FIRST_COMPLETED)
            if story.done():
                await story
            elif keeper.done():
                await keeper
            else:
                await self._end_unfinished(job, lease)
        except StaleLeaseError as error:
            log.warning("job_left_to_another_controller", job=job.id, reason=str(error))
        except SQLAlchemyError:
            log.exception("job_interrupted_by_database", job=job.id)
        except Exception as error:  # the process's border: a defect ends this job, not the scheduler
            log.exception("job_broke_off", job=job.id)
            with contextlib.suppress(ServiceError):
                reason = f"the controller failed ({type(error).__name__}: {error}); its log has the details"
                await asyncio.to_thread(self._store.jobs.end, job.id, "failed", reason, lease)
        finally:
            await end([story, keeper])
            await asyncio.to_thread(self._store.leases.release, lease)

    def _time_left(self, job: StoredJob) -> float | None:
        """Seconds until the job must have ended, None of one that may take its time or has ended already."""
        allowed_s = job.spec.deadlines.end_s
        if allowed_s is None or job.started_at is None or job.state in FINAL_JOB_STATES:
            return None
        return max(0.0, self._deadlines.left_s(job.id, job.started_at, allowed_s))

    async def _end_unfinished(self, job: StoredJob, lease: Lease) -> None:
        """End a job whose time is over with what it has measured; the run on its board is then stopped by take_up."""
        attempts = [run for run in await asyncio.to_thread(self._store.runs.of_job, job.id) if run.purpose == "measure"]
        done = plan.ended_blocks(job.spec, attempts)
        reason = (
            f"its time was over (deadlines.end_s = {job.spec.deadlines.end_s:g} s) "
            f"after {done} of {plan.blocks_wanted(job.spec, attempts)} blocks."
        )
        await asyncio.to_thread(self._store.jobs.end, job.id, plan.state_of(attempts), reason, lease)

    # ------------------------------------------------------------------ results

    async def _tidy(self) -> None:
        """Bring the results of older runs up to this version's measures, before any loses its series."""
        for run_id in await asyncio.to_thread(unmeasured_runs, self._store):
            await asyncio.to_thread(measure_run, self._store, run_id)
        await make_room(self._store, policy_of(self._settings))

    # ------------------------------------------------------------------ devices

    async def _look_after_devices(self) -> None:
        """Ask every board that no job talks to whether it is there."""
        while True:
            try:
                devices = await asyncio.to_thread(self._store.devices.all)
                await asyncio.gather(*(self.look_at(device) for device in devices if device.job is None))
            except SQLAlchemyError:
                log.exception("database_does_not_answer")
            except Exception:  # the process's border: a defect with one board must not end the care of all
                log.exception("devices_not_looked_at")
            await asyncio.sleep(self._settings.device_poll_s)

    async def look_at(self, device: DeviceView) -> None:
        """Ask one board for its description and write down the answer, or why there is none."""
        try:
            description = await self._agents.describe(BoardAddress(device.name, device.url))
        except AgentError as error:
            if device.health_reason != str(error):
                log.warning("device_does_not_answer", device=device.name, reason=str(error))
            await asyncio.to_thread(self._store.devices.did_not_answer, device.name, str(error))
        else:
            await asyncio.to_thread(self._store.devices.answered, device.name, description)
            if device.health == "offline":
                self.wake()
        if device.health not in ("online", "leased"):
            self._live.all_changed()
