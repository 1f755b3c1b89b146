"""Messages of errors: which names a misspelt one was meant to be, and where a filter does not parse."""

import pytest
from skysieve import errors
from skysieve.errors import FilterError, FilterSyntaxError, PacketError, SkysieveError, nearest

KNOWN = [
    "diaSource.psfFlux",
    "diaSource.snr",
    "diaSource.ra",
    "diaObject.ra",
    "diaObject.nDiaSources",
    "alertId",
]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("diaObject.nDiaSuorces", ["diaObject.nDiaSources"]),
        ("psfFlx", ["diaSource.psfFlux"]),
        ("PSFFLX", ["diaSource.psfFlux"]),
        ("DIAOBJECT.NDIASUORCES", ["diaObject.nDiaSources"]),
        ("alertID", ["alertId"]),
        ("lertId", ["alertId"]),
        ("elsewhere.psfFlux", ["diaSource.psfFlux"]),
        ("x.RA", ["diaSource.ra", "diaObject.ra"]),
    ],
)
def test_the_nearest_names_are_named(name, meant):
    assert nearest(name, KNOWN) == f" Did you mean {' or '.join(meant)}?"


@pytest.mark.parametrize(("name", "known"), [("zzz", KNOWN), ("", KNOWN), ("x.zzz", KNOWN), ("snr", [])])
def test_where_nothing_is_near_nothing_is_said(name, known):
    assert nearest(name, known) == ""


@pytest.mark.parametrize("name", ["bright_4", "x.bright", "elsewhere.bright"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_more_names_are_named_than_asked_for(name, count):
    known = ["a.bright", "b.bright", "c.bright", "d.bright", "bright_1", "bright_2", "bright_3"]
    assert nearest(name, known, count).count(" or ") == count - 1


def test_three_names_are_enough():
    assert nearest("bright_0", [f"bright_{n}" for n in range(1, 9)]).count(" or ") == 2


def test_the_nearest_comes_first():
    assert nearest("brightest", ["brighter", "brightets", "bright"]).startswith(" Did you mean brightets or")


@pytest.mark.parametrize(
    ("name", "known"), [("alertIdd", ["alertId", "alertId"]), ("alertIdd", ["x.alertId"])]
)
def test_a_name_that_is_near_twice_is_named_once(name, known):
    assert nearest(name, known) == f" Did you mean {known[0]}?"


def test_a_whole_name_comes_before_a_last_part():
    assert nearest("alertIdd", ["x.alertId", "alertId"]) == " Did you mean alertId or x.alertId?"


def test_among_names_of_one_last_part_the_first_is_named():
    assert nearest("ra", KNOWN) == " Did you mean diaSource.ra?"


def test_names_can_come_from_anything_that_yields_them():
    assert nearest("sn", (name for name in ["snr", "zzz"])) == " Did you mean snr?"


@pytest.mark.parametrize(
    ("text", "line", "column", "shown"),
    [
        ("a >", 1, 3, "  a >\n    ^"),
        ("a b", 1, 1, "  a b\n  ^"),
        ("a\nAND b >\nAND c", 2, 7, "  AND b >\n        ^"),
        ("a\n\tAND\tb >", 2, 8, "  \tAND\tb >\n  \t   \t  ^"),
        ("a >", 1, 4, "  a >\n     ^"),
        ("", 1, 1, "  \n  ^"),
        ("a\n", 2, 1, "  \n  ^"),
    ],
)
def test_a_caret_stands_under_the_place_whatever_the_tabs(text, line, column, shown):
    error = FilterSyntaxError("Bad", text, line, column)
    assert str(error) == f"Bad (line {line}, column {column})\n{shown}"
    assert (error.line, error.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "line", "column", "length", "shown"),
    [
        ("a\nAND snrr > 5", 2, 5, 4, "  AND snrr > 5\n      ~~~^"),
        ("\tsnrr", 1, 2, 4, "  \tsnrr\n  \t~~~^"),
        ("snr > 'a\nb'", 1, 7, 5, "  snr > 'a\n        ~^"),
        ("a", 1, 2, 3, "  a\n   ^"),
    ],
)
def test_what_is_meant_is_underlined_as_far_as_its_line_goes(text, line, column, length, shown):
    assert errors.underlined(text, line, column, length) == shown


def test_everything_raised_on_purpose_is_a_skysieve_error():
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and kind.__module__ == errors.__name__
    ]
    assert len(kinds) > 5
    assert all(issubclass(kind, SkysieveError) for kind in kinds)


@pytest.mark.parametrize("kind", [errors.FilterSyntaxError, errors.ColumnError])
def test_errors_of_text_and_columns_are_errors_of_filters(kind):
    assert issubclass(kind, FilterError)


def test_an_error_of_a_packet_knows_its_stage():
    error = PacketError("schema-id", "No such schema")
    assert (error.stage, str(error)) == ("schema-id", "No such schema")
