"""Light curves and noise behave as the papers they follow say."""

import numpy as np
import pytest
from skysieve.sources.simulation.light_curves import (
    damped_random_walk,
    eclipsing_binary,
    rr_lyrae,
    supernova,
)


def test_a_supernova_rises_faster_than_it_falls_and_starts_from_nothing():
    t = np.linspace(-200, 400, 6001)
    flux = supernova(t, 1000.0, 0.0, 4.0, 25.0)
    peak = t[flux.argmax()]
    above_half = t[flux > 500]
    assert flux.max() == pytest.approx(1000, rel=1e-3)
    assert above_half[-1] - peak > 2 * (peak - above_half[0])
    assert flux[0] < 1e-3


def test_an_rr_lyrae_repeats_and_brightens_faster_than_it_fades():
    t = np.linspace(0, 0.6, 2000, endpoint=False)
    m = rr_lyrae(t, 18.0, 0.9, 0.6, 0.2)
    np.testing.assert_allclose(m, rr_lyrae(t + 6.0, 18.0, 0.9, 0.6, 0.2), atol=1e-9)
    rising = (np.diff(m) < 0).mean()
    assert rising < 0.4


def test_an_eclipsing_binary_is_constant_between_its_eclipses():
    m = eclipsing_binary(np.linspace(0, 1, 1001), 17.0, (0.9, 0.3), 0.02, 1.0, 0.0)
    assert m.max() == pytest.approx(17.9, abs=1e-3)
    assert m[500] == pytest.approx(17.3, abs=1e-3)
    assert (m < 17.001).mean() > 0.7


def test_a_damped_random_walk_forgets_at_its_time_scale():
    walk = damped_random_walk(np.random.default_rng(2), np.arange(200_000.0), 20.0, 0.3)
    assert walk.std() == pytest.approx(0.3, rel=0.05)
    assert np.corrcoef(walk[:-20], walk[20:])[0, 1] == pytest.approx(np.exp(-1), abs=0.05)
