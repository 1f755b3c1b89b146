"""HEALPix cells of positions as an expression of Spark, which it compiles: no Python for grouping and joining by place.

The nested scheme of Górski et al. 2005, ApJ 622, 759.
"""

from __future__ import annotations

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F  # noqa: N812

_SPREAD = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def cell(ra: SparkColumn, dec: SparkColumn, order: int) -> SparkColumn:
    """The cell (nested) that holds a position.

    Parameters
    ----------
    ra, dec
        Degrees.
    order
        Of the cells, 0 to 29: there are 12 · 4^order.

    Returns
    -------
    Column
        A BIGINT; NULL where the position is none on the sky.
    """
    side, lon, lat = 1 << order, ra.cast("double"), dec.cast("double")
    turn, z = F.pmod(lon / 90, F.lit(4.0)), F.sin(F.radians(lat))  # in quarters
    belt = _belt(turn, z, side)
    quarter = F.least(F.lit(3.0), F.floor(turn).cast("double"))
    # near a pole 1 - |z| loses its digits
    width = side * 3**0.5 * F.cos(F.radians(lat)) / F.sqrt(1 + F.abs(z))
    left, right = (
        F.least(F.lit(side - 1), F.floor(part * width)) for part in (turn - quarter, 1 - turn + quarter)
    )
    north = _place(quarter, side - 1 - right, side - 1 - left)
    south = _place(quarter + 8, left, right)
    known = F.abs(lon).isNotNull() & (F.abs(lon) < 1e9) & (F.abs(lat) <= 90)
    where = F.when(F.abs(z) <= 2 / 3, belt).when(z > 0, north).otherwise(south)
    x, y = _spread(where["x"]), _spread(where["y"])
    found = where["face"] * F.lit(side * side).cast("bigint") + x.bitwiseOR(F.shiftleft(y, 1))
    return F.when(known, found)


def _belt(turn: SparkColumn, z: SparkColumn, side: int) -> SparkColumn:
    """The place of a position between the polar caps."""
    falls = F.floor(side * (0.5 + turn - 0.75 * z)).cast("bigint")
    rises = F.floor(side * (0.5 + turn + 0.75 * z)).cast("bigint")
    a, b = F.floor(falls / side).cast("bigint"), F.floor(rises / side).cast("bigint")
    face = F.when(a == b, a.bitwiseOR(F.lit(4).cast("bigint"))).when(a < b, a).otherwise(b + 8)
    return _place(face, rises - b * side, side - 1 - (falls - a * side))


def _place(face: SparkColumn, x: SparkColumn, y: SparkColumn) -> SparkColumn:
    """One of the twelve faces of the sphere, and column and row in it."""
    return F.struct(*(v.cast("bigint").alias(n) for n, v in (("face", face), ("x", x), ("y", y))))


def _spread(value: SparkColumn) -> SparkColumn:
    """The bits of a number, with a 0 before each."""
    for shift, mask in _SPREAD:
        value = value.bitwiseOR(F.shiftleft(value, shift)).bitwiseAND(F.lit(mask).cast("bigint"))
    return value
