"""Real alert packets, read with fastavro alone, and alerts made by hand."""

import gzip
import io
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from astropy.io import fits
from skysieve.packets import lsst_schemas

DATA = Path(__file__).parents[2].parent / "shared" / "data"

LSST_WITH_HISTORY = "170094456248729605"
LSST_BRIGHT = "169813007065939974"  # S/N 123, diaObject null, no history
LSST_FILES = sorted((DATA / "lsst_derived_wire").rglob("*.avro.gz"))
ZTF_FILES = sorted((DATA / "ztf").rglob("*.avro"))


def need_data() -> None:
    if not LSST_FILES:
        pytest.skip(f"no real packets in {DATA}")


def lsst(diasource_id: str) -> dict[str, Any]:
    need_data()
    return lsst_file(next(f for f in LSST_FILES if f.name.startswith(diasource_id)))


def lsst_file(path: Path) -> dict[str, Any]:
    packet = gzip.decompress(path.read_bytes())
    schema = lsst_schemas.load(int.from_bytes(packet[1:5], "big"))
    alert = fastavro.schemaless_reader(io.BytesIO(packet[5:]), schema)
    assert isinstance(alert, dict)
    return alert


def ztf_alerts() -> list[dict[str, Any]]:
    need_data()
    alerts = {}
    for path in ZTF_FILES:
        for alert in fastavro.reader(io.BytesIO(path.read_bytes())):
            alerts[alert["candid"]] = alert
    return list(alerts.values())


def fits_bytes(pixels: np.ndarray, **cards: Any) -> bytes:
    hdu = fits.PrimaryHDU(pixels)
    hdu.header.update(cards)
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    return buffer.getvalue()


def hand_made(**fields: Any) -> dict[str, Any]:
    """An LSST alert with neither history nor cutouts."""
    source = {
        "diaSourceId": 170094456248729605,
        "midpointMjdTai": 61041.25,
        "ra": 54.15,
        "dec": -27.46,
        "band": "i",
        "snr": 10.0,
        "psfFlux": 2000.0,
        "psfFluxErr": 200.0,
        "reliability": 0.9,
    }
    alert = {
        "diaSource": source,
        "diaObject": None,
        "prvDiaSources": None,
        "prvDiaForcedSources": None,
        "cutoutScience": None,
    }
    return alert | fields
