"""Submissions: what users ask for becomes queued jobs; those that come at the same time share a transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controller import admission
from controller.errors import InvalidRequestError
from controller.gathering import Gathering
from controller.jobs import DeviceView, JobView
from controller.selection import spread
from controller.standard_design import designed
from controller.store import NewJobs, Store
from controller.views import JobViews
from gradfilter.bench.schema import JobSpec


@dataclass(frozen=True)
class _Submission:
    """What one user asks for."""

    spec: JobSpec
    user: str


class Submissions:
    """The door to the queue. Used on one event loop. wake: has the queue looked at."""

    def __init__(self, store: Store, views: JobViews, wake: Callable[[], None]) -> None:
        self._store = store
        self._views = views
        self._wake = wake
        self._queue: Gathering[_Submission, JobView] = Gathering(self._queue_all)

    async def submit(self, spec: JobSpec, *, user: str) -> JobView:
        """Queue a user's job that a board of the lab can run; the first of several where it means several boards.

        Raises:
            InvalidRequestError: none can, or no report could show it.
        """
        job = await self._queue(_Submission(spec, user))
        self._wake()
        return job

    def _queue_all(self, submissions: Sequence[_Submission]) -> list[JobView | Exception]:
        devices = self._store.devices.meant(one.spec.device for one in submissions)
        refusals = [_refusal(one.spec, devices) for one in submissions]
        accepted = [one for one, refusal in zip(submissions, refusals, strict=True) if refusal is None]
        new = [NewJobs(spread(designed(one.spec), devices), one.user) for one in accepted]
        queued = iter(self._store.jobs.add_all(new) if new else [])
        return [refusal or self._views.new(next(queued)[0], devices) for refusal in refusals]


def _refusal(spec: JobSpec, devices: Sequence[DeviceView]) -> InvalidRequestError | None:
    try:
        admission.admit(spec, devices)
    except InvalidRequestError as error:
        return error
    return None
