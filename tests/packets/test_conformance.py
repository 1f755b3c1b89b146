"""Every real packet, of every survey, decoded by Spark here and by fastavro: the same in every value."""

import gzip
import io
import math

import fastavro
import offline
import pytest
from conftest import DATA
from pyspark.sql import functions as F  # noqa: N812
from skysieve.engine import plan
from skysieve.packets.decode import PROBLEM, decode, kafka
from skysieve.packets.formats import RECORD
from skysieve.sources import Packet, send

SURVEYS = {
    "lsst": (["lsst_derived_wire", "lsst/mwvgroup+pittgoogle-client"], 34),
    "lsst in containers": (
        [
            "lsst/astrolabsoftware+fink-broker",
            "lsst/astrolabsoftware+fink-client",
            "lsst/lsst+alert_packet",
            "lsst/AmpelAstro+Ampel-LSST",
        ],
        40 + 7 + 5 + 10,
    ),
    "ztf": (["ztf"], 179),
    "pgir": (["pgir"], 6),
    "winter": (["winter"], 5),
}


TWICE = {"candidate.sgmag1_65"}
"""WINTER's schema has two fields of this name; fastavro gives the last of them, Skysieve both."""


OTHER = {"timestamp"}
"""Fink adds it to ZTF's packets, as text or as a time; what is text is NULL, and that is reported."""


def other_type(packets, column):
    """The packets in which a column is text, though it is not elsewhere."""
    return [
        i
        for i, packet in enumerate(packets)
        if any(isinstance(expected(a, column), str) for a in alerts(packet))
    ]


def messages(folders):
    files = sorted(f for folder in folders for f in (DATA / folder).rglob("*") if f.is_file())
    values = [f.read_bytes() for f in files if f.suffix in (".avro", ".gz", ".bin")]
    return [gzip.decompress(v) if v.startswith(b"\x1f\x8b") else v for v in values]


def alerts(value):
    """What fastavro reads, one dict per alert."""
    if value.startswith(b"Obj"):
        return list(fastavro.reader(io.BytesIO(value)))
    return [offline.alert(value)]


def expected(alert, column):
    found = alert
    for name in column.path:
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, list):
        return len(found)
    if isinstance(found, float) and math.isnan(found):
        return None
    return found.replace(tzinfo=None) if hasattr(found, "tzinfo") else found


@pytest.mark.real_data
@pytest.mark.parametrize("survey", SURVEYS)
def test_scalars_and_lengths_of_arrays_equal_fastavros(sky, stream, survey, capsys):
    folders, count = SURVEYS[survey]
    packets = messages(folders)
    send([Packet(p, str(i).encode()) for i, p in enumerate(packets)], stream, sky.topics.bootstrap)
    source = sky.stream(stream).learned(packets)
    columns = [c for c in source.format.columns() if not c.sql and (c.is_scalar or c.is_array)]
    columns = [c for c in columns if c.name not in TWICE]
    records = plan.read_range(sky.spark, sky.topics, stream, sky.topics.begin(stream), sky.topics.end(stream))
    values = [F.size(f"`{c.name}`") if c.is_array else F.col(f"`{c.name}`") for c in columns]
    shown = [
        F.when(F.col(f"`{c.name}`").isNotNull(), v).alias(f"c{i}")
        for i, (c, v) in enumerate(zip(columns, values, strict=True))
    ]
    at = kafka("key").cast("string").cast("int").alias("at")
    rows = (
        decode(records, source.format, columns)
        .select(at, kafka("record"), kafka("problem"), *shown)
        .collect()
    )
    found = {(row["at"], row[RECORD]): row for row in rows}
    everything = {(i, j): a for i, packet in enumerate(packets) for j, a in enumerate(alerts(packet))}
    assert len(everything) == count
    assert found.keys() == everything.keys()
    reported = {
        (i, c.name) for c in columns if "of another type" in c.description for i in other_type(packets, c)
    }
    assert {name for _, name in reported} == (OTHER if survey == "ztf" else set())
    compared = reported_null = 0
    for place, alert in everything.items():
        row = found[place]
        assert row[PROBLEM] is None
        for i, column in enumerate(columns):
            if (place[0], column.name) in reported:
                assert row[f"c{i}"] is None
                reported_null += 1
                continue
            assert row[f"c{i}"] == expected(alert, column), (place, column.name)
            compared += 1
    with capsys.disabled():
        print(
            f" {survey}: {len(everything)} alerts, {len(columns)} columns, {compared} values compared", end=""
        )
    assert compared + reported_null == count * len(columns)
