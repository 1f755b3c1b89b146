"""Crossmatch: which objects of a catalogue are where an alert is. A watchlist is one whose objects have radii."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, PrivateAttr

from skysieve.enrich import epochs, positions, zones
from skysieve.enrich.base import ARROW, Enrichment, Given, position, register
from skysieve.enrich.catalogs import load
from skysieve.enrich.catalogs import positions as positions_of
from skysieve.enrich.store import Store
from skysieve.errors import EnrichmentError, nearest
from skysieve.packets.columns import Columns
from skysieve.packets.formats import Places

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

_LARGEST = 5.0
"""Degrees."""
_TYPES: dict[pa.DataType, str] = {
    pa.bool_(): "boolean",
    pa.int8(): "int",
    pa.int16(): "int",
    pa.int32(): "int",
    pa.uint8(): "int",
    pa.uint16(): "int",
    pa.uint32(): "long",
    pa.int64(): "long",
    pa.uint64(): "long",
    pa.float32(): "float",
    pa.float64(): "double",
}


@register
class Crossmatch(Enrichment):
    """The nearest object of a catalogue within a radius, or all of them.

    It gives the columns ``sep`` (separation in arcsec), ``n`` (number of objects within the radius; 0 where there is
    none) and those of the catalogue that are asked for; where no object is near, all but ``n`` are NULL. With
    ``nearest=False`` they are lists, the nearest first.

    Parameters
    ----------
    catalog
        A path or a table, as :func:`skysieve.enrich.catalogs.load` takes it.
    radius
        An angle with its unit, ``"1.5 arcsec"``, or an astropy quantity.
    columns
        Columns of the catalogue that are given; none unless told.
    nearest
        Whether only the nearest object is given.
    ra, dec
        Names of the catalogue's columns with the position; found by their usual names unless given.
    radius_column
        Name of a column with a radius of each object's own, in arcsec; ``radius`` is then the largest that counts.
    epoch
        Of the catalogue's positions: ``"J2016.0"``.
    motion
        Names of two columns with the proper motion, ``("pmra", "pmdec")``, in mas/yr unless their unit says otherwise,
        that of the right ascension with the cosine of the declination in it. Objects are then looked for where they are
        at the alert's time; those without a motion stay.

    Raises
    ------
    EnrichmentError
        If the radius is none.

    Examples
    --------
    >>> gaia = Crossmatch("gaia.parquet", radius="1.5 arcsec", columns=["name"])
    >>> round(gaia.radius * 3600, 6), [one.name for one in gaia.gives()]
    (1.5, ['sep', 'n'])
    """

    kind: ClassVar[str] = "crossmatch"

    source: str
    radius: float
    wanted: tuple[str, ...] = ()
    nearest_only: bool = True
    ra: str | None = None
    dec: str | None = None
    radius_column: str | None = None
    epoch: str = ""
    motion: tuple[str, str] | None = None
    since: float = 0.0
    edited: bool = False
    rows: int = 0
    zones: int = 0
    extra: tuple[Given, ...] = Field(default=())
    _table: Any = PrivateAttr(default=None)

    def __init__(
        self,
        catalog: Any = None,
        radius: Any = None,
        columns: tuple[str, ...] | list[str] = (),
        nearest: bool = True,
        **more: Any,
    ) -> None:
        said: dict[str, Any] = {"radius": radius, **more}
        if catalog is not None:
            is_path = isinstance(catalog, str | Path)
            said.setdefault("source", str(catalog) if is_path else f"a table of {len(catalog):,} rows")
            said |= {"radius": angle(radius), "wanted": tuple(columns), "nearest_only": nearest}
        super().__init__(**said)
        self._table = catalog

    def prepared(self, store: Store, columns: Columns, places: Places) -> Self:
        """The same, with the catalogue sorted by place in the store."""
        table = load(self._table if self._table is not None else self.source)
        if lacking := [name for name in self.wanted if name not in table.column_names]:
            hint = nearest(lacking[0], table.column_names)
            raise EnrichmentError(f"The catalogue {self.source} has no column {lacking[0]!r}.{hint}")
        try:
            ra, dec = positions_of(table, self.ra, self.dec)
        except EnrichmentError as error:
            raise EnrichmentError(f"{self.source}: {error}") from None
        radii = self._radii(table)
        reads, moving = self._motion(table, places)
        good = np.isfinite(ra) & (radii > 0 if radii is not None else True)
        kept = table.select(list(self.wanted)).filter(pa.array(good))
        extra = tuple(_given(kept.schema.field(name)) for name in self.wanted)
        sky = 0
        if taken := {"sep", "n"} & set(self.wanted):
            raise EnrichmentError(
                f"The catalogue's column {taken.pop()!r} has a name that the match itself takes."
            )

        def write(folder: Path) -> None:
            nonlocal sky
            move = None if moving is None else (moving[0][good], moving[1][good])
            own = None if radii is None else radii[good]
            order = positions.write(folder, ra[good], dec[good], own, move)
            if moving is None:
                reach = np.full(int(good.sum()), self.radius) if own is None else own
                sky = zones.write(folder, ra[good], dec[good], reach)
            plain = pa.table([_plain(kept[g.name], g).take(order) for g in extra], [g.name for g in extra])
            with (
                pa.OSFile(str(folder / "columns.arrow"), "wb") as file,
                pa.ipc.new_file(file, plain.schema) as out,
            ):
                out.write_table(plain.combine_chunks())

        where = store.put(write)
        found = {"index": str(where), "rows": int(good.sum()), "zones": sky, "extra": extra, "reads": reads}
        since = 0.0 if moving is None else epochs.mjd(self.epoch)
        ready = self.model_copy(update={**found, "since": since})
        ready._table = None  # it is in the store, and must not go to Spark with each plan
        return ready

    def _motion(
        self, table: pa.Table, places: Places
    ) -> tuple[tuple[str, ...], tuple[positions.Floats, positions.Floats] | None]:
        """What is read of alerts, and the motions of the objects."""
        if self.motion is None:
            return position(places), None
        if places.time is None:
            raise EnrichmentError(
                "The alerts of this stream have no time that is known here: leave motion= away."
            )
        epochs.mjd(self.epoch)
        east, north = (epochs.per_year(table, name) for name in self.motion)
        return (*position(places), places.time), (east, north)

    def _radii(self, table: pa.Table) -> positions.Floats | None:
        if self.radius_column is None:
            return None
        if self.radius_column not in table.column_names:
            hint = nearest(self.radius_column, table.column_names)
            raise EnrichmentError(
                f"The catalogue has no column {self.radius_column!r} (radius_column=).{hint}"
            )
        radii = (
            np.array(table[self.radius_column].cast(pa.float64()).to_numpy(), dtype=float) * positions.ARCSEC
        )
        if not (radii[np.isfinite(radii)] >= 0).all():
            raise EnrichmentError(f"The catalogue's column {self.radius_column!r} has a negative radius.")
        return np.minimum(np.nan_to_num(radii), self.radius)

    def gives(self) -> tuple[Given, ...]:
        """Separation, number, and the catalogue's columns."""
        sep = Given(name="sep", type="double", unit="arcsec", description="Separation")
        number = Given(name="n", type="int", description=f"Objects within {self.radius * 3600:g} arcsec")
        if self.nearest_only:
            return (sep, number, *self.extra)
        lists = (
            one.model_copy(update={"type": {"type": "array", "items": ["null", one.type]}})
            for one in (sep, *self.extra)
        )
        return (*lists, number)

    def sieved(self, alerts: DataFrame, mark: str) -> DataFrame | None:
        """Mark those that can be near an object, where the catalogue is small."""
        ra, dec = self.reads[:2]
        return zones.near(alerts, mark, ra, dec, self.index, self.zones) if self.zones else None

    def elsewhere(self, given: Given) -> SparkColumn:
        """None are near."""
        from pyspark.sql import functions as F  # noqa: N812

        if given.name == "n":
            return F.lit(0)
        return super().elsewhere(given) if self.nearest_only else F.array()

    def may_replace(self, other: Enrichment) -> bool:
        """A watchlist may, for another whose columns it has, too."""
        mine = [(one.name, one.type) for one in self.gives()]
        both = self.edited and isinstance(other, Crossmatch) and other.edited
        return both and all((one.name, one.type) in mine for one in other.gives())

    def made_of(self) -> str:
        """The catalogue, its epoch, and the mark of its content."""
        epoch = f", {self.epoch}" if self.epoch else ""
        epoch += " with proper motion" if self.motion else ""
        mark = Path(self.index).name[:8] if self.index else "not read yet"
        return f"{Path(self.source).name}{epoch}, {self.rows:,} objects, {mark}"

    def on_arrow(self, *arrays: pa.Array) -> pa.Array:
        """Look up each position of a batch."""
        ra, dec, _ = positions.of_batch(*arrays[:2])
        years = epochs.years(arrays[2], self.since) if self.motion is not None else None
        one, other, apart = positions.opened(self.index).near(ra, dec, self.radius, years)
        number = np.bincount(one, minlength=len(ra)).astype(np.int32)
        columns = _columns(self.index)
        sep = pa.array(apart / positions.ARCSEC)
        values = [_one(columns[g.name].take(pa.array(other))) for g in self.extra]
        if self.nearest_only:
            first = np.full(len(ra), -1, np.int64)
            first[one[::-1]] = np.arange(len(one))[::-1]  # the first of each stays
            pick = pa.array(first, mask=first < 0)
            found = [sep.take(pick), pa.array(number), *(value.take(pick) for value in values)]
        else:
            ends = pa.array(np.concatenate([[0], np.cumsum(number)]).astype(np.int32))
            found = [*(pa.ListArray.from_arrays(ends, each) for each in (sep, *values)), pa.array(number)]
        return pa.StructArray.from_arrays(found, [given.name for given in self.gives()])


def _one(chunks: pa.ChunkedArray) -> pa.Array:
    return chunks.combine_chunks()


def Watchlist(  # noqa: N802
    catalog: Any, radius: Any = "5 arcsec", columns: tuple[str, ...] | list[str] = (), **more: Any
) -> Crossmatch:
    """A list of objects of one's own: those with a column ``radius`` (arcsec) count within that.

    To change it, enrich the stream again under the same name: the filters that use it go on with the new list.

    Parameters
    ----------
    catalog, radius, columns, **more
        As for :class:`Crossmatch`.
    """
    table = load(catalog)
    by_lower = {name.lower(): name for name in table.column_names}
    own = more.pop("radius_column", by_lower.get("radius"))
    largest = angle(radius)
    if own is not None:
        radii = pc.max(table[own].cast(pa.float64())).as_py()
        largest = min(_LARGEST, max(largest, (radii or 0) * positions.ARCSEC))
    if isinstance(catalog, str | Path):
        more["source"] = str(catalog)
    return Crossmatch(table, f"{largest!r} deg", columns, radius_column=own, edited=True, **more)


def angle(text: Any) -> float:
    """An angle with its unit, in degrees.

    Raises
    ------
    EnrichmentError
        If it has no unit of angle, or is not above zero, or larger than 5 degrees.

    Examples
    --------
    >>> angle("36 arcsec")
    0.01
    """
    from astropy import units as u

    try:
        found = float(u.Quantity(text).to_value(u.deg))
    except (TypeError, ValueError, u.UnitConversionError):
        raise EnrichmentError(f"radius={text!r} is no angle: write it with its unit, '1.5 arcsec'.") from None
    if not 0 < found <= _LARGEST:
        raise EnrichmentError(f"radius={text!r} is not between 0 and {_LARGEST:g} degrees.")
    return found


@lru_cache(maxsize=32)
def _columns(index: str) -> pa.Table:
    """The catalogue's columns, mapped into memory."""
    with pa.memory_map(f"{index}/columns.arrow") as file:
        return pa.ipc.open_file(file).read_all()


def _given(field: pa.Field) -> Given:
    kind = _TYPES.get(field.type, "string")
    unit = (field.metadata or {}).get(b"unit", b"").decode()
    return Given(name=field.name, type=kind, unit=unit, description="")


def _plain(column: pa.ChunkedArray, given: Given) -> pa.ChunkedArray:
    return column.cast(ARROW[given.type]) if given.type != "string" else pc.cast(column, pa.string())
