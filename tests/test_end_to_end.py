"""From packets to output topics, compared byte for byte with a plain fastavro loop over the same packets."""

from collections import Counter

import offline
import pytest
import skysieve
from conftest import DATA, delivered
from skysieve.sources import Packet, send, simulate

FILTERS = {
    "bright": (
        "diaSource.snr > 20 AND diaSource.reliability > 0.9",
        lambda a: offline.above(a, "diaSource.snr", 20) and offline.above(a, "diaSource.reliability", 0.9),
    ),
    "known": (
        "diaObject.nDiaSources > 3 AND diaSource.band IN ('g', 'r', 'i')",
        lambda a: (
            offline.above(a, "diaObject.nDiaSources", 3)
            and offline.at(a, "diaSource.band") in ("g", "r", "i")
        ),
    ),
    "history": (
        "size(prvDiaSources) >= 2 AND exists(prvDiaSources, x -> x.snr > 10) OR diaObject IS NULL",
        lambda a: (
            (
                len(a["prvDiaSources"] or []) >= 2
                and any(offline.above(x, "snr", 10) for x in a["prvDiaSources"])
            )
            or a["diaObject"] is None
        ),
    ),
}


@pytest.mark.real_data
def test_three_filters_deliver_what_a_fastavro_loop_selects_byte_for_byte(
    sky, stream, name, deployed, topics
):
    real = [Packet(p, None) for p in offline.real_packets(DATA / "lsst_derived_wire")]
    assert len(real) == 27
    made = [alert.packet for alert in simulate(600, seed=11, pool=40)]
    early, late = made[:200], real + made[200:]

    send(early, stream, topics.bootstrap)
    for key, (where, _) in FILTERS.items():
        spec = skysieve.Filter(f"{name}-{key}", where, stream)
        deployed.append(sky.deploy(spec, start="earliest"))
    for one in deployed:
        one.wait("running")
    send(late, stream, topics.bootstrap)

    alerts = [(p.value, offline.alert(p.value)) for p in early + late]
    for one, (_, passes) in zip(deployed, FILTERS.values(), strict=True):
        expected = Counter(value for value, alert in alerts if passes(alert))
        assert 0 < expected.total() < len(alerts)
        records = arrived(one, expected.total(), stream)
        assert Counter(r.value for r in records) == expected
    assert topics.end(f"{stream}.rejected") == dict.fromkeys(topics.end(stream), 0)


def arrived(deployment, count, stream):
    """The records in an output topic, just as many as expected and no more; each as its headers say it is."""
    topics, records = deployment.topics, delivered(deployment, count)
    sources = {
        (r.partition, r.offset): r for r in topics.read(stream, topics.begin(stream), topics.end(stream))
    }
    version = deployment.version
    for record in records:
        headers = {key: value.decode() for key, value in record.headers}
        place = (int(headers[f"skysieve.source.{n}"]) for n in ("partition", "offset"))
        source = sources[*place]
        assert (source.value, source.key) == (record.value, record.key)
        assert headers["skysieve.source.topic"] == stream
        assert headers["skysieve.filter"] == deployment.name
        assert headers["skysieve.version"] == version
        assert headers["skysieve.annotations"] == "{}"
        assert set(source.headers) <= set(record.headers)
    return records
