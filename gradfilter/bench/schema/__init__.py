"""The wire types: what a user asks for, what a board is told, what it observed.

Standard-library dataclasses, so that the worker reads them without any library and FastAPI takes
them as they are. Fields are only ever added, with defaults. The unit of every quantity is in its
name or, for a sensor, in its channel. All instants are seconds of the board's monotonic clock.

    JobSpec -> RunSpec -> RunRecord
"""

from gradfilter.bench.schema.announcement import ANNOUNCED_AS
from gradfilter.bench.schema.conv_layer import ConvLayerWorkload, ConvShape
from gradfilter.bench.schema.coverage import ENERGY_ORDER, cross_checks, energy_channels, is_meter
from gradfilter.bench.schema.design import Gate, Steady, VoidIf, Window
from gradfilter.bench.schema.device import (
    ConvolutionCheck,
    DeviceDescription,
    MethodDescription,
    OptionDescription,
    WorkerDescription,
)
from gradfilter.bench.schema.job import (
    LOOKS,
    Deadlines,
    DeviceSelector,
    JobSpec,
    Limits,
    MethodSpec,
    Needs,
    PublishedFigure,
    RunSpec,
    Sampling,
    Variant,
)
from gradfilter.bench.schema.record import (
    SCHEMA_VERSION,
    Channel,
    Evaluation,
    Failure,
    LayerGradient,
    LayerTime,
    MethodedLayer,
    Outcome,
    Phase,
    RunFile,
    RunRecord,
    RunStatus,
    SamplerReport,
    SensorReport,
    SensorSampling,
    Series,
    Step,
    Trace,
)
from gradfilter.bench.schema.systolic import SYSTOLIC_PARTS, ArrayEnergy, SimulatedLayer, SystolicWorkload
from gradfilter.bench.schema.training import Optimizer, Pretraining, TrainingWorkload
from gradfilter.bench.schema.workload import Workload

__all__ = [
    "ANNOUNCED_AS",
    "ENERGY_ORDER",
    "LOOKS",
    "SCHEMA_VERSION",
    "SYSTOLIC_PARTS",
    "ArrayEnergy",
    "Channel",
    "ConvLayerWorkload",
    "ConvShape",
    "ConvolutionCheck",
    "Deadlines",
    "DeviceDescription",
    "DeviceSelector",
    "Evaluation",
    "Failure",
    "Gate",
    "JobSpec",
    "LayerGradient",
    "LayerTime",
    "Limits",
    "MethodDescription",
    "MethodSpec",
    "MethodedLayer",
    "Needs",
    "Optimizer",
    "OptionDescription",
    "Outcome",
    "Phase",
    "Pretraining",
    "PublishedFigure",
    "RunFile",
    "RunRecord",
    "RunSpec",
    "RunStatus",
    "SamplerReport",
    "Sampling",
    "SensorReport",
    "SensorSampling",
    "Series",
    "SimulatedLayer",
    "Steady",
    "Step",
    "SystolicWorkload",
    "Trace",
    "TrainingWorkload",
    "Variant",
    "VoidIf",
    "Window",
    "WorkerDescription",
    "Workload",
    "cross_checks",
    "energy_channels",
    "is_meter",
]
