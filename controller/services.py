"""The parts that a running controller is made of, as the routes ask for them."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from controller.access.board_tokens import BoardTokens
from controller.access.tokens import Caller
from controller.agent_client import AgentClient
from controller.live import Live
from controller.mailbox import Mailbox
from controller.run_metrics import RunMetrics
from controller.scheduler import Scheduler
from controller.store import Store
from controller.submissions import Submissions
from controller.views import JobViews


@dataclass(frozen=True)
class Services:
    """Made when the application starts, closed when it ends."""

    store: Store
    live: Live
    views: JobViews
    agents: AgentClient
    scheduler: Scheduler
    submissions: Submissions
    run_metrics: RunMetrics
    mailbox: Mailbox
    board_tokens: BoardTokens

    def cancel(self, job_id: str) -> None:
        """Cancel a job at once; a run on its board is stopped and keeps what it measured.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: it has ended otherwise.
        """
        self.store.jobs.cancel(job_id)
        self.scheduler.wake()
        self.live.changed(job_id)


async def of_request(request: Request) -> Services:
    """The services of the application that answers this request."""
    return cast("Services", request.app.state.services)


async def caller_of(request: Request) -> Caller:
    """Who asks, as the guard found out."""
    return cast("Caller", request.state.caller)


ServicesOfApp = Annotated[Services, Depends(of_request)]
CallerOfRequest = Annotated[Caller, Depends(caller_of)]
