"""Tables of whole alerts: ids stay the integers they are."""

import fastavro.utils
import offline
import pandas as pd
import pytest
from conftest import DATA
from fastavro.schema import load_schema
from skysieve import PacketError
from skysieve.packets import formats
from skysieve.packets.columns import Columns
from skysieve.packets.tables import scalars

LSST = formats.get("lsst")
FIELDS = {
    "id": "long",
    "next": ["null", "long"],
    "count": ["null", "int"],
    "flag": ["null", "boolean"],
    "ra": ["null", "double"],
    "snr": ["null", "float"],
    "band": ["null", "string"],
    "image": ["null", "bytes"],
    "list": ["null", {"type": "array", "items": "long"}],
}
BIG = 2**53 + 1  # the first integer that a float does not hold


def firsts(packets):
    """Each packet with the number of its only alert."""
    return [(packet, 0) for packet in packets]


class Plain:
    """A format whose packets are the alerts themselves."""

    def read(self, packet):
        return [packet]

    def columns(self):
        fields = [{"name": name, "type": kind, "doc": ""} for name, kind in FIELDS.items()]
        source = {"type": "record", "name": "alert_source", "fields": fields}
        whole = [
            {"name": "id", "type": "long", "doc": ""},
            {"name": "source", "type": ["null", source], "doc": ""},
        ]
        return Columns({1: {"type": "record", "name": "alert", "fields": whole}})


@pytest.mark.parametrize("number", [BIG, 2**63 - 1, -(2**63), 170_094_456_248_729_605])
def test_ids_beyond_2_to_the_53_are_kept_beside_missing_ones(number):
    table = scalars(
        firsts([{"id": number, "source": {"next": number}}, {"id": number - (number > 0)}]), Plain()
    )
    assert table["id"].tolist() == [number, number - (number > 0)]
    assert table["source.next"].tolist() == [number, pd.NA]
    assert table["source.next"].dtype == pd.Int64Dtype()


@pytest.mark.parametrize(
    ("name", "value", "dtype"),
    [
        ("next", BIG, "Int64"),
        ("count", 3, "Int32"),
        ("flag", False, "boolean"),
        ("ra", 1.25, "float64"),
        ("snr", 0.5, "float32"),
        ("band", "g", "string"),
    ],
)
def test_each_type_has_its_column_type_and_a_missing_value_is_missing(name, value, dtype):
    packets = [{"id": 1, "source": {name: value}}, {"id": 2, "source": {}}, {"id": 3, "source": None}]
    column = scalars(firsts(packets), Plain())[f"source.{name}"]
    assert column.dtype == dtype
    assert column[0] == value
    assert column.isna().tolist() == [False, True, True]


def test_columns_that_no_alert_has_and_those_of_no_scalar_are_left_out():
    packets = [{"id": 1, "source": {"count": 0, "band": None, "image": b"x", "list": [1]}}, {"id": 2}]
    assert list(scalars(firsts(packets), Plain())) == ["id", "source.count"]


def test_no_alerts_are_an_empty_table():
    assert scalars(firsts([]), Plain()).empty


def test_alerts_of_all_versions_share_one_table_row_by_row():
    packets = [
        offline.packet(fastavro.utils.generate_one(load_schema(path)), version)
        for version, path in offline.schemas().items()
    ]
    table = scalars(firsts(packets), LSST)
    assert len(table) == len(packets)
    for row, packet in zip(table.to_dict("records"), packets, strict=True):
        alert = offline.alert(packet)
        assert row["diaSource.diaSourceId"] == alert["diaSource"]["diaSourceId"]
        assert row["diaSource.ra"] == alert["diaSource"]["ra"]


@pytest.mark.real_data
def test_real_alerts_are_in_the_table_value_by_value():
    packets = offline.real_packets(DATA / "lsst_derived_wire")
    table = scalars(firsts(packets), LSST)
    alerts = [offline.alert(packet) for packet in packets]
    ids = [alert["diaSource"]["diaSourceId"] for alert in alerts]
    assert table["diaSource.diaSourceId"].tolist() == ids
    assert min(ids) > 2**53
    for name in table:
        for found, alert in zip(table[name], alerts, strict=True):
            expected = offline.at(alert, name)
            assert (None if pd.isna(found) else found) == expected, name


def test_a_packet_that_cannot_be_decoded_is_an_error():
    with pytest.raises(PacketError):
        scalars(firsts([b"\0\0\0\x03\xe8"]), LSST)
