"""Alert packets read with fastavro alone, by the survey's own schema files: what the tests compare Skysieve with."""

import gzip
import io
import math
import re
from functools import cache
from importlib import metadata

import fastavro
from fastavro.schema import load_schema

_ROOT = re.compile(r"schema/(\d+)/(\d+)/lsst\.v\d+_\d+\.alert\.avsc$")


@cache
def schemas():
    found = {}
    for file in metadata.files("lsst-alert-packet"):
        if match := _ROOT.search(file.as_posix()):
            major, minor = map(int, match.groups())
            found[100 * major + minor] = str(file.locate())
    return found


@cache
def _schema(version):
    return load_schema(schemas()[version])


def alert(packet):
    """The alert in a packet in Kafka framing."""
    assert packet[0] == 0
    return fastavro.schemaless_reader(
        io.BytesIO(packet[5:]), _schema(int.from_bytes(packet[1:5], "big")), return_record_name=False
    )


def real_packets(folder):
    """The packets in a folder of gzipped ones, and in its subfolders."""
    return [gzip.decompress(path.read_bytes()) for path in sorted(folder.rglob("*.gz"))]


def at(found, path):
    """The value at a dotted path, None where there is none and for NaN."""
    for name in path.split("."):
        if found is None:
            return None
        found = found.get(name)
    return None if isinstance(found, float) and math.isnan(found) else found


def above(found, path, limit):
    """Whether the value there is known and above a limit."""
    value = at(found, path)
    return value is not None and value > limit


def packet(found, version):
    """An alert in Kafka framing."""
    out = io.BytesIO(b"\0" + version.to_bytes(4, "big"))
    out.seek(5)
    fastavro.schemaless_writer(out, _schema(version), found)
    return out.getvalue()
