"""What reading the sensors costs the training: step times with the sampler on and off, taking turns.

    make bench

One worker process trains resnet18 without a pause. In every block it does so three times, in an order drawn from a
seed: with the agent's own sampler at 10 Hz beside it, without, and without once more. The ratio of the medians of
the steps is paired within a block; off against off says how far equal things differ on this machine.
"""

from __future__ import annotations

import multiprocessing
import platform
import statistics
import time
from datetime import datetime, timezone
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import TemporaryDirectory

import torch
from torch import nn

from agent.run_folder import RunFolder
from agent.sampler_process import SamplerProcess
from agent.samples import Samples, read_samples
from agent.sensors.surroundings import Surroundings
from controller.analysis.estimate import ratio_estimate
from gradfilter.bench.board import Board
from gradfilter.bench.models import build_model
from tests.boards import build_board

BLOCKS = 24
SECONDS = 2.0
PERIOD_S = 0.1
ON, OFF, OFF_AGAIN = ARMS = ("on", "off", "off again")


def train(connection: Connection) -> None:
    """The worker: for every number of seconds received, trains so long and sends back what each step took."""
    board = Board(Path("cache"), Path("datasets"), Path("weights"))  # a random start reads none of them
    model = build_model("resnet18", classes=10, seed=0, board=board)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    images, labels, loss = torch.randn(8, 3, 64, 64), torch.randint(0, 10, (8,)), nn.CrossEntropyLoss()
    while seconds := connection.recv():
        times, end = [], time.monotonic() + seconds
        while (start := time.monotonic()) < end:
            loss(model(images), labels).backward()
            optimizer.step()
            optimizer.zero_grad()
            times.append(time.monotonic() - start)
        connection.send(times)


def median_step(worker: Connection) -> float:
    """The median of the steps of one stretch."""
    worker.send(SECONDS)
    return statistics.median(worker.recv())


def sampled(worker: Connection, pid: int, folder: RunFolder) -> tuple[float, Samples]:
    """The same with the sampler beside it, and what the sampler says of itself.

    The power monitor, clocks and thermometers are a made-up Orin Nano's, so that something is read at the full pace.
    """
    board = build_board("jetson-orin-nano", folder.path / "board")
    rmtree(board / "proc")
    (board / "proc").symlink_to("/proc")
    sampler = SamplerProcess(folder, Surroundings(root=board), PERIOD_S)
    sampler.follow(pid)
    try:
        step_s = median_step(worker)
    finally:
        sampler.finish()
    if sampler.error:
        raise SystemExit(sampler.error)
    return step_s, read_samples(folder.samples)


def ratio_line(name: str, numerators: list[float], denominators: list[float]) -> str:
    """The paired ratio with its interval."""
    ratio = ratio_estimate(numerators, denominators)
    if ratio is None or ratio.low is None:
        return f"{name:44s}no interval"
    return f"{name:44s}{ratio.value:.4f}  [{ratio.low:.4f}, {ratio.high:.4f}]"


def main() -> None:
    """Print both ratios, dated and with the machine, and what the sampler took."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(target=train, args=(theirs,), daemon=True)
    worker.start()
    random = Random(0)
    medians: dict[str, list[float]] = {arm: [] for arm in ARMS}
    shares = []
    samples = Samples()
    median_step(ours)  # warms up
    for block in range(BLOCKS):
        for arm in random.sample(ARMS, len(ARMS)):
            if arm != ON:
                medians[arm].append(median_step(ours))
                continue
            with TemporaryDirectory(prefix=f"block{block}-") as folder:
                step_s, samples = sampled(ours, worker.pid, RunFolder(Path(folder)))
            medians[arm].append(step_s)
            shares.append(samples.report.cpu_s / SECONDS)
    ours.send(0)
    worker.join()
    now = datetime.now(timezone.utc).date()
    print(f"{now}, {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{f'step time over {BLOCKS} blocks, measured':44s}ratio   95 % interval")
    print(ratio_line(f"sampler at {1 / PERIOD_S:g} Hz / no sampler", medians[ON], medians[OFF]))
    print(ratio_line("no sampler / no sampler", medians[OFF_AGAIN], medians[OFF]))
    present = [sensor for sensor in samples.sensors if sensor.present]
    channels = sum(len(sensor.channels) for sensor in present)
    share = statistics.median(shares)
    print(f"{len(present)} sensors with {channels} channels took {share:.1%} of one core")


if __name__ == "__main__":
    main()
