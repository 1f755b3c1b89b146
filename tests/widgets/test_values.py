import numpy as np
import pandas as pd
import pytest
from skysieve_widgets.values import exact, matching, values_of

from . import packets


def test_every_value_of_a_packet_is_listed_once_under_its_dotted_name():
    alert = packets.made(1)
    names = [value.name for value in values_of(alert)]
    assert len(names) == len(set(names))
    assert {f"diaSource.{name}" for name in alert["diaSource"]} <= set(names)
    assert {name.split(".")[0] for name in names} == set(alert)


def test_histories_are_counted_bytes_measured_and_ids_exact():
    texts = {value.name: value.text for value in values_of(packets.made(1))}
    assert texts["prvDiaForcedSources"] == "40 records"
    assert texts["cutoutScience"] == "8,640 bytes"
    assert texts["diaSource.diaSourceId"] == "170094456248729606"
    assert texts["diaObject"] == "—"


def test_units_and_descriptions_are_those_of_the_stream():
    columns = pd.DataFrame(
        {"name": ["diaSource.ra"], "type": ["double"], "unit": ["deg"], "description": [None]}
    )
    values = {value.name: value for value in values_of(packets.hand_made(), columns)}
    assert values["diaSource.ra"].unit == "deg"
    assert values["diaSource.ra"].description == ""
    assert values["diaSource.dec"].unit == ""


@pytest.mark.parametrize("value", [61041.250123456789, 1e300, 1e-310, 0.1, -0.0])
def test_no_figure_of_a_number_is_lost(value):
    assert float(exact(value)) == value


def test_a_number_that_was_sent_in_single_precision_is_written_in_it():
    assert exact(float(np.float32(0.7019))) == "0.7019"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (float("nan"), "—"),
        (np.float32("nan"), "—"),
        (float("inf"), "inf"),
        (True, "True"),
        (np.int64(170094456248729605), "170094456248729605"),
        (np.array([1.0, 2.0]), "2 items"),
        ([], "0 items"),
        ({}, "0 items"),
    ],
    ids=repr,
)
def test_odd_values_are_written(value, text):
    assert exact(value) == text


def test_a_search_wants_every_word_anywhere_in_any_case():
    values = values_of(packets.hand_made())
    assert [value.name for value in matching(values, "PSF err")] == ["diaSource.psfFluxErr"]
    assert [value.name for value in matching(values, "17009445624872960")] == ["diaSource.diaSourceId"]
    assert matching(values, "  ") == values
    assert matching(values, "no such words") == []
