"""Filters in Python: which function, which columns, and what is refused before anything runs."""

import re

import pytest
import skysieve
from skysieve import Filter
from skysieve.errors import ColumnError, FilterError, FilterSyntaxError
from skysieve.languages.python import bind, content, cuts
from skysieve.packets import formats

LSST, ZTF = formats.get("lsst").columns(), formats.get("ztf").columns()


def bound(text, columns=LSST):
    return bind(cuts(text)[0], columns)


def names(text, columns=LSST):
    return [column.name for column in bound(text, columns).columns]


def test_the_last_function_is_the_filter_and_its_one_cut():
    (cut,) = cuts("def helper(x):\n    return x\n\ndef f(snr):\n    return helper(snr) > 1\n")
    assert (cut.text, cut.line, cut.column) == ("f", 4, 1)


@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        ("snr, diaSource", ["diaSource.snr", "diaSource"]),
        ("SNR", ["diaSource.snr"]),
        ("diaSourceId", ["diaSourceId"]),
        ("nDiaSources", ["diaObject.nDiaSources"]),
        ("gal_b, prvDiaSources, cutoutScience", ["derived.gal_b", "prvDiaSources", "cutoutScience"]),
        ("is_sso, is_first, firstDiaSourceMjdTaiFink", ["is_sso", "is_first", "firstDiaSourceMjdTaiFink"]),
        ("snr, nothing_like_it=3, reliability=1", ["diaSource.snr"]),
        ("snr, reliability=1", ["diaSource.snr", "diaSource.reliability"]),
    ],
)
def test_arguments_are_named_after_columns(arguments, columns):
    assert (
        names(
            f"def f({arguments}):\n    return snr > 1" if "snr" in arguments else f"def f({arguments}): pass"
        )
        == columns
    )


def test_ztf_has_no_columns_that_fink_works_out_from_lsst_s():
    with pytest.raises(ColumnError, match="does not have: is_sso"):
        bound("def f(is_sso): return is_sso", ZTF)


@pytest.mark.parametrize("arguments", ["ra, snr", "snr, ra=0.0"])
def test_an_argument_that_could_be_several_columns_is_no_missing_one(arguments):
    with pytest.raises(ColumnError, match=r"'ra' could be diaSource.ra or .* named after its record"):
        bound(f"def f({arguments}):\n    return snr > 1")


def test_all_columns_that_are_missing_are_named():
    with pytest.raises(
        ColumnError, match=r"does not have: simbad_otype, psfFlx\. Did you mean diaSource\.psfFlux"
    ):
        bound("def f(snr, simbad_otype, psfFlx): return snr > 1")


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("x = 1", FilterError, "A filter in Python is a function"),
        ("def f(snr:\n  pass", FilterSyntaxError, "This is not Python"),
        ("def f(snr):\n    return snr > LIMIT", FilterSyntaxError, "'LIMIT' is not defined in this filter"),
        ("", FilterError, "A filter in Python is a function"),
    ],
)
def test_what_cannot_run_by_itself_is_refused(text, error, says):
    with pytest.raises(error, match=re.escape(says)):
        Filter("f", text, "s", language="python")


@pytest.mark.parametrize("arguments", ["*columns", "snr, **more", "snr, *, ra"])
def test_arguments_that_no_column_can_be_named_after_are_refused(arguments):
    with pytest.raises(FilterError, match=re.escape("(*, **)")):
        bound(f"def f({arguments}): return True")


def test_a_function_without_arguments_is_refused():
    with pytest.raises(ColumnError, match="has no argument"):
        bound("def f(): return True")


def test_one_alert_at_a_time_by_its_decorator():
    assert bound("import skysieve\n@skysieve.per_alert\ndef f(snr): return True").per_alert
    assert bound("from skysieve import per_alert\n@per_alert\ndef f(snr): return True").per_alert
    assert not bound("def f(snr): return True").per_alert


def test_comments_and_layout_do_not_make_another_version():
    one = Filter("f", "def f(snr):\n    return snr > 1\n", "s", language="python")
    same = Filter("f", "# why\ndef f( snr ):\n\n    return (snr > 1)  # so\n", "s", language="python")
    other = Filter("f", "def f(snr):\n    return snr > 2\n", "s", language="python")
    assert content(one.where) == content(same.where)
    assert one.version == same.version != other.version
    assert one.is_isolated


def test_a_filter_of_a_function_has_its_name_and_first_line():
    @skysieve.per_alert
    def young(diaObject):  # noqa: N803
        """Seen a few times.

        And more.
        """
        return diaObject is not None and diaObject["nDiaSources"] < 5

    spec = Filter.from_function(young, "s", tags=["t"])
    assert (spec.name, spec.description, spec.tags) == ("young", "Seen a few times.", ("t",))
    assert spec == Filter.from_json(spec.to_json())
    assert spec.version == Filter.from_function(young, "s").version
    assert spec.made_with["skysieve"]
