"""What is trained: the training workload and its parts."""

from dataclasses import dataclass, field
from typing import List, Optional, Union

try:
    from typing import Literal
except ImportError:  # Python < 3.8: torch 1.10 brings typing_extensions along
    from typing_extensions import Literal

from gradfilter.bench.schema.checks import (
    REFUSE_UNKNOWN_KEYS,
    check_choice,
    check_positive,
    check_range,
    check_trainable,
    check_weights,
    check_word,
)
from gradfilter.bench.schema.import_path import read_import_path


@dataclass
class Optimizer:
    """SGD and its schedule over all steps, warm-up included; clip_norm is the L2 norm of all gradients.

    ramp_steps: over so many first steps the learning rate rises linearly to learning_rate; the
    schedule begins after them.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    name: Literal["sgd"] = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine"] = "cosine"
    clip_norm: Optional[float] = None
    ramp_steps: int = 0

    def __post_init__(self) -> None:
        check_choice("optimizer.name", self.name, ["sgd"])
        check_choice("optimizer.schedule", self.schedule, ["constant", "cosine"])
        check_range("optimizer.learning_rate", self.learning_rate, 0, 1e3)
        check_range("optimizer.momentum", self.momentum, 0, 1)
        check_range("optimizer.weight_decay", self.weight_decay, 0, 1e3)
        if self.clip_norm is not None:
            check_positive("optimizer.clip_norm", self.clip_norm)
        check_range("optimizer.ramp_steps", self.ramp_steps, 0, 1000000)


@dataclass
class Pretraining:
    """Train the starting checkpoint on the first part of the data; the board caches it by content.

    The data are split in two non-iid parts (sorted by label, cut into shards, shards dealt out
    from the seed). The job itself then trains on the second part and is evaluated on a held-out
    piece of it.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    steps: int = 280
    batch_size: int = 16
    learning_rate: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        check_range("pretraining.steps", self.steps, 1, 1000000)
        check_range("pretraining.batch_size", self.batch_size, 1, 4096)
        check_range("pretraining.learning_rate", self.learning_rate, 0, 1e3)
        check_range("pretraining.seed", self.seed, 0, 2**63 - 1)


@dataclass
class TrainingWorkload:
    """Train a model on a data set and measure each step's forward, backward and optimizer.

    The data set decides the task: images with labels are classified, images with masks segmented.
    weights: "random" | "pretrained" (what the model's library publishes) | "file:NAME", a file in the
    board's weights folder. trainable: "all" | "last:k" | "head" | "bias" | a list of module names; last:k
    is the last k Conv2d in registration order and the head. threads: None leaves torch's own choice.
    epochs: train so many whole passes instead of measured_steps, with an evaluation after each.
    work: what a step does. "forward" and "forward_backward" leave out the rest and so train nothing; the
    differences in time and energy between jobs of the three are what each part really takes.
    dtype: what passes compute in; "bfloat16" is autocast's choice of operators. A start is pretrained in float32.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    kind: Literal["training"]
    model: str
    dataset: str = "digits"
    batch_size: int = 16
    image_size: int = 128
    weights: str = "random"
    trainable: Union[str, List[str]] = "all"
    warm_up_steps: int = 5
    measured_steps: int = 30
    epochs: Optional[int] = None
    work: Literal["step", "forward", "forward_backward"] = "step"
    compute: Literal["cpu", "cuda"] = "cpu"
    threads: Optional[int] = None
    dtype: Literal["float32", "bfloat16"] = "float32"
    memory_format: Literal["channels_last", "contiguous"] = "channels_last"
    batch_norm: Literal["eval", "train"] = "eval"
    optimizer: Optimizer = field(default_factory=Optimizer)
    pretraining: Optional[Pretraining] = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_word("model", self.model)
        read_import_path(self.model)
        check_word("dataset", self.dataset)
        check_range("batch_size", self.batch_size, 1, 4096)
        check_range("image_size", self.image_size, 1, 4096)
        check_weights("weights", self.weights)
        check_trainable("trainable", self.trainable)
        check_range("warm_up_steps", self.warm_up_steps, 0, 1000000)
        check_range("measured_steps", self.measured_steps, 1, 1000000)
        if self.epochs is not None:
            check_range("epochs", self.epochs, 1, 10000)
        check_choice("work", self.work, ["step", "forward", "forward_backward"])
        check_choice("compute", self.compute, ["cpu", "cuda"])
        check_choice("dtype", self.dtype, ["float32", "bfloat16"])
        check_choice("memory_format", self.memory_format, ["channels_last", "contiguous"])
        check_choice("batch_norm", self.batch_norm, ["eval", "train"])
        if self.threads is not None:
            check_range("threads", self.threads, 1, 1024)
        check_range("seed", self.seed, 0, 2**63 - 1)
