"""The stream of simulated alerts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skysieve.sources.lsst_simulation.pool import Model, draw_pool
from skysieve.sources.lsst_simulation.population import KINDS
from skysieve.sources.lsst_simulation.restamp import IDS_PER_ALERT, Restamper, Sighting
from skysieve.sources.lsst_simulation.solar_system import ecliptic_to_equatorial, sun_longitude
from skysieve.sources.lsst_simulation.survey import BANDS, FIELD_RADIUS_DEG, visit_of, visit_time
from skysieve.sources.outgoing import Packet

PROPORTIONS = {kind.label: kind.share for kind in KINDS}
_BATCH = 240  # alerts of six visits, one per band
_FIRST_ID = 170_000_000_000_000_000 // IDS_PER_ALERT * IDS_PER_ALERT
_FIRST_SS_ID = 21_000_000_000_000_000
_SEEDS = 2**16
_IDS_PER_SEED = 2**40
_SS_IDS_PER_SEED = 2**36
_SHUTTER_DAYS = 0.4 / 86400


@dataclass(frozen=True, slots=True)
class SimulatedAlert:
    """One alert packet, and what it really is.

    Attributes
    ----------
    packet
        What to send. The header ``truth`` holds the label in UTF-8; the packet's body does not know it.
    truth
        Label of the object, such as ``"SN Ia"``: one of ``PROPORTIONS``.
    dia_source_id
        Id of the alert's diaSource, which is its Kafka key, too.
    """

    packet: Packet
    truth: str
    dia_source_id: int


def simulate(count: int | None = None, *, seed: int = 0, pool: int = 200) -> Iterator[SimulatedAlert]:
    """Simulate alerts of LSST, as v10.0 packets in Kafka framing.

    The sky holds the kinds of ``PROPORTIONS``. The telescope visits a field every 34 s, eight and a half
    hours a night, night after night, as fast as the alerts are asked for; each visit has one band, and its
    alerts lie within its field of view.

    To be fast, only ``pool`` alerts are drawn in full (light curve, history, cutouts), and every alert of the
    stream is a variation of one of them: an object of its own with its own ids, time, place, flux noise and
    what follows from these, but with the pixels and the light curve of the drawn one. Its history is moved
    along in time as a whole, so some of it may fall into daytime. More than ``pool`` alerts therefore repeat
    each other's pictures and light curves; draw a larger pool if that matters.

    Parameters
    ----------
    count
        Number of alerts; endless if None.
    seed
        The same seed and pool give the same bytes, whatever the count. Ids differ between seeds that differ
        modulo 65,536.
    pool
        Number of alerts that are drawn in full, at least one per kind; 200 take some seconds.

    Yields
    ------
    SimulatedAlert
        Alerts in the order of their visits.

    Examples
    --------
    >>> alert = next(simulate(1, seed=7, pool=8))
    >>> alert.packet.value[:5].hex(), alert.truth in PROPORTIONS
    ('00000003e8', True)
    >>> alert.packet.key == str(alert.dia_source_id).encode()
    True
    """
    if count is not None and count < 0:
        raise ValueError(f"count must not be negative, but is {count}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, but is {seed}")
    return _stream(count, seed, draw_pool(seed, pool) if count != 0 else [])


def _stream(count: int | None, seed: int, pool: list[list[Model]]) -> Iterator[SimulatedAlert]:
    restampers = [[Restamper(model) for model in models] for models in pool]
    headers = [(("truth", kind.label.encode()),) for kind in KINDS]
    rng = np.random.default_rng([seed, 1])
    number = visits = 0
    while count is None or number < count:
        chosen = _choose(rng, restampers)
        for band in BANDS:
            of_visit = [(kind, stamper) for kind, stamper in chosen if stamper.model.band == band]
            if not of_visit:
                continue
            sightings = _visit(rng, seed, number, visits, len(of_visit))
            visits += 1
            for (kind, stamper), sighting in zip(of_visit, sightings, strict=True):
                if number == count:
                    return
                key = str(sighting.source_id).encode()
                packet = Packet(stamper.stamp(sighting), key, headers[kind])
                yield SimulatedAlert(packet, KINDS[kind].label, sighting.source_id)
                number += 1


def _choose(rng: np.random.Generator, restampers: list[list[Restamper]]) -> list[tuple[int, Restamper]]:
    kinds = rng.choice(len(KINDS), size=_BATCH, p=np.array([k.share for k in KINDS]))
    which = rng.uniform(size=_BATCH)
    return [
        (k, restampers[k][int(u * len(restampers[k]))]) for k, u in zip(kinds.tolist(), which, strict=True)
    ]


def _visit(rng: np.random.Generator, seed: int, number: int, visit: int, size: int) -> Iterator[Sighting]:
    """Where and when the alerts of one visit are seen."""
    mjd = visit_time(visit)
    # Within 60 degrees of the point opposite the Sun, and south enough for Cerro Pachón.
    ra, dec = ecliptic_to_equatorial(sun_longitude(mjd) + 180 + rng.uniform(-60, 60), rng.uniform(-45, -15))
    visit_id = int(visit_of(np.array([mjd]))[0])
    distance = FIELD_RADIUS_DEG * np.sqrt(rng.uniform(size=size))
    angle = rng.uniform(0, 2 * np.pi, size)
    decs = dec + distance * np.sin(angle)
    ras = (ra + distance * np.cos(angle) / np.cos(np.radians(decs))) % 360
    times = mjd + _SHUTTER_DAYS * rng.uniform(-1, 1, size)  # the shutter sweeps across the field
    x, y = rng.uniform(20, 4050, size), rng.uniform(20, 3980, size)
    noise = rng.normal(size=(size, 3))
    first = _FIRST_ID + (seed % _SEEDS) * _IDS_PER_SEED
    first_ss = _FIRST_SS_ID + (seed % _SEEDS) * _SS_IDS_PER_SEED
    for n in range(size):
        yield Sighting(
            number=number + n,
            first_id=first + (number + n) * IDS_PER_ALERT,
            ss_object_id=first_ss + number + n,
            visit=visit_id,
            mjd=float(times[n]),
            ra=float(ras[n]),
            dec=float(decs[n]),
            x=float(x[n]),
            y=float(y[n]),
            noise=(float(noise[n, 0]), float(noise[n, 1]), float(noise[n, 2])),
        )
