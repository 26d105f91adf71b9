"""What an energy includes: absolute energies compare only where that is the same."""

from collections.abc import Sequence

from gradfilter.bench.schema import Channel


def describe_source(channels: Sequence[Channel]) -> str:
    """'package (rapl: package-0 + package-1)': what is covered, by which sensor's channels."""
    names = " + ".join(channel.name for channel in channels)
    return f"{channels[0].covers} ({channels[0].sensor}: {names})"


def covers_of(source: str) -> str:
    """What a source covers; '' of no source."""
    return source.partition(" ")[0]
