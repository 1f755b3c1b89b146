"""Packet formats: how a survey puts alerts into a Kafka record. Each format is one module that registers itself."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from skysieve.errors import StreamError, nearest
from skysieve.packets.columns import Columns, Version

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

_MODULES = (
    "skysieve.packets.lsst",
    "skysieve.packets.lsst_containers",
    "skysieve.packets.ztf",
    "skysieve.packets.containers",
    "skysieve.packets.notices",
)
_formats: dict[str, Format] = {}


@dataclass(frozen=True)
class Places:
    """The names of the columns that every survey has under names of its own; None where a format has none."""

    id: str | None = None
    ra: str | None = None
    dec: str | None = None
    time: str | None = None
    object: str | None = None
    """Id of the object, which alerts of the same place on the sky share."""
    ahead: float = field(default=0.0, kw_only=True)
    """Seconds by which the times are ahead of UTC."""

    @property
    def names(self) -> tuple[str, ...]:
        """Those that there are of an alert itself."""
        return tuple(name for name in (self.id, self.ra, self.dec, self.time) if name)


class Format(Protocol):
    """What Skysieve needs to know of a packet format. A value: what it has learned is part of it."""

    name: str

    @property
    def knows(self) -> str:
        """A mark of the schemas that it knows: whoever has another one decodes other packets."""

    @property
    def places(self) -> Places:
        """Where id, position and time are."""

    @property
    def in_python(self) -> bool:
        """Whether packets were seen that Spark cannot decode before Python has split them."""

    def claims(self, value: bytes) -> bool:
        """Whether these bytes look like a packet of this format."""

    def fitted(self, packets: Iterable[bytes]) -> Format:
        """The same format, with the schemas that these packets name or carry, as far as they can be had."""

    def only(self, packets: Iterable[bytes]) -> Format:
        """The same format for just the versions of these packets; what it then rejects teaches it the others."""

    def columns(self, packets: Sequence[bytes] = ()) -> Columns:
        """Columns, united over all known versions or those that these packets have."""

    def version(self, value: bytes) -> Version:
        """Schema version of a packet; raises PacketError."""

    def read(self, value: bytes) -> list[dict[str, Any]]:
        """Decode the alerts of a packet, whole, in Python; raises PacketError."""

    def spread(self, packets: DataFrame) -> DataFrame:
        """One row per alert: with ``RECORD``, its number in the packet, and ``PACKET``, bytes that hold it alone."""

    def decoded(self, packet: SparkColumn, paths: Sequence[Sequence[str]]) -> Decoded:
        """What is at these paths in each ``PACKET``."""


@dataclass(frozen=True)
class Decoded:
    """What a format makes of a packet, in Spark.

    Attributes
    ----------
    frame
        Why the packet cannot be read, found before it is decoded: a struct of stage and message; NULL where it can.
    read
        Decodes; asked for only where ``frame`` is NULL, and named once for all that follows.
    alert
        The alert as a struct, from the result of ``read``.
    broken
        Why that result is no alert, NULL where it is one.
    """

    frame: SparkColumn
    read: SparkColumn
    alert: str
    broken: SparkColumn


LARGEST = 8 << 20
"""Bytes of a packet that is decoded: real ones reach 0.5 MB, and a heap full of larger ones would fail the session."""
RECORD = "kafka.record"
PACKET = "skysieve_packet"
RESULT = "skysieve_result"


def register(packet_format: Format) -> Format:
    """Make a format known by its name."""
    _formats[packet_format.name] = packet_format
    return packet_format


def get(name: str) -> Format:
    """The format of that name, as it is before it has seen a packet.

    Raises
    ------
    StreamError
        If there is none.
    """
    _load()
    if name not in _formats:
        raise StreamError(
            f"There is no packet format {name!r}, only {', '.join(_formats)}.{nearest(name, _formats)}"
        )
    return _formats[name]


def detect(value: bytes) -> Format | None:
    """The format of a packet, from its first bytes: the most special one that claims it."""
    _load()
    claiming = [one for one in _formats.values() if one.claims(value)]
    special = (
        f for f in claiming if not any(isinstance(other, type(f)) and other is not f for other in claiming)
    )
    return next(special, None)


def _load() -> None:
    for module in _MODULES:
        importlib.import_module(module)
