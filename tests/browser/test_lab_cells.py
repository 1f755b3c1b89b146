"""What is wrong in a `%%filter` cell, shown while it is typed; no kernel is asked."""

from __future__ import annotations

import itertools

import pytest
from playwright.sync_api import expect
from processes import wait_until

from .panel import lab_with_panel, violations

_numbers = itertools.count(1)


def test_a_mistake_is_underlined_while_it_is_typed_and_told_on_hover(beside, page, filled):
    text = f"%%filter bright --stream {filled}\ndiaSource.snr > 20 AND diaSource.snrr > 5"
    notebook = beside.open(page, f"mistake-{next(_numbers)}", text)
    marked = page.locator(".cm-lintRange-error")
    expect(marked).to_have_text("diaSource.snrr")
    told = page.get_by_role("tooltip").or_(page.locator(".cm-tooltip-lint"))

    def is_told():
        page.mouse.move(0, 0)  # it goes, and does not come again by itself, when the cell is looked at anew
        marked.hover()
        page.wait_for_timeout(500)
        return told.is_visible()

    wait_until(is_told, "what is wrong on hover")
    expect(told).to_contain_text("Did you mean diaSource.snr")
    bar, editor = page.get_by_role("toolbar", name="Filter bright"), page.locator(".cm-content").first
    expect(bar).to_contain_text("There is no column 'diaSource.snrr'")
    expect(editor).to_have_attribute("aria-invalid", "true")
    notebook.picture("mistake")
    assert violations(page, ".sky-FilterBar") == []

    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" AND")
    expect(marked).to_have_text("AND")
    expect(bar).to_contain_text("A condition is missing after this AND")
    page.keyboard.press("Control+A")
    page.keyboard.type(f"%%filter bright --stream {filled}\ndiaSource.snr > 20")
    expect(marked).to_have_count(0)
    expect(bar).not_to_contain_text("missing")
    expect(editor).to_have_attribute("aria-invalid", "false")


def test_a_stream_that_is_not_there_is_underlined_and_a_variable_of_the_notebook_is_not(beside, page, filled):
    beside.open(
        page,
        f"variables-{next(_numbers)}",
        f"lsst = sky.stream('{filled}')",
        f"%%filter one --stream {filled}\nlsst.snrr > 5",
        f"%%filter two --stream {filled}x\nsnr > 5",
    )
    expect(page.locator(".cm-lintRange-error")).to_have_text(f"{filled}x")
    expect(page.get_by_role("toolbar", name="Filter two")).to_contain_text(f"Did you mean {filled}")


def test_what_is_likely_to_be_wrong_is_marked_in_another_way(beside, page, filled):
    text = f"%%filter clean --stream {filled}\ndiaSource.snr > 20 AND diaSource.psfFlux_flag"
    notebook = beside.open(page, f"mistake-{next(_numbers)}", text)
    expect(page.locator(".cm-lintRange-warning")).to_have_text("diaSource.psfFlux_flag")
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)
    expect(page.locator(".cm-content").first).to_have_attribute("aria-invalid", "false")
    bar = page.get_by_role("toolbar", name="Filter clean")
    expect(bar).to_contain_text("Put NOT before it")
    notebook.picture("doubt")
    assert violations(page, ".sky-FilterBar") == []


@pytest.mark.timeout(300)
def test_a_wrong_token_is_told_in_the_cell_with_what_to_do_and_mended_without_a_reload(
    chromium, page, running, tmp_path
):
    named = {"SKYSIEVE_KAFKA": running.kafka, "SKYSIEVE_SPARK": running.spark}
    with lab_with_panel(tmp_path / "lab", **named, SPARK_CONNECT_AUTHENTICATE_TOKEN="wrong") as lab:
        notebook = lab.open(page, "token", "1 + 1")
        attach = page.get_by_role("button", name="Attach", exact=True)
        attach.click()
        expect(notebook.output(0)).to_contain_text("refuses the token", timeout=60_000)
        expect(notebook.output(0)).to_contain_text(
            "set $SPARK_CONNECT_AUTHENTICATE_TOKEN to the server's own"
        )
        notebook.python(f"import os; os.environ['SPARK_CONNECT_AUTHENTICATE_TOKEN'] = {running.token!r}")
        attach.click()
        expect(notebook.output(0)).not_to_contain_text("refuses the token", timeout=60_000)
        assert notebook.value("type(sky).__name__") == "Session"
        notebook.shut_down()
