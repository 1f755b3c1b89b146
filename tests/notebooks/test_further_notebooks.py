"""The notebooks after the first: executed from top to bottom, and what they show is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import kernels
import nbformat
import offline
import pytest
from skysieve.home import Home

FOLDER = Path(__file__).parents[2] / "notebooks"

pytestmark = pytest.mark.timeout(600)


def executed(name: str, home: Home) -> nbformat.NotebookNode:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKYSIEVE_HOME", str(home.state))
        patch.setenv("SKYSIEVE_CACHE", str(home.cache))
        for variable in ("SKYSIEVE_KAFKA", "SKYSIEVE_SPARK", "SPARK_CONNECT_AUTHENTICATE_TOKEN"):
            patch.delenv(variable, raising=False)
        return kernels.execute(FOLDER / f"{name}.ipynb")


def numbers(text: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", text)]


@pytest.fixture(scope="module")
def writing(running_home: Home) -> nbformat.NotebookNode:
    return executed("02_write_a_filter", running_home)


@pytest.fixture(scope="module")
def fink(running_home: Home) -> nbformat.NotebookNode:
    return executed("03_bring_your_fink_filter", running_home)


@pytest.fixture(scope="module")
def running_home(started, home: Home) -> Home:
    return home


def alerts(sky, stream):
    begin, end = sky.topics.begin(stream), sky.topics.end(stream)
    return [offline.alert(record.value) for record in sky.topics.read(stream, begin, end)]


def test_the_preview_agrees_with_a_loop_over_the_packets(writing, sky):
    def passes(alert):
        source = alert["diaSource"]
        return (
            (source["snr"] or 0) > 20
            and source["band"] in ("u", "g")
            and source["isNegative"] is not None
            and not source["isNegative"]
        )

    shown = kernels.shown(writing, "expression")
    assert "snr > 20" in shown
    passed, read = numbers(re.search(r"([\d,]+ of [\d,]+) alerts pass", shown)[1])
    everything = alerts(sky, "practice-alerts")
    assert (passed, read) == (sum(map(passes, everything)), len(everything))


def test_one_alert_is_explained_cut_by_cut(writing):
    page = kernels.shown(writing, "why", "text/html") or kernels.shown(writing, "why")
    assert "reliability &gt; 0.7" in page or "reliability > 0.7" in page


def test_the_selection_is_marked_by_class(writing):
    page = kernels.shown(writing, "labelled", "text/html")
    assert "SN Ia" in page
    assert re.search("complete", page, re.IGNORECASE)


def test_a_change_gains_nothing_where_every_cut_became_stricter(writing):
    gained, lost, kept = numbers(
        re.search(r"[\d,]+ gained, [\d,]+ lost, [\d,]+ kept", kernels.shown(writing, "diff"))[0]
    )
    assert gained == 0
    assert lost > 0
    assert kept > 0


def test_the_plot_is_a_picture(writing):
    assert kernels.shown(writing, "plot", "image/png")


def test_the_file_holds_the_filter_and_what_it_sends_along(writing):
    text = kernels.shown(writing, "file")
    assert "-- emit: mag: derived.mag" in text
    assert json.loads(re.search(r"-- tags: (.*)", text)[1]) == ["supernovae", "practice"]


def test_a_fink_function_selects_what_it_selects_when_called_directly(fink, sky):
    import pandas as pd
    from fink_filters.rubin.livestream.filter_remove_unlikely_transients.filter import (
        remove_unlikely_transients,
    )

    found = alerts(sky, "fink-alerts")
    source = pd.DataFrame([alert["diaSource"] for alert in found])
    count = pd.Series([(alert["diaObject"] or {}).get("nDiaSources") for alert in found], dtype="Float64")
    is_sso = pd.Series([bool(alert["diaSource"]["ssObjectId"]) for alert in found])
    expected = remove_unlikely_transients(source, count, is_sso).fillna(value=False).sum()
    passed = numbers(re.search(r"([\d,]+) of [\d,]+ alerts pass", kernels.shown(fink, "preview"))[1])[0]
    said = re.search(r"([\d,]+) matches, ([\d,]+) in the preview", kernels.shown(fink, "deploy"))
    delivered, previewed = numbers(" ".join(said.groups()))
    assert passed == previewed == delivered == expected


def test_a_function_that_needs_a_science_module_is_refused_by_the_columns_it_lacks(fink):
    assert "columns that the stream does not have: simbad_otype" in kernels.shown(fink, "refused")


def test_own_functions_are_previewed(fink, sky):
    def magnitude(alert):
        import math

        flux = alert["diaSource"]["psfFlux"]
        return 31.4 - 2.5 * math.log10(flux) if flux is not None and flux > 0 else None

    expected = sum(
        m is not None and m < 20.5 for m in (magnitude(alert) for alert in alerts(sky, "fink-alerts"))
    )
    shown = kernels.shown(fink, "own")
    assert "import numpy as np" in shown
    assert f"{expected:,} of 3,000 alerts pass" in shown
    assert "alerts pass" in kernels.shown(fink, "cell")
    assert "of 1,000 alerts pass" in kernels.shown(fink, "per-alert")


def test_a_careless_function_is_told_with_its_line_and_alert(fink):
    shown = kernels.shown(fink, "careless")
    assert "raised TypeError" in shown
    assert 'diaObject["nDiaSources"] > 3' in shown
    assert re.search(r"on the alert \d+ at partition", shown)


def test_they_leave_nothing_deployed(writing, fink, sky):
    assert not {"young", "fink-transients"} & {one.name for one in sky.deployments}
