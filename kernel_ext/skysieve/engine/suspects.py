"""Finding the filter that makes a bank fall, and the alert on which it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from pyspark.errors import PySparkException

from skysieve.engine.bank import Bank
from skysieve.filter import BoundFilter
from skysieve.languages import faults
from skysieve.packets.formats import Format
from skysieve.topics import Offsets

Fault = PySparkException | None
_SEARCH = 60.0
"""Seconds in which the alert is looked for: a function that never returns takes some for each look, and the supervisor
has others to care for."""


def convicted(
    bank: Bank, filters: Sequence[BoundFilter], packet_format: Format, start: Offsets, stop: Offsets
) -> dict[str, str]:
    """The filters that fail on a range of packets, by halves; none if it fails without any filter.

    What fails once may be Kafka's or Spark's fault, and a filter that is taken out stays out: so each is tried once
    more, by itself, and counts only if the range can be read without it before and after.

    Returns
    -------
    dict
        Names, and what their owners read: the error and the offending packet's place.
    """

    def fails(some: Sequence[BoundFilter], begin: Offsets, end: Offsets) -> Fault:
        try:
            bank.rehearse(some, packet_format, begin, end)
        except PySparkException as error:
            return error
        return None

    if fails([], start, stop) is not None:
        return {}
    found = {}
    for one in _guilty(filters, lambda some: fails(some, start, stop)):
        alone = partial(fails, [one])
        if error := alone(start, stop):
            found[one.filter.name] = _told(error, _place(start, stop, alone), packet_format, bank.packet)
    return found if fails([], start, stop) is None else {}


def _guilty(
    filters: Sequence[BoundFilter], fails: Callable[[Sequence[BoundFilter]], Fault]
) -> list[BoundFilter]:
    if not filters or fails(filters) is None:
        return []
    if len(filters) == 1:
        return list(filters)
    middle = len(filters) // 2
    return [*_guilty(filters[:middle], fails), *_guilty(filters[middle:], fails)]


def _place(
    start: Offsets, stop: Offsets, fails: Callable[[Offsets, Offsets], Fault]
) -> tuple[int, int] | None:
    """Partition and offset of the first packet on which it fails; None if it needs no packet, or too long, for that."""
    until = time.monotonic() + _SEARCH
    for partition, end in stop.items():
        begin = start.get(partition, 0)
        if begin >= end or not fails(stop | {partition: begin}, stop):
            continue
        while end - begin > 1:
            if time.monotonic() > until:
                return None
            middle = (begin + end) // 2
            if fails(stop | {partition: begin}, stop | {partition: middle}):
                end = middle
            else:
                begin = middle
        return partition, begin
    return None


def _told(
    error: PySparkException,
    place: tuple[int, int] | None,
    packet_format: Format,
    packet: Callable[[int, int], bytes],
) -> str:
    fault = faults.found(str(error))
    said = fault.named(packet_format, packet) if fault else _first_line(error)
    where = f" First at partition {place[0]}, offset {place[1]} of its stream." if place else ""
    return f"{said}{where} The other filters go on without it: mend it and deploy it again."


def _first_line(error: PySparkException) -> str:
    """What Spark says, less the frames around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    telling = next(
        (line for line in reversed(lines) if line.startswith("[") and "SQLSTATE" in line), lines[0]
    )
    return telling.split(" SQLSTATE")[0][:500]
