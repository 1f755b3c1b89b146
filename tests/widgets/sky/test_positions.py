import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from skysieve_widgets.sky.positions import id_column, position_columns, positions

from widgets import packets

ID = 170094456248729605


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        ("diaSource.ra", "diaSource.dec"),
        ("candidate.ra", "candidate.dec"),
        ("ra", "dec"),
        ("RA", "DEC"),
        ("RAJ2000", "DEJ2000"),
        ("ra", "decl"),
        ("my.ra", "my.dec"),
    ],
)
def test_positions_are_found_under_any_surveys_names(ra, dec):
    found = positions(pd.DataFrame({"diaSourceId": [ID], "snr": [5.0], ra: [10.0], dec: [-20.0]}))
    assert (found.ra.tolist(), found.dec.tolist(), found.ids) == ([10.0], [-20.0], (str(ID),))


def test_the_alerts_own_position_comes_before_its_objects():
    assert position_columns(
        ["diaObject.ra", "diaObject.dec", "ra", "dec", "diaSource.ra", "diaSource.dec"]
    ) == (
        "diaSource.ra",
        "diaSource.dec",
    )
    assert position_columns(["ssObject.ra", "diaObject.ra", "diaObject.dec"]) == (
        "diaObject.ra",
        "diaObject.dec",
    )


def test_the_alerts_id_comes_before_its_objects():
    assert id_column(["objectId", "candid"]) == "candid"
    assert id_column(["diaSource.diaObjectId", "diaSource.diaSourceId"]) == "diaSource.diaSourceId"
    assert id_column(["snr"]) is None


def test_a_table_without_positions_is_refused_with_its_columns():
    with pytest.raises(ValueError, match=r"no right ascension .* \(a, b\): name them"):
        positions(pd.DataFrame({"a": [1], "b": [2]}))
    with pytest.raises(ValueError, match="no column 'x', only a, b"):
        positions(pd.DataFrame({"a": [1], "b": [2]}), columns=("x", "b"))


def test_named_columns_are_taken():
    found = positions(pd.DataFrame({"alpha": [1.0], "delta": [2.0]}), columns=("alpha", "delta"))
    assert (found.ra[0], found.dec[0], found.ids) == (1.0, 2.0, ("0",))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, np.inf, "x"])
def test_what_has_no_position_is_left_out_and_counted(missing):
    table = pd.DataFrame({"candid": [1, 2, 3], "ra": [1.0, missing, 3.0], "dec": [1.0, 2.0, 3.0]})
    found = positions(table)
    assert (found.ids, found.without) == (("1", "3"), 1)


def test_nullable_columns_keep_their_ids_exact():
    table = pd.DataFrame(
        {
            "diaSource.diaSourceId": pd.array([ID, ID + 1, None], dtype="Int64"),
            "diaSource.ra": pd.array([1.0, None, 3.0], dtype="Float64"),
            "diaSource.dec": pd.array([1.0, 2.0, 3.0], dtype="Float64"),
        }
    )
    found = positions(table)
    assert (found.ids, found.without) == ((str(ID), ""), 1)


def test_ids_that_were_made_floats_are_not_taken_for_ids():
    assert positions(pd.DataFrame({"candid": [float(ID)], "ra": [1.0], "dec": [1.0]})).ids == ("0",)


def test_right_ascensions_are_brought_between_0_and_360_and_no_declination_is_beyond_a_pole():
    found = positions(pd.DataFrame({"ra": [-1.0, 361.0, 360.0, 5.0], "dec": [90.0, -90.0, 0.0, 90.1]}))
    assert found.ra.tolist() == [359.0, 1.0, 0.0]
    assert found.without == 1


@pytest.mark.parametrize("kind", [Table, QTable])
def test_units_of_a_table_are_heeded(kind):
    table = kind({"ra": [1.0, 2.0] * u.hourangle, "dec": [0.1, 0.2] * u.rad, "name": ["a", "b"]})
    found = positions(table)
    assert found.ra == pytest.approx([15, 30])
    assert found.dec == pytest.approx(np.degrees([0.1, 0.2]))
    assert found.ids == ("a", "b")


def test_masked_positions_of_a_table_are_left_out():
    table = Table({"ra": np.ma.masked_array([1.0, 2.0], [False, True]), "dec": [1.0, 2.0]})
    assert (len(positions(table)), positions(table).without) == (1, 1)


def test_coordinates_of_any_frame_become_icrs():
    found = positions(SkyCoord(0, 0, frame="galactic", unit="deg"))
    assert (found.ra[0], found.dec[0]) == pytest.approx((266.405, -28.936), abs=1e-3)
    assert len(positions(SkyCoord([1, 2], [3, 4], unit="deg"))) == 2


def test_empty_tables_have_no_positions():
    for empty in (
        pd.DataFrame({"ra": [], "dec": []}),
        pd.DataFrame({"ra": pd.array([], "Float64"), "dec": pd.array([], "Float64")}),
        Table({"ra": [], "dec": []}),
        [],
        SkyCoord([], [], unit="deg"),
    ):
        assert len(positions(empty)) == 0


def test_decoded_alerts_and_tables_of_them_are_taken():
    alert = packets.hand_made()
    for given in (alert, [alert], pd.DataFrame([alert])):
        found = positions(given)
        assert (found.ra.tolist(), found.dec.tolist(), found.ids) == ([54.15], [-27.46], (str(ID),))


@pytest.mark.real_data
def test_real_packets_of_both_surveys_are_where_they_say():
    ztf, lsst = packets.ztf_alerts(), [packets.lsst_file(path) for path in packets.LSST_FILES]
    assert positions(ztf).ids == tuple(str(alert["candid"]) for alert in ztf)
    assert positions(ztf).ra == pytest.approx([alert["candidate"]["ra"] for alert in ztf], abs=0)
    assert positions(lsst).ids == tuple(str(alert["diaSource"]["diaSourceId"]) for alert in lsst)


@pytest.mark.parametrize("odd", [7, "ra", object()])
def test_other_things_are_refused(odd):
    with pytest.raises(TypeError, match="positions cannot be read"):
        positions(odd)
