"""Variations of a drawn alert, made by changing its encoded bytes in place.

Drawing and encoding an alert takes milliseconds, copying it 20 microseconds. So an alert is drawn once and
varied many times: every value that depends on when, where and how brightly it is seen is written over the old
one, in the same number of bytes. These are the ids (of the source, its object, its history), times and
visits, positions (in the cutouts' headers, too), the flux and all that follows from it (S/N, the object's
aggregates in that band), and what the ssSource says. The pixels, the detector, the rest of the history and
the shape measurements stay those of the drawn alert.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skysieve.packets.lsst_schemas import load
from skysieve.sources.lsst_simulation import solar_system
from skysieve.sources.lsst_simulation.cutouts import crval_card
from skysieve.sources.lsst_simulation.layout import Path, offsets, varints
from skysieve.sources.lsst_simulation.pool import DETECTION, FRAME, MODEL_SKY, Model
from skysieve.sources.lsst_simulation.records import PROCESSING_DAYS, SCHEMA_ID, Record, field_types
from skysieve.sources.lsst_simulation.survey import FIRST_NIGHT_MJD, visit_of

IDS_PER_ALERT = 1024
_FIRST_FORCED = 512
_ID_BYTES, _SS_ID_BYTES, _VISIT_BYTES = 9, 8, 6
_CUTOUTS = ("cutoutDifference", "cutoutScience", "cutoutTemplate")
_HISTORIES = {"prvDiaSources": "diaSourceId", "prvDiaForcedSources": "diaForcedSourceId"}
_PACK = {"float": struct.Struct("<f"), "double": struct.Struct("<d"), "boolean": struct.Struct("<?")}
Bytes = NDArray[np.uint8]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is different about one variation of an alert."""

    number: int  # how many alerts came before
    first_id: int  # of the IDS_PER_ALERT ids that are its own; the last is that of the diaSource
    ss_object_id: int
    visit: int
    mjd: float
    ra: float
    dec: float
    x: float
    y: float
    noise: tuple[float, float, float]  # of psfFlux, scienceFlux and apFlux, in errors

    @property
    def source_id(self) -> int:
        """Id of the diaSource."""
        return self.first_id + IDS_PER_ALERT - 1


class Restamper:
    """Makes variations of one drawn alert."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._packet = np.frombuffer(model.packet, dtype=np.uint8)
        places = offsets(load(SCHEMA_ID), model.packet, len(FRAME))
        cutouts = [places[(name,)] for name in _CUTOUTS]
        first = model.packet[cutouts[0] : cutouts[0] + 2880]
        cards = [first.index(b"CRVAL1  ="), first.index(b"CRVAL2  =")]
        self._crval = [[c + card for c in cutouts] for card in cards]
        self._scalars = {
            name: _fixed(places, name) for name in ("diaSource", "diaObject", "ssSource", "mpc_orbits")
        }
        self._places = {(str(p[0]), str(p[1])): at for p, at in places.items() if len(p) == 2}
        self._top_id = places[("diaSourceId",)]
        self._history = _History(model.record, places)
        self._band = _BandHistory(model)

    def stamp(self, sighting: Sighting) -> bytes:
        """Return the packet of one variation."""
        packet = self._packet.copy()
        source_id = sighting.source_id
        own_object = self._history.object_id(sighting)
        ids = [(self._top_id, source_id), (self._places["diaSource", "diaSourceId"], source_id)]
        self._history.write(packet, sighting, own_object)
        self._write_source(packet, sighting)
        if self.model.kind.solar_system:
            ids.append((self._places["ssSource", "diaSourceId"], source_id))
            self._write_minor_planet(packet, sighting)
        else:
            ids.append((self._places["diaSource", "diaObjectId"], own_object))
            ids.append((self._places["diaObject", "diaObjectId"], own_object))
            self._write_object(packet, sighting)
        encoded = varints(np.array([value for _, value in ids]), _ID_BYTES)
        for (at, _), value in zip(ids, encoded, strict=True):
            packet[at : at + _ID_BYTES] = value
        for axis, (cards, degrees) in enumerate(
            zip(self._crval, (sighting.ra, sighting.dec), strict=True), 1
        ):
            card = np.frombuffer(crval_card(axis, degrees), dtype=np.uint8)
            for at in cards:
                packet[at : at + 80] = card
        return packet.tobytes()

    def _flux(self, sighting: Sighting) -> float:
        """Measured flux: never below what is detected, and of the sign that was drawn."""
        error = self._band.error
        flux = self.model.true_flux + sighting.noise[0] * error
        sign = 1.0 if self.model.true_flux > 0 else -1.0
        return sign * max(sign * flux, (DETECTION + 0.001) * error)

    def _write_source(self, packet: Bytes, sighting: Sighting) -> None:
        drawn, flux, error = self.model.record["diaSource"], self._flux(sighting), self._band.error
        values = {
            "midpointMjdTai": sighting.mjd,
            "timeProcessedMjdTai": sighting.mjd + PROCESSING_DAYS,
            "ra": sighting.ra,
            "dec": sighting.dec,
            "x": sighting.x,
            "y": sighting.y,
            "psfFlux": flux,
            "snr": abs(flux) / error,
            "scienceFlux": self._band.science_flux(flux, sighting),
            "apFlux": flux + 2.3 * error * sighting.noise[2] if np.isfinite(drawn["apFlux"]) else np.nan,
            "trailFlux": 1.1 * flux,
            "trailRa": sighting.ra + (drawn.get("trailRa") or 0.0) - MODEL_SKY[0],
            "trailDec": sighting.dec + (drawn.get("trailDec") or 0.0) - MODEL_SKY[1],
        }
        if drawn.get("isDipole"):
            values["dipoleFluxDiff"] = abs(flux)
        _write(packet, self._scalars["diaSource"], values)
        at = self._places["diaSource", "visit"]
        packet[at : at + _VISIT_BYTES] = varints(np.array([sighting.visit]), _VISIT_BYTES)[0]

    def _write_object(self, packet: Bytes, sighting: Sighting) -> None:
        drawn = self.model.record["diaObject"]
        flux = self._flux(sighting)
        values = {
            "validityStartMjdTai": sighting.mjd + PROCESSING_DAYS,
            "ra": self._history.right_ascension(drawn["ra"], sighting),
            "dec": sighting.dec + drawn["dec"] - MODEL_SKY[1],
            "firstDiaSourceMjdTai": sighting.mjd + drawn["firstDiaSourceMjdTai"] - FIRST_NIGHT_MJD,
            "lastDiaSourceMjdTai": sighting.mjd,
            **self._band.aggregates(flux, self._band.science_flux(flux, sighting)),
        }
        _write(packet, self._scalars["diaObject"], values)

    def _write_minor_planet(self, packet: Bytes, sighting: Sighting) -> None:
        drawn = self.model.record["ssSource"]
        fields, absolute = solar_system.seen(
            sighting.ra, sighting.dec, sighting.mjd, self.model.distance, drawn["ephVmag"]
        )
        fields["ephRa"] = sighting.ra - drawn["ephOffsetRa"] / 3600 / np.cos(np.radians(sighting.dec))
        fields["ephDec"] = sighting.dec - drawn["ephOffsetDec"] / 3600
        _write(packet, self._scalars["ssSource"], fields)
        _write(packet, self._scalars["mpc_orbits"], {"h": absolute})
        ss_id = varints(np.array([sighting.ss_object_id]), _SS_ID_BYTES)[0]
        for holder in ("diaSource", "ssSource"):
            at = self._places[holder, "ssObjectId"]
            packet[at : at + _SS_ID_BYTES] = ss_id
        number = np.frombuffer(f"{sighting.number:09d}".encode(), dtype=np.uint8)
        for (record, name), at in self._places.items():
            if name.endswith("designation") and record in ("ssSource", "mpc_orbits"):
                packet[at : at + number.size] = number


class _BandHistory:
    """Sums over the earlier sources in the alert's band, from which its aggregates follow quickly."""

    def __init__(self, model: Model) -> None:
        drawn = model.record["diaSource"]
        self.band: str = model.band
        self.error = float(np.float32(drawn["psfFluxErr"]))
        self._science_error: float = drawn["scienceFluxErr"]
        self._template: float = drawn["templateFlux"]
        earlier = [s for s in model.record.get("prvDiaSources") or () if s["band"] == model.band]
        rows = np.array(
            [(s["midpointMjdTai"], s["psfFlux"], s["psfFluxErr"], s["scienceFlux"]) for s in earlier]
        )
        mjd, flux, error, science = rows.T if earlier else np.empty((4, 0))
        weight = error**-2
        self._count, self._errors = len(earlier), float(error.sum())
        self._weight, self._weighted = float(weight.sum()), float((weight * flux).sum())
        self._weighted_science = float((weight * science).sum())
        self._flux = flux
        self._slope = float((np.diff(flux) / np.diff(mjd)).max()) if len(earlier) > 1 else -np.inf
        self._gap = FIRST_NIGHT_MJD - float(mjd[-1]) if earlier else np.nan

    def science_flux(self, flux: float, sighting: Sighting) -> float:
        """Flux on the science image, of a given difference flux."""
        return self._template + flux + 0.3 * self.error * sighting.noise[1]

    def aggregates(self, flux: float, science_flux: float) -> dict[str, float]:
        """Fields of the diaObject in this band, the alert's own source included."""
        weight = self.error**-2
        total = self._weight + weight
        values = {
            "psfFluxMean": (self._weighted + weight * flux) / total,
            "psfFluxMeanErr": total**-0.5,
            "scienceFluxMean": (self._weighted_science + weight * science_flux) / total,
            "scienceFluxMeanErr": total**-0.5,
            "psfFluxMin": flux,
            "psfFluxMax": flux,
            "psfFluxErrMean": (self._errors + self.error) / (self._count + 1),
        }
        if self._count:
            fluxes = np.append(self._flux, flux)
            values["psfFluxMin"], values["psfFluxMax"] = fluxes.min(), fluxes.max()
            values["psfFluxSigma"] = fluxes.std(ddof=1)
            values["psfFluxMaxSlope"] = max(self._slope, (flux - self._flux[-1]) / self._gap)
        return {f"{self.band}_{name}": value for name, value in values.items()}


class _History:
    """Times, places and ids of the earlier sources and forced sources, all of them written at once."""

    def __init__(self, record: Record, places: Mapping[Path, int]) -> None:
        rows = [
            (name, n, row, key)
            for name, key in _HISTORIES.items()
            for n, row in enumerate(record.get(name) or ())
        ]
        self._sources = sum(name == "prvDiaSources" for name, *_ in rows)

        def column(*fields: str) -> tuple[Places, NDArray[np.float64]]:
            found = [
                (places[name, n, f], row[f])
                for f in fields
                for name, n, row, _ in rows
                if (name, n, f) in places
            ]
            return np.array([at for at, _ in found], dtype=np.intp), np.array(
                [v for _, v in found], dtype=float
            )

        times, self._mjd = column("midpointMjdTai", "timeProcessedMjdTai")
        ras, ra = column("ra", "trailRa")
        decs, dec = column("dec", "trailDec")
        self._east = (ra - MODEL_SKY[0]) * np.cos(np.radians(MODEL_SKY[1]))
        self._north = dec - MODEL_SKY[1]
        self._doubles = _spread(np.concatenate([times, ras, decs]), 8)
        self._visits = _spread(column("visit")[0], _VISIT_BYTES)
        own = np.array([places[name, n, key] for name, n, _, key in rows], dtype=np.intp)
        self._ids = _spread(np.concatenate([own, column("diaObjectId")[0]]), _ID_BYTES)
        self._id_numbers = np.array(
            [n + (_FIRST_FORCED if name == "prvDiaForcedSources" else 0) for name, n, *_ in rows],
            dtype=np.int64,
        )

    def object_id(self, sighting: Sighting) -> int:
        """Id of the object: that of its first source, as Rubin gives it."""
        return sighting.first_id if self._sources else sighting.source_id

    def right_ascension(self, drawn: float, sighting: Sighting) -> float:
        """Right ascension of what was drawn beside the source, at the same distance from it."""
        east = (drawn - MODEL_SKY[0]) * np.cos(np.radians(MODEL_SKY[1]))
        return float(sighting.ra + east / np.cos(np.radians(sighting.dec))) % 360

    def write(self, packet: Bytes, sighting: Sighting, object_id: int) -> None:
        """Move the history to the time and place of a sighting."""
        count = self._id_numbers.size
        if not count:
            return
        mjd = self._mjd + (sighting.mjd - FIRST_NIGHT_MJD)
        ra = (sighting.ra + self._east / np.cos(np.radians(sighting.dec))) % 360
        doubles = np.concatenate([mjd, ra, sighting.dec + self._north])
        packet[self._doubles] = doubles.view(np.uint8).reshape(-1, 8)
        packet[self._visits] = varints(visit_of(mjd[:count]), _VISIT_BYTES)
        ids = np.concatenate([sighting.first_id + self._id_numbers, np.full(count, object_id)])
        packet[self._ids] = varints(ids, _ID_BYTES)


def _fixed(places: Mapping[Path, int], name: str) -> dict[str, tuple[struct.Struct, int]]:
    """Place and form of every value of a record that has a fixed width."""
    found = {}
    for field, kind in field_types(name).items():
        kind = kind[1] if isinstance(kind, list) else kind
        if isinstance(kind, str) and kind in _PACK and (name, field) in places:
            found[field] = _PACK[kind], places[name, field]
    return found


def _write(packet: Bytes, known: Mapping[str, tuple[struct.Struct, int]], values: Mapping[str, Any]) -> None:
    """Write the values whose fields are not null in the drawn alert."""
    for name, value in values.items():
        if name in known:
            form, at = known[name]
            form.pack_into(packet.data, at, value)


def _spread(starts: Places, width: int) -> Places:
    return np.asarray(starts[:, None] + np.arange(width))
