"""Single alerts in Python: each by what its packet says, whatever came before it."""

import io
import math

import fastavro
import offline
import pytest
from skysieve import PacketError, StreamError
from skysieve.packets.alerts import Alerts, plain
from skysieve.sources import simulate

LSST = next(simulate(1, seed=5, pool=8)).packet.value


def container(*alerts):
    schema = {"type": "record", "name": "alert", "fields": [{"name": "flux", "type": ["null", "double"]}]}
    out = io.BytesIO()
    fastavro.writer(out, schema, alerts)
    return out.getvalue()


def test_packets_of_all_formats_are_read_one_after_another():
    alerts, several = Alerts(), container({"flux": 1.5}, {"flux": math.nan})
    for _ in range(2):
        assert alerts.read(LSST)["diaSource"] == plain(offline.alert(LSST)["diaSource"])
        assert [alerts.read(several, number) for number in (0, 1)] == [{"flux": 1.5}, {"flux": None}]
        assert alerts.read(b'{"id": 1152921504606846977}') == {"id": 2**60 + 1}


@pytest.mark.parametrize(
    ("packet", "record", "stated", "message"),
    [
        (b"", 0, None, "is empty"),
        (b"clouds until midnight", 0, None, "in no format that Skysieve knows: it begins with 63 6c 6f 75"),
        (LSST[:900], 0, None, "does not fit schema"),
        (LSST, 1, None, "the packet has no alert 1: it holds 1"),
        (LSST, -1, None, "the packet has no alert -1"),
        (LSST, 0, "json", "the message is no JSON"),
    ],
)
def test_what_cannot_be_read_says_why(packet, record, stated, message):
    with pytest.raises(PacketError, match=message):
        Alerts().read(packet, record, stated)


def test_a_stated_format_that_does_not_exist_is_named():
    with pytest.raises(StreamError, match=r"no packet format 'lsts'.* Did you mean lsst"):
        Alerts().read(LSST, stated="lsts")


def test_only_nan_becomes_none():
    told = {"a": [{"b": math.nan}, {"b": math.inf}], "c": 0.0, "d": b"\0", "e": None, "f": 2**62 + 1}
    assert plain(told) == {**told, "a": [{"b": None}, {"b": math.inf}]}
