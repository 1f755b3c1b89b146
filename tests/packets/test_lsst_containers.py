"""LSST's alerts in object containers have what they have in LSST's own framing: columns, units, times in TAI."""

import io

import fastavro
import offline
import pytest
from conftest import DATA
from fastavro.schema import load_schema
from skysieve.engine.groups import event_time
from skysieve.packets import formats, histories
from skysieve.packets.decode import decode, kafka
from skysieve.sources import simulate

LSST = formats.get("lsst")
PACKETS = [
    alert.packet.value for alert in simulate(12, seed=5, pool=12) if alert.packet.value[3:5] == b"\x03\xe8"
]


def container(packet, version=1000, **codec):
    out = io.BytesIO()
    fastavro.writer(out, load_schema(offline.schemas()[version]), [offline.alert(packet)], **codec)
    return out.getvalue()


CONTAINERS = [container(packet) for packet in PACKETS]


def values(sky, known, packets, names):
    source = sky.spark.createDataFrame(
        [(i, bytearray(p)) for i, p in enumerate(packets)], "offset bigint, value binary"
    )
    columns = [known.columns()[name] for name in names]
    when = event_time(known.places).cast("string").alias("when")
    rows = decode(source, known, columns).orderBy(kafka("offset"))
    return [row.asDict() for row in rows.select(kafka("problem"), when, *(f"`{n}`" for n in names)).collect()]


def test_derived_columns_and_times_are_those_of_lsst_s_own_framing(sky):
    known = formats.detect(CONTAINERS[0]).fitted(CONTAINERS)
    assert known.name == "lsst-containers"
    assert not known.in_python
    names = [c.name for c in LSST.columns() if c.sql] + [LSST.places.time, LSST.places.object]
    assert len(names) == 13
    found = values(sky, known, CONTAINERS, names)
    assert found == values(sky, LSST, PACKETS, names)
    assert any(row["derived.mag"] is not None for row in found)
    assert all(row["when"] for row in found)
    assert known.places == LSST.places
    assert histories.find(known.columns()).survey == "LSST"


@pytest.mark.real_data
def test_alerts_that_another_broker_rewrote_have_lsst_s_units_and_descriptions():
    (file, *_) = sorted((DATA / "lsst" / "astrolabsoftware+fink-broker").iterdir())
    known = formats.detect(file.read_bytes()).fitted([file.read_bytes()])
    for name in ("diaSource.psfFlux", "diaSource.ra", "prvDiaSources"):
        ours, theirs = known.columns()[name], LSST.columns()[name]
        assert (ours.unit, ours.description) == (theirs.unit, theirs.description)
    assert known.columns()["diaSource.psfFlux"].unit == "nJy"
    assert "brokerIngestMjd" in known.columns()


@pytest.mark.real_data
def test_every_real_container_of_lsst_is_known_as_such_and_no_other():
    named = {
        (folder.name, formats.detect(file.read_bytes()).name)
        for folder in DATA.iterdir()
        if folder.name in ("lsst", "ztf", "pgir", "winter")
        for file in folder.rglob("*.avro")
    }
    assert named == {
        ("lsst", "lsst-containers"),
        ("lsst", "lsst"),
        ("ztf", "ztf"),
        ("pgir", "avro"),
        ("winter", "avro"),
    }


@pytest.mark.parametrize("schema", [["null", "long"], {"type": "record", "name": "a", "fields": []}, "long"])
def test_other_schemas_are_not_claimed(schema):
    out = io.BytesIO()
    fastavro.writer(out, schema, [])
    assert formats.detect(out.getvalue()).name == "avro"
