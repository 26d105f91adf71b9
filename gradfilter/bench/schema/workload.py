"""A workload: any of the kinds that a worker knows, told apart by their kind."""

from typing import Union

try:
    from typing import Annotated
except ImportError:  # Python < 3.9: torch 1.10 brings typing_extensions along
    from typing_extensions import Annotated

from gradfilter.bench.schema.conv_layer import ConvLayerWorkload
from gradfilter.bench.schema.systolic import SystolicWorkload
from gradfilter.bench.schema.tagged import TaggedUnion
from gradfilter.bench.schema.training import TrainingWorkload

Workload = Annotated[
    Union[TrainingWorkload, ConvLayerWorkload, SystolicWorkload],
    TaggedUnion("kind", {"training": TrainingWorkload, "conv_layer": ConvLayerWorkload, "systolic": SystolicWorkload}),
]
