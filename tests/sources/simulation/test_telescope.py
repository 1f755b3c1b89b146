"""Telescopes: noise as the papers they follow say, and visits in pairs, night after night, again and again."""

import itertools
from collections import Counter

import numpy as np
import pytest
from skysieve.sources.simulation.lsst.telescope import LSST
from skysieve.sources.simulation.telescope import flux_of
from skysieve.sources.simulation.ztf.telescope import ZTF

TELESCOPES = pytest.mark.parametrize("telescope", [LSST, ZTF], ids=["lsst", "ztf"])
BANDS = [(telescope, band) for telescope in (LSST, ZTF) for band in telescope.bands]


def visits(telescope, count, pairs=None):
    return list(itertools.islice(telescope.visits(None, 40, pairs or len(telescope.pairs)), count))


@pytest.mark.parametrize(("telescope", "band"), BANDS)
def test_a_source_at_the_depth_of_a_visit_has_a_signal_to_noise_of_five(telescope, band):
    faint = flux_of(telescope.bands[band].depth)
    assert faint / telescope.flux_error(faint, band) == pytest.approx(5, rel=0.1)


@TELESCOPES
def test_noise_grows_with_the_light_up_to_the_calibration_and_is_defined_below_zero(telescope):
    bright = 1e5 * flux_of(telescope.bands["r"].depth)
    assert telescope.flux_error(bright, "r") / bright * 1.0857 == pytest.approx(telescope.floor, rel=0.1)
    assert telescope.flux_error(-1e6, "r") == telescope.flux_error(0.0, "r") > 0


@TELESCOPES
def test_past_visits_come_in_pairs_and_rise_to_the_present(telescope):
    times, bands = telescope.past_visits(np.random.default_rng(1), 100)
    assert (np.diff(times) > 0).all()
    assert -101 < times[0] < times[-1] < 0
    assert len(bands) == len(times) > 20
    pairs = list(zip(bands[::2].tolist(), bands[1::2].tolist(), strict=True))
    assert set(pairs) == set(telescope.pairs)
    assert np.diff(times)[::2] * 24 * 60 == pytest.approx(
        telescope.pair_visits * telescope.visit_seconds / 60, abs=8
    )


@TELESCOPES
def test_visits_follow_one_another_and_nights_too(telescope):
    per_night = 2 * telescope.fields_per_night
    times = np.array([visit.mjd for visit in visits(telescope, per_night + 1)])
    assert np.diff(times[:-1]) * 86400 == pytest.approx(telescope.visit_seconds, abs=1e-3)
    assert (times[-2] - times[0]) * 24 < telescope.night_hours
    assert times[-1] - times[0] == pytest.approx(1.0)


@TELESCOPES
def test_a_field_is_visited_when_its_objects_expect_it_and_in_their_bands(telescope):
    nights = telescope.revisit_nights * 3
    found = visits(telescope, 2 * telescope.fields_per_night * nights)
    starts = list(telescope.starts())
    times = {}
    for visit in found:
        times.setdefault(visit.field, []).append((visit.mjd, starts[visit.start]))
    assert len(times) == telescope.fields_per_night * telescope.revisit_nights
    for seen in itertools.islice(times.values(), 20):
        assert len(seen) == 6
        days, bands = telescope.visits_to_come(*seen[0][1])
        assert days == pytest.approx([mjd - seen[0][0] for mjd, _ in seen], abs=1e-6)
        assert list(bands) == [telescope.pairs[pair][second] for _, (pair, second) in seen]


@TELESCOPES
def test_fewer_pairs_of_bands_are_used_in_turn(telescope):
    used = Counter(visit.start for visit in visits(telescope, 400, pairs=2))
    assert set(used) == {0, 1, 2, 3}


@TELESCOPES
@pytest.mark.parametrize("sizes", [{0: 7, 1: 8}, {0: 1, 1: 1, 2: 1}, {0: 1000}, {0: 5, 1: 200_000}])
def test_a_night_gives_the_alerts_that_are_asked_for(telescope, sizes):
    found = Counter()
    for visit in telescope.visits(sizes, 40, 1):
        found[int(visit.mjd - telescope.first_mjd)] += visit.size
    assert found == sizes
