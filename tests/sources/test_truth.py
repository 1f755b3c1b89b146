"""Completeness and purity follow from the truth beside the packets."""

import math

from hypothesis import given
from hypothesis import strategies as st
from skysieve.sources import simulate
from skysieve.sources.simulation import PROPORTIONS
from skysieve.sources.truth import score, truth

LABELS = st.lists(st.sampled_from(sorted(PROPORTIONS)))


def test_every_simulated_alert_has_a_truth_and_others_have_none():
    assert [truth(alert.packet.headers) for alert in simulate(20, pool=8)] == [
        alert.truth for alert in simulate(20, pool=8)
    ]
    assert truth([("skysieve.filter", b"bright")]) is None


@given(LABELS, LABELS, st.sets(st.sampled_from(sorted(PROPORTIONS))))
def test_completeness_and_purity_are_parts_of_a_whole(passed, missed, wanted):
    found = score(passed + missed, passed, wanted)
    for value, none in (
        (found.completeness, not wanted & {*passed, *missed}),
        (found.purity, not passed),
    ):
        assert math.isnan(value) if none else 0 <= value <= 1


@given(LABELS.filter(bool))
def test_a_filter_that_passes_everything_is_complete_and_as_pure_as_the_sky(labels):
    found = score(labels, labels, {labels[0]})
    assert found.completeness == 1
    assert found.purity == labels.count(labels[0]) / len(labels)
    assert found.alerts == found.matches


def test_alerts_without_a_truth_count_as_unwanted():
    found = score([None, "AGN"], [None], {"AGN"})
    assert (found.completeness, found.purity) == (0, 0)
