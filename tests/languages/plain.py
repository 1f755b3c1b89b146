"""Filters worked out in plain Python over what fastavro reads: SQL's three-valued logic, None for NULL."""

import functools
import gzip
import io
import math
import re

import fastavro
import numpy as np
import offline
from conftest import DATA

LSST_WIRE = ("lsst_derived_wire", "lsst/mwvgroup+pittgoogle-client")
LSST_CONTAINERS = (
    "lsst/astrolabsoftware+fink-broker",
    "lsst/astrolabsoftware+fink-client",
    "lsst/lsst+alert_packet",
    "lsst/AmpelAstro+Ampel-LSST",
)
_VERSION = re.compile(r"lsst\.v(\d+)_(\d+)\.")


def files(*folders):
    """The bytes of every packet file in these folders, unzipped."""
    paths = sorted(path for folder in folders for path in (DATA / folder).rglob("*") if path.is_file())
    values = [path.read_bytes() for path in paths if path.suffix in (".avro", ".gz", ".bin")]
    return [gzip.decompress(v) if v.startswith(b"\x1f\x8b") else v for v in values]


def alerts(packet):
    """What fastavro reads in a packet, one dict per alert."""
    if packet.startswith(b"Obj"):
        return list(fastavro.reader(io.BytesIO(packet)))
    return [offline.alert(packet)]


def framed(container):
    """The LSST alerts of a container, each as it would travel on Kafka, by the schema of its own version."""
    reader = fastavro.reader(io.BytesIO(container))
    match = _VERSION.match(reader.writer_schema["name"])
    version = 100 * int(match[1]) + int(match[2]) if match else 900  # Fink's, written by Spark, are of v9.0
    for alert in reader:
        known = alert["diaObject"] and alert["diaObject"]["diaObjectId"] is not None
        yield offline.packet({**alert, "diaObject": alert["diaObject"] if known else None}, version)


def strict(function):
    """NULL where one argument is; NaN is NULL, too."""

    @functools.wraps(function)
    def evaluate(*values):
        return None if any(map(is_null, values)) else function(*values)

    return evaluate


def is_null(value):
    return value is None or (isinstance(value, float) and math.isnan(value))


gt = strict(lambda x, y: x > y)
ge = strict(lambda x, y: x >= y)
lt = strict(lambda x, y: x < y)
le = strict(lambda x, y: x <= y)
eq = strict(lambda x, y: x == y)
ne = strict(lambda x, y: x != y)
no = strict(lambda x: not x)
add = strict(lambda x, y: x + y)
sub = strict(lambda x, y: x - y)
mul = strict(lambda x, y: x * y)
div = strict(lambda x, y: None if y == 0 else x / y)
mag = strict(lambda flux: 31.4 - 2.5 * math.log10(flux) if flux > 0 else None)
single = strict(lambda x: float(np.float32(x)))
"""Rounded to 32 bits, as Spark's arithmetic on columns of 32 bits is."""


def both(*values):
    """AND: false decides, then NULL."""
    return False if any(v is False for v in values) else None if None in values else True


def either(*values):
    """OR: true decides, then NULL."""
    return True if any(v is True for v in values) else None if None in values else False


def between(x, low, high):
    return both(ge(x, low), le(x, high))


def one_of(x, *values):
    """IN: NULL in the list makes a no a NULL."""
    return either(*(eq(x, value) for value in values))


def galactic_latitude(ra, dec):
    from astropy.coordinates import SkyCoord

    return float(SkyCoord(ra, dec, unit="deg").galactic.b.deg)


class Alert:
    """An alert by dotted names: None where there is nothing, and for NaN."""

    def __init__(self, record):
        self.record = record

    def __call__(self, path):
        found = self.record
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return None if is_null(found) else found

    def all(self, path, field):
        """The field of each record of an array, or None without an array."""
        records = self(path)
        return None if records is None else [Alert(record)(field) for record in records]
