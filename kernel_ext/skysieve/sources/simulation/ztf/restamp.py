"""Variations of a drawn alert, made by changing its encoded bytes in place.

What depends on which object it is, when and where it is, and how its noise fell, is written over what was drawn, in
the same number of bytes: ids, the names of images and cutouts, times, positions, and the magnitudes of this alert
and of the object's earlier ones with all that follows from them. The pixels, the readout channel, forced photometry,
what lies beside the object, and the shape measurements stay those of the drawn alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skysieve.packets import ztf_schema
from skysieve.sources.simulation.layout import Path, offsets
from skysieve.sources.simulation.sighting import OBJECTS_PER_SEED, Sighting, flux_shift
from skysieve.sources.simulation.stamping import Bytes, Ints, Places, Scattered
from skysieve.sources.simulation.telescope import Floats
from skysieve.sources.simulation.ztf.drawing import FIRST_SLOT, MODEL_ASTEROID, SYNC, Model
from skysieve.sources.simulation.ztf.names import archive_stem, cutout_stem, object_name, stem
from skysieve.sources.simulation.ztf.neighbours import ps1_id
from skysieve.sources.simulation.ztf.records import Record
from skysieve.sources.simulation.ztf.telescope import (
    PROCESSING_ID_NOUGHT,
    candidate_id,
    field_at,
    jd_of,
    processing_id,
)

_LONG_BYTES, _PID_BYTES, _RFID_BYTES, _SHORT_BYTES = 9, 7, 5, 2
_YEAR = 2026
# An id says when and where in an image; so that two seeds have none in common, they differ in both.
_SLOTS, _SLOTS_PER_SEED, _DELAYS = 900, 45, 46
_DELAY_DAYS = 1e-5
# How a value follows the flux: the power of the ratio of fluxes that it is multiplied with, and the multiple of the
# change in magnitude that is added to it.
_FOLLOWS = {
    "magpsf": (0, 1),
    "magap": (0, 1),
    "magapbig": (0, 1),
    "magfromlim": (0, -1),
    "sigmapsf": (-1, 0),
    "sigmagap": (-1, 0),
    "sigmagapbig": (-1, 0),
    "dsnrms": (1, 0),
    "ssnrms": (1, 0),
    "dsdiff": (1, 0),
}

Rows = list[tuple[Path, int]]  # where a row lies, and the number of its visit


class Restamper:
    """Makes variations of one drawn alert."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._packet = np.frombuffer(model.packet, dtype=np.uint8)
        places = offsets(ztf_schema.schema(), model.packet.removesuffix(SYNC), model.begins)
        self._now = model.measured.alerts[model.alerts - 1]
        detections, others = _rows(model, self._now)
        every = [*detections, *others]
        self._first = self._now if model.measured.kind.solar_system else min(model.offsets)
        times = [((*path, "jd"), visit, 0.0) for path, visit in every]
        times += [
            (("candidate", "jdstarthist"), self._first, 0.0),
            (("candidate", "jdendhist"), self._now, 0.0),
        ]
        self._jd = Scattered(places, times)
        self._ra = Scattered(places, _offsets(model, every, detections, "ra", "ranr"))
        self._dec = Scattered(places, _offsets(model, every, detections, "dec", "decnr"))
        self._pid = _Numbers(places, every, "pid", _PID_BYTES)
        self._nid = _Numbers(places, every, "nid", _SHORT_BYTES)
        self._field = _Numbers(places, every, "field", _SHORT_BYTES)
        self._rfid = _Numbers(places, every, "rfid", _RFID_BYTES)
        self._rfid_rest = np.array(
            [int(_row(model, path)["rfid"]) % 10**6 for path, _ in every if (*path, "rfid") in places]
        )
        self._candid = _Numbers(places, [*detections, ((), self._now)], "candid", _LONG_BYTES)
        self._tblid = _Numbers(places, detections, "tblid", _SHORT_BYTES)
        stars = len(model.neighbours.catalogued)
        self._ps1 = Places((places["candidate", f"objectidps{n}"] for n in range(1, stars + 1)), _LONG_BYTES)
        self._texts = _Texts(model, places)
        self._light = _Light(model, places, detections)

    def stamp(self, sighting: Sighting) -> tuple[bytes, int]:
        """Return the packet of a sighting, and its candid."""
        model, measured, packet = self._model, self._model.measured, self._packet.copy()
        alerts = list(measured.alerts[: model.alerts])
        seed, number = divmod(sighting.number, OBJECTS_PER_SEED)
        mjd = measured.days + sighting.mjd[0]
        mjd[alerts] = sighting.mjd[: model.alerts]
        jd = jd_of(mjd) + seed // (_SLOTS // _SLOTS_PER_SEED) % _DELAYS * _DELAY_DAYS
        field = field_at(*sighting.first)
        tblid = model.tblid.copy()
        first_slot = seed % (_SLOTS // _SLOTS_PER_SEED) * _SLOTS_PER_SEED
        tblid[alerts] = FIRST_SLOT + (first_slot + np.array(sighting.slot[: model.alerts])) % _SLOTS
        pid = processing_id(jd, model.names.rcid)
        candid = candidate_id(pid, measured.flux > 0, tblid)
        east = 1 / np.cos(np.radians(sighting.dec))
        self._jd.write(packet, jd)
        self._ra.write(packet, np.array([sighting.ra]), east, 360.0)
        self._dec.write(packet, np.array([sighting.dec]))
        self._pid.write(packet, pid)
        self._nid.write(packet, (jd - PROCESSING_ID_NOUGHT).astype(np.int64))
        self._field.write(packet, np.full(jd.size, field))
        self._rfid.places.write_varints(packet, field * 10**6 + self._rfid_rest)
        self._candid.write(packet, candid)
        self._tblid.write(packet, tblid)
        self._ps1.write_varints(packet, self._ps1_ids(sighting, east))
        own_number = number + model.alerts - 1 if measured.kind.solar_system else number
        name = object_name(_YEAR, seed * OBJECTS_PER_SEED + own_number)
        self._texts.write(packet, jd, field, int(candid[self._now]), int(pid[self._now]), name, number)
        self._light.write(packet, flux_shift(measured, model.alerts, sighting))
        return packet.tobytes(), int(candid[self._now])

    def _ps1_ids(self, sighting: Sighting, east: float) -> Ints:
        stars = self._model.neighbours.catalogued
        places = [(sighting.ra + east * s.offset[0] / 3600, sighting.dec + s.offset[1] / 3600) for s in stars]
        return np.array([ps1_id(ra % 360, dec) for ra, dec in places], dtype=np.int64)


def _rows(model: Model, now: int) -> tuple[Rows, Rows]:
    """Rows of detections, and of upper limits and forced photometry."""
    detections: Rows = [(("candidate",), now)]
    others: Rows = []
    for number, (visit, row) in enumerate(
        zip(model.earlier, model.record["prv_candidates"] or (), strict=True)
    ):
        (detections if row["candid"] is not None else others).append((("prv_candidates", number), visit))
    others += [(("fp_hists", number), visit) for number, visit in enumerate(model.forced)]
    return detections, others


def _offsets(
    model: Model, every: Rows, detections: Rows, own: str, nearest: str
) -> Iterator[tuple[Path, int, float]]:
    axis = 0 if own == "ra" else 1
    for path, visit in detections:
        yield (*path, own), 0, model.offsets[visit][axis] / 3600
    for path, _ in every:
        yield (*path, nearest), 0, model.neighbours.nearest.offset[axis] / 3600


class _Numbers:
    """One integer field of several rows, which takes the number of each row's visit."""

    def __init__(self, places: Mapping[Path, int], rows: Rows, name: str, width: int) -> None:
        present = [(places[*path, name], visit) for path, visit in rows if (*path, name) in places]
        self.places = Places((at for at, _ in present), width)
        self._visits = np.array([visit for _, visit in present], dtype=np.intp)

    def write(self, packet: Bytes, values: Ints) -> None:
        """Write a value that is given for every visit."""
        self.places.write_varints(packet, values[self._visits])


class _Texts:
    """Names of the object, of images and of cutouts."""

    def __init__(self, model: Model, places: Mapping[Path, int]) -> None:
        self._now = model.measured.alerts[model.alerts - 1]
        self._earlier = model.earlier if model.record["prv_candidates"] else ()
        archived = [places["prv_candidates", n, "pdiffimfilename"] for n in range(len(self._earlier))]
        example = model.record["candidate"]
        self._archived = Places(archived, len(archive_stem(example["jd"], example["field"])))
        self._image = Places(
            [places["candidate", "pdiffimfilename"]], len(stem(example["jd"], example["field"]))
        )
        self._object = Places([places[("objectId",)]], len(model.record["objectId"]))
        files = {
            which: model.record[which]["fileName"] for which in model.record if which.startswith("cutout")
        }
        at = {which: places[which, "fileName"] for which in files}
        self._candid = Places(at.values(), len(cutout_stem(example["candid"])))
        self._pid = Places(
            (at[which] + name.index("_pid") + 4 for which, name in files.items() if "_pid" in name),
            len(str(example["pid"])),
        )
        asteroid = [places["candidate", "ssnamenr"]] if example["ssnamenr"] == MODEL_ASTEROID else []
        self._asteroid = Places(asteroid, len(MODEL_ASTEROID))

    def write(
        self, packet: Bytes, jd: Floats, field: int, candid: int, pid: int, name: str, number: int
    ) -> None:
        """Write them for an object of a name and number."""
        days = jd.tolist()
        self._archived.write_texts(packet, [archive_stem(days[visit], field) for visit in self._earlier])
        self._image.write_texts(packet, [stem(days[self._now], field)])
        self._object.write_texts(packet, [name])
        self._candid.write_texts(packet, [cutout_stem(candid)] * len(self._candid))
        self._pid.write_texts(packet, [str(pid)] * len(self._pid))
        self._asteroid.write_texts(packet, [f"{number % 10**6:06d}"] * len(self._asteroid))


class _Light:
    """Magnitudes and what follows from them, of this alert and of the object's earlier ones."""

    def __init__(self, model: Model, places: Mapping[Path, int], detections: Rows) -> None:
        alert_of = {visit: n for n, visit in enumerate(model.measured.alerts[: model.alerts])}
        rows = [(path, _row(model, path), alert_of[visit]) for path, visit in detections if visit in alert_of]
        self._flux = np.abs(model.measured.flux[list(alert_of)])
        self._sign = np.sign(model.measured.flux[list(alert_of)])
        found = [
            (places[*path, name], row[name], *how, alert)
            for path, row, alert in rows
            for name, how in _FOLLOWS.items()
            if (*path, name) in places
        ]
        self._places = Places((at for at, *_ in found), 4)
        _, self._base, self._power, self._slope = (_column(found, n) for n in range(4))
        self._alert = _column(found, 4).astype(np.intp)
        scorr = [(places[*path, "scorr"], row["scorr"], alert) for path, row, alert in rows]
        self._scorr_places = Places((at for at, *_ in scorr), 8)
        self._scorr = _column(scorr, 1)
        self._scorr_alert = _column(scorr, 2).astype(np.intp)

    def write(self, packet: Bytes, shift: Floats) -> None:
        """Write them for a noise, given as a change in flux."""
        ratio = (self._flux + self._sign * shift) / self._flux
        change = -2.5 * np.log10(ratio)
        values = self._base * ratio[self._alert] ** self._power + self._slope * change[self._alert]
        self._places.write_floats(packet, values)
        self._scorr_places.write_doubles(packet, self._scorr * ratio[self._scorr_alert])


def _row(model: Model, path: Path) -> Record:
    row: Any = model.record
    for part in path:
        row = row[part]
    return dict(row)


def _column(rows: Iterable[tuple[float, ...]], number: int) -> NDArray[np.float64]:
    return np.array([row[number] for row in rows], dtype=float)
