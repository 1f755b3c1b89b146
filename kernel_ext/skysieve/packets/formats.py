"""Packet formats: how a survey puts an alert into a Kafka record. Each format is one module that registers itself."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from skysieve.errors import StreamError, nearest
from skysieve.packets.columns import Columns

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn

_MODULES = ("skysieve.packets.lsst",)
_formats: dict[str, Format] = {}


class Format(Protocol):
    """What the decoder needs to know of a packet format."""

    name: str
    id_column: str
    position: tuple[str, str]
    time_column: str

    def schemas(self) -> Mapping[int, Any]:
        """Avro schema of every known version, by the id that packets carry, oldest first."""

    def columns(self, versions: frozenset[int] | None = None) -> Columns:
        """Columns, united over all known versions or the given ones."""

    def claims(self, value: bytes) -> bool:
        """Whether these bytes look like a packet of this format."""

    def version(self, value: bytes) -> int:
        """Schema version that a packet carries."""

    def read(self, value: bytes) -> dict[str, Any]:
        """Decode a whole packet in Python; raises PacketError."""

    def spark_problem(self, value: SparkColumn) -> SparkColumn:
        """Why a packet's frame cannot be read, as a struct of stage and message; NULL where it can."""

    def spark_version(self, value: SparkColumn) -> SparkColumn:
        """Schema version of each packet."""

    def spark_body(self, value: SparkColumn) -> SparkColumn:
        """The Avro record in each packet."""


def register(packet_format: Format) -> Format:
    """Make a format known by its name."""
    _formats[packet_format.name] = packet_format
    return packet_format


def get(name: str) -> Format:
    """The format of that name.

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
    """The format of a packet, from its first bytes."""
    _load()
    return next((f for f in _formats.values() if f.claims(value)), None)


def _load() -> None:
    for module in _MODULES:
        importlib.import_module(module)
