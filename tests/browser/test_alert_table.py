"""AlertTable as people see it: in JupyterLab, in a browser; what it shows is compared with pandas."""

import time

import pytest
from playwright.sync_api import expect
from processes import wait_until

from widgets import packets

SHOW = """
import numpy as np, pandas as pd
from skysieve_widgets import AlertTable
from processes import wait_until

from widgets import packets
random = np.random.default_rng(1)
frame = pd.DataFrame({
    "diaSourceId": 170094456248729605 + random.permutation(10_000),
    "band": random.choice(list("ugrizy"), 10_000),
    "snr": random.gamma(2, 5, 10_000).round(3),
})
asked = []
def alert_of(row):
    asked.append(row)
    return packets.made(row)
table = AlertTable(frame, alert_of=alert_of)
table
"""


@pytest.fixture
def shown(notebook):
    """A notebook that shows 10,000 alerts, and the place where it does."""
    opened = notebook(SHOW)
    opened.run()
    table = opened.output().locator(".sky-alerts")
    expect(table).to_be_visible()
    return opened, table


def first_ids(table):
    names = [name.rstrip(" ▲▼") for name in table.locator("thead th").all_inner_texts()]
    column = names.index("diaSourceId")
    return table.locator(f"tbody tr td:nth-child({column + 1})")


def expect_ids(notebook, table, expression):
    """The ids in the browser are those of an expression of pandas."""
    expected = notebook.value(f"list(map(str, ({expression})['diaSourceId']))")
    expect(first_ids(table)).to_have_text(expected)


def test_it_sorts_pages_and_searches_as_pandas_does(shown):
    notebook, table = shown
    expect_ids(notebook, table, "frame.head(10)")
    begin = time.perf_counter()
    table.get_by_role("button", name="snr").click()
    expect(table.locator("th[aria-sort=ascending]")).to_have_text("snr ▲")
    expect_ids(notebook, table, "frame.sort_values('snr', kind='stable').head(10)")
    print(
        f"sort 10,000 rows to redraw, two questions to the kernel included: {time.perf_counter() - begin:.3f} s"
    )
    table.get_by_role("button", name="snr").click()
    expect(table.locator("th[aria-sort=descending]")).to_have_text("snr ▼")
    table.get_by_role("button", name="Next page").click()
    ordered = "frame.sort_values('snr', ascending=False, kind='stable')"
    expect_ids(notebook, table, f"{ordered}.iloc[10:20]")
    table.get_by_label("Rows on a page").select_option("25")
    expect_ids(notebook, table, f"{ordered}.head(25)")
    table.get_by_label("Search the alerts").fill("170094456248729605")
    expect_ids(notebook, table, "frame[frame.diaSourceId == 170094456248729605]")
    expect(table.get_by_role("status").first).to_have_text("1 of 10,000 alerts")


def test_pictures_are_asked_for_only_where_they_are_looked_at(shown):
    notebook, table = shown
    expect(table.locator(".sky-thumb img")).to_have_count(10)
    table.get_by_role("button", name="Last page").click()
    expect(table.get_by_text("page 1,000 of 1,000")).to_be_visible()
    expect(table.locator(".sky-thumb img")).to_have_count(10)
    expect(table.locator(".sky-spark svg")).to_have_count(10)
    seen = [*range(10), *range(9990, 10_000)]
    wait_until(lambda: len(notebook.value("asked")) >= len(seen), "the last page's pictures")
    assert sorted(notebook.value("asked")) == seen


def test_selected_rows_are_pandas_with_exact_ids_and_python_can_select(shown):
    notebook, table = shown
    table.get_by_role("button", name="diaSourceId").click()
    expect(first_ids(table).first).to_have_text("170094456248729605")
    boxes = table.get_by_role("checkbox")
    boxes.nth(0).check()
    boxes.nth(0).press("ArrowDown")
    expect(boxes.nth(1)).to_be_focused()
    notebook.page.keyboard.press("Space")
    expect(table.get_by_text("2 selected")).to_be_visible()
    read = "table.selected['diaSourceId'].tolist()"
    wait_until(lambda: len(notebook.value(read)) == 2, "the selection is in Python")
    ids = notebook.value(read)
    assert ids == [170094456248729605, 170094456248729606]
    assert first_ids(table).all_inner_texts()[:2] == [str(one) for one in ids]
    notebook.python("table.selected_rows = []")
    expect(boxes.nth(0)).not_to_be_checked()
    table.get_by_label("Search the alerts").fill("z")
    expect(table.get_by_role("status").first).to_contain_text("of 10,000")
    table.get_by_role("button", name="Select all alerts found").click()
    expect(boxes.nth(9)).to_be_checked()
    wait_until(lambda: notebook.value("len(table.selected) > 1000"), "the selection is in Python")
    assert notebook.value("bool((table.selected['band'] == 'z').all())")


def test_a_row_opens_its_alert_and_another_takes_its_place(shown):
    notebook, table = shown
    for row in (2, 4):
        table.get_by_role("button", name="View").nth(row).click()
        expect(table.locator(".sky-alert")).to_have_count(1)
        expected = packets.made(row)["diaSource"]["diaSourceId"]
        expect(table.locator(".sky-heading b")).to_have_text(f"LSST diaSource {expected}")
        expect(table.locator(".sky-cutouts img")).to_have_count(3)
    assert notebook.value("table.detail.summary.alert_id") == str(expected)


def test_a_packet_that_is_gone_is_said_beside_the_table(shown):
    notebook, table = shown
    notebook.python("def gone(row): raise LookupError('compacted away')\ntable._pictures.alert = gone")
    table.get_by_role("button", name="View").first.click()
    expect(table.get_by_role("alert")).to_have_text("This alert cannot be shown: compacted away")


def test_a_page_that_is_loaded_again_shows_the_table_as_it_was(shown):
    notebook, table = shown
    notebook.python("table.sort_by, table.page = 'snr', 3")
    notebook.python("table.selected_rows = [int(table.found.index[20])]; table.look(7)")
    notebook.save_and_reload()
    expect_ids(notebook, table, "frame.sort_values('snr', kind='stable').iloc[20:30]")
    expect(table.get_by_role("checkbox").first).to_be_checked()
    expect(table.get_by_text("page 3 of 1,000")).to_be_visible()
    expect(table.locator(".sky-alert")).to_have_count(1)
    expect(table.locator(".sky-thumb img")).to_have_count(10)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_is_seen_in_both_themes(shown, theme):
    notebook, table = shown
    notebook.theme(f"JupyterLab {theme}")
    table.get_by_role("button", name="View").nth(1).click()
    table.get_by_role("checkbox").nth(1).check()
    expect(table.locator(".sky-cutouts img")).to_have_count(3)
    expect(table.locator(".sky-thumb img")).to_have_count(10)
    notebook.picture(f"table-{theme.lower()}", table)
