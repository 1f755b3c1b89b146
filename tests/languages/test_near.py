"""Filters that join alerts with another stream are cuts in SQL, and what is near."""

import pytest
from skysieve import ColumnError, Filter, FilterSyntaxError
from skysieve.languages.detection import language
from skysieve.packets import formats

COLUMNS = formats.get("lsst").columns()
WHOLE = "snr > 5 AND band = 'g'\nNEAR 'gcn' BEFORE '1 day' AFTER '7 days' LEVEL 0.5 LATENESS '2 days'"


def test_it_is_a_filter_with_cuts_and_another_stream(tmp_path):
    spec = Filter("some", WHOLE, "alerts")
    assert (spec.language, spec.is_isolated, spec.has_state) == ("near", True, True)
    assert [cut.text for cut in spec.cuts] == ["snr > 5", "band = 'g'"]
    joining = spec.joining
    assert (joining.stream, joining.before, joining.after) == ("gcn", 86400, 7 * 86400)
    assert (joining.level, joining.radius, joining.lateness) == (0.5, None, 2 * 86400)
    assert Filter.from_json(spec.to_json()) == spec == Filter.from_file(spec.to_file(tmp_path / "some"))
    assert language(WHOLE) == "near"
    assert {column.name for column in spec.bind(COLUMNS).columns} == {"diaSource.snr", "diaSource.band"}


def test_what_is_near_is_a_part_of_its_version():
    one = Filter("some", WHOLE, "alerts").version
    assert Filter("some", WHOLE.replace("\n", "  -- gravitational waves\n"), "alerts").version == one
    for old, new in (("0.5", "0.6"), ("'gcn'", "'gcn2'"), ("7 days", "8 days"), ("snr > 5", "snr > 6")):
        assert Filter("some", WHOLE.replace(old, new), "alerts").version != one


def test_it_needs_no_cut():
    assert Filter("some", "near 'ztf-alerts' radius '2 arcsec'", "alerts").cuts == ()


@pytest.mark.parametrize("text", ["name = 'NEAR ''x'''", "near > 5", "NEAR(x, 'y') > 3"])
def test_other_filters_can_have_the_word(text):
    assert language(text) == "sql"


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("snr > 5 NEAR 'g cn'", "can be no stream", (1, 14)),
        ("snr > 5 NEAR 'g' LEVEL 2", "LEVEL is a number", (1, 24)),
        ("snr > 5 NEAR 'g'\n AFTER '-3 days'", "'-3 days' is no length of time", (2, 8)),
        ("snr > 5 NEAR 'g' AFTER", "'AFTER' is not expected", (1, 18)),
        ("snr > 5 NEAR 'g' SOON 3", "'SOON' is not expected", (1, 18)),
        ("snr > 5 NEAR 'g' RADIUS '20 deg'", "RADIUS is an angle", (1, 25)),
        ("snr > 5 NEAR 'g' RADIUS '-1 arcsec'", "RADIUS is an angle", (1, 25)),
        ("snr > NEAR 'g'", "something is missing", (1, 5)),
    ],
)
def test_a_mistake_is_told_with_its_place(text, message, place):
    with pytest.raises(FilterSyntaxError, match=message) as caught:
        Filter("some", text, "alerts")
    assert (caught.value.line, caught.value.column) == place


def test_an_unknown_column_is_told():
    with pytest.raises(ColumnError, match="snrr"):
        Filter("some", "snrr > 5 NEAR 'gcn'", "alerts").bind(COLUMNS)
