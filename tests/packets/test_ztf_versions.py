"""ZTF's packets of every schema from v1.8 to v4.02 in one topic: each as it is, and the fields it lacks are NULL."""

import io
from collections import Counter

import fastavro
import pytest
from conftest import DATA
from offline import above, at
from skysieve import Filter
from skysieve.sources import Packet, send

pytestmark = pytest.mark.real_data
ZPS = ("magzpsci", "magzpsciunc", "magzpscirms", "clrcoeff", "clrcounc")
ADDED = {
    "2.0": {
        "alert": ("schemavsn", "publisher"),
        "candidate": ("rbversion",),
        "prv_candidate": ("rbversion",),
    },
    "3.0": {
        "candidate": (
            *("dsnrms", "ssnrms", "dsdiff", *ZPS, "nmatches", "zpclrcov", "zpmed", "clrmed", "clrrms"),
            *("neargaia", "neargaiabright", "maggaia", "maggaiabright"),
        )
    },
    "3.1": {"candidate": ("exptime",)},
    "3.2": {"prv_candidate": ZPS},
    "3.3": {"candidate": ("drb", "drbversion")},
}
"""What each version brought, after the history of the schema folder of ZTF's ztf-avro-alert; 1.8 had all else."""
OLDER = ["1.8", "2.0", "3.0", "3.1", "3.2"]
PER_VERSION = 2


def real(version):
    """Real packets of that schema version, not too many."""
    found = []
    for file in sorted((DATA / "ztf").rglob("*.avro")):
        reader = fastavro.reader(io.BytesIO(file.read_bytes()))
        if reader.writer_schema.get("version") == version and "schemavsn" in str(reader.writer_schema):
            found.append((file.read_bytes(), reader.writer_schema))
    return found[:PER_VERSION]


def without(part, lacked, version):
    """The schema of an older version: its fields, its number, and null as the last branch, as it was then."""
    if isinstance(part, list):
        kinds = [without(one, lacked, version) for one in part]
        return sorted(kinds, key=lambda kind: kind == "null")
    if isinstance(part, dict) and part["type"] == "array":
        return {**part, "items": without(part["items"], lacked, version)}
    if not isinstance(part, dict) or part["type"] != "record":
        return part
    gone = lacked.get(part["name"].rpartition(".")[2], ())
    fields = [
        {"name": f["name"], "type": without(f["type"], lacked, version), "doc": f.get("doc", "")}
        for f in part["fields"]
        if f["name"] not in gone
    ]
    return {**part, "version": version, "fields": fields}


def older(packet, schema, version):
    """A real packet of v3.3 as it would have been sent by an older version; its sign in letters, as then."""
    lacked = {}
    for later, records in ADDED.items():
        if later > version:
            for record, names in records.items():
                lacked.setdefault(record, []).extend(names)
    (alert,) = fastavro.reader(io.BytesIO(packet))
    alert["schemavsn"] = version
    alert["candidate"]["isdiffpos"] = {"1": "t", "0": "f"}.get(alert["candidate"]["isdiffpos"], "t")
    out = io.BytesIO()
    fastavro.writer(out, without(schema, lacked, version), [alert])
    return out.getvalue()


def test_versions_from_1_8_to_4_02_are_decoded_in_one_topic(sky, stream):
    newest = [packet for version in ("3.1", "4.01", "4.02") for packet, _ in real(version)]
    base = real("3.3")
    assert len(base) == PER_VERSION
    packets = [
        *newest,
        *(p for p, _ in base),
        *(older(p, schema, version) for version in OLDER for p, schema in base),
    ]
    chosen = [Packet(packets[i], str(i).encode()) for i in range(0, len(packets), 2)]
    chosen += [Packet(packets[i], str(i).encode()) for i in range(1, len(packets), 2)]
    send(chosen, stream, sky.topics.bootstrap)
    source = sky.stream(stream)
    assert source.format.name == "ztf"
    assert not source.format.in_python
    alerts = [next(fastavro.reader(io.BytesIO(packet))) for packet in packets]

    records = sky.topics.read(stream, sky.topics.begin(stream), sky.topics.end(stream))
    numbers = {(r.partition, r.offset): int(r.key) for r in records}
    rows = {
        numbers[row["kafka"]["partition"], row["kafka"]["offset"]]: row.asDict(recursive=True)
        for row in source.recent(100).collect()
    }
    assert rows.keys() == set(range(len(packets)))
    compared, missing = 0, Counter()
    for number, alert in enumerate(alerts):
        row = rows[number]
        for parts, there in (
            ([alert], [row]),
            ([alert["candidate"]], [row["candidate"]]),
            (alert["prv_candidates"] or [], row["prv_candidates"] or []),
        ):
            assert len(parts) == len(there)
            for part, shown in zip(parts, there, strict=True):
                for name in shown.keys() - {"kafka", "candidate", "prv_candidates", "fp_hists"}:
                    assert shown[name] == at(part, name), (number, name)
                    compared += 1
                    missing[name] += name not in part
    assert compared > 5000
    assert missing["drb"] == PER_VERSION * (len(OLDER) + 1)
    assert missing["schemavsn"] == PER_VERSION

    columns = source.described
    for name, since in {
        "candid": "1.8",
        "publisher": "2.0",
        "candidate.rbversion": "2.0",
        "candidate.zpmed": "3.0",
        "candidate.exptime": "3.1",
        "candidate.drb": "3.3",
        "fp_hists": "4.01",
    }.items():
        assert (columns[name].since, columns[name].until) == (since, "4.02"), name
    assert columns["candidate.nmatches"].null
    assert not columns["candidate.nmtchps"].null

    seen = sky.preview(Filter("positive", "candidate.drb > 0.5 AND derived.is_positive", stream))
    scored = [alert for alert in alerts if above(alert, "candidate.drb", 0.5)]
    positive = [alert for alert in alerts if at(alert, "candidate.isdiffpos") in ("t", "1")]
    assert (seen.read, seen.rejected) == (len(packets), 0)
    assert list(seen.cuts["alone"]) == [len(scored), len(positive)]
    assert 0 < len(scored) < len(positive) < len(packets)
