"""The notebook on further columns: executed from top to bottom, and what it shows is true."""

import kernels
import offline
import pytest
from test_further_notebooks import executed

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def notebook(started, home):
    return executed("05_cross_correlate", home)


def test_alerts_at_a_star_and_at_none_are_all_that_are_bright(notebook, sky):
    at_none, at_one, read = kernels.said(
        notebook, "known", r"(\d+) alerts at no star, (\d+) at one, of (\d+)"
    )
    topics = sky.topics
    records = topics.read("field-alerts", topics.begin("field-alerts"), topics.end("field-alerts"))
    sources = [offline.alert(record.value)["diaSource"] for record in records]
    bright = sum((s["snr"] or 0) > 8 and (s["reliability"] or 0) > 0.6 for s in sources)
    assert (at_none + at_one, read) == (bright, len(sources))
    assert at_one > 10
    assert "star " in kernels.shown(notebook, "known")


def test_the_circle_holds_what_is_near_its_middle(notebook, sky):
    inside, read = kernels.said(notebook, "region", r"(\d+) of (\d+) alerts are in the circle")
    assert 0 < inside < read
    assert kernels.shown(notebook, "map", "text/html")


def test_columns_tell_where_they_come_from(notebook):
    assert "J2016.0" in kernels.shown(notebook, "enrich", "text/html")


def test_a_function_gives_columns(notebook):
    compact, read = kernels.said(notebook, "own", r"(\d+) of (\d+) alerts look like points")
    assert 0 < compact <= read


def test_as_many_are_delivered_as_the_preview_passes(notebook):
    delivered, previewed = kernels.said(
        notebook, "matches", r"(\d+) matches, as many as the preview passes: (\d+)"
    )
    assert delivered == previewed > 0
