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


def made(number: int = 0) -> dict[str, Any]:
    """An LSST alert with everything: cutouts whose WCS is turned by 30°, detections in six bands, forced photometry."""
    random = np.random.default_rng(number)
    y, x = np.mgrid[:30, :30]
    star = np.exp(-((x - 14.5) ** 2 + (y - 14.5) ** 2) / 6)
    neighbour = np.exp(-((x - 22) ** 2 + (y - 19) ** 2) / 6)
    noise = random.normal(0, 12, (3, 30, 30))
    brightness = 200 + 300 * random.random()
    turn, scale = np.radians(30), 0.2 / 3600
    wcs = {
        "CRVAL1": 54.15,
        "CRVAL2": -27.46,
        "CRPIX1": 15.5,
        "CRPIX2": 15.5,
        "CD1_1": -scale * np.cos(turn),
        "CD1_2": scale * np.sin(turn),
        "CD2_1": scale * np.sin(turn),
        "CD2_2": scale * np.cos(turn),
        "BUNIT": "nJy",
    }
    images = {
        "Science": brightness * star + 800 * neighbour,
        "Template": 800 * neighbour,
        "Difference": brightness * star,
    }
    nights = 61041.25 - np.sort(random.uniform(1, 60, 64))[::-1]
    points = [
        {
            "diaSourceId": 170094456248729605 + 1000 * number + i,
            "midpointMjdTai": float(mjd),
            "band": "ugrizy"[i % 6],
            "psfFlux": float(random.normal(1500 + 20 * i, 200))
            if i % 8 < 3
            else float(random.normal(0, 250)),
            "psfFluxErr": float(random.uniform(90, 260)),
        }
        for i, mjd in enumerate(nights)
    ]
    alert = hand_made(
        prvDiaSources=[point for i, point in enumerate(points) if i % 8 < 3],
        prvDiaForcedSources=[point for i, point in enumerate(points) if i % 8 >= 3],
        **{
            f"cutout{name}": fits_bytes((pixels + noise[k]).astype("float32"), **wcs)
            for k, (name, pixels) in enumerate(images.items())
        },
    )
    alert["diaSource"] |= {
        "diaSourceId": 170094456248729605 + number,
        "snr": brightness / 20,
        "psfFlux": 10 * brightness,
    }
    return alert
