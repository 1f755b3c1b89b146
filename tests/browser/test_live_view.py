"""LiveView as people see it: in JupyterLab, in a browser, on a filter that runs."""

from __future__ import annotations

import itertools

import pytest
from conftest import delivered
from playwright.sync_api import expect
from skysieve.sources.surveys import simulated

from .panel import cells
from .watching import watching


@pytest.fixture
def watched(sky, running, stream, name, notebook, deployed):
    made = watching(sky, running, stream, name, notebook)
    deployed.append(made.deployment)
    return made


@pytest.fixture(scope="module")
def packets():
    """Few enough that the view keeps them all."""
    alerts = iter(list(simulated("lsst", count=25, seed=71)))
    return lambda count: list(itertools.islice(alerts, count))


def expect_matches(watched, count):
    """That many matches are shown, each once, and they are those that Kafka holds."""
    delivered(watched.deployment, count, quiet=0)
    expect(watched.view.locator("tbody tr")).to_have_count(count)
    expect(watched.view).to_contain_text(f"{count} matches in all")
    assert sorted(watched.ids) == sorted(map(str, watched.deployment.results(count)["diaSource.diaSourceId"]))


def test_matches_arrive_until_the_view_is_paused_and_again_when_it_goes_on(watched, packets):
    expect(watched.view).to_contain_text("No match has arrived yet.")
    watched.feed(packets(5))
    expect_matches(watched, 5)
    expect(watched.view.locator("tbody img")).to_have_count(5)
    expect(watched.view.locator(".sky-spark circle").first).to_be_visible()
    pause = watched.view.get_by_role("button", name="Pause")
    pause.press("d")
    pause.press("d")
    pause.press("Enter")
    expect(watched.view.locator(".sky-badge")).to_have_text("view paused")
    assert watched.notebook.value("live.paused")
    looks = watched.notebook.value("len(live.looks)")
    watched.feed(packets(3))
    delivered(watched.deployment, 8)
    watched.notebook.page.wait_for_timeout(1500)  # three looks, were it not paused
    assert watched.notebook.value("len(live.looks)") <= looks + 1
    expect(watched.view.locator("tbody tr")).to_have_count(5)
    watched.view.get_by_role("button", name="Resume").press("Space")
    expect_matches(watched, 8)
    expect(watched.view.locator(".sky-badge")).to_have_text("running")
    assert len(cells(watched.notebook.page)) == 1
    for theme in ("Light", "Dark"):
        watched.notebook.theme(f"JupyterLab {theme}")
        watched.notebook.picture(f"live-{theme.lower()}", watched.view)


def test_it_goes_on_when_the_page_is_loaded_again_and_when_the_kernel_is_lost_and_found(watched, packets):
    watched.feed(packets(4))
    expect_matches(watched, 4)
    watched.notebook.save_and_reload()
    expect_matches(watched, 4)
    watched.feed(packets(4))
    expect_matches(watched, 8)
    watched.notebook.page.evaluate(
        "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.reconnect()"
    )
    watched.feed(packets(4))
    watched.notebook.wait()
    expect_matches(watched, 12)
    watched.notebook.python("live.patience = 2.0; live._poller.stop()")
    expect(watched.view.locator(".sky-badge")).to_contain_text("no news for")
    watched.notebook.python("live.close()")
    expect(watched.view).to_have_count(0)
