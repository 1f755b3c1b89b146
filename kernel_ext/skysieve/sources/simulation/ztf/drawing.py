"""The alerts of one object, drawn in full: light curve, history, cutouts, and the encoded packets."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import fastavro
import numpy as np

from skysieve.packets import object_containers, ztf_schema
from skysieve.sources.simulation.images import Scene
from skysieve.sources.simulation.measured import Measured
from skysieve.sources.simulation.solar_system import V_MINUS_R
from skysieve.sources.simulation.telescope import Rng
from skysieve.sources.simulation.ztf.cutouts import STAMP_PIXELS, TRAIL_PIXELS, render
from skysieve.sources.simulation.ztf.names import Names
from skysieve.sources.simulation.ztf.neighbours import Neighbours, draw_neighbours, ps1_id
from skysieve.sources.simulation.ztf.records import Record, candidate, detection, forced, image, upper_limit
from skysieve.sources.simulation.ztf.telescope import ZTF, candidate_id, jd_of, processing_id

MODEL_SKY = (150.0, 30.0)
MODEL_FIELD = 500
MODEL_OBJECT = "ZTF00aaaaaaa"
MODEL_ASTEROID = "000000"
FIRST_SLOT = 100  # so that every number in an image is as wide, encoded, as any other
HISTORY_DAYS = 30.0
SYNC = hashlib.md5(b"skysieve", usedforsecurity=False).digest()
_ONE_RECORD = b"\x02"
_PUBLISHER = "Skysieve (simulated ZTF)"
_CHANNELS = 64
_SCATTER_ARCSEC = 0.1

Rows = dict[int, Record]  # by the number of the visit
Offsets = dict[
    int, tuple[float, float]
]  # arcsec to the east and north of the object, by the number of the visit


@dataclass(frozen=True)
class Model:
    """One drawn alert.

    Attributes
    ----------
    measured
        What its object's visits measured.
    alerts
        How many alerts the object has given, this one included.
    names
        How the images of its readout channel are called.
    neighbours
        What lies beside it.
    record
        The alert, as a value.
    earlier, forced
        Numbers of the visits that ``prv_candidates`` and ``fp_hists`` come from.
    offsets
        Where each detection lies, from the object.
    tblid
        Number of each visit's detection in its image.
    packet, begins
        The packet, and where in it the Avro record begins; ``SYNC`` ends it.
    """

    measured: Measured
    alerts: int
    names: Names
    neighbours: Neighbours
    record: Record
    earlier: tuple[int, ...]
    forced: tuple[int, ...]
    offsets: Offsets
    tblid: Any
    packet: bytes
    begins: int


@cache
def parsed_schema() -> Any:
    """Return the alert schema, as fastavro wants it."""
    return fastavro.parse_schema(ztf_schema.schema())


def draw_alerts(rng: Rng, measured: Measured) -> list[Model]:
    """Draw every alert that an object gives, oldest first; its history grows from one to the next."""
    return _Drawing(rng, measured).alerts()


class _Drawing:
    def __init__(self, rng: Rng, measured: Measured) -> None:
        self._rng, self._measured = rng, measured
        self._names = Names(int(rng.integers(_CHANNELS)), measured.bands)
        self._neighbours = draw_neighbours(rng, measured)
        visits = range(measured.days.size)
        self._images = [image(rng, measured, n) for n in visits]
        self._tblid = rng.integers(FIRST_SLOT, FIRST_SLOT + 400, measured.days.size)
        self._offsets = {n: self._offset() for n in np.flatnonzero(measured.detected).tolist()}
        self._detections = {
            n: detection(rng, self._images[n], measured, n, self._neighbours) for n in self._offsets
        }
        self._limits = {n: upper_limit(self._images[n]) for n in visits}
        self._forced = {n: self._forced_row(n) for n in visits}
        self._place()

    def alerts(self) -> list[Model]:
        return [self._alert(number) for number in range(1, len(self._measured.alerts) + 1)]

    def _offset(self) -> tuple[float, float]:
        if self._measured.kind.solar_system:
            return 0.0, 0.0
        east, north = self._rng.normal(0, _SCATTER_ARCSEC, 2).tolist()
        return east, north

    def _forced_row(self, visit: int) -> Record:
        measured = self._measured
        flux = 0.0 if measured.kind.solar_system else float(measured.flux[visit])
        error = float(measured.error[visit])
        flux += float(self._rng.normal(0, 1.0 if measured.kind.solar_system else 0.2)) * error
        return forced(self._rng, self._images[visit], flux, error, self._neighbours)

    def _place(self) -> None:
        """Give every row the place, time and ids of the model, which are as wide as those of any object."""
        names, jd = self._names, jd_of(ZTF.first_mjd + self._measured.days)
        pid = processing_id(jd, names.rcid)
        candid = candidate_id(pid, self._measured.flux > 0, self._tblid)
        near = _shifted(self._neighbours.nearest.offset)
        for n in range(jd.size):
            common = {"jd": float(jd[n]), "pid": int(pid[n]), "field": MODEL_FIELD, "rcid": names.rcid}
            night = {
                "nid": int(pid[n]) // 10**9,
                "pdiffimfilename": names.archived(float(jd[n]), MODEL_FIELD, n),
            }
            reference = {"ranr": near[0], "decnr": near[1]}
            self._limits[n].update(common, **night)
            self._forced[n].update(common, rfid=names.reference_id(MODEL_FIELD, n), **reference)
            if n in self._detections:
                ra, dec = _shifted(self._offsets[n])
                ids = {"candid": int(candid[n]), "tblid": int(self._tblid[n])}
                self._detections[n].update(common, **night, **reference, **ids, ra=ra, dec=dec)

    def _alert(self, alerts: int) -> Model:
        measured, names, rng = self._measured, self._names, self._rng
        now = measured.alerts[alerts - 1]
        days = measured.days - measured.days[now]
        recent = np.flatnonzero((days > -HISTORY_DAYS) & (days < 0)).tolist()
        # An asteroid's earlier detections lie elsewhere.
        known = {} if measured.kind.solar_system else self._detections
        row = self._detections[now]
        own = candidate(rng, row, measured, alerts, self._neighbours)
        own.update(
            pdiffimfilename=names.difference(row["jd"], MODEL_FIELD, now),
            rfid=names.reference_id(MODEL_FIELD, now),
            jdstarthist=self._detections[self._first_detection(now)]["jd"],
            jdendhist=row["jd"],
            **{
                f"objectidps{n}": ps1_id(*_shifted(s.offset))
                for n, s in enumerate(self._neighbours.catalogued, 1)
            },
        )
        if measured.kind.solar_system:
            own.update(
                ssdistnr=float(rng.rayleigh(0.3)), ssmagnr=row["magpsf"] + V_MINUS_R, ssnamenr=MODEL_ASTEROID
            )
        cutouts = render(rng, self._scene(now))
        record = {
            "schemavsn": ztf_schema.VERSION,
            "publisher": _PUBLISHER,
            "objectId": MODEL_OBJECT,
            "candid": own["candid"],
            "candidate": own,
            "prv_candidates": [known.get(n, self._limits[n]) for n in recent] or None,
            "fp_hists": [self._forced[n] for n in recent] or None,
            **{
                f"cutout{which.capitalize()}": {
                    "fileName": names.cutout(which, own["candid"], own["pid"], own["isdiffpos"] == "t"),
                    "stampData": getattr(cutouts, which),
                }
                for which in ("science", "template", "difference")
            },
        }
        packet, begins = _encode(record)
        for which in ("Science", "Template", "Difference"):
            record[f"cutout{which}"]["stampData"] = b""  # as large as the packet, and not needed any more
        return Model(
            measured,
            alerts,
            names,
            self._neighbours,
            record,
            tuple(recent),
            tuple(recent),
            self._offsets,
            self._tblid,
            packet,
            begins,
        )

    def _first_detection(self, now: int) -> int:
        return now if self._measured.kind.solar_system else min(self._offsets)

    def _scene(self, visit: int) -> Scene:
        measured, shown = self._measured, self._images[visit]
        middle = (STAMP_PIXELS - 1) / 2
        row = self._detections[visit]
        return Scene(
            shape=measured.kind.shape,
            change=shown.counts(measured.flux[visit]),
            static=shown.counts(measured.static[visit]),
            host=measured.subject.host,
            error=shown.counts(measured.sky_error[visit]),
            # The stamp is centred on the nearest pixel of the image.
            x=middle + row["xpos"] - round(row["xpos"]),
            y=middle + row["ypos"] - round(row["ypos"]),
            angle=float(self._rng.uniform(-180, 180)),
            fwhm=shown.seeing_pixels,
            trail=TRAIL_PIXELS,
        )


def _shifted(offset: tuple[float, float]) -> tuple[float, float]:
    east, north = offset
    return MODEL_SKY[0] + east / 3600 / float(np.cos(np.radians(MODEL_SKY[1]))), MODEL_SKY[1] + north / 3600


@cache
def _header() -> bytes:
    """Give what every packet begins with, the schema in it."""
    text = json.dumps(ztf_schema.schema(), separators=(",", ":"), ensure_ascii=False)
    return object_containers.head(text.encode()) + SYNC


def _encode(record: Record) -> tuple[bytes, int]:
    """Encode the packet, and say where in it the Avro record begins."""
    encoded, size = io.BytesIO(), io.BytesIO()
    fastavro.schemaless_writer(encoded, parsed_schema(), record)
    fastavro.schemaless_writer(size, "long", encoded.tell())
    head = _header() + _ONE_RECORD + size.getvalue()
    return head + encoded.getvalue() + SYNC, len(head)
