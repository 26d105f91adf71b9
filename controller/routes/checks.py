"""Checks of a job: the checklist of what its numbers rest on, and its agreement with a repetition."""

from typing import Annotated

from fastapi import APIRouter, Query

from controller.analysis.agreement import Agreement, agreements
from controller.analysis.verification import Check, verify
from controller.comparing import judge
from controller.problems import responses
from controller.services import ServicesOfApp

router = APIRouter(prefix="/v1/jobs", tags=["reports"])


@router.get("/{job_id}/checks", responses=responses(404), summary="Verify a job")
def checks(job_id: str, services: ServicesOfApp) -> list[Check]:
    """The checklist: clock, window lengths, sensor quality, hashes of raw data, same environment, seeds."""
    job = services.store.jobs.get(job_id)
    store = services.store
    return verify(job.spec, store.records.of_job(job.id), store.records.hashes(job.id), store.retention.of_job(job.id))


@router.get("/{job_id}/agreement", responses=responses(404), summary="Compare a job with its repetition")
def agreement(
    job_id: str, services: ServicesOfApp, other: Annotated[str, Query(description="The other job's id.")]
) -> list[Agreement]:
    """Every ratio to the baseline in both jobs, and whether the two agree."""
    first, second = (judge(services.store, services.store.jobs.get(one)) for one in (job_id, other))
    return agreements(first, second)
