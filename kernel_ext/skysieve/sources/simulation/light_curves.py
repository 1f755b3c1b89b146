"""Light curves from published formulas.

Each function returns an object's brightness at given times: times are days relative to the moment of the
alert, fluxes are nJy, magnitudes AB.
"""

from __future__ import annotations

import numpy as np

from skysieve.sources.simulation.telescope import Floats

# RRab in V: amplitude ratios and phase differences of a truncated Fourier series, rounded from the ranges in
# Jurcsik & Kovács (1996, A&A 312, 111), who write it with sines.
_RR_AMPLITUDES = np.array([1.0, 0.48, 0.33, 0.20])
_RR_PHASES = np.array([0.0, 2.4, 5.1, 1.6])


def supernova(t: Floats, peak: float, since: float, rise: float, fall: float) -> Floats:
    """Flux of a supernova: the function of Bazin et al. (2009, A&A 499, 653).

    Parameters
    ----------
    t
        Days relative to the alert.
    peak
        Flux at maximum, nJy.
    since
        Days from the function's reference time to the alert.
    rise, fall
        Time scales, days.

    Examples
    --------
    >>> t = np.linspace(-80, 80, 801)
    >>> round(float(supernova(t, 1000.0, 0.0, 4.0, 25.0).max()))
    1000
    """
    after = np.clip(np.asarray(t) + since, -40 * rise, None)
    highest = _bazin(np.array([rise * np.log(fall / rise - 1)]), rise, fall)[0]
    return np.asarray(peak * _bazin(after, rise, fall) / highest)


def _bazin(t: Floats, rise: float, fall: float) -> Floats:
    return np.asarray(np.exp(-t / fall) / (1 + np.exp(-t / rise)))


def rr_lyrae(t: Floats, mean: float, amplitude: float, period: float, phase: float) -> Floats:
    """Magnitude of an RRab star: a Fourier series of four terms (Jurcsik & Kovács 1996, A&A 312, 111).

    Parameters
    ----------
    t
        Days relative to the alert.
    mean
        Mean magnitude.
    amplitude
        From faintest to brightest, magnitudes.
    period, phase
        Days; cycles at the alert.

    Examples
    --------
    >>> m = rr_lyrae(np.linspace(0, 0.55, 1000), 19.0, 1.0, 0.55, 0.0)
    >>> round(float(m.max() - m.min()), 2), round(float(m.mean()), 1)
    (1.0, 19.0)
    """
    span = np.ptp(_rr_shape(np.linspace(0, 1, 200)))
    return np.asarray(mean + amplitude * _rr_shape(np.asarray(t) / period + phase) / span)


def _rr_shape(cycle: Floats) -> Floats:
    order = np.arange(1, 5)[:, None]
    terms = _RR_AMPLITUDES[:, None] * np.sin(2 * np.pi * order * cycle + _RR_PHASES[:, None])
    return np.asarray(terms.sum(axis=0))


def eclipsing_binary(
    t: Floats, mean: float, depths: tuple[float, float], width: float, period: float, phase: float
) -> Floats:
    """Magnitude of an eclipsing binary: two Gaussian eclipses (Mowlavi et al. 2017, A&A 606, A92).

    Parameters
    ----------
    t
        Days relative to the alert.
    mean
        Magnitude out of eclipse.
    depths
        Depth of the primary and of the secondary eclipse, magnitudes.
    width
        Standard deviation of an eclipse, cycles.
    period, phase
        Days; cycles from the primary's middle at the alert.

    Examples
    --------
    >>> eclipsing_binary(np.array([0.0, 0.25]), 18.0, (0.8, 0.4), 0.03, 1.0, 0.0).round(3).tolist()
    [18.8, 18.0]
    """
    cycle = np.asarray(t) / period + phase
    primary, secondary = (np.abs((cycle - c + 0.5) % 1 - 0.5) for c in (0.0, 0.5))
    dips = depths[0] * np.exp(-0.5 * (primary / width) ** 2) + depths[1] * np.exp(
        -0.5 * (secondary / width) ** 2
    )
    return np.asarray(mean + dips)


def damped_random_walk(rng: np.random.Generator, t: Floats, tau: float, sigma: float) -> Floats:
    """Deviations from the mean, in magnitudes, of an AGN: a damped random walk.

    Kelly, Bechtold & Siemiginowska (2009, ApJ 698, 895), in the terms of MacLeod et al. (2010, ApJ 721,
    1014): the structure function at long lags is ``SF∞ = √2 sigma``. Exact at any spacing of the times.

    Parameters
    ----------
    rng
        Where the randomness comes from.
    t
        Times, days, rising.
    tau
        Damping time scale, days.
    sigma
        Standard deviation at long times, magnitudes.

    Examples
    --------
    >>> walk = damped_random_walk(np.random.default_rng(1), np.arange(20_000.0), 10.0, 0.2)
    >>> round(float(walk.std()), 1)
    0.2
    """
    memory = np.exp(-np.diff(t, prepend=t[:1]) / tau)
    kicks = rng.normal(size=t.size) * sigma * np.sqrt(1 - memory**2)
    walk = np.empty(t.size)
    value = rng.normal() * sigma
    for n in range(t.size):
        value = value * memory[n] + kicks[n]
        walk[n] = value
    return walk


def band_scatter(sigma: float, wavelength_nm: float) -> float:
    """Scatter of an AGN at a wavelength, from that at 400 nm: ``SF∞ ∝ λ^−0.479`` (MacLeod et al. 2010).

    Examples
    --------
    >>> round(band_scatter(0.2, 800.0), 3)
    0.143
    """
    return float(sigma * (wavelength_nm / 400.0) ** -0.479)
