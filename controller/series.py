"""A run's sensor series as one Parquet document: a row per reading, the channel's description beside it.

The columns explain themselves in any tool that opens the file; the file's metadata holds the channels, so that
one without a single reading is not lost.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gradfilter.bench.schema import Channel, Series

_CHANNELS = b"gradfilter.channels"
_DESCRIBING = ("sensor", "quantity", "unit", "kind", "covers")
_TEXT = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        ("series", pa.int32()),
        *((name, _TEXT) for name in ("channel", *_DESCRIBING)),
        ("time_s", pa.float64()),
        ("value", pa.float64()),
    ]
)


def to_parquet(series: Sequence[Series]) -> bytes:
    """All series in one document; a reading that failed is a null.

    Raises:
        ValueError: a series has not as many instants as values.
    """
    for one in series:
        if len(one.times_s) != len(one.values):
            raise ValueError(f"series {one.channel.name!r} has not as many instants as values")
    number = np.repeat(np.arange(len(series), dtype=np.int32), [len(one.times_s) for one in series])
    columns = {
        "series": pa.array(number),
        "channel": _repeated([one.channel.name for one in series], number),
        **{name: _repeated([getattr(one.channel, name) for one in series], number) for name in _DESCRIBING},
        "time_s": pa.array(chain.from_iterable(one.times_s for one in series), pa.float64()),
        "value": pa.array(chain.from_iterable(one.values for one in series), pa.float64()),  # noqa: PD011 - lists
    }
    channels = json.dumps([asdict(one.channel) for one in series]).encode()
    table = pa.table(columns, schema=_SCHEMA.with_metadata({_CHANNELS: channels}))
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def _repeated(words: Sequence[str], number: np.ndarray[Any, np.dtype[np.int32]]) -> pa.DictionaryArray:
    """The word of each reading's series, which number tells; every word is kept once."""
    different = list(dict.fromkeys(words))
    place = np.array([different.index(word) for word in words], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(place[number]), pa.array(different, pa.string()))


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
