"""The panel in JupyterLab, beside a Kafka: what a person sees and does, without a kernel wherever none is needed."""

from __future__ import annotations

import itertools
import re

import psutil
import pytest
from playwright.sync_api import expect
from skysieve import Filter
from skysieve.deploying import deploy as deploy_filter
from skysieve.engine import registry
from skysieve.engine.health import FilterHealth, QueryHealth
from skysieve.engine.registry import REGISTRY
from skysieve.engine.status import STATUS, status_of
from skysieve.engine.values import now

from .conftest import COUNT
from .panel import Panel, cells, open_lab, violations

FILTER = "%%filter {name} --stream {stream}\ndiaSource.snr > 20 -- bright\nAND diaSource.band IN ('g', 'r')"
_numbers = itertools.count(1)


@pytest.fixture
def panel(beside, page) -> Panel:
    return open_lab(beside, page, f"panel-{next(_numbers)}").open()


@pytest.fixture
def deployed(topics, name, filled, running):
    """A filter with two versions, that is never given to Spark; its state is what a test says it is."""
    supervisor = psutil.Process(running.pids["supervisor"])
    supervisor.suspend()
    made = [
        deploy_filter(topics, Filter(name, where, stream=filled), "ada")
        for where in ("diaSource.snr > 10", "diaSource.snr > 20")
    ][-1]
    yield made
    registry.unregister(topics, name)
    topics.write(STATUS, [(name, None), (f"/health/{filled}", None)])
    supervisor.resume()


def tell(topics, name, state, error=None, **health):
    """Say of a filter what a supervisor would."""
    record = registry.registered(topics)[name]
    told = status_of(record, state, error=error, since={0: 0})
    doing = QueryHealth(query=record.query, updated=now(), filters={name: FilterHealth(**health)})
    topics.write(STATUS, [(f"/health/{record.query}", doing.model_dump_json().encode())])
    topics.write(STATUS, [(name, told.model_dump_json().encode())])


def test_the_panel_tells_of_the_session_without_a_kernel(panel, beside, kafka):
    session = panel.section("session")
    expect(session).to_contain_text(kafka)
    expect(session.get_by_role("listitem").filter(has_text="Kafka")).to_contain_text("running")
    expect(session.get_by_role("listitem").filter(has_text="Spark")).to_contain_text("cannot be reached")
    assert panel.page.evaluate("() => jupyterapp.serviceManager.sessions.running().next().done")


def test_a_session_elsewhere_is_asked_for_until_it_answers(panel, kafka):
    page = panel.page
    spark, broker = page.get_by_label("Spark Connect"), page.get_by_label("Kafka", exact=True)

    def opened():
        expect(spark).to_be_focused()  # what is typed before would go astray

    def refused(because):
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(because)
        opened()

    panel.section("session").get_by_role("button", name="Elsewhere").click()
    opened()
    spark.fill("sc://127.0.0.1:9;token=secret")
    broker.fill("127.0.0.1:1")
    refused("without a token")
    spark.fill("sc://127.0.0.1:9")
    refused("No Kafka broker answers at 127.0.0.1:1")
    broker.fill("nowhere.invalid:9092")
    refused("No Kafka broker answers at nowhere.invalid:9092")
    broker.fill(kafka)
    page.get_by_role("button", name="Show this session").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    leave = panel.section("session").get_by_role("button", name="Leave it")
    leave.click()
    expect(leave).to_have_count(0)


def test_columns_are_found_by_what_they_tell_and_put_into_the_cell(beside, page, filled):
    notebook = beside.open(page, f"columns-{next(_numbers)}", "snr > ")
    panel = Panel(page).open()
    row = panel.unfold(panel.stream(filled))
    tree = row.get_by_role("tree")
    expect(tree.get_by_role("treeitem").filter(has_text="diaSource").first).to_be_visible()
    row.get_by_label("Search the columns").fill("uncertainty flux psf")
    expect(row.get_by_role("status")).to_contain_text("of ")
    found = tree.get_by_role("treeitem").filter(has_text="diaSource.psfFluxErr")
    expect(found).to_contain_text("nJy")
    page.evaluate(
        "() => jupyterapp.shell.currentWidget.content.activeCell.editor.setCursorPosition({line: 0, column: 6})"
    )
    found.click()
    page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource().length > 7"
    )
    assert cells(page) == ["snr > diaSource.psfFluxErr"]
    notebook.picture("columns")


def test_a_record_of_columns_opens_by_its_name_and_by_keyboard(panel, filled):
    row = panel.unfold(panel.stream(filled))
    record = row.get_by_role("treeitem").filter(has_text="ssSource").first
    record.click(position={"x": 40, "y": 12})
    expect(record).to_have_attribute("aria-expanded", "true")
    expect(record.get_by_role("treeitem").first).to_be_visible()
    panel.page.keyboard.press("ArrowLeft")
    expect(record).to_have_attribute("aria-expanded", "false")


def test_a_filter_shows_state_rates_and_warnings_as_they_change(panel, topics, deployed, name):
    row = panel.filter(name)
    expect(row.locator(".sky-state")).to_have_text("starting")
    health = {"judged": 1000, "matched": 40, "judged_per_second": 300.0, "matched_per_second": 12.0}
    tell(topics, name, "running", **health)
    expect(row.locator(".sky-state")).to_have_text("running")
    expect(row).to_contain_text("300/s")
    expect(row).to_contain_text("4 % pass")
    drift = "20 % of 20,000 alerts pass, where the preview said 4 % to 6 %"
    tell(topics, name, "running", **health, drift=drift)
    expect(row.locator(".sky-warning")).to_contain_text("20 % of 20,000")
    expect(panel.page.locator(".Toastify")).to_contain_text(f"Filter {name} drifts")
    tell(topics, name, "failed", error="Division by <b>zero</b>")
    expect(row.locator(".sky-state")).to_have_text("failed")
    expect(row.locator(".sky-problem")).to_have_text("Division by <b>zero</b>")
    expect(panel.page.locator(".Toastify")).to_contain_text(f"Filter {name} failed")


def test_stop_start_and_roll_back_are_written_into_the_registry(panel, topics, deployed, name):
    row, newest = panel.unfold(panel.filter(name)), deployed.version
    row.get_by_role("button", name="Stop", exact=True).click()
    expect(row.get_by_role("button", name="Start", exact=True)).to_be_visible()
    assert registry.registered(topics)[name].wanted == "stopped"
    row.get_by_role("button", name="Start", exact=True).click()
    expect(row.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    row.get_by_role("button", name="Compare").click()
    dialog = panel.page.get_by_role("dialog")
    expect(dialog.locator('[data-kind="removed"]')).to_contain_text("diaSource.snr > 10")
    expect(dialog.locator('[data-kind="added"]')).to_contain_text("diaSource.snr > 20")
    dialog.get_by_role("button", name="Close").click()
    row.get_by_role("button", name="Roll back").click()
    panel.page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(row.get_by_role("listitem").filter(has_text="current")).not_to_contain_text(newest)
    assert registry.registered(topics)[name].current != newest


def test_remove_asks_first_and_no_is_the_answer_of_enter(panel, topics, deployed, name):
    row = panel.unfold(panel.filter(name))
    row.get_by_role("button", name="Remove").click()
    panel.page.keyboard.press("Enter")
    expect(panel.page.get_by_role("dialog")).to_have_count(0)
    assert name in registry.registered(topics)
    row.get_by_role("button", name="Remove").click()
    panel.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    assert name not in registry.registered(topics)


def test_source_goes_into_a_new_cell_with_its_bar_and_the_colours_of_sql(
    beside, page, topics, deployed, name
):
    beside.open(page, f"source-{next(_numbers)}", "1 + 1")
    panel = Panel(page).open()
    tell(topics, name, "running")
    panel.unfold(panel.filter(name)).get_by_role("button", name="Source").click()
    bar = page.get_by_role("toolbar", name=f"Filter {name}")
    expect(bar.get_by_role("button", name="Preview")).to_be_visible()
    expect(bar.get_by_role("status")).to_contain_text("running")
    assert cells(page)[1] == f"%%filter {name} --stream {deployed.stream}\ndiaSource.snr > 20"


def test_sql_in_a_filter_cell_is_coloured_as_sql_and_python_as_python(beside, page):
    sql = FILTER.format(name="one", stream="some")
    beside.open(page, f"colours-{next(_numbers)}", sql, "%%filter two\ndef two(snr):\n    return snr > 3")
    code = page.locator(".jp-CodeCell .cm-content")
    colour = "(node) => getComputedStyle(node).color"

    def of(cell, text):
        return code.nth(cell).locator("span", has_text=text).last.evaluate(colour)

    page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.content.widgets[0].model.mimeType.endsWith('sql')"
    )
    expect(code.nth(0).locator("span", has_text="-- bright").last).to_have_text("-- bright")
    assert of(0, "AND") == of(1, "def")


def test_form_and_cell_are_two_views_of_one_filter(beside, page, filled):
    text = f"%%filter two --stream {filled}\ndiaSource.snr > 20\nAND (diaSource.band = 'g' OR diaSource.band = 'r')"
    notebook = beside.open(page, f"form-{next(_numbers)}", text)
    page.get_by_role("toolbar", name="Filter two").get_by_role("button", name="Form").click()
    form = page.locator(".sky-FilterForm")
    first, second = form.get_by_role("group", name="Cut 1"), form.get_by_role("group", name="Cut 2")
    expect(first.get_by_label("Column")).to_have_value("diaSource.snr")
    expect(second.get_by_label("SQL")).to_have_value("(diaSource.band = 'g' OR diaSource.band = 'r')")
    expect(first.get_by_role("img")).to_be_visible()

    first.get_by_label("Value").fill("30.5")
    assert "diaSource.snr > 30.5" in cells(page)[0]
    second.get_by_role("button", name="Remove cut 2").click()
    form.get_by_role("button", name="Add a cut").click()
    second.get_by_label("Column").fill("diaSource.band")
    second.get_by_label("Operator").select_option("!=")
    second.get_by_label("Value").fill("it's")
    assert cells(page) == [
        f"%%filter two --stream {filled}\ndiaSource.snr > 30.5\nAND diaSource.band != 'it''s'"
    ]

    page.evaluate(
        "text => [...jupyterapp.shell.widgets('main')].find(one => one.content?.widgets)"
        ".content.widgets[0].model.sharedModel.setSource(text)",
        f"%%filter two --stream {filled}\ndiaSource.snr > 0",
    )
    expect(first.get_by_label("Value")).to_have_value("0")
    expect(second).to_have_count(0)
    expect(form.get_by_role("table")).to_contain_text(f"Of the newest {COUNT} alerts")
    expect(form.get_by_role("cell").first).to_have_text(str(COUNT))
    notebook.picture("form")
    assert violations(page, ".sky-FilterForm") == []


def test_a_double_click_shows_the_values_of_a_column(panel, filled):
    row = panel.unfold(panel.stream(filled))
    row.get_by_label("Search the columns").fill("diaSource.psfFlux")
    row.get_by_role("treeitem").filter(has_text="diaSource.psfFluxErr").first.dblclick()
    expect(row.locator(".sky-columnValues")).to_contain_text(f"in the newest {COUNT} alerts")


def test_matches_are_shown_as_they_arrive_with_the_newest_drawn(panel, topics, deployed, name, filled):
    topics.create({f"filter.{name}": 1})
    row = panel.unfold(panel.filter(name))
    expect(row).to_contain_text("None has arrived yet.")
    for record in topics.last(filled, 3):
        topics.write(f"filter.{name}", [("", record.value)])
    matches = row.get_by_label("Newest matches").get_by_role("listitem")
    expect(matches).to_have_count(3)
    expect(row.get_by_role("img", name="Cutouts and light curve of alert")).to_be_visible()
    row.get_by_role("img", name="Cutouts").scroll_into_view_if_needed()
    panel.picture("live-tail")
    topics.write(f"filter.{name}", [("", b"<img src=x onerror=alert(1)>")])
    expect(matches).to_have_count(4)
    assert panel.page.locator("img[src=x]").count() == 0


def test_names_that_are_markup_are_shown_as_text(panel, topics, stream):
    strange = f"<img src=x onerror=alert({stream!r})>"
    topics.write(REGISTRY, [(strange, b"{}")])
    try:
        expect(panel.section("filters")).to_contain_text(strange)
        assert panel.page.locator("img[src=x]").count() == 0
    finally:
        registry.unregister(topics, strange)


def test_two_browsers_see_the_same(beside, chromium, page, topics, deployed, name):
    one = open_lab(beside, page, f"one-{next(_numbers)}").open()
    context = chromium.new_context()
    try:
        other = open_lab(beside, context.new_page(), f"other-{next(_numbers)}").open()
        one.unfold(one.filter(name)).get_by_role("button", name="Stop", exact=True).click()
        other.unfold(other.filter(name))
        expect(other.filter(name).get_by_role("button", name="Start", exact=True)).to_be_visible(timeout=5000)
    finally:
        context.close()


def test_attach_puts_one_line_into_the_notebook_and_again_after_a_restart(beside, page):
    notebook = beside.open(page, f"attach-{next(_numbers)}", "1 + 1")
    line = "import skysieve; sky = skysieve.attach()"
    page.get_by_role("button", name="Attach", exact=True).click()
    page.wait_for_function("() => jupyterapp.shell.currentWidget.content.widgets.length === 2")
    assert cells(page) == [line, "1 + 1"]
    prompt = page.locator(".jp-CodeCell .jp-InputPrompt").first
    expect(prompt).to_have_text("[1]:")
    # that Spark is not there: what attach() says of it is in the cell
    expect(notebook.output(0)).to_contain_text("No Spark Connect server answers")
    notebook.python("x = 1")
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    notebook.wait()
    expect(prompt).to_have_text("[1]:")
    assert notebook.value("'skysieve' in dir() and 'x' not in dir()")
    assert cells(page) == [line, "1 + 1"]


def test_the_status_bar_opens_the_panel_by_keyboard(beside, page):
    panel = open_lab(beside, page, f"bar-{next(_numbers)}")
    item = page.locator(".sky-StatusItem").get_by_role("button")
    expect(item).to_contain_text(re.compile(r"Skysieve: spark.* not running"))
    item.focus()
    page.keyboard.press("Enter")
    expect(panel.section("session")).to_be_visible()


def test_commands_menu_launcher_and_settings_are_there(panel):
    page = panel.page
    known = page.evaluate("() => jupyterapp.commands.listCommands().filter(id => id.startsWith('skysieve:'))")
    assert len(known) == 6
    page.get_by_role("menuitem", name="Skysieve", exact=True).click()
    expect(page.get_by_role("menuitem", name="Skysieve tour")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".jp-LauncherCard").filter(has_text="Skysieve tour")).to_be_visible()
    page.locator(".jp-LauncherCard").filter(has_text="Skysieve tour").click()
    page.wait_for_function("() => jupyterapp.shell.currentWidget?.context?.path === 'skysieve-tour.ipynb'")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing_serious_in_both_themes(beside, page, topics, deployed, name, filled, theme):
    notebook = beside.open(page, f"axe-{next(_numbers)}", FILTER.format(name=name, stream=filled))
    panel = Panel(page).open()
    notebook.theme(f"JupyterLab {theme}")
    drift = "20 % of 20,000 alerts pass, where the preview said 4 % to 6 %"
    tell(topics, name, "running", judged=100, matched=4, judged_per_second=30.0, drift=drift)
    expect(panel.filter(name)).to_contain_text("30/s")
    panel.unfold(panel.stream(filled))
    expect(panel.stream(filled).get_by_role("treeitem").first).to_be_visible()
    panel.unfold(panel.filter(name))
    expect(panel.filter(name).get_by_role("button", name="Compare")).to_be_visible()
    panel.picture(f"panel-{theme.lower()}")
    assert violations(page, ".sky-Panel") == []
    assert violations(page, ".sky-FilterBar") == []
    panel.section("session").get_by_role("button", name="Elsewhere").click()
    expect(page.get_by_label("Spark Connect")).to_be_focused()
    panel.picture(f"remote-{theme.lower()}")
    assert violations(page, ".jp-Dialog") == []
