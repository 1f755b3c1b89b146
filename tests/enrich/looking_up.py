"""Lookups in services of the tests' own, and what they give."""

import json

import pyarrow as pa
from skysieve.enrich import Lookup, Rest, Sql, Tap
from skysieve.enrich.base import read, written
from skysieve.enrich.store import Store
from skysieve.packets import formats

COLUMNS, PLACES = formats.get("lsst").columns(), formats.get("lsst").places
KNOWN = {"z": "double [1] Redshift", "n": "int Detections", "name": "string"}
HOSTS = [(1, 0.5, 3, "a"), (2, None, 7, "O'Neill"), (2**60 + 1, 1.5, 9, "c")]
ID = "diaObject.diaObjectId"


def ready(lookup):
    return lookup.prepared(Store.default(), COLUMNS, PLACES)


def rows(lookup, *values, kind=None):
    """What it gives for a batch, as a worker has it: from what the registry keeps."""
    kept = read(json.loads(json.dumps(written(ready(lookup)))))
    kind = kind or (pa.string() if any(isinstance(v, str) for v in values) else pa.int64())
    found = kept.on_arrow(pa.array(values, kind))
    assert [field.name for field in found.type] == [given.name for given in kept.gives()]
    return found.to_pylist()


def reasons(lookup, *values):
    found = rows(lookup, *values)
    assert all(row["reason"] is None or {row[name] for name in KNOWN} == {None} for row in found)
    return [row["reason"] for row in found]


def rest(server, **more):
    return Lookup(Rest(f"{server.url}/objects/{{{ID}}}"), KNOWN, **more)


def tap(server, where=f"id IN ({{{ID}}})", **more):
    return Lookup(Tap(f"{server.url}/tap", f"SELECT * FROM hosts WHERE {where}"), KNOWN, **more)


def sql(database, where=f"id IN ({{{ID}}})", **more):
    return Lookup(Sql(f"sqlite:///{database}", f"SELECT * FROM hosts WHERE {where}"), KNOWN, **more)


ASKS = {
    "rest": lambda server, **more: rest(server, **more),
    "tap": lambda server, **more: tap(server, **more),
    "tap, each": lambda server, **more: tap(server, f"id = {{{ID}}}", **more),
    "sql": lambda server, **more: sql(server.database, **more),
    "sql, each": lambda server, **more: sql(server.database, f"id = {{{ID}}}", **more),
}
OVER_HTTP = ["rest", "tap"]
