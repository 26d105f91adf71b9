"""A run's sensor series as one Parquet document: a row per reading, the channel's description beside it.

The columns explain themselves in any tool that opens the file; the file's metadata holds the channels, so that
one without a single reading is not lost.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gradfilter.bench.schema import Channel, Series

_CHANNELS = b"gradfilter.channels"
_TEXT = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        ("series", pa.int32()),
        ("channel", _TEXT),
        ("sensor", _TEXT),
        ("quantity", _TEXT),
        ("unit", _TEXT),
        ("kind", _TEXT),
        ("covers", _TEXT),
        ("time_s", pa.float64()),
        ("value", pa.float64()),
    ]
)


def to_parquet(series: Sequence[Series]) -> bytes:
    """All series in one document; a reading that failed is a null.

    Raises:
        ValueError: a series has not as many instants as values.
    """
    columns: dict[str, list[object]] = {name: [] for name in _SCHEMA.names}
    for number, one in enumerate(series):
        for time_s, value in zip(one.times_s, one.values, strict=True):
            columns["series"].append(number)
            columns["channel"].append(one.channel.name)
            for name in ("sensor", "quantity", "unit", "kind", "covers"):
                columns[name].append(getattr(one.channel, name))
            columns["time_s"].append(time_s)
            columns["value"].append(value)
    channels = json.dumps([asdict(one.channel) for one in series]).encode()
    table = pa.table(columns, schema=_SCHEMA.with_metadata({_CHANNELS: channels}))
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def from_parquet(document: bytes) -> list[Series]:
    """The series that to_parquet wrote, in their order."""
    table = pq.read_table(io.BytesIO(document))
    series = [Series(channel=Channel(**channel)) for channel in json.loads(table.schema.metadata[_CHANNELS])]
    rows = (table.column(name).to_pylist() for name in ("series", "time_s", "value"))
    for number, time_s, value in zip(*rows, strict=True):
        series[number].times_s.append(time_s)
        series[number].values.append(value)  # noqa: PD011 - a list, not a data frame
    return series


def to_csv(document: bytes) -> str:
    """The document's rows as CSV; an empty cell is a reading that failed."""
    return str(_frame(document).to_csv(index=False, lineterminator="\n"))


def to_json(document: bytes) -> str:
    """The document's rows as a JSON list of objects; null is a reading that failed."""
    return str(_frame(document).to_json(orient="records", double_precision=15))


def _frame(document: bytes) -> pd.DataFrame:
    return pq.read_table(io.BytesIO(document), columns=_SCHEMA.names[1:]).to_pandas()  # type: ignore[no-any-return]
