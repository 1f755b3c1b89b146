"""The notebook with all there is to look with: executed, true, and still a picture where it is exported."""

import re

import kernels
import offline
import pytest
from nbconvert import HTMLExporter
from test_further_notebooks import executed

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def notebook(started, home):
    return executed("04_look_at_alerts", home)


def test_the_table_is_sorted_and_what_is_ticked_is_exact(notebook, sky):
    begin, end = sky.topics.begin("look-alerts"), sky.topics.end("look-alerts")
    sources = [offline.alert(r.value)["diaSource"] for r in sky.topics.read("look-alerts", begin, end)]
    ticked = kernels.shown(notebook, "selected")
    assert all(i in {str(s["diaSourceId"]) for s in sources} for i in re.findall(r"\b\d{15,}\b", ticked))
    assert len(re.findall(r"\b\d{15,}\b", ticked)) == 2


def test_the_alert_s_values_are_searched(notebook):
    assert "psfFlux" in kernels.shown(notebook, "values", "text/html")


def test_a_higher_threshold_lets_fewer_pass_and_the_cell_has_it(notebook):
    said = kernels.shown(notebook, "threshold")
    before, read, after = map(
        int, re.search(r"(\d+) of (\d+) alerts passed, (\d+) do with 20", said).groups()
    )
    assert 0 < after < before < read
    assert "%%filter look --stream look-alerts" in said
    assert "> 20" in said


def test_matches_arrived(notebook):
    assert "matches arrive" in kernels.shown(notebook, "arrived")


@pytest.mark.parametrize("cell", ["table", "alert", "sky", "builder", "compare", "live"])
def test_an_exported_page_has_a_picture_of_each_widget(notebook, cell):
    cell = "deploy" if cell == "live" else cell
    (page,) = [
        output.data["text/html"]
        for output in next(c for c in notebook.cells if c.id == cell).outputs
        if "sky-picture-" in output.get("data", {}).get("text/html", "")
    ]
    mark = re.search(r"sky-picture-\w+", page)[0]
    exported, _ = HTMLExporter().from_notebook_node(notebook)
    assert mark in exported
    assert "data:image/png" in page or "<svg" in page
