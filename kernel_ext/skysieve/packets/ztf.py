"""ZTF alerts: one Avro object container per message, schema v1.8 to v4.02.

The Zwicky Transient Facility's packets are described at https://zwickytransientfacility.github.io/ztf-avro-alert.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skysieve.errors import PacketError
from skysieve.packets import avro, derived, histories, ztf_schema
from skysieve.packets.columns import Column, Version
from skysieve.packets.containers import ContainerFormat
from skysieve.packets.formats import Places, register
from skysieve.packets.object_containers import header_schema

_DERIVED = derived.columns(
    derived.Measures(
        ra="{candidate.ra}",
        dec="{candidate.dec}",
        # a magnitude is that of the difference, whichever its sign; the letters are the older form of the digits
        mag="CASE WHEN {candidate.isdiffpos} IN ('t', '1') THEN {candidate.magpsf} END",
        mag_err="CASE WHEN {candidate.isdiffpos} IN ('t', '1') THEN {candidate.sigmapsf} END",
        is_positive="{candidate.isdiffpos} IN ('t', '1')",
        days="{candidate.jd}",
        first="least({candidate.jdstarthist}, {candidate.jd})",
        # those without a magnitude are upper limits
        last="array_max(zip_with({prv_candidates[].jd}, {prv_candidates[].magpsf}, "
        "(jd, magpsf) -> CASE WHEN magpsf IS NOT NULL THEN jd END))",
        detections="{candidate.ndethist}",
        # arcsec to the nearest known object; -999 where there is none
        solar_system="coalesce({candidate.ssdistnr} BETWEEN 0 AND 5, false)",
        source="ZTF alert schema; Masci et al. 2019, PASP 131, 018003",
        association="ZTF alert schema; 5 arcsec as in fink-science, asteroids",
    )
)
histories.register(
    histories.History(
        survey="ZTF",
        array="prv_candidates",
        own="candidate",
        time="{jd}",
        clock="JD (UTC)",
        band="{fid}",
        bands={"g": "1", "r": "2", "i": "3"},
        mag="CASE WHEN {isdiffpos} IN ('t', '1') THEN {magpsf} END",
        measured="{isdiffpos} IS NOT NULL",
        detected="{magpsf} IS NOT NULL",
    )
)
_FIELDS = {"schemavsn", "publisher", "objectId", "candid", "candidate", "prv_candidates"}


@dataclass(frozen=True)
class ZtfFormat(ContainerFormat):
    """Packets of the Zwicky Transient Facility."""

    name = "ztf"

    @property
    def places(self) -> Places:
        """Where id, position and time are."""
        return Places("candid", "candidate.ra", "candidate.dec", "candidate.jd", "objectId")

    def claims(self, value: bytes) -> bool:
        """Whether its schema is named after ZTF, or was written by Spark and has ZTF's fields."""
        try:
            schema = header_schema(value)
        except PacketError:
            return False
        return isinstance(schema, dict) and _is_ztf(schema)

    def assumed(self) -> dict[Version, Any]:
        """The schema of a stream without a packet: the newest."""
        return {ztf_schema.VERSION: avro.expand(ztf_schema.schema())}

    def describe(self, path: tuple[str, ...]) -> tuple[str, str] | None:
        """Unit and description of a column."""
        return ztf_schema.described(path)

    def derived(self) -> Sequence[Column]:
        """What is worked out from others."""
        return _DERIVED


def _is_ztf(schema: dict[str, Any]) -> bool:
    name = f"{schema.get('namespace') or ''}.{schema.get('name')}".lstrip(".")
    said = schema.get("fields")
    fields = {f.get("name") for f in said if isinstance(f, dict)} if isinstance(said, list) else set()
    return name.startswith("ztf.") or (name.startswith("topLevelRecord") and fields >= _FIELDS)


register(ZtfFormat())
