"""Which queued job gets which idle board. Pure functions.

Jobs are seated in their order. One that could have several boards makes way for one that has fewer to choose from, as
long as it keeps a board itself, so that nobody goes without for another's comfort: augmenting paths in the graph of
jobs and boards (Kuhn, The Hungarian method for the assignment problem, 1955).
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence

from controller.store import StoredJob


def ranked(jobs: Sequence[StoredJob], working: Mapping[str, int], served_at: Mapping[str, str]) -> list[StoredJob]:
    """Jobs in the order in which they are served: by priority, then users in turn, then by age.

    jobs: oldest first. working: how many boards work for a user now. served_at: when a user was last given one.
    """
    queued: Counter[tuple[int, str]] = Counter()
    keys = {}
    for age, job in enumerate(jobs):
        place = working.get(job.user, 0) + queued[job.spec.priority, job.user]
        queued[job.spec.priority, job.user] += 1
        keys[job.id] = (-job.spec.priority, place, served_at.get(job.user, ""), age)
    return sorted(jobs, key=lambda job: keys[job.id])


def assign(choices: Iterable[tuple[str, Sequence[str]]], boards: int) -> dict[str, str]:
    """The board of each job that gets one.

    choices: jobs by rank, each with the idle boards that it could have, the preferred one first; asked for only until
    all boards are taken, of which there are so many.
    """
    taken: dict[str, str] = {}  # board → job
    wanted: dict[str, Sequence[str]] = {}
    for job, possible in choices:
        wanted[job] = possible
        _seat(job, wanted, taken)
        if len(taken) == boards:
            break
    return {job: board for board, job in taken.items()}


def _seat(job: str, wanted: Mapping[str, Sequence[str]], taken: dict[str, str]) -> None:
    """Find the job a free board, having others move on where that leads to one; else leave all as they are."""
    asked: dict[str, str] = {}  # board → the job that asks for it
    asking = deque([job])
    while asking:
        current = asking.popleft()
        for board in wanted[current]:
            if board in asked:
                continue
            asked[board] = current
            if board not in taken:
                _move_on(board, asked, taken)
                return
            asking.append(taken[board])


def _move_on(free: str, asked: Mapping[str, str], taken: dict[str, str]) -> None:
    """Give the free board to whoever asks for it, the board that this leaves to whoever asks for that, and so on."""
    seats = {job: board for board, job in taken.items()}
    board: str | None = free
    while board is not None:
        job = asked[board]
        taken[board] = job
        board = seats.get(job)
