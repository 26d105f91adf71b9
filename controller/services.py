"""The parts that a running controller is made of, as the routes ask for them."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from controller.agent_client import AgentClient
from controller.live import Live
from controller.scheduler import Scheduler
from controller.store import Store
from controller.views import JobViews


@dataclass(frozen=True)
class Services:
    """Made when the application starts, closed when it ends."""

    store: Store
    live: Live
    views: JobViews
    agents: AgentClient
    scheduler: Scheduler


def of_request(request: Request) -> Services:
    """The services of the application that answers this request."""
    return cast("Services", request.app.state.services)


ServicesOfApp = Annotated[Services, Depends(of_request)]
