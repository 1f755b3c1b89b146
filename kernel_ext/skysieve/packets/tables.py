"""Whole alerts as tables, with ids as 64-bit integers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import pyarrow as pa

from skysieve.packets import avro
from skysieve.packets.formats import Format

NULLABLE = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
"""Types that keep integers whole beside missing values: ids exceed 2^53, and a float would change them."""
_PANDAS = {
    "long": pd.Int64Dtype(),
    "int": pd.Int32Dtype(),
    "boolean": pd.BooleanDtype(),
    "double": "float64",
    "float": "float32",
    "string": pd.StringDtype(),
}


def scalars(packets: Iterable[tuple[bytes, int]], packet_format: Format) -> pd.DataFrame:
    """Decode alerts, each given as its packet and its number in that, into their scalar columns, a row for each.

    Columns that none of them has are left out.

    A missing integer is ``<NA>``: beside NaN the others would become floats, and ids beyond 2^53 other ids.

    Raises
    ------
    PacketError
        If one cannot be decoded.
    """
    alerts = [packet_format.read(packet)[record] for packet, record in packets]
    table = {}
    columns = packet_format.columns()
    for column in columns:
        values = [_dig(alert, columns.written(column)) for alert in alerts]
        if column.is_scalar and not column.sql and any(value is not None for value in values):
            kind: Any = _PANDAS.get(avro.avro_name(column.schema), "object")
            table[column.name] = pd.Series(values, dtype=kind)
    return pd.DataFrame(table)


def _dig(alert: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        alert = alert.get(name) if isinstance(alert, dict) else None
    return alert
