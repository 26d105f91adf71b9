"""What a job's tests can say, in numbers and in a sentence: known before the job starts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class JudgementPlan:
    """What the tests can say with the blocks that a job asks for.

    tests: one for each primary metric of each variant and part. blocks_needed: the fewest complete blocks with which
    any verdict is possible; 0 where nothing is tested. blocks: those asked for, at most. able: whether they are enough.
    """

    tests: int
    blocks_needed: int
    blocks: int
    able: bool
    sentence: str
