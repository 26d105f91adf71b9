"""A run's training: its phases, and what is seen between them.

    data │ warm_up │ data │ measured │ data │ measured │ … │ evaluation │ data │ measured …

Decoding images would disturb the steps and is another cost than theirs, so batches are decoded ahead, in
phases of their own; what is measured is the phases named measured.
"""

import time
from typing import List

from gradfilter.bench.batch_norm import set_training_mode
from gradfilter.bench.batches import Batches
from gradfilter.bench.evaluation import Score
from gradfilter.bench.events import EventWriter
from gradfilter.bench.marks import StepPhase
from gradfilter.bench.memory import PeakMemory
from gradfilter.bench.schema import Step
from gradfilter.bench.training_loop import TrainingLoop
from gradfilter.bench.variants import PreparedVariant
from gradfilter.bench.workload import Task


class PhasedTraining:
    """Trains a prepared model as its task says, phase by phase.

    memory: the peaks over the warm-up and the first pass; every pass does the same, and an evaluation
    between two leaves its own memory behind. measured_s: how long the measured phases lasted together.
    """

    def __init__(
        self, task: Task, prepared: PreparedVariant, loop: TrainingLoop, batches: Batches, events: EventWriter
    ) -> None:
        self._task = task
        self._model = prepared.model
        self._loop = loop
        self._batches = batches
        self._events = events
        self.memory = PeakMemory(task.placement.device)
        self.measured_s = 0.0

    def run(self) -> List[Score]:
        """Warm up, then measure pass by pass; the score on held-out data after each.

        Raises:
            NonFiniteLoss: training diverged.
        """
        scores: List[Score] = []
        set_training_mode(self._model, self._task.workload.batch_norm)
        done = self._train("warm_up", 0, self._task.workload.warm_up_steps)
        for _ in range(self._task.passes):
            set_training_mode(self._model, self._task.workload.batch_norm)
            done = self._train("measured", done, self._task.steps_per_pass)
            if not scores:
                self.memory.read()
            self._events.phase("evaluation")
            scores.append(self._task.evaluate(self._model, self._task.split))
        return scores

    def _train(self, phase: StepPhase, first: int, steps: int) -> int:
        """Train on stretches of batches, each decoded before it; how many steps are done."""
        done = first
        while done < first + steps:
            self._events.phase("data")
            stretch = self._batches.decode_ahead(first + steps - done)
            self._events.phase(phase)
            began = time.monotonic()
            self._loop.run(phase, done, stretch, self._report)
            self.measured_s += time.monotonic() - began if phase == "measured" else 0.0
            done += stretch
        return done

    def _report(self, step: Step) -> None:
        self._events.step(step)
        self._events.progress(step.index + 1, self._task.total_steps)
