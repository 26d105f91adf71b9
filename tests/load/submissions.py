"""How many submissions and queries one controller takes: `make load`, on loopback, bounded in count.

The jobs wait for a board that is not there, so that nothing but the controller works.
"""

from __future__ import annotations

import signal
import statistics
import tempfile
import time
from pathlib import Path

import httpx2

from tests.system.lab import DEVICE, Lab, tiny_job

SUBMISSIONS = 500
QUERIES = 200


def timed(client: httpx2.Client, method: str, path: str, **options: object) -> float:
    """Seconds of one request, which must succeed."""
    start = time.monotonic()
    response = client.request(method, path, **options)  # type: ignore[arg-type]
    response.raise_for_status()
    return time.monotonic() - start


def main() -> None:
    """Start a lab, submit, query, print."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        lab.start()
        try:
            lab.agent.end(signal.SIGTERM)
            with httpx2.Client(base_url=lab.controller_url, timeout=30) as client:
                spec = tiny_job(device={"name": DEVICE})
                start = time.monotonic()
                for _ in range(SUBMISSIONS):
                    timed(client, "POST", "/v1/jobs", json=spec)
                rate = SUBMISSIONS / (time.monotonic() - start)
                queries = [timed(client, "GET", "/v1/jobs?limit=50") for _ in range(QUERIES)]
            print(f"submissions: {SUBMISSIONS} accepted, {rate:.0f} per second from one connection")
            print(f"job lists of 50: p95 {1000 * statistics.quantiles(queries, n=20)[-1]:.1f} ms over {QUERIES}")
        finally:
            lab.stop()


if __name__ == "__main__":
    main()
