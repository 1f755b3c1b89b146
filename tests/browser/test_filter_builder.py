"""FilterBuilder as people see it: in JupyterLab, in a browser; every count that it shows is compared with pandas."""

import re

import pytest
from playwright.sync_api import expect

from .panel import cells

SHOW = """\
import numpy as np, pandas as pd
from skysieve.nights import counted
from skysieve_widgets import FilterBuilder
random = np.random.default_rng(7)
sample = pd.DataFrame({
    "snr": random.exponential(20, 10_000),
    "reliability": random.uniform(0, 1, 10_000),
    "band": random.choice(list("ugrizy"), 10_000),
    "detections": random.poisson(9, 10_000),
})
sample.loc[::10, "reliability"] = np.nan

class Recorded:
    nights = counted([400_000.0], "one night")

def counted_by_pandas(*cuts):
    passes = [sample.eval(cut) for cut in cuts]
    both = lambda some: pd.concat([pd.Series(True, sample.index), *some], axis=1).all(axis=1)
    rows = [
        {
            "left": both(passes[: i + 1]).sum(),
            "alone": passed.sum(),
            "only this": (both(passes[:i] + passes[i + 1 :]) & ~passed).sum(),
            "null": sample[cuts[i].split()[0]].isna().sum(),
        }
        for i, passed in enumerate(passes)
    ]
    return [int(both(passes).sum()), [{name: int(n) for name, n in row.items()} for row in rows]]

builder = FilterBuilder(
    sample, name="bright", stream="lsst-alerts", source=Recorded(),
    sql="snr > 20 AND reliability > 0.5 AND band IN ('g', 'r')",
)
builder"""
BAND = "band in ['g', 'r']"


@pytest.fixture
def shown(notebook):
    """A notebook that shows a form with three cuts on 10,000 alerts, and the place where it does."""
    opened = notebook(SHOW)
    opened.run()
    form = opened.output().locator(".sky-builder")
    expect(form).to_be_visible()
    return opened, form


def expect_counts(notebook, form, *cuts):
    """Every number in the form is what pandas counts of cuts in its own notation."""
    passed, rows = notebook.value(f"counted_by_pandas(*{list(cuts)!r})")
    headline = form.locator(".sky-headline")
    expect(headline).to_contain_text(f"{passed:,} of 10,000 alerts pass (")
    expect(form.locator(".sky-cut")).to_have_count(len(rows))
    for i, row in enumerate(rows):
        for name, number in row.items():
            count = form.locator(".sky-cut").nth(i).locator(f"[data-count='{name}']")
            expect(count).to_have_text(f"{number:,} {name}")
    rate, low, high = map(
        float, re.findall(r"[\d.]+", headline.inner_text().split("(")[1].replace("95 %", ""))
    )
    expected = notebook.value(
        "__import__('astropy.stats').stats.binom_conf_interval"
        f"({passed}, 10_000, confidence_level=0.95, interval='wilson').tolist()"
    )
    assert [rate, low, high] == pytest.approx([passed / 100, *(100 * end for end in expected)], abs=0.06)
    expect(form).to_contain_text(f"About {float(f'{40 * passed:.2g}'):,.0f} alerts a night")


def threshold(form, name):
    """The handle of a threshold, and the field that says where it is."""
    row = form.locator(".sky-cut").filter(has=form.page.get_by_role("slider", name=name))
    field = row.get_by_label("Value").nth(1 if name.startswith("Upper") else 0)
    return row.get_by_role("slider", name=name), field


def redrawn(form):
    """Wait until what was moved is shown, and tell how long that took."""
    expect(form).to_have_attribute("data-settled", "true")
    if taken := form.get_attribute("data-redraw-ms"):
        print(f"release to redraw, 10,000 alerts: {taken} ms")


def test_a_threshold_moved_by_keyboard_gives_the_counts_of_pandas(shown):
    notebook, form = shown
    expect_counts(notebook, form, "snr > 20", "reliability > 0.5", BAND)
    handle, field = threshold(form, "Threshold of snr")
    handle.focus()
    for key, is_more in (("ArrowRight", True), ("Shift+ArrowRight", True), ("PageDown", False)):
        before = float(field.input_value())
        handle.press(key)
        redrawn(form)
        now = float(field.input_value())
        assert (now > before) == is_more
        expect_counts(notebook, form, f"snr > {now}", "reliability > 0.5", BAND)
    expect(handle).to_be_focused()
    assert notebook.value("builder.cuts[0]['value']") == now
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        notebook.picture(f"builder-{theme.lower()}", form)


def test_a_threshold_that_is_dragged_counts_on_its_way_and_where_it_is_let_go(shown):
    notebook, form = shown
    handle, field = threshold(form, "Threshold of reliability")
    box, mouse = handle.bounding_box(), notebook.page.mouse
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse.move(x, y)
    mouse.down()
    for far in (40, 80):
        mouse.move(x + far, y, steps=8)
        redrawn(form)
        assert float(field.input_value()) == pytest.approx(0.5 + far / 320, abs=0.02)
        expect_counts(notebook, form, "snr > 20", f"reliability > {field.input_value()}", BAND)
    mouse.move(x - 60, y, steps=4)
    mouse.up()
    redrawn(form)
    assert float(field.input_value()) == pytest.approx(0.5 - 60 / 320, abs=0.02)
    expect_counts(notebook, form, "snr > 20", f"reliability > {field.input_value()}", BAND)
    assert notebook.value("builder.cuts[1]['value']") == float(field.input_value())


def test_a_cut_is_made_and_removed_with_the_keyboard_alone(shown):
    notebook, form = shown
    keys = notebook.page.keyboard
    form.get_by_role("button", name="+ Cut").press("Enter")
    keys.type("detec")
    keys.press("Enter")
    column = form.get_by_role("combobox", name="Column").last
    expect(column).to_have_value("detections")
    _, field = threshold(form, "Threshold of detections")
    redrawn(form)
    cuts = "snr > 20", "reliability > 0.5", BAND
    expect_counts(notebook, form, *cuts, f"detections > {field.input_value()}")
    keys.press("Tab")
    expect(form.get_by_label("Operator").last).to_be_focused()
    keys.press("ArrowDown")
    keys.press("Tab")
    expect(field).to_be_focused()
    keys.press("Control+A")
    keys.type("12")
    redrawn(form)
    expect_counts(notebook, form, *cuts, "detections >= 12")
    assert notebook.value("builder.cuts[-1]") == {"column": "detections", "op": ">=", "value": 12}
    form.get_by_role("button", name="Remove this cut").last.press("Enter")
    expect_counts(notebook, form, *cuts)
    assert len(cells(notebook.page)) == 1


def test_what_python_sets_is_shown(shown):
    notebook, form = shown
    notebook.python("builder.sql = 'snr BETWEEN 5 AND 35'")
    expect_counts(notebook, form, "snr >= 5 and snr <= 35")
    expect(form.get_by_role("slider")).to_have_count(2)
    expect(threshold(form, "Lower threshold of snr")[1]).to_have_value("5")


def test_the_filter_is_written_as_a_cell_below(shown):
    notebook, form = shown
    form.get_by_label("Name of the filter").fill("brighter")
    form.get_by_label("Name of the filter").press("Enter")
    threshold(form, "Threshold of snr")[0].press("ArrowRight")
    form.get_by_role("button", name="As cell").press("Enter")
    redrawn(form)
    value = notebook.value("builder.cuts[0]['value']")
    expected = f"snr > {value}\nAND reliability > 0.5\nAND band IN ('g', 'r')"
    assert cells(notebook.page) == [SHOW, f"%%filter brighter --stream lsst-alerts\n{expected}"]


@pytest.mark.parametrize("button", ["As cell", "Deploy"])
def test_the_filter_goes_as_the_form_shows_it_though_the_kernel_is_yet_to_hear_of_it(notebook, button):
    opened = notebook(SHOW.replace("sample, name=", "sample, deploy=lambda name, sql: sql, name="))
    opened.run()
    form = opened.output().locator(".sky-builder")
    handle, field = threshold(form, "Threshold of snr")
    opened.occupy(3)
    # the second step is not sent before the first is answered
    handle.press("ArrowRight")
    handle.press("ArrowRight")
    form.get_by_role("button", name=button).press("Enter")
    expect(form.get_by_role("status")).to_have_text("Waits for the kernel …")
    redrawn(form)
    expected = f"snr > {field.input_value()}\nAND reliability > 0.5\nAND band IN ('g', 'r')"
    assert field.input_value() != "20"
    if button == "Deploy":
        assert opened.value("builder.result") == expected
    else:
        assert cells(opened.page)[1:] == [f"%%filter bright --stream lsst-alerts\n{expected}"]


def test_nothing_is_written_of_what_the_kernel_refuses(shown):
    notebook, form = shown
    notebook.occupy(2)
    form.get_by_label("Name of the filter").fill("no name!")
    form.get_by_label("Name of the filter").press("Enter")
    form.get_by_role("button", name="As cell").press("Enter")
    expect(form.get_by_role("status")).to_have_text("Waits for the kernel …")
    expect(form.get_by_role("alert")).to_contain_text("'no name!' is no name for a filter")
    expect(form.get_by_role("status")).to_have_text("")
    assert cells(notebook.page) == [SHOW]


@pytest.mark.parametrize("end", ["restartKernel()", "changeKernel({name: 'python3'})", "shutdown()"])
def test_a_form_whose_kernel_has_ended_says_so_and_takes_nothing_more(shown, end):
    notebook, form = shown
    _, field = threshold(form, "Threshold of snr")
    before = field.input_value()
    notebook.page.evaluate(f"() => void jupyterapp.shell.currentWidget.sessionContext.{end}")
    expect(form.get_by_role("alert")).to_have_text(
        "The kernel that made this form has ended: run its cell again."
    )
    expect(form.get_by_role("status")).to_be_empty()
    notebook.picture("builder-ended", form)
    for part in (".sky-title", ".sky-cuts", ".sky-buttons"):
        expect(form.locator(part)).to_have_attribute("inert", "")
    field.focus()
    notebook.page.keyboard.type("7")
    assert field.input_value() == before
    assert cells(notebook.page) == [SHOW]
    if end != "shutdown()":
        notebook.wait()
        notebook.run()
        expect(form.get_by_role("alert")).to_be_empty()
        expect(form.locator(".sky-cuts")).not_to_have_attribute("inert", "")


def test_a_page_that_is_loaded_again_shows_the_form_as_it_was_and_it_goes_on(shown):
    notebook, form = shown
    threshold(form, "Threshold of snr")[0].press("End")
    redrawn(form)
    value = notebook.value("builder.cuts[0]['value']")
    notebook.save_and_reload()
    expect_counts(notebook, form, f"snr > {value}", "reliability > 0.5", BAND)
    handle, field = threshold(form, "Threshold of snr")
    expect(field).to_have_value(str(value))
    handle.press("Home")
    redrawn(form)
    expect_counts(notebook, form, f"snr > {field.input_value()}", "reliability > 0.5", BAND)
    assert notebook.value("builder.cuts[0]['value']") == float(field.input_value())
