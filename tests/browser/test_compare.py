"""Compare as people see it: in JupyterLab, in a browser; its groups are those of pandas."""

import pytest
from playwright.sync_api import expect

from .panel import cells

SHOW = """
import numpy as np, pandas as pd
from skysieve import Filter
from skysieve.diff import Diff
random = np.random.default_rng(5)
alerts = pd.DataFrame({
    "diaSource.diaSourceId": 170094456248729605 + random.permutation(400),
    "diaSource.ra": random.uniform(0, 360, 400),
    "diaSource.dec": random.uniform(-60, 10, 400),
    "diaSource.snr": random.gamma(2, 8, 400),
    "diaSource.reliability": random.uniform(0, 1, 400),
})
snr, reliability = alerts["diaSource.snr"], alerts["diaSource.reliability"]
old = Filter("bright", "diaSource.snr > 20", stream="lsst-alerts")
new = Filter("bright", "diaSource.snr > 15 AND diaSource.reliability > 0.3", stream="lsst-alerts")
# as a slice that both filters judged: what Spark says of each cut
table = alerts.assign(cut0=snr > 20, cut1=snr > 15, cut2=reliability > 0.3)
table = table.assign(**{"kafka.problem": None, "kafka.key": None, "kafka.truth": None})
by_old, by_new = snr > 20, (snr > 15) & (reliability > 0.3)
groups = {"gained": alerts[by_new & ~by_old], "lost": alerts[by_old & ~by_new], "kept": alerts[by_old & by_new]}
compare = Diff(old, new, table=table).view()
compare
"""


@pytest.fixture
def shown(notebook):
    """A notebook that compares two filters, and the place where it does."""
    opened = notebook(SHOW)
    opened.run()
    view = opened.output().locator(".sky-compare")
    expect(view).to_be_visible()
    return opened, view


def listed(view):
    """The ids of every page of the table, as the boxes beside them have them."""
    later, found = view.get_by_role("button", name="later"), []
    while True:
        found += view.get_by_role("checkbox").evaluate_all("boxes => boxes.map(box => box.dataset.id)")
        if later.is_disabled():
            return found
        later.click()


def test_what_is_gained_lost_and_kept_is_what_pandas_finds(shown):
    notebook, view = shown
    for group in ("gained", "lost", "kept"):
        ids = notebook.value(f"list(map(str, groups[{group!r}]['diaSource.diaSourceId']))")
        assert len(ids) > 10
        tab = view.get_by_role("tab", name=group.capitalize())
        expect(tab).to_have_text(f"{group.capitalize()}: {len(ids)}")
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(view.locator(".sky-compare-pager")).to_contain_text(f"1 to 10 of {len(ids)}")
        texts = view.locator(".sky-compare-scroll tr").all_inner_texts()[1:]
        assert [one.split()[0] for one in texts] == ids[:10]
        assert listed(view) == ids
    cuts = view.locator(".sky-compare-cuts tr").all_inner_texts()
    assert [" ".join(cut.split()) for cut in cuts] == [
        "− only before diaSource.snr > 20",
        "+ only after diaSource.snr > 15",
        "+ only after diaSource.reliability > 0.3",
    ]
    expect(view.get_by_role("img")).to_have_js_property("complete", True)
    expect(notebook.output().locator(f".{notebook.value('compare.picture')}")).to_be_hidden()
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        notebook.picture(f"compare-{theme.lower()}", view)


def test_the_keyboard_changes_groups_and_selects_rows(shown):
    notebook, view = shown
    view.get_by_role("tab", name="Gained").press("ArrowRight")
    expect(view.get_by_role("tab", name="Lost")).to_be_focused()
    notebook.page.keyboard.press("Tab")
    expect(view.get_by_role("tabpanel")).to_be_focused()
    for key in ("d", "d", "Tab", "Space"):
        notebook.page.keyboard.press(key)
    box = view.get_by_role("checkbox").first
    expect(box).to_be_checked()
    chosen = box.get_attribute("data-id")
    expect(view.get_by_role("status")).to_have_text(f"Selected: {chosen}")
    assert notebook.value("[compare.shown, compare.selected]") == ["lost", [chosen]]
    assert len(cells(notebook.page)) == 1


def test_a_page_that_is_loaded_again_shows_the_comparison_as_it_was(shown):
    notebook, view = shown
    chosen = notebook.value("str(groups['kept']['diaSource.diaSourceId'].iloc[0])")
    notebook.python(f"compare.shown, compare.selected = 'kept', [{chosen!r}]")
    notebook.save_and_reload()
    expect(view.get_by_role("tab", name="Kept")).to_have_attribute("aria-selected", "true")
    expect(view.get_by_role("checkbox", name=f"select {chosen}")).to_be_checked()
    view.get_by_role("checkbox").nth(1).check()
    expect(view.get_by_role("status")).to_contain_text(f"{chosen}, ")
    assert notebook.value("len(compare.selected)") == 2
