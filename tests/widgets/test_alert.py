import gzip
import html.parser
import subprocess
import sys

import numpy as np
import pytest
from skysieve import Filter
from skysieve.sources import Packet, send
from skysieve_widgets import AlertView, alert_figure, light_curve

from . import packets


def figure_text(alert):
    return " ".join(text.get_text() for text in alert_figure(alert).texts)


@pytest.mark.real_data
def test_the_title_identifies_and_qualifies_the_alert():
    text = figure_text(packets.lsst(packets.LSST_WITH_HISTORY))
    assert "LSST diaSource 170094456248729605" in text
    assert "RA 62.51766°  Dec −47.78625°  (04:10:04.24 −47:47:10.5)" in text
    assert "MJD 61105.09364 (TAI) · i band · S/N 15.6 · reliability 0.702" in text


@pytest.mark.real_data
def test_a_flux_is_given_with_its_error():
    alert = packets.lsst(packets.LSST_WITH_HISTORY)
    assert '<td class="sky-l">8131 ± 514<' in AlertView(alert)._repr_html_()


@pytest.mark.real_data
def test_a_ztf_alert_is_shown_with_its_exact_candid_and_its_score():
    alert = packets.ztf_alerts()[0]
    view = AlertView(alert)
    assert f"candid {alert['candid']}" in figure_text(alert)
    assert view.summary.snr == pytest.approx(1.0857 / alert["candidate"]["sigmapsf"], rel=1e-3)
    assert str(alert["objectId"]) in view._repr_html_()


@pytest.mark.real_data
@pytest.mark.parametrize("survey", ["lsst", "ztf"])
def test_real_alerts_render_to_png(survey):
    alerts = packets.ztf_alerts()[:3] if survey == "ztf" else [packets.lsst(packets.LSST_BRIGHT)]
    for alert in alerts:
        assert AlertView(alert)._repr_png_().startswith(b"\x89PNG")


def test_an_alert_with_almost_nothing_still_renders():
    alert = {
        "diaSource": {"diaSourceId": 170094456248729605, "ra": None, "dec": float("nan"), "psfFlux": np.nan}
    }
    view = AlertView(alert)
    assert view._repr_png_().startswith(b"\x89PNG")
    assert "170094456248729605" in view._repr_html_()
    assert "SIMBAD" not in view._repr_html_()


def test_a_struct_of_nulls_is_taken_as_null():
    nulls = {"diaObjectId": None, "ra": None}
    alert = packets.hand_made(diaObject=nulls, ssSource=nulls, cutoutScience=None)
    assert "diaObjectId" not in AlertView(alert)._repr_html_()


def test_ids_are_exact_and_links_lead_to_the_position():
    page = AlertView(packets.hand_made())._repr_html_()
    assert ">170094456248729605<" in page
    assert "https://www.wis-tns.org/search?ra=54.150000&amp;decl=-27.460000" in page
    assert "simbad.cds.unistra.fr" in page
    assert "aladin.cds.unistra.fr" in page
    assert page.count('rel="noopener"') == 3


def test_values_from_the_packet_are_escaped():
    alert = packets.hand_made()
    alert["diaSource"]["band"] = '<script>alert("x")</script>'
    alert["diaSource"]["diaObjectId"] = '"><img src=x onerror=y>'
    page = AlertView(alert)._repr_html_()
    assert "<script" not in page
    assert "<img src=x" not in page
    html.parser.HTMLParser().feed(page)


def test_a_text_that_looks_like_mathematics_does_not_stop_the_title():
    alert = packets.hand_made()
    alert["diaSource"]["diaSourceId"] = "$\\frac{"
    assert AlertView(alert)._repr_png_().startswith(b"\x89PNG")


@pytest.mark.real_data
@pytest.mark.parametrize("diasource_id", [packets.LSST_WITH_HISTORY, packets.LSST_BRIGHT])
def test_an_alert_looks_the_same_from_a_spark_row_a_preview_and_a_dict(sky, topics, stream, diasource_id):
    path = next(f for f in packets.LSST_FILES if f.name.startswith(diasource_id))
    send([Packet(gzip.decompress(path.read_bytes()), None)], stream, topics.bootstrap)
    alert = packets.lsst(diasource_id)
    row = sky.stream(stream).recent(1).first()
    preview = sky.preview(Filter("all", "diaSource.snr > 0", stream), last=1)
    plain = AlertView(alert)
    for view in (AlertView(row), preview.view(0)):
        assert view.summary == plain.summary
        assert view._repr_html_() == plain._repr_html_()
        assert light_curve(view.alert).equals(light_curve(alert))


def test_importing_loads_neither_pyplot_nor_astropy_nor_skysieve():
    code = (
        "import sys, skysieve_widgets;"
        "print(sorted({'matplotlib', 'astropy', 'skysieve', 'pyspark'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_drawing_leaves_pyplot_alone():
    AlertView(packets.hand_made())._repr_png_()
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


@pytest.mark.real_data
@pytest.mark.parametrize("survey", ["lsst", "ztf"])
@pytest.mark.parametrize("value", [None, float("nan"), "x", [], {}, -1, b"SIMPLE"], ids=repr)
def test_no_odd_value_of_any_field_stops_the_drawing(survey, value):
    alert = packets.ztf_alerts()[0] if survey == "ztf" else packets.lsst("170094456480989258")
    inner = "candidate" if survey == "ztf" else "diaSource"
    needed = {inner, "candid"} if survey == "ztf" else {inner}
    used = ("ra", "dec", "jd", "fid", "magpsf", "sigmapsf", "isdiffpos", "diffmaglim", "xpos", "ypos", "drb")
    used += (
        "diaSourceId",
        "midpointMjdTai",
        "band",
        "psfFlux",
        "psfFluxErr",
        "snr",
        "reliability",
        "diaObjectId",
    )
    for name in set(alert[inner]) & set(used):
        AlertView(alert | {inner: alert[inner] | {name: value}}).figure()
    for name in set(alert) - needed:
        AlertView(alert | {name: value}).figure()
    AlertView(alert | {inner: dict.fromkeys(alert[inner], value)})._repr_html_()
