import math

from skysieve.intervals import wilson


def test_wilsons_interval_is_that_of_the_literature():
    # Newcombe, Statistics in Medicine 17, 857 (1998), table I: 81 of 263, 0 of 20
    assert [round(x, 4) for x in wilson(81, 263)] == [0.2553, 0.3662]
    assert [round(x, 4) for x in wilson(0, 20)] == [0.0, 0.1611]


def test_of_nothing_judged_nothing_is_known():
    assert all(map(math.isnan, wilson(0, 0)))
