"""A worker without torch: the same command line and protocol, playing the script that the workload's model names.

It is started as the agent starts the real one: `-m gradfilter.bench.worker run … --events-fd N`, or
`… describe`. Scripts are the functions below.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

MODELS = ["trains", "works-for-a-while"]


def say(event: str, **fields: object) -> None:
    os.write(EVENTS, json.dumps({"event": event, **fields}).encode() + b"\n")


def phase(name: str) -> None:
    say("phase", name=name, at_s=time.monotonic())


def step(index: int, loss: float | None = 2.0) -> None:
    say(
        "step",
        index=index,
        phase="measured",
        start_s=time.monotonic(),
        forward_s=0.25,
        backward_s=0.5,
        optimizer_s=0.125,
        loss=loss,
    )


def begin(steps: int = 2) -> None:
    """Everything up to the middle of the measured phase."""
    phase("setup")
    say("environment", values={"torch": "2.13.0", "threads": 1})
    phase("measured")
    for index in range(steps):
        step(index)
        say("progress", done=index + 1, total=4)


def end() -> None:
    say("end", at_s=time.monotonic())


def trains() -> None:
    """A run as it should be, three steps and an outcome."""
    print("training begins")
    begin(steps=3)
    say("outcome", saved_activation_bytes={"": 1024}, peak_rss_bytes=4096, test_accuracy=0.5, layers=[])
    end()


def works_for_a_while() -> None:
    """Long enough to be sampled."""
    begin()
    time.sleep(1.2)
    end()


def waits_for_ever() -> None:
    print("waiting")
    begin()
    signal.pause()


def ignores_terminate() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    begin()
    while True:
        signal.pause()


def leaves_a_child() -> None:
    """A child in the same process group that would live on, holding the events pipe open."""
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], pass_fds=[EVENTS])
    say("environment", values={"child": child.pid})
    begin()
    end()


def kills_itself() -> None:
    begin()
    os.kill(os.getpid(), signal.SIGKILL)


def crashes_after_its_end() -> None:
    begin()
    end()
    os.kill(os.getpid(), signal.SIGSEGV)


def hangs_after_its_end() -> None:
    begin()
    end()
    os.close(EVENTS)
    signal.pause()


def exits_without_a_word() -> None:
    begin()
    print("Traceback: something was not there", file=sys.stderr)
    sys.exit(3)


def leaves_early() -> None:
    """Exit status 0, but without the last event."""
    begin()


def reports_a_failure() -> None:
    begin()
    say("failure", kind="out_of_memory", message="no memory for the next step", field="", traceback="Traceback …")
    end()
    sys.exit(1)


def refuses() -> None:
    phase("prepare")
    say("failure", kind="refused", message="image_size is too small", field="workload.image_size", traceback="")
    end()
    sys.exit(1)


def prepares() -> None:
    phase("prepare")
    say("progress", done=1, total=1)
    end()


def talks_garbage() -> None:
    begin()
    os.write(EVENTS, b"\x00\xffnot json\n")
    signal.pause()


def talks_nan() -> None:
    begin()
    os.write(EVENTS, b'{"event": "step", "index": 3, "phase": "measured", "start_s": NaN}\n')
    signal.pause()


def talks_without_line_ends() -> None:
    begin()
    while True:
        os.write(EVENTS, b"x" * 65536)


def dies_in_the_middle_of_a_line() -> None:
    begin()
    os.write(EVENTS, b'{"event": "outc')
    os.kill(os.getpid(), signal.SIGKILL)


def speaks_of_something_newer() -> None:
    begin()
    say("weather", sky="blue")
    say("step", index=9, phase="measured", start_s=1.0, forward_s=1.0, backward_s=1.0, loss=None, novelty=[1])
    end()


def prints_much() -> None:
    begin()
    print("x" * 100_000)
    print("the last line")
    end()


def describe() -> None:
    convolutions = [{"compute": "cpu", "correct": True, "largest_error": 0.0}]
    offer = {
        "python_version": "3.11.0",
        "torch_version": "2.13.0",
        "models": MODELS,
        "datasets": ["digits"],
        "workloads": ["training"],
        "compute": ["cpu"],
        "convolutions": convolutions,
    }
    print(json.dumps(offer))


def end_with_starter() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    command = sys.argv[3]
    if command == "describe":
        describe()
        sys.exit()
    EVENTS = int(sys.argv[sys.argv.index("--events-fd") + 1])
    spec = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_starter, daemon=True).start()
    globals()[spec["workload"]["model"].replace("-", "_")]()
