import json
import math

import numpy as np
import pytest
from skysieve_widgets import light_curve
from skysieve_widgets.light_curve import magnitudes
from skysieve_widgets.light_curve_live import live_light_curve, sparkline

from . import packets


def numbers(values):
    return np.array([math.nan if value is None else value for value in values])


def compare(alert):
    curve, points = live_light_curve(alert), light_curve(alert)
    json.dumps(curve, allow_nan=False)
    assert [tuple(point[:3]) for point in curve["points"]] == list(
        zip(points["mjd"], points["band"], points["kind"], strict=True)
    )
    table = magnitudes(points)
    for name, column in (("y", "mag"), ("error", "mag_err"), ("limit", "limit")):
        expected = table[column].where(np.isfinite(table[column])).to_numpy()
        assert numbers(curve["magnitude"][name]) == pytest.approx(expected, nan_ok=True)
    unit = {"n": 1, "µ": 1e3, "m": 1e6}[curve["flux"]["label"].split("(")[1][0]]
    assert numbers(curve["flux"]["y"]) * unit == pytest.approx(points["flux"].to_numpy(), nan_ok=True)
    return curve


@pytest.mark.real_data
def test_the_numbers_are_those_of_the_light_curve_and_json_can_write_them():
    for alert in [packets.lsst(packets.LSST_WITH_HISTORY), *packets.ztf_alerts()[:20]]:
        compare(alert)


def test_the_alert_itself_is_marked_and_bands_are_from_blue_to_red():
    curve = compare(packets.made(2))
    assert [point[0] for point in curve["points"] if point[3]] == [61041.25]
    assert [band["name"] for band in curve["bands"]] == list("ugrizy")
    assert len({band["colour"] for band in curve["bands"]}) == 6


def test_black_is_the_ink_of_the_theme():
    assert live_light_curve(packets.made())["bands"][-1]["colour"].startswith("var(--jp-content-font-color0")


def test_an_alert_without_photometry_has_no_frame():
    curve = compare({"diaSource": {"diaSourceId": 1}})
    assert curve["flux"]["frame"] is None
    assert curve["mjd"] is None


def test_infinite_values_are_not_sent():
    alert = packets.hand_made()
    alert["diaSource"] |= {"psfFluxErr": math.inf}
    json.dumps(live_light_curve(alert), allow_nan=False)


def test_a_sparkline_has_few_points_in_order_of_time_and_keeps_detections():
    points = [{"midpointMjdTai": 61000.0 + i / 10, "band": "g", "psfFlux": float(i)} for i in range(400)]
    alert = packets.hand_made(prvDiaForcedSources=points, prvDiaSources=points[::20])
    spark = sparkline(alert)
    assert len(spark) == 60
    assert sum(detected for *_, detected in spark) == 21
    assert [x for x, *_ in spark] == sorted(x for x, *_ in spark)
    assert spark[-1][0] == 1.0
    assert all(0 <= y <= 1 for _, y, *_ in spark)
    json.dumps(spark, allow_nan=False)


def test_a_sparkline_of_nothing_is_empty():
    assert sparkline({"diaSource": None}) == []
