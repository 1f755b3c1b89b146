"""Detections of a test's own making: real packets, small, with its own times and fluxes; what pandas makes of them."""

import copy
import itertools
import json
import random
import time

import numpy as np
import offline
import pandas as pd
import pytest
from skysieve.sources import Packet, simulate

MJD = 61000.5
"""Noon UTC of 2025-11-21, but for TAI's 37 seconds."""
AHEAD = 37 / 86400
EACH = """SELECT diaObject.diaObjectId, count(*) AS n, max(psfFlux) AS brightest, min(midpointMjdTai) AS first,
    max_by(band, midpointMjdTai) AS newest
WHERE diaSource.snr > 5
GROUP BY diaObject.diaObjectId, night
LATENESS '3 days'"""
BANDS = "gri"
_ids = itertools.count(1)


def detections(count, seed, objects=10, days=40):
    """A table of detections in order of time, the objects being few."""
    draw = random.Random(seed)
    rows = [
        {
            "id": next(_ids),
            "object": 1000 + draw.randrange(objects),
            "mjd": MJD + AHEAD + days * (i + draw.random()) / count,
            "flux": round(draw.uniform(100, 9000), 3),
            "snr": round(draw.uniform(3, 30), 3),
            "band": draw.choice(BANDS),
            "ra": round(draw.uniform(0, 360), 6),
            "dec": round(np.degrees(np.arcsin(draw.uniform(-1, 1))), 6),
        }
        for i in range(count)
    ]
    return pd.DataFrame(rows)


def packets(table):
    """The packets of detections, in this order; one object's go to one partition."""
    found = []
    for row in table.itertuples():
        alert, schema = copy.deepcopy(_template())
        source = alert["diaSource"]
        source |= {"diaSourceId": row.id, "diaObjectId": row.object, "midpointMjdTai": row.mjd}
        source |= {"psfFlux": row.flux, "snr": row.snr, "band": row.band, "ra": row.ra, "dec": row.dec}
        alert["diaObject"]["diaObjectId"] = row.object
        found.append(Packet(offline.packet(alert, schema), str(row.object).encode()))
    return found


_made = []


def _template():
    if not _made:
        values = (a.packet.value for a in simulate(40, seed=1, pool=20))
        value = next(v for v in values if offline.alert(v)["diaObject"])
        alert = offline.alert(value)
        alert |= {name: None for name in alert if name.startswith(("cutout", "prv", "ss", "MPC"))}
        _made.append((alert, int.from_bytes(value[1:5], "big")))
    return _made[0]


def nights(table):
    """The date on which the night of each detection begins, at noon UTC."""
    utc = np.floor(table["mjd"] - AHEAD - 0.5)
    return (pd.Timestamp("1858-11-17") + pd.to_timedelta(utc, unit="D")).dt.strftime("%Y-%m-%d")


def told(deployment):
    """What an aggregate has told, oldest first: of each record its content, and headers as texts."""
    topics, output = deployment.topics, deployment.output_topic
    if not topics.partitions(output):
        return []
    records = topics.read(output, topics.begin(output), topics.end(output))
    return [(json.loads(r.value), {n: v.decode() for n, v in r.headers}) for r in records]


def newest(deployment, *keys):
    """The last that was told of each group, by its keys."""
    return {tuple(record[key] for key in keys): record for record, _ in told(deployment)}


def per_night(table):
    """What EACH must tell in the end."""
    table = table[table["snr"] > 5]
    table = table.assign(night=nights(table)).sort_values("mjd")
    return {
        key: {
            "diaObjectId": key[0],
            "night": key[1],
            "n": len(some),
            "brightest": pytest.approx(some["flux"].max(), rel=1e-6),
            "first": some["mjd"].min(),
            "newest": some["band"].iloc[-1],
        }
        for key, some in table.groupby(["object", "night"])
    }


def shuffled(table, by, seed):
    """The same in an order in which none is overtaken by one that is more than so many days younger."""
    draw = random.Random(seed)
    return table.iloc[(table["mjd"] + [draw.uniform(0, by) for _ in range(len(table))]).argsort()]


def until(condition, patience=90):
    end = time.monotonic() + patience
    while not condition() and time.monotonic() < end:
        time.sleep(0.3)
    assert condition()
