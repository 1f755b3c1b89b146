"""Which of many filters an alert passes: a bit for each.

A cut that several filters have is worked out once, and where an alert fails it the bits of all of them go. Three
hundred filters made of twenty cuts are a hundred operations on bits then and not 1,200 comparisons: for each alert, and
in each micro-batch for Spark's optimizer and compiler.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

_BITS, _PARTS = 63, 100
"""So many filters, and parts of their conditions, are one expression at most: Java compiles no method of more than
8,000 bytes, so that 300 filters took five times what 100 took."""


@dataclass(frozen=True)
class Condition:
    """What an alert must meet.

    Attributes
    ----------
    holds
        The condition in Spark; NULL is not yes.
    key
        The same where the condition is the same; empty where it must not be worked out for alerts that fail one before.
    """

    holds: SparkColumn
    key: str = ""


def passing(
    alerts: DataFrame, filters: Sequence[Sequence[Condition]], fine: SparkColumn, broken: SparkColumn
) -> tuple[DataFrame, SparkColumn]:
    """The alerts that pass any filter, and the numbers of the filters that each passes.

    Parameters
    ----------
    alerts
        Decoded alerts.
    filters
        The conditions of each filter; the first has number 1.
    fine
        Which alerts to judge.
    broken
        Which of the others to keep, too, with number 0.
    """
    times = Counter(key for one in filters for key in {condition.key for condition in one if condition.key})
    holds = {condition.key: condition.holds for one in filters for condition in one}
    shared = {key: f"_cut{i}" for i, key in enumerate(key for key, n in times.items() if n > 1)}
    cuts = (F.coalesce(holds[key], F.lit(False)).alias(name) for key, name in shared.items())
    bits = {
        first: F.when(fine, _bits(some, shared)).when(broken, _long(0 if first else 1)).otherwise(_long(0))
        for first, some in _together([[Condition(F.lit(False))], *filters], shared)
    }
    words = {f"_hits{first}": word for first, word in bits.items()}
    # what stands twice becomes a function of its own, short enough for Java to compile
    twice = {"_any": _joined(SparkColumn.bitwiseOR, list(words.values()))} if len(words) > 1 else {}
    # what depends on the partition keeps its place: else Spark would work the bits out below once more
    marked = alerts.select("*", *cuts).withColumns(words | twice | {"_here": F.spark_partition_id()})
    found = marked.where(f"{'_any' if twice else '_hits0'} <> 0 AND _here >= 0")
    return found, _numbers({first: F.col(name) for first, name in zip(bits, words, strict=True)})


def _together(
    filters: Sequence[Sequence[Condition]], shared: Mapping[str, str]
) -> Iterator[tuple[int, list[Sequence[Condition]]]]:
    """Filters side by side whose bits are one expression, with the number of the first."""
    some: list[Sequence[Condition]] = []
    parts: set[object] = set()
    for number, one in enumerate(filters):
        its = {condition.key if condition.key in shared else (number, i) for i, condition in enumerate(one)}
        if some and (len(some) == _BITS or len(parts | its) > _PARTS):
            yield number - len(some), some
            some, parts = [], set()
        some.append(one)
        parts |= its
    yield len(filters) - len(some), some


def _bits(filters: Sequence[Sequence[Condition]], shared: Mapping[str, str]) -> SparkColumn:
    alone, all_shared, of_cut = [], 0, defaultdict[str, int](int)
    for place, one in enumerate(filters):
        bit = 1 << place
        if all(condition.key in shared for condition in one):
            all_shared |= bit
            for condition in one:
                of_cut[shared[condition.key]] |= bit
        else:
            each = (F.col(shared[c.key]) if c.key in shared else c.holds for c in one)
            alone.append(F.when(reduce(and_, each), _long(bit)).otherwise(_long(0)))
    left = [F.when(F.col(name), _long(-1)).otherwise(_long(~bits)) for name, bits in of_cut.items()]
    kept = _joined(SparkColumn.bitwiseAND, [_long(all_shared), *left])
    return _joined(SparkColumn.bitwiseOR, [kept, *alone])


def _joined(join: Callable[[SparkColumn, SparkColumn], SparkColumn], some: list[SparkColumn]) -> SparkColumn:
    """Join them half by half: a hundred in a row are nested too deep for Spark Connect's messages."""
    half = len(some) // 2
    return join(_joined(join, some[:half]), _joined(join, some[half:])) if half else some[0]


def _numbers(bits: Mapping[int, SparkColumn]) -> SparkColumn:
    words = F.array(*(F.struct(F.lit(n).alias("first"), word.alias("bits")) for n, word in bits.items()))
    # Spark compiles `transform`, and would hold all copies of a packet that many filters pass at once; not `zip_with`
    some = F.filter(words, lambda word: word.bits != 0)
    return F.flatten(F.zip_with(some, F.array(), lambda word, _: _of_word(word)))


def _of_word(word: SparkColumn) -> SparkColumn:
    numbers = F.sequence(word.first, word.first + _BITS - 1)
    return F.filter(numbers, lambda number: F.getbit(word.bits, number - word.first) == 1)


def _long(value: int) -> SparkColumn:
    return F.expr(f"{value}L")
