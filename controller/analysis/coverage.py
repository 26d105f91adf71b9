"""What an energy includes, and which energies may stand side by side."""

from collections.abc import Sequence

from gradfilter.bench.schema import Channel


def describe_source(channels: Sequence[Channel]) -> str:
    """'package (rapl: package-0 + package-1)': what is covered, by which sensor's channels."""
    names = " + ".join(channel.name for channel in channels)
    return f"{channels[0].covers} ({channels[0].sensor}: {names})"


def covers_of(source: str) -> str:
    """What a source covers; '' of no source."""
    return source.partition(" ")[0]


def why_not_comparable(source: str, other: str) -> str:
    """Why absolute energies of two devices or jobs must not be set side by side; '' where they may.

    Equal coverage is what counts: a wall socket's joules are not a processor package's, whichever sensor reads them.
    """
    if not (source and other):
        return "one of them was not metered"
    if covers_of(source) == covers_of(other):
        return ""
    return f"one covers {covers_of(source)}, the other {covers_of(other)}: only ratios within one device compare"
