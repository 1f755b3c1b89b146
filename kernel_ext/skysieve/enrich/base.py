"""What an enrichment is: a named provider of further columns on a stream.

It says which columns it reads (of the packet, or of enrichments that the stream had before it) and which it gives, and
computes these for a batch of alerts in a Python worker of Spark. It is a value, which the registry keeps as JSON; what
it needs besides (an indexed catalogue, a region) is in a store of files that never change.
"""

from __future__ import annotations

import importlib
import time
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pyarrow as pa
from pydantic import ValidationError

from skysieve.engine.values import Value
from skysieve.enrich.store import Store
from skysieve.errors import EnrichmentError
from skysieve.packets import avro
from skysieve.packets.columns import Column, Columns, united
from skysieve.packets.formats import Format, Places

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

_MODULES = tuple(
    f"skysieve.enrich.{kind}"
    for kind in ("crossmatch", "watchmap", "skymap", "features", "classifier", "function", "lookup")
)
_kinds: dict[str, type[Enrichment]] = {}


ARROW = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
}
"""What Arrow calls the types that a column can have."""

MAYBE = "maybe:"
"""Before the name of an enrichment: whether it can have more to say of an alert than :meth:`Enrichment.elsewhere`."""
TOOK = "took:"
"""Before the name of an enrichment: the seconds that it took for an alert, its share of those for its batch."""


class Given(Value):
    """A column that an enrichment gives: its name, Avro type, unit and description."""

    name: str
    type: Any
    unit: str = ""
    description: str = ""


class Enrichment(Value):
    """A provider of further columns.

    To add a kind: a class with the methods below, whose fields are what the registry keeps, and whose ``kind`` is a
    name of its own. :func:`register` makes it known.

    Attributes
    ----------
    reads
        Names of the columns that it reads, in the order in which :meth:`on_arrow` takes them; set by :meth:`prepared`.
    index
        Its folder in the store; empty where it needs none.
    """

    kind: ClassVar[str]
    reads: tuple[str, ...] = ()
    index: str = ""

    def check(self) -> None:
        """Make sure that what it needs is still there.

        Raises
        ------
        EnrichmentError
            If its folder in the store is not.
        """
        if self.index and not Path(self.index).is_dir():
            raise EnrichmentError(
                f"What {self.made_of()} was made into is gone: {self.index}. Enrich the stream again, with the store "
                "(`$SKYSIEVE_STORE`) on a file system that the supervisor and Spark's workers see."
            )

    @abstractmethod
    def prepared(self, store: Store, columns: Columns, places: Places) -> Self:
        """The same, ready to run on a stream: what it reads is known, files are checked and in the store."""

    def inputs(self, columns: Columns) -> tuple[Column, ...]:
        """The columns of :attr:`reads`, among those of a stream; what is worked out of others can be among them."""
        return tuple(columns[name] for name in self.reads)

    @abstractmethod
    def gives(self) -> tuple[Given, ...]:
        """The columns that it gives."""

    @abstractmethod
    def on_arrow(self, *arrays: pa.Array) -> pa.Array:
        """One struct of the columns that it gives for every row of a batch; runs in a worker.

        Spark takes what it is from its annotations: ``pa.Array`` in and out.
        """

    def sieved(self, alerts: DataFrame, mark: str) -> DataFrame | None:
        """Decoded alerts with a column of that name, False where it would give what it gives elsewhere.

        Worked out by Spark: it spares these alerts the way to Python. None where that cannot be.
        """
        return None

    def elsewhere(self, given: Given) -> SparkColumn:
        """What it gives in a column for alerts that :meth:`sieved` leaves."""
        from pyspark.sql import functions as F  # noqa: N812

        return F.lit(None)

    def may_replace(self, other: Enrichment) -> bool:
        """Whether filters that use the other may go on with this: for what its owner edits while it is in use."""
        return False

    def made_of(self) -> str:
        """What its values come from, for people."""
        return self.kind

    def columns(self, name: str, known: Columns) -> tuple[Column, ...]:
        """What it gives under a name, as columns of a stream that has those known.

        Raises
        ------
        EnrichmentError
            If the stream lacks what it reads.
        """
        try:
            by = Provider(name, self, self.inputs(known))
        except KeyError as error:
            raise EnrichmentError(
                f"{name!r} reads {error.args[0]}, which the stream does not have."
            ) from None
        uses = tuple(dict.fromkeys(name for one in by.inputs for name in one.uses or (one.name,)))
        return tuple(
            Column(
                (name, one.name),
                ["null", one.type],
                one.unit,
                f"{one.description} ({self.made_of()})".strip(),
                uses=uses,
                by=by,
            )
            for one in self.gives()
        )


@dataclass(frozen=True)
class Provider:
    """An enrichment under the name that its columns begin with."""

    name: str
    enrichment: Enrichment
    inputs: tuple[Column, ...]


def providers(wanted: Iterable[Column]) -> list[Provider]:
    """All enrichments that columns need, each once, and after those that it reads."""
    found: dict[str, Provider] = {}
    for by in (column.by for column in wanted if column.by is not None):
        found |= {one.name: one for one in (*providers(by.inputs), by) if one.name not in found}
    return list(found.values())


def position(places: Places) -> tuple[str, str]:
    """Names of the columns with the position of an alert.

    Raises
    ------
    EnrichmentError
        If there are none.
    """
    if places.ra is None or places.dec is None:
        raise EnrichmentError("The alerts of this stream have no position that is known here.")
    return (places.ra, places.dec)


def register(kind: type[Enrichment]) -> type[Enrichment]:
    """Make a kind of enrichment known."""
    _kinds[kind.kind] = kind
    return kind


def written(enrichment: Enrichment) -> dict[str, Any]:
    """What the registry keeps of it."""
    return {"kind": enrichment.kind, **enrichment.model_dump(mode="json")}


def read(what: dict[str, Any]) -> Enrichment:
    """An enrichment, of what the registry keeps.

    Raises
    ------
    EnrichmentError
        If it is none that is known here.
    """
    for module in _MODULES:
        importlib.import_module(module)
    said = dict(what)
    kind = said.pop("kind", None)
    if kind not in _kinds:
        raise EnrichmentError(f"There is no kind of enrichment {kind!r} here, only {', '.join(_kinds)}.")
    try:
        return _kinds[kind].model_validate(said)
    except ValidationError as error:
        raise EnrichmentError(f"What the registry says of a {kind} cannot be read: {error}") from None


def inputs(wanted: Iterable[Column]) -> list[Column]:
    """The columns of the packet that must be decoded for columns of enrichments."""
    used = (column for one in providers(wanted) for column in one.inputs if column.by is None)
    return united(used)


def decoded(
    packets: DataFrame, packet_format: Format, columns: Iterable[Column], carried: Sequence[str] = ()
) -> DataFrame:
    """What :func:`skysieve.packets.decode.decode` gives, with the columns of enrichments among those wanted.

    And, for each of these enrichments, what it took (:data:`TOOK`).
    """
    from skysieve.packets.decode import decode

    wanted = list(columns)
    held = (column for column in (*wanted, *inputs(wanted)) if column.by is None)
    alerts, given = decode(packets, packet_format, held, carried), [c for c in wanted if c.by is not None]
    return enriched(alerts, given, timed=True) if given else alerts


def enriched(alerts: DataFrame, wanted: Sequence[Column], *, timed: bool = False) -> DataFrame:
    """Decoded alerts with further columns that enrichments give; every one is asked once for each batch.

    Parameters
    ----------
    alerts
        What :func:`skysieve.packets.decode.decode` gives, with all that these columns use.
    wanted
        Columns of enrichments.
    timed
        Whether to give what each took, too.
    """
    from pyspark.sql import functions as F  # noqa: N812
    from pyspark.sql.pandas.functions import arrow_udf

    def value(column: Column) -> Any:
        held = F.col(f"`{column.name}`")
        return held if column.by is None else F.col(f"`enriched.{column.by.name}`").getField(column.path[1])

    def asked(by: Provider) -> Any:
        types = {given.name: avro.spark_type(["null", given.type]) for given in by.enrichment.gives()}
        on_arrow = by.enrichment.on_arrow
        if timed:
            types[TOOK], on_arrow = "double", _Timed(by.enrichment).on_arrow
        kind = ", ".join(f"`{name}`: {spark_type}" for name, spark_type in types.items())
        compute: Any = arrow_udf(on_arrow, f"struct<{kind}>")  # type: ignore[call-overload]
        # else Spark would call it once for each of its columns
        return compute.asNondeterministic()(*map(value, by.inputs))

    result, used = alerts, providers(wanted)
    for together in _stages(used):
        result = result.withColumns({f"enriched.{one.name}": asked(one) for one in together})
    took = [F.col(f"`enriched.{one.name}`").getField(TOOK).alias(TOOK + one.name) for one in used if timed]
    given = (value(column).alias(column.name) for column in wanted)
    return result.select(*(f"`{name}`" for name in alerts.columns), *given, *took)


def sieved(alerts: DataFrame, wanted: Iterable[Column]) -> tuple[DataFrame, set[str]]:
    """Decoded alerts with a mark (:data:`MAYBE`) of each enrichment that can tell where it has nothing to say.

    The columns that these give are there, too, with what they give then.

    Returns
    -------
    tuple
        The alerts, and the names of these enrichments.
    """
    columns = list(wanted)
    found: set[str] = set()
    for name, one in {c.by.name: c.by.enrichment for c in columns if c.by is not None}.items():
        marked = one.sieved(alerts, MAYBE + name)
        if marked is not None:
            gives = {given.name: given for given in one.gives()}
            of_it = {
                c.name: (gives[c.path[1]], avro.spark_type(c.schema)) for c in columns if c.path[0] == name
            }
            alerts = marked.withColumns({n: one.elsewhere(g).cast(kind) for n, (g, kind) in of_it.items()})
            found.add(name)
    return alerts, found


def _stages(used: Sequence[Provider]) -> list[list[Provider]]:
    """Those that can be asked together, for each crossing to Python copies the packets; after those that they read."""
    depth: dict[str, int] = {}
    for one in used:
        depth[one.name] = 1 + max((depth[c.by.name] for c in one.inputs if c.by is not None), default=-1)
    return [[one for one in used if depth[one.name] == at] for at in sorted(set(depth.values()))]


class _Timed:
    """An enrichment that also tells what it took."""

    def __init__(self, enrichment: Enrichment) -> None:
        self._enrichment = enrichment

    def on_arrow(self, *arrays: pa.Array) -> pa.Array:
        """The columns that it gives, and the share of each row in the time for all."""
        begun = time.perf_counter()
        found = self._enrichment.on_arrow(*arrays)
        each = (time.perf_counter() - begun) / max(1, len(found))
        names = [field.name for field in found.type]
        return pa.StructArray.from_arrays([*found.flatten(), pa.repeat(each, len(found))], [*names, TOOK])
