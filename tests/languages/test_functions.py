"""The text of a function: it runs by itself, gives the same, and says what cannot travel."""

import math as m
from math import floor as down
from statistics import fmean

import numpy as np
import pandas as pd
import pytest
import skysieve
from numpy import log10
from skysieve.errors import FilterError
from skysieve.languages.functions import code_of, is_installed, versions

LIMIT, NOT_A_NUMBER, FIFTH = 10, float("nan"), np.float64(0.2)
BANDS = {"g": [1, 2.5], "r": (3, None)}
TABLE = pd.DataFrame({"x": [1]})


def helper(x):
    return x > LIMIT


def uses_all(x):
    """A function with all that can travel."""
    return helper(x) and down(m.sqrt(x)) == 3 and BANDS["g"][0] == 1 and log10(x) > FIFTH != NOT_A_NUMBER


BOUND = 1


def over(x, bound=BOUND):
    return x > bound


def uses_over(x):
    return over(x)


def test_a_constant_stands_before_the_function_that_has_it_as_a_default():
    scope = {}
    exec(code_of(uses_over), scope)
    assert (scope["uses_over"](2), scope["uses_over"](0)) == (True, False)


def test_a_name_that_means_two_things_is_refused():
    LIMIT = 3  # noqa: N806

    def inner(x):
        return x > LIMIT and helper(x)

    with pytest.raises(FilterError, match="'LIMIT' is one thing in 'helper' and another"):
        code_of(inner)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


@skysieve.per_alert
def marked(x):
    return x > LIMIT


def uses_table(x):
    return x > TABLE["x"].max()


def comprehends(x):
    return [(lambda a, *b: a)(y) for y in x if (z := y) and z > 1]


def run(function, *values):
    space = {"__name__": "elsewhere"}
    exec(code_of(function), space)
    return space[function.__name__](*values)


@pytest.mark.parametrize(
    ("function", "value"),
    [(helper, 11), (helper, 10), (uses_all, 11), (uses_all, 30), (even, 6), (even, 7), (odd, 3), (marked, 12),
     (comprehends, [0, 1, 2, 3]), (fmean, [1, 2, 6])],
)  # fmt: skip
def test_it_gives_elsewhere_what_it_gives_here(function, value):
    assert run(function, value) == function(value)


def test_imports_come_first_and_each_name_once():
    lines = code_of(uses_all).splitlines()
    assert sorted(lines[:3]) == [
        "from math import floor as down",
        "from numpy import log10",
        "import math as m",
    ]
    for text in ("LIMIT = 10", "NOT_A_NUMBER = float('nan')", "FIFTH = 0.2", "def helper(x):"):
        assert lines.count(text) == 1


def test_the_same_function_has_the_same_text():
    assert code_of(uses_all) == code_of(uses_all)


def test_a_closure_s_values_travel():
    limit = 7

    def above(x):
        return x > limit

    assert run(above, 8)
    assert not run(above, 7)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (uses_table, "'uses_table' uses 'TABLE', a DataFrame of this notebook"),
        (lambda x: x, "is no function with a name|is no plain function"),
        (np.log10, "is no function with a name"),
        (5, "is no function with a name"),
    ],
)
def test_what_cannot_travel_is_named(function, says):
    with pytest.raises(FilterError, match=says):
        code_of(function)


def test_a_function_without_source_is_refused():
    space = {}
    exec("def f(x):\n    return x", space)
    with pytest.raises(FilterError, match="The source of 'f' is not to be had"):
        code_of(space["f"])


def test_a_function_of_a_package_is_imported_with_its_defaults():
    from fink_filters.rubin.utils import compute_mc_sampling_flux_rate

    assert code_of(compute_mc_sampling_flux_rate).splitlines()[-2:] == [
        "def compute_mc_sampling_flux_rate(diaSource, prvDiaSources, N, seed=None):",
        "    return _compute_mc_sampling_flux_rate(diaSource, prvDiaSources, N, seed)",
    ]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_of_one_that_is_decorated_for_spark_the_function_inside_is_called():
    from fink_filters.ztf.filter_quality_cuts.filter import ztf_quality_cuts

    assert code_of(ztf_quality_cuts).endswith("return _ztf_quality_cuts.func(rb, nbad)")
    assert run(ztf_quality_cuts, pd.Series([0.6, 0.5]), pd.Series([0, 0])).tolist() == [True, False]


def test_what_is_installed_can_be_imported_elsewhere():
    assert is_installed(np.mean)
    assert is_installed(fmean)
    assert is_installed(skysieve.per_alert)
    assert not is_installed(helper)


def test_versions_are_those_of_the_packages_that_are_imported():
    found = versions("import numpy.linalg\nfrom pandas import DataFrame\ndef f(x):\n    import pyarrow\n")
    assert found == {"numpy": np.__version__, "pandas": pd.__version__} | {"pyarrow": found["pyarrow"]}
