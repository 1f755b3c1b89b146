"""Events near detections of a test's own making, as notices; the pairs there are by brute force, and those told."""

import json

import numpy as np
import offline
import pandas as pd
from events import AHEAD, until
from skysieve.enrich.positions import separation

DAY = 86400


def unix(mjd):
    return (np.asarray(mjd) - AHEAD - 40587) * DAY


def notice(name, at, ra, dec, radius, **more):
    when = pd.Timestamp(at, unit="s", tz="UTC").isoformat()
    said = {
        "id": [name],
        "trigger_time": when,
        "ra": ra,
        "dec": dec,
        "ra_dec_error": radius,
        "alert_type": "initial",
    }
    return json.dumps(said | more).encode()


def told(deployment):
    topics, output = deployment.topics, deployment.output_topic
    if not topics.partitions(output):
        return []
    return [(r, {n: (v or b"").decode() for n, v in r.headers}) for r in everything(topics, output)]


def pairs(deployment, wanted):
    """Which alert was found near which event, each as often as it was told, once there are as many as wanted."""
    topics = deployment.topics
    until(lambda: topics.totals([deployment.output_topic])[deployment.output_topic] >= len(wanted))
    near = [(record, headers) for record, headers in told(deployment) if "skysieve.near.id" in headers]
    packets = {(r.partition, r.offset): r.value for r in everything(topics, deployment.stream)}
    for record, headers in near:
        place = int(headers["skysieve.source.partition"]), int(headers["skysieve.source.offset"])
        assert packets[place] == record.value, "the packet's own bytes"
    return sorted(
        (offline.alert(r.value)["diaSource"]["diaSourceId"], headers["skysieve.near.id"])
        for r, headers in near
    )


def everything(topics, name):
    return topics.read(name, topics.begin(name), topics.end(name))


def near(table, events, before, after):
    """The same, by brute force."""
    at = unix(table["mjd"])
    found = []
    for name, when, ra, dec, radius in events:
        apart = separation(table["ra"].to_numpy(), table["dec"].to_numpy(), np.array([ra]), np.array([dec]))
        hits = (
            (apart <= radius) & (at >= when - before) & (at <= when + after) & (table["snr"] > 5).to_numpy()
        )
        found += [(int(i), name) for i in table["id"][hits]]
    return sorted(found)


def events_near(table, count, radius):
    """Events at the times and places of some detections."""
    some = table.iloc[:: len(table) // count][:count]
    return [
        (f"G{i}", float(unix(row.mjd)) + 3600, row.ra, min(89.0, max(-89.0, row.dec + radius / 2)), radius)
        for i, row in enumerate(some.itertuples())
    ]
