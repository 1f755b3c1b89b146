"""LSST's alerts in Avro object containers, as files and other brokers have them, with the columns of its own framing.

Packets that Spark has written name neither survey nor version, and describe no field: they are known by their fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skysieve.errors import PacketError
from skysieve.packets import formats, lsst
from skysieve.packets.columns import Column, Version
from skysieve.packets.containers import ContainerFormat
from skysieve.packets.object_containers import header_schema

_FIELDS = {"diaSource", "prvDiaSources", "diaObject"}


@dataclass(frozen=True)
class LsstContainerFormat(ContainerFormat):
    """Packets of the Vera C. Rubin Observatory, each an object container."""

    name = "lsst-containers"
    places = lsst.LsstFormat.places

    def claims(self, value: bytes) -> bool:
        """Whether its schema is one of records with LSST's sources and object."""
        try:
            schema = header_schema(value)
            return {field["name"] for field in schema["fields"]} >= _FIELDS
        except (PacketError, TypeError, KeyError, IndexError):
            return False

    def assumed(self) -> dict[Version, Any]:
        """The schema of a stream without a packet: the newest."""
        *_, newest = lsst.LsstFormat().schemas.values()
        return {"": newest}

    def describe(self, path: tuple[str, ...]) -> tuple[str, str] | None:
        """Unit and description of a column, as LSST's own schemas have them."""
        known, name = formats.get("lsst").columns(), ".".join(path)
        return (known[name].unit, known[name].description) if name in known else None

    def derived(self) -> Sequence[Column]:
        """What is worked out from others."""
        return lsst.DERIVED


formats.register(LsstContainerFormat())
