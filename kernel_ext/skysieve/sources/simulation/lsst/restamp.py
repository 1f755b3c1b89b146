"""Variations of a drawn alert, made by changing its encoded bytes in place.

Drawing and encoding an alert takes milliseconds, copying it 20 microseconds. So an object's alerts are drawn once
and varied many times: every value that depends on which object it is, when and where it is, and how its noise fell,
is written over the old one, in the same number of bytes. These are the ids (of source, object, history), times and
visits, positions (in the cutouts' headers, too), the fluxes of this alert and of the object's earlier ones and all
that follows from them (S/N, the object's aggregates), and what the ssSource says. The pixels, the detector, the rest
of the history and the shape measurements stay those of the drawn alert.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from skysieve.packets.lsst_schemas import load
from skysieve.sources.simulation.layout import Path, offsets
from skysieve.sources.simulation.lsst.cutouts import crval_card
from skysieve.sources.simulation.lsst.drawing import CUTOUTS, MODEL_SKY, Model, frame
from skysieve.sources.simulation.lsst.records import (
    AGGREGATED,
    PROCESSING_DAYS,
    Record,
    aggregates,
    field_types,
)
from skysieve.sources.simulation.lsst.telescope import visit_of
from skysieve.sources.simulation.sighting import Sighting, flux_shift
from skysieve.sources.simulation.solar_system import absolute_magnitude, seen
from skysieve.sources.simulation.stamping import Bytes, Places, Scattered
from skysieve.sources.simulation.telescope import Floats

IDS_PER_OBJECT = 1024
_FIRST_FORCED = 512
_FIRST_ID = 170_000_000_000_000_000 // IDS_PER_OBJECT * IDS_PER_OBJECT
_FIRST_SS_ID = 21_000_000_000_000_000
_ID_BYTES, _SS_ID_BYTES, _VISIT_BYTES, _DESIGNATION_BYTES = 9, 8, 6, 9
_CARD_BYTES = 80
_PACK = {"float": struct.Struct("<f"), "double": struct.Struct("<d")}
_SLOPES = {"psfFlux": 1.0, "scienceFlux": 1.0, "apFlux": 1.0, "trailFlux": 1.0}

Row = tuple[Path, int, Record]  # where a row lies, the number of its visit, and the row


class Restamper:
    """Makes variations of one drawn alert."""

    def __init__(self, model: Model) -> None:
        self._model, measured = model, model.measured
        self._packet = np.frombuffer(model.packet, dtype=np.uint8)
        places = offsets(load(model.version), model.packet, len(frame(model.version)))
        sources, forced = list(_sources(model)), list(_forced(model))
        rows, own = [*sources, *forced], model.sources[-1]
        around = [*_times(rows), *_object_times(model)]
        self._times = Scattered(places, around)
        east = np.cos(np.radians(MODEL_SKY[1]))
        self._ra = Scattered(places, _positions(rows, ("ra", "trailRa"), MODEL_SKY[0], east))
        self._dec = Scattered(places, _positions(rows, ("dec", "trailDec"), MODEL_SKY[1], 1.0))
        self._own_offset = (
            (model.record["diaSource"]["ra"] - MODEL_SKY[0]) * east,
            model.record["diaSource"]["dec"] - MODEL_SKY[1],
        )
        self._visits = Places((places[*path, "visit"] for path, _, _ in rows), _VISIT_BYTES)
        self._visit_index = np.array([n for _, n, _ in rows], dtype=np.intp)
        ids = [(at, own_id) for at, own_id in _ids(model, places, sources, forced)]
        self._ids = Places((at for at, _ in ids), _ID_BYTES)
        self._id_numbers = np.array([own_id for _, own_id in ids], dtype=np.int64)
        self._own_id = own
        self._fluxes = _Fluxes(model, places, rows)
        self._aggregates = [] if measured.kind.solar_system else _band_aggregates(model, places)
        self._planet = _Planet(model, places) if measured.kind.solar_system else None
        cutouts = [places[(name,)] for name in CUTOUTS]
        head = model.packet[cutouts[0] : cutouts[0] + 2880]
        self._crval = [
            Places([at + head.index(f"CRVAL{axis}  =".encode()) for at in cutouts], _CARD_BYTES)
            for axis in (1, 2)
        ]

    def stamp(self, sighting: Sighting) -> tuple[bytes, int]:
        """Return the packet of a sighting, and its diaSourceId."""
        model, packet = self._model, self._packet.copy()
        first_id = _FIRST_ID + sighting.number * IDS_PER_OBJECT
        mjd = model.measured.days + sighting.mjd[0]
        mjd[list(model.measured.alerts[: model.alerts])] = sighting.mjd[: model.alerts]
        shift = flux_shift(model.measured, model.alerts, sighting)
        east = 1 / np.cos(np.radians(sighting.dec))
        self._times.write(packet, mjd)
        self._ra.write(packet, np.array([sighting.ra]), east, 360.0)
        self._dec.write(packet, np.array([sighting.dec]))
        self._visits.write_varints(packet, visit_of(mjd[self._visit_index]))
        self._ids.write_varints(packet, first_id + self._id_numbers)
        self._fluxes.write(packet, shift)
        for band in self._aggregates:
            band.write(packet, mjd, shift)
        if self._planet:
            self._planet.write(packet, sighting)
        place = (sighting.ra + east * self._own_offset[0]) % 360, sighting.dec + self._own_offset[1]
        for axis, (cards, degrees) in enumerate(zip(self._crval, place, strict=True), 1):
            cards.write_texts(packet, [crval_card(axis, float(degrees)).decode()] * len(cards))
        return packet.tobytes(), first_id + self._own_id


def _sources(model: Model) -> Iterator[Row]:
    earlier = model.record.get("prvDiaSources") or []
    for number, (visit, row) in enumerate(zip(model.sources, earlier, strict=False)):
        yield ("prvDiaSources", number), visit, row
    yield ("diaSource",), model.sources[-1], model.record["diaSource"]


def _forced(model: Model) -> Iterator[Row]:
    rows = model.record.get("prvDiaForcedSources") or []
    for number, (visit, row) in enumerate(zip(model.forced, rows, strict=True)):
        yield ("prvDiaForcedSources", number), visit, row


def _times(rows: list[Row]) -> Iterator[tuple[Path, int, float]]:
    for path, visit, _ in rows:
        yield (*path, "midpointMjdTai"), visit, 0.0
        yield (*path, "timeProcessedMjdTai"), visit, PROCESSING_DAYS


def _object_times(model: Model) -> Iterator[tuple[Path, int, float]]:
    first, last = model.sources[0], model.sources[-1]
    yield ("diaObject", "validityStartMjdTai"), last, PROCESSING_DAYS
    yield ("diaObject", "firstDiaSourceMjdTai"), first, 0.0
    yield ("diaObject", "lastDiaSourceMjdTai"), last, 0.0


def _positions(
    rows: list[Row], names: tuple[str, str], middle: float, scale: float
) -> Iterator[tuple[Path, int, float]]:
    for path, _, row in rows:
        for name in names:
            yield (*path, name), 0, scale * ((row.get(name) or middle) - middle)
    yield ("diaObject", names[0]), 0, 0.0


def _ids(
    model: Model, places: Mapping[Path, int], sources: list[Row], forced: list[Row]
) -> Iterator[tuple[int, int]]:
    """Where ids lie, and which of the object's own it is that stands there."""
    own = model.sources[-1]
    yield places[("diaSourceId",)], own
    for path, visit, _ in sources:
        yield places[*path, "diaSourceId"], visit
    for path, visit, _ in forced:
        yield places[*path, "diaForcedSourceId"], _FIRST_FORCED + visit
    if model.measured.kind.solar_system:
        yield places["ssSource", "diaSourceId"], own
        return
    object_id = model.sources[0]  # Rubin gives an object the id of its first source
    for path, _, _ in [*sources, *forced, (("diaObject",), 0, {})]:
        yield places[*path, "diaObjectId"], object_id


class _Fluxes:
    """Fluxes and S/N of the object's alerts, wherever they stand: each a base, and a slope times the shift."""

    def __init__(self, model: Model, places: Mapping[Path, int], rows: list[Row]) -> None:
        alert_of = {visit: n for n, visit in enumerate(model.measured.alerts[: model.alerts])}
        found = []
        for path, visit, row in rows:
            if visit not in alert_of:
                continue
            sign = 1.0 if row["psfFlux"] > 0 else -1.0
            slopes = {**_SLOPES, "dipoleFluxDiff": sign, "snr": sign / row["psfFluxErr"]}
            for name, slope in slopes.items():
                if row.get(name) is not None:
                    found.append((places[*path, name], row[name], slope, alert_of[visit]))
        self._places = Places((at for at, *_ in found), 4)
        self._base = np.array([base for _, base, _, _ in found])
        self._slope = np.array([slope for _, _, slope, _ in found])
        self._alert = np.array([alert for *_, alert in found], dtype=np.intp)

    def write(self, packet: Bytes, shift: Floats) -> None:
        """Write them for a noise."""
        self._places.write_floats(packet, self._base + self._slope * shift[self._alert])


class _Aggregates:
    """What a diaObject says of one band."""

    def __init__(self, model: Model, places: Mapping[Path, int], band: str) -> None:
        alert_of = {visit: n for n, visit in enumerate(model.measured.alerts[: model.alerts])}
        rows = [(visit, row) for _, visit, row in _sources(model) if row["band"] == band]
        self._visits = np.array([visit for visit, _ in rows], dtype=np.intp)
        self._columns = [np.array([row[name] for _, row in rows]) for name in AGGREGATED[1:]]
        self._changed = [n for n, (visit, _) in enumerate(rows) if visit in alert_of]
        self._alerts = [alert_of[rows[n][0]] for n in self._changed]
        names = [f"{band}_{name}" for name in aggregates(np.array([0.0]), *(c[:1] for c in self._columns))]
        self._known = [
            (name.split("_", 1)[1], _packer(model, name), places["diaObject", name])
            for name in names
            if ("diaObject", name) in places
        ]

    def write(self, packet: Bytes, mjd: Floats, shift: Floats) -> None:
        """Write them for a noise."""
        flux, error, science, science_error = self._columns
        flux, science = flux.copy(), science.copy()
        flux[self._changed] += shift[self._alerts]
        science[self._changed] += shift[self._alerts]
        values = aggregates(mjd[self._visits], flux, error, science, science_error)
        for name, form, at in self._known:
            form.pack_into(packet.data, at, values[name])


def _packer(model: Model, name: str) -> struct.Struct:
    kind = field_types("diaObject", model.version)[name]
    return _PACK[kind[1] if isinstance(kind, list) else kind]


def _band_aggregates(model: Model, places: Mapping[Path, int]) -> list[_Aggregates]:
    bands = {str(model.measured.bands[visit]) for visit in model.measured.alerts[: model.alerts]}
    return [_Aggregates(model, places, band) for band in sorted(bands)]


class _Planet:
    """What an alert of an asteroid says of its orbit and of how it is seen."""

    def __init__(self, model: Model, places: Mapping[Path, int]) -> None:
        self._distance = model.measured.subject.distance
        self._drawn: dict[str, Any] = model.record["ssSource"]
        kinds = field_types("ssSource", model.version)
        forms = {name: kind[1] if isinstance(kind, list) else kind for name, kind in kinds.items()}
        self._known = {
            name: (_PACK[form], places["ssSource", name])
            for name, form in forms.items()
            if form in _PACK and ("ssSource", name) in places
        }
        self._absolute = places["mpc_orbits", "h"]
        self._ids = Places(
            (places[holder, "ssObjectId"] for holder in ("diaSource", "ssSource")), _SS_ID_BYTES
        )
        names = [at for path, at in places.items() if str(path[-1]).endswith("designation")]
        self._designations = Places(names, _DESIGNATION_BYTES)

    def write(self, packet: Bytes, sighting: Sighting) -> None:
        """Write it for a sighting."""
        drawn = self._drawn
        absolute = absolute_magnitude(*sighting.first, sighting.mjd[0], self._distance, drawn["ephVmag"])
        view = seen(sighting.ra, sighting.dec, sighting.mjd[-1], self._distance, absolute)
        view["ephRa"] = sighting.ra - drawn["ephOffsetRa"] / 3600 / float(np.cos(np.radians(sighting.dec)))
        view["ephDec"] = sighting.dec - drawn["ephOffsetDec"] / 3600
        for name, value in view.items():
            if name in self._known:
                form, at = self._known[name]
                form.pack_into(packet.data, at, value)
        _PACK["double"].pack_into(packet.data, self._absolute, absolute)
        self._ids.write_varints(packet, np.full(len(self._ids), _FIRST_SS_ID + sighting.number))
        self._designations.write_texts(packet, [f"{sighting.number % 10**9:09d}"] * len(self._designations))
