from __future__ import annotations

import html.parser
import re
from dataclasses import replace
from pathlib import Path

import kernels
import nbformat
import pytest
from skysieve import Filter, local
from skysieve.home import Home
from skysieve.packets import formats
from skysieve.session import Session
from skysieve.sources.surveys import simulated
from skysieve.topics import Offsets

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
FIRST_LIGHT = next(path for path in NOTEBOOKS if path.stem == "01_first_light")
STREAM = "lsst-alerts"
TOPIC = "filter.supernovae"

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert notebook.metadata.kernelspec.name == "python3"


def test_first_light_is_told_in_prose():
    notebook = nbformat.read(FIRST_LIGHT, as_version=4)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds[0] == kinds[-1] == "markdown"
    words = sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")
    assert words > 500


@pytest.fixture(scope="module")
def before(sky: Session) -> Offsets:
    """Where the stream ends before the notebook runs."""
    return sky.topics.end(STREAM) if STREAM in sky.topics.names() else {}


@pytest.fixture(scope="module")
def first(before: Offsets, home: Home) -> nbformat.NotebookNode:
    """The notebook, executed in a fresh kernel on the shared session."""
    return executed(home)


@pytest.fixture(scope="module")
def second(first: nbformat.NotebookNode, home: Home) -> nbformat.NotebookNode:
    """The same once more, in another kernel."""
    return executed(home)


def executed(home: Home, cells: slice = slice(None)) -> nbformat.NotebookNode:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKYSIEVE_HOME", str(home.state))
        patch.setenv("SKYSIEVE_CACHE", str(home.cache))
        for variable in ("SKYSIEVE_KAFKA", "SKYSIEVE_SPARK", "SPARK_CONNECT_AUTHENTICATE_TOKEN"):
            patch.delenv(variable, raising=False)
        return kernels.execute(FIRST_LIGHT, cells)


def test_it_leaves_the_session_that_runs(first, running):
    assert f"Kafka {running.kafka}, Spark {running.spark}" in kernels.shown(first, "up")
    assert "starting" not in kernels.shown(first, "up")


def test_it_fills_the_stream(first, sky, before):
    assert f"3000 simulated alerts written to {STREAM}" in kernels.shown(first, "simulate")
    assert repr(STREAM) in kernels.shown(first, "streams")
    end = sky.topics.end(STREAM)
    assert sum(end.values()) - sum(before.values()) >= 4500


def test_a_search_of_the_columns_finds_those_that_the_filter_uses(first):
    found = kernels.shown(first, "search")
    assert "diaSource.reliability" in found
    assert "diaSource.snr" in found


def test_recent_alerts_have_exact_ids(first, sky):
    ids = re.findall(r"\b\d{15,}\b", kernels.shown(first, "recent"))
    assert len(ids) == 5
    known = sky.preview(Filter("all", "diaSource.diaSourceId > 0", STREAM), last=100_000).alerts
    assert {int(i) for i in ids} <= set(known["diaSource.diaSourceId"])


@pytest.mark.parametrize("cell", ["alert", "view", "match"])
def test_an_alert_is_drawn_with_its_cutouts_and_light_curve(first, cell):
    page = kernels.shown(first, cell, "text/html")
    assert re.search(r'alt="LSST diaSource \d+: cutouts and light curve"', page)
    assert kernels.shown(first, cell, "image/png")
    assert "earlier detections" in page


def test_the_preview_counts_what_a_loop_over_the_same_packets_counts(first):
    sources = [
        formats.get("lsst").read(p.value)[0]["diaSource"] for p in simulated("lsst", count=3000, seed=1)
    ]
    passing = [s for s in sources if s["snr"] > 10 and s["reliability"] > 0.7 and s["psfFlux"] > 0]
    assert headline(kernels.shown(first, "filter", "text/html")) == (3000, len(passing))


def test_the_tightened_filter_lets_fewer_pass_and_explains_each_cut(first):
    _, loose = headline(kernels.shown(first, "filter", "text/html"))
    page = kernels.shown(first, "tighten", "text/html")
    _, tight = headline(page)
    assert 0 < tight < loose / 2
    table = rows(page)
    left = [int(row[2].replace(",", "")) for row in table]
    assert [row[0] for row in table][3] == "NOT exists(prvDiaSources, s -> s.psfFlux < 0)"
    assert left == sorted(left, reverse=True)
    assert left[-1] == tight


def test_the_deployment_runs(first):
    page = kernels.shown(first, "deploy", "text/html")
    assert ">running<" in page
    assert TOPIC in page


COMPARED = r"passes (\d+) of these alerts; (\d+) were"


def test_as_many_matches_are_delivered_as_the_preview_of_the_same_alerts_passes(first):
    assert "1500 simulated alerts written" in kernels.shown(first, "more")
    expected, delivered = kernels.said(first, "compare", COMPARED)
    assert delivered == expected > 0


def test_plain_kafka_reads_every_match_and_most_are_supernovae(first):
    _, delivered = kernels.said(first, "compare", COMPARED)
    assert f"{delivered} matches in {TOPIC}" in kernels.shown(first, "kafka")
    classes = dict(re.findall(r"^(.+?) {2,}(\d+)$", kernels.shown(first, "kafka"), re.MULTILINE))
    counts = {name.strip(): int(n) for name, n in classes.items() if name.strip() != "matches"}
    assert sum(counts.values()) == int(delivered)
    supernovae = sum(n for name, n in counts.items() if name.startswith("SN"))
    assert supernovae > 0.8 * int(delivered)


def test_it_runs_a_second_time_in_a_fresh_kernel(second):
    expected, delivered = kernels.said(second, "compare", COMPARED)
    assert delivered == expected > 0


def test_its_matches_are_those_alerts_of_the_stream_that_pass(second, sky):
    """Of the two parts that the two runs sent while the filter was deployed."""
    topic = sky.topics.read(TOPIC, sky.topics.begin(TOPIC), sky.topics.end(TOPIC))
    places = [source(record.headers) for record in topic]
    assert len(set(places)) == len(places)
    spec = Filter("supernovae", kernels.cell(second, "tighten").source.split("\n", 1)[1], STREAM)
    passing = sky.preview(spec, last=100_000).alerts
    assert set(places) <= set(zip(passing["kafka.partition"], passing["kafka.offset"], strict=True))


def test_it_removes_its_deployment(second, sky):
    assert "supernovae" not in {d.name for d in sky.deployments}
    assert "supernovae" not in kernels.shown(second, "remove")


def test_it_starts_a_session_where_none_runs(tmp_path, home, monkeypatch):
    own = replace(Home.at(tmp_path), cache=home.cache)
    monkeypatch.setenv("SKYSIEVE_SPARK_MEMORY", "1g")
    try:
        notebook = executed(own, slice(0, position("streams") + 1))
        started = local.running(own)
        assert started is not None
        assert started.kafka in kernels.shown(notebook, "attach")
        assert repr(STREAM) in kernels.shown(notebook, "streams")
    finally:
        local.down(own)
    assert local.running(own) is None


def position(name: str) -> int:
    """Place of the cell of that id."""
    return [cell.id for cell in nbformat.read(FIRST_LIGHT, as_version=4).cells].index(name)


def headline(page: str) -> tuple[int, int]:
    """Numbers of alerts judged and passed, as the preview writes them."""
    passed, judged = re.search(r"([\d,]+) of ([\d,]+) alerts pass", page).groups()
    return int(judged.replace(",", "")), int(passed.replace(",", ""))


def source(headers: tuple[tuple[str, bytes], ...]) -> tuple[int, int]:
    found = dict(headers)
    return int(found["skysieve.source.partition"]), int(found["skysieve.source.offset"])


def rows(page: str) -> list[list[str]]:
    """The rows of the first table, as texts."""

    class Reader(html.parser.HTMLParser):
        done = False

        def __init__(self):
            super().__init__()
            self.found: list[list[str]] = []

        def handle_starttag(self, tag, attrs):
            if tag == "tr" and not self.done:
                self.found.append([])
            if tag == "td" and not self.done:
                self.found[-1].append("")

        def handle_endtag(self, tag):
            self.done = self.done or tag == "table"

        def handle_data(self, data):
            if self.found and self.found[-1] and not self.done:
                self.found[-1][-1] += data

    reader = Reader()
    reader.feed(page)
    return [row for row in reader.found if row]
