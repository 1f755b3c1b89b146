import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from matplotlib.figure import Figure
from skysieve_widgets import light_curve
from skysieve_widgets.light_curve import COLUMNS, draw_light_curve, magnitudes

from . import packets


def axes_of(alert, **how):
    figure = Figure()
    ax = figure.subplots()
    draw_light_curve(ax, alert, **how)
    figure.canvas.draw()
    return ax


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def rows(points, kind):
    some = points[points["kind"] == kind]
    return sorted(map(tuple, some[["mjd", "band", "flux", "flux_err"]].to_numpy().tolist()))


@pytest.mark.real_data
@pytest.mark.parametrize("path", packets.LSST_FILES, ids=lambda path: path.name[:18])
def test_lsst_points_are_those_of_the_packet(path):
    alert = packets.lsst_file(path)
    points = light_curve(alert)
    names = ("midpointMjdTai", "band", "psfFlux", "psfFluxErr")
    sources = [alert["diaSource"], *(alert["prvDiaSources"] or [])]
    forced = alert["prvDiaForcedSources"] or []
    assert rows(points, "detection") == sorted(tuple(s[n] for n in names) for s in sources)
    assert rows(points, "forced") == sorted(tuple(s[n] for n in names) for s in forced)
    assert len(points) == len(sources) + len(forced)
    assert points["mjd"].is_monotonic_increasing


@pytest.mark.real_data
def test_ztf_points_are_those_of_the_packets():
    forms = set()
    for alert in packets.ztf_alerts():
        points = light_curve(alert)
        history = [alert["candidate"], *(alert["prv_candidates"] or [])]
        seen = [c for c in history if c["magpsf"] is not None]
        limits = [c for c in history if c["magpsf"] is None]
        forms |= {c["isdiffpos"] for c in seen}
        # Two candidates of one exposure occur, in either order.
        detected = points[points["kind"] == "detection"].sort_values(["mjd", "flux"])
        expected = sorted(
            (c["jd"], (1 if c["isdiffpos"] in "t1" else -1) * (c["magpsf"] * u.ABmag).to_value(u.nJy))
            for c in seen
        )
        assert detected["mjd"].to_numpy() == pytest.approx(
            Time([jd for jd, _ in expected], format="jd", scale="utc").tai.mjd, abs=1e-8
        )
        assert detected["flux"].to_numpy() == pytest.approx([flux for _, flux in expected], rel=1e-4)
        five_sigma = 5 * points["flux_err"][points["kind"] == "upper limit"]
        assert sorted(five_sigma) == pytest.approx(
            sorted((c["diffmaglim"] * u.ABmag).to_value(u.nJy) for c in limits), rel=1e-4
        )
    assert forms == {"t", "f", "1", "0"}


@pytest.mark.real_data
def test_ztf_forced_fluxes_agree_with_the_detections_of_the_same_exposures():
    ratios = []
    for alert in packets.ztf_alerts():
        points = light_curve(alert)
        forced = points[points["kind"] == "forced"].drop_duplicates(["mjd", "band"])
        both = points[points["kind"] == "detection"].merge(forced, on=["mjd", "band"])
        ratios += list(both["flux_y"] / both["flux_x"])
    assert len(ratios) > 20
    assert np.median(ratios) == pytest.approx(1, abs=0.05)


@pytest.mark.real_data
def test_ztf_forced_photometry_leaves_out_the_value_for_missing():
    alert = next(a for a in packets.ztf_alerts() if any(_is_missing(f) for f in a.get("fp_hists") or []))
    points = light_curve(alert)
    measured = [f for f in alert["fp_hists"] if not _is_missing(f)]
    assert (points["kind"] == "forced").sum() == len(measured)


def _is_missing(forced):
    return forced["forcediffimflux"] in (None, -99999.0)


def test_an_alert_without_history_is_one_point():
    points = light_curve(packets.hand_made())
    assert tuple(points.columns) == COLUMNS
    assert points.iloc[0].to_dict() == {
        "mjd": 61041.25,
        "band": "i",
        "flux": 2000.0,
        "flux_err": 200.0,
        "kind": "detection",
    }


def test_points_without_time_or_flux_are_left_out_and_an_unknown_error_stays_nan():
    alert = packets.hand_made(
        prvDiaSources=[
            {"midpointMjdTai": 61000.0, "band": "g", "psfFlux": float("nan"), "psfFluxErr": 1.0},
            {"midpointMjdTai": None, "band": "g", "psfFlux": 5.0, "psfFluxErr": 1.0},
            {"midpointMjdTai": 61001.0, "band": None, "psfFlux": 5.0, "psfFluxErr": None},
            None,
        ],
        prvDiaForcedSources=np.array(
            [{"midpointMjdTai": 61002.0, "band": "g", "psfFlux": None}], dtype=object
        ),
    )
    points = light_curve(alert)
    assert points["mjd"].tolist() == [61001.0, 61041.25]
    assert np.isnan(points["flux_err"][0])
    axes_of(alert)
    axes_of(alert, in_magnitudes=True)


@pytest.mark.parametrize("source", [None, {}, {"psfFlux": None}])
def test_an_alert_without_any_flux_gives_an_empty_light_curve(source):
    alert = {"diaSource": source}
    assert light_curve(alert).empty
    assert "no photometry" in [text.get_text() for text in axes_of(alert).texts]


def test_an_unknown_shape_of_alert_names_its_fields():
    with pytest.raises(ValueError, match="event, trigger"):
        light_curve({"event": 1, "trigger": 2})


def test_what_is_no_mapping_is_refused():
    with pytest.raises(TypeError, match="bytes"):
        light_curve(b"packet")


def test_magnitudes_are_ab_and_faint_forced_photometry_becomes_a_limit():
    source = {"midpointMjdTai": 61000.0, "band": "i", "psfFluxErr": 100.0}
    forced = [source | {"psfFlux": flux} for flux in (499.0, 1000.0, -600.0)]
    table = magnitudes(light_curve(packets.hand_made(prvDiaForcedSources=forced))).sort_values("mag")
    own, bright = table.iloc[0], table.iloc[1]
    assert own["mag"] == pytest.approx((2000 * u.nJy).to_value(u.ABmag))
    assert own["mag_err"] == pytest.approx(1.0857 * 0.1, rel=1e-3)
    assert bright["mag"] == pytest.approx(23.9)
    faint = table[table["mag"].isna()]
    assert faint["limit"].to_numpy() == pytest.approx([(500 * u.nJy).to_value(u.ABmag)] * 2)


def test_a_negative_detection_has_no_magnitude_and_is_counted():
    alert = packets.hand_made(
        prvDiaSources=[{"midpointMjdTai": 61000.0, "band": "g", "psfFlux": -900.0, "psfFluxErr": 90.0}]
    )
    ax = axes_of(alert, in_magnitudes=True)
    assert "1 detection without a magnitude" in [text.get_text() for text in ax.texts]
    assert ax.yaxis_inverted()


def test_the_legend_names_bands_kinds_and_the_alert_itself():
    forced = [{"midpointMjdTai": 61000.0, "band": "g", "psfFlux": 10.0, "psfFluxErr": 90.0}]
    alert = packets.hand_made(prvDiaForcedSources=forced)
    assert labels(axes_of(alert)) == ["g", "i", "forced", "this alert"]
    assert labels(axes_of(alert, in_magnitudes=True)) == ["g", "i", "5σ limit", "this alert"]


def test_a_band_that_looks_like_mathematics_is_drawn():
    alert = packets.hand_made()
    alert["diaSource"]["band"] = "_$x^{"
    assert "$" in labels(axes_of(alert))[0]


@pytest.mark.parametrize(("flux", "unit"), [(200.0, "nJy"), (2e4, "µJy"), (5e6, "mJy")])
def test_the_flux_unit_follows_the_brightness(flux, unit):
    alert = packets.hand_made()
    alert["diaSource"] |= {"psfFlux": flux, "psfFluxErr": flux / 10}
    assert axes_of(alert).get_ylabel() == f"Difference flux ({unit})"


def test_outlying_forced_photometry_does_not_flatten_the_rest():
    forced = [
        {"midpointMjdTai": 61000.0 + i, "band": "i", "psfFlux": 1500.0 + i, "psfFluxErr": 100.0}
        for i in range(200)
    ]
    forced[50]["psfFlux"] = -1e6
    ax = axes_of(packets.hand_made(prvDiaForcedSources=forced))
    assert ax.get_ylim()[0] > -1  # µJy
    assert "1 outlying point beyond the frame" in [text.get_text() for text in ax.texts]


def test_ztf_limits_that_stand_for_no_value_are_left_out():
    limits = [
        {"jd": 2460000.5 + i, "fid": 1, "magpsf": None, "diffmaglim": m} for i, m in enumerate((20.5, -999.0))
    ]
    alert = {"candid": 1, "candidate": {}, "prv_candidates": limits}
    points = light_curve(alert)
    assert points["kind"].tolist() == ["upper limit"]
    assert np.isnan(points["flux"][0])
    assert 5 * points["flux_err"][0] == pytest.approx((20.5 * u.ABmag).to_value(u.nJy), rel=1e-4)
