"""Series as Parquet, CSV and JSON: nothing is lost on the way."""

import io

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from controller import series
from gradfilter.bench.schema import Channel, Series

CHANNELS = st.builds(
    Channel,
    name=st.text(min_size=1, max_size=8),
    sensor=st.text(max_size=8),
    quantity=st.sampled_from(["power", "energy"]),
    unit=st.sampled_from(["W", "J"]),
    kind=st.sampled_from(["gauge", "counter"]),
    covers=st.sampled_from(["", "module"]),
)
READINGS = st.lists(
    st.tuples(st.floats(0, 1e9), st.none() | st.floats(allow_nan=False, allow_infinity=False)), max_size=5
)


@given(st.lists(st.tuples(CHANNELS, READINGS), max_size=4))
def test_series_come_out_as_they_went_in(drawn):
    """Any channels in any order, empty ones and gaps included, survive exactly."""
    given_series = [Series(channel, [t for t, _ in readings], [v for _, v in readings]) for channel, readings in drawn]
    assert given_series == series.from_parquet(series.to_parquet(given_series))


def test_rows_explain_themselves():
    """Every row names its channel, sensor, quantity and unit."""
    channel = Channel(name="vdd_in", sensor="ina", quantity="power", unit="W", covers="board_input")
    document = series.to_parquet([Series(channel, [1.0, 2.0], [3.5, None])])
    table = pd.read_csv(io.StringIO(series.to_csv(document)))
    assert ["channel", "sensor", "quantity", "unit", "kind", "covers", "time_s", "value"] == list(table.columns)
    assert ["vdd_in", "ina", "power", "W", "gauge", "board_input", 1.0, 3.5] == table.iloc[0].tolist()
    assert table["value"].isna().tolist() == [False, True]
