"""From an empty home to a filter that runs, and back, all in the browser; and what a person reads when a part dies."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import expect
from skysieve import local
from skysieve.engine import registry
from skysieve.home import Home
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from skysieve.stream_topics import make_stream
from skysieve.topics import Topics

from .panel import Panel, cells, lab_with_panel, open_lab

STREAM = "lsst-alerts"
FILTER = f"%%filter bright --stream {STREAM}\ndiaSource.snr > 10\nAND diaSource.reliability > 0.5"
LINE = "import skysieve; sky = skysieve.attach()"
START = 200_000
"""Milliseconds that a session may take to start, where others use the machine."""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """An empty home, with the user's jars."""
    home = replace(Home.at(tmp_path_factory.mktemp("own") / "sky"), cache=Home.default().cache)
    yield home
    local.down(home)


@pytest.fixture(scope="module")
def own_lab(chromium, own, tmp_path_factory):
    named = {"SKYSIEVE_HOME": str(own.state), "SKYSIEVE_CACHE": str(own.cache), "SKYSIEVE_HEARTBEAT": "1"}
    hidden = {name: os.environ.pop(name, None) for name in ("SKYSIEVE_KAFKA", "SKYSIEVE_SPARK")}
    try:
        with lab_with_panel(tmp_path_factory.mktemp("lab"), **named) as running:
            yield running
    finally:
        os.environ.update({name: value for name, value in hidden.items() if value})


def parts(panel: Panel):
    return panel.section("session").get_by_role("list", name="Parts").get_by_role("listitem")


def part_of(panel: Panel, name: str):
    return parts(panel).filter(has=panel.page.locator(".sky-name", has_text=name))


def all_run(panel: Panel) -> None:
    for part in ("Kafka", "Spark", "Supervisor"):
        row = part_of(panel, part)
        expect(row.locator(".sky-dot")).to_have_attribute("data-state", "running", timeout=START)
    # a start that is under way would take back what it started, should a part be killed
    expect(panel.section("session").get_by_role("status")).to_have_count(0, timeout=START)


def feed(home: Home, seed: int) -> None:
    running = local.running(home)
    assert running is not None
    topics = Topics(running.kafka)
    make_stream(topics, STREAM)
    send(simulated("lsst", count=100, seed=seed), STREAM, topics.bootstrap)


def test_the_story_from_an_empty_home_to_a_filter_that_outlives_the_lab(own_lab, own, page):
    panel = open_lab(own_lab, page, "story").open()
    session = panel.section("session")
    expect(session).to_contain_text("No session is running.")
    session.get_by_role("button", name="Start session").click()
    expect(session.get_by_role("status")).to_be_visible()
    all_run(panel)
    expect(page.locator(".sky-StatusItem")).to_contain_text("0 filters running")
    feed(own, seed=1)
    expect(panel.stream(STREAM)).to_contain_text("100 packets")
    panel.unfold(panel.stream(STREAM))
    expect(panel.stream(STREAM).get_by_role("treeitem").first).to_be_visible()
    panel.pictures("panel")

    notebook = own_lab.open(page, "story", FILTER)
    panel = Panel(page)
    if not panel.section("session").is_visible():
        panel.open()
    page.get_by_role("button", name="Attach", exact=True).click()
    prompt = page.locator(".jp-CodeCell .jp-InputPrompt")
    expect(prompt.first).to_have_text("[1]:", timeout=60_000)
    assert cells(page)[0] == LINE
    assert notebook.value("type(sky).__name__") == "Session"

    bar = page.get_by_role("toolbar", name="Filter bright")
    bar.get_by_role("button", name="Preview").click()
    expect(notebook.output(1)).to_contain_text("diaSource.snr > 10", timeout=90_000)
    panel.pictures("preview", notebook.output(1))
    bar.get_by_role("button", name="Form").click()
    form = page.locator(".sky-FilterForm")
    expect(form.get_by_role("img").nth(1)).to_be_visible()
    panel.pictures("story-form")
    page.keyboard.press("Escape")
    page.evaluate(
        "() => [...jupyterapp.shell.widgets('main')].find(one => one.id.startsWith('skysieve-form')).close()"
    )
    bar.get_by_role("button", name="Deploy").click()
    expect(bar.get_by_role("status")).to_contain_text("running", timeout=120_000)
    expect(panel.filter("bright").locator(".sky-state")).to_have_text("running")
    expect(page.locator(".sky-StatusItem")).to_contain_text("1 filter running")
    assert cells(page) == [LINE, FILTER, "%deploy bright"]

    panel.unfold(panel.filter("bright"))
    feed(own, seed=2)
    matches = panel.filter("bright").get_by_label("Newest matches").get_by_role("listitem")
    expect(matches.first).to_be_visible(timeout=60_000)
    drawn = panel.filter("bright").get_by_role("img", name="Cutouts")
    expect(drawn).to_be_visible(timeout=60_000)
    panel.pictures("live-tail", drawn)

    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    notebook.wait()
    expect(prompt.first).to_have_text("[1]:", timeout=60_000)
    assert notebook.value("sky.deployment('bright').status().state") == "running"

    page.goto("about:blank")
    panel = open_lab(own_lab, page, "later").open()
    expect(panel.filter("bright").locator(".sky-state")).to_have_text("running")
    panel.unfold(panel.filter("bright")).get_by_role("button", name="Stop", exact=True).click()
    expect(panel.filter("bright").locator(".sky-state")).to_have_text("stopped", timeout=60_000)


@pytest.mark.parametrize("part", ["supervisor", "spark", "kafka"])
def test_a_part_that_is_killed_is_told_and_started_again_from_the_panel(own_lab, own, page, part):
    if local.running(own) is None:
        local.up(own)
    panel = open_lab(own_lab, page, f"killed-{part}").open()
    all_run(panel)
    psutil.Process(local.pids(own)[part]).kill()
    row = part_of(panel, part.capitalize())
    expect(row).to_contain_text("stopped")
    expect(page.locator(".sky-StatusItem")).to_contain_text(re.compile(f"{part}.* not running"))
    if part != "supervisor":
        expect(part_of(panel, "Supervisor")).to_contain_text(f"waiting for {part.capitalize()}")
    panel.section("session").get_by_role("button", name="Start what is missing").click()
    all_run(panel)


def test_two_notebooks_in_two_browsers_see_each_others_deployments(own_lab, own, chromium, page):
    if local.running(own) is None:
        local.up(own)
    feed(own, seed=3)
    context = chromium.new_context()
    try:
        pages = {"left": page, "right": context.new_page()}
        notebooks, panels = {}, {}
        for name, where in pages.items():
            text = f"%%filter {name} --stream {STREAM}\ndiaSource.snr > 5"
            notebooks[name] = own_lab.open(where, f"both-{name}", LINE, text, f"%deploy {name} --no-wait")
            panels[name] = Panel(where).open()
            notebooks[name].run(0)
            notebooks[name].run(1)
        for name, other in (("left", "right"), ("right", "left")):
            notebooks[name].run(2)
            expect(panels[other].filter(name)).to_be_visible(timeout=START)
            seen = datetime.now(UTC)
            deployed = registry.registered(Topics(local.running(own).kafka))[name].versions[-1].deployed
            print(
                f"\n{name} is seen on the {other} {(seen - deployed).total_seconds():.1f} s after it was deployed"
            )
            expect(panels[other].filter(name).locator(".sky-state")).to_have_text("running", timeout=START)
        for notebook in notebooks.values():
            notebook.shut_down()
    finally:
        context.close()


def test_sparks_own_pages_open_from_the_panel(own_lab, own, page):
    if local.running(own) is None:
        local.up(own)
    session = open_lab(own_lab, page, "spark").open().section("session")
    with page.context.expect_page() as opened:
        session.get_by_role("link", name="Spark UI").click()
    spark = opened.value
    refused: list[str] = []
    spark.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    expect(spark.get_by_role("heading", name="Spark Jobs")).to_be_visible()
    spark.get_by_role("link", name="Executors").click()
    expect(spark.locator("#active-executors-table")).to_contain_text("driver")
    assert urlsplit(spark.url).path == "/skysieve/spark/executors/"
    reached = spark.evaluate("() => fetch('/api/contents').then(() => 'reached', () => 'refused')")
    assert reached == "refused"
    assert [one for one in refused if "/api/contents" not in one] == []
    spark.close()


def test_the_log_of_a_part_can_be_read(own_lab, own, page):
    if local.running(own) is None:
        local.up(own)
    panel = open_lab(own_lab, page, "log").open()
    panel.section("session").get_by_role("button", name="Log of Kafka").click()
    expect(page.get_by_role("dialog")).to_contain_text("Log of Kafka")
    expect(page.get_by_role("dialog").locator("pre")).not_to_be_empty()


def test_the_session_is_stopped_from_the_panel(own_lab, own, page):
    if local.running(own) is None:
        local.up(own)
    panel = open_lab(own_lab, page, "stop").open()
    panel.section("session").get_by_role("button", name="Stop session").click()
    expect(panel.section("session")).to_contain_text("No session is running.", timeout=90_000)
    assert local.pids(own) == {}


def test_where_the_session_cannot_be_started_its_reason_is_read(chromium, page, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with lab_with_panel(tmp_path / "lab", SKYSIEVE_HOME=str(blocked)) as lab:
        panel = open_lab(lab, page, "blocked").open()
        panel.section("session").get_by_role("button", name="Start session").click()
        expect(panel.section("session").get_by_role("alert")).to_contain_text("files cannot be kept in")
