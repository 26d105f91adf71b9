"""`make load`: what a lab of a thousand boards must hold, measured part by part; one table with day and machine.

    python -m tests.load                            # every part in turn
    python -m tests.load boards                     # one part
    python -m tests.load boards --agents 50 --runs 4 --run-s 2    # a smaller one

What keeps boards busy ends after a patience of its own. Each part prints its rows as soon as it has them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from tests.load import busy_boards, dashboard, many_runs, submissions, two_controllers
from tests.load.table import Section, machine, print_section

PARTS: dict[str, Callable[[Sequence[str]], Section]] = {
    "boards": busy_boards.section,
    "two-controllers": two_controllers.section,
    "many-runs": many_runs.section,
    "submissions": submissions.section,
    "dashboard": dashboard.section,
}


def main(words: Sequence[str]) -> None:
    """Measure the named part, with its own options, or all of them."""
    name, *options = words or [""]
    if name and name not in PARTS:
        raise SystemExit(f"there is no part {name!r}; there are {', '.join(PARTS)}.")
    print(f"make load, {machine()}", flush=True)
    for part in [name] if name else PARTS:
        print_section(PARTS[part](options))


if __name__ == "__main__":
    main(sys.argv[1:])
