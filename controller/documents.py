"""The wire types as JSON documents and back: what is sent to agents, what is stored, what followers are told.

Reading refuses with a ValueError; writing never fails, since a number that is not finite becomes null.
"""

from pydantic import TypeAdapter

from controller.jobs import JobView
from gradfilter.bench.schema import DeviceDescription, JobSpec, RunFile, RunRecord, RunSpec, RunStatus

JOB_SPEC = TypeAdapter(JobSpec)
RUN_SPEC = TypeAdapter(RunSpec)
RUN_STATUS = TypeAdapter(RunStatus)
RUN_FILES = TypeAdapter(list[RunFile])
RUN_RECORD = TypeAdapter(RunRecord)
DEVICE_DESCRIPTION = TypeAdapter(DeviceDescription)
JOB_VIEW = TypeAdapter(JobView)
