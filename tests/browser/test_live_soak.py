"""LiveView for ten minutes at 50 matches/s: neither the browser nor the kernel grows. By hand: it takes that long.

``pytest -m slow tests/browser/test_live_soak.py --soak 120`` takes two minutes.
"""

from __future__ import annotations

import statistics
import threading
import time
from dataclasses import astuple, dataclass

import psutil
import pytest
from playwright.sync_api import expect
from skysieve.sources.surveys import simulated

from .watching import watching

RATE = 50
SAMPLES = 60

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@dataclass(frozen=True)
class Memory:
    """How much is in use at a moment: megabytes after a garbage collection, but for the nodes of the page."""

    kernel: float
    page: float
    heap: float
    nodes: int


# What may be added from the second third to the last: noise, and less than what keeping every match would add.
MARGIN = Memory(kernel=15, page=25, heap=3, nodes=1500)


class Scales:
    """Weighs a notebook's kernel and its page."""

    def __init__(self, notebook, browser) -> None:
        self._kernel = psutil.Process(notebook.value("__import__('os').getpid()"))
        self._page = notebook.page.context.new_cdp_session(notebook.page)
        self._page.send("Performance.enable")
        self._browser = browser.new_browser_cdp_session()

    def weigh(self) -> Memory:
        self._page.send("HeapProfiler.collectGarbage")
        told = {one["name"]: one["value"] for one in self._page.send("Performance.getMetrics")["metrics"]}
        processes = self._browser.send("SystemInfo.getProcessInfo")["processInfo"]
        renderers = [psutil.Process(one["id"]) for one in processes if one["type"] == "renderer"]
        return Memory(
            self._kernel.memory_info().rss / 2**20,
            sum(one.memory_info().rss for one in renderers) / 2**20,
            told["JSHeapUsedSize"] / 2**20,
            int(told["Nodes"]),
        )


@pytest.fixture
def watched(sky, running, stream, name, notebook, deployed, topics):
    made = watching(sky, running, stream, name, notebook, every=2)
    deployed.append(made.deployment)
    yield made
    topics.delete(stream, made.deployment.output_topic)  # gigabytes


def test_memory_is_flat_however_long_it_runs(watched, chromium, request):
    seconds = request.config.getoption("--soak")
    packets = simulated("lsst", count=round(RATE * seconds), seed=81)
    feeding = threading.Thread(target=watched.feed, args=(packets, RATE))
    scales, found = Scales(watched.notebook, chromium), []
    feeding.start()
    begun = time.monotonic()
    for number in range(SAMPLES):
        watched.notebook.page.wait_for_timeout(
            1000 * max(0, begun + seconds * number / SAMPLES - time.monotonic())
        )
        found.append(scales.weigh())
        print(f"{time.monotonic() - begun:6.0f} s  {_told(found[-1])}", flush=True)
    feeding.join()
    looks = watched.notebook.value("live.looks")
    expect(watched.view).to_contain_text(f"{round(RATE * seconds):,} matches in all")
    expect(watched.view.locator("tbody tr")).to_have_count(25)
    middle, last = (_middle(found[SAMPLES * third // 3 : SAMPLES * (third + 1) // 3]) for third in (1, 2))
    print(f"{len(looks)} looks; second third {_told(middle)}; last third {_told(last)}")
    grown = Memory(*(b - a for a, b in zip(astuple(middle), astuple(last), strict=True)))
    assert all(more <= most for more, most in zip(astuple(grown), astuple(MARGIN), strict=True)), grown


def _middle(found: list[Memory]) -> Memory:
    return Memory(*map(statistics.median, zip(*map(astuple, found), strict=True)))


def _told(one: Memory) -> str:
    return f"kernel {one.kernel:.1f} MB, page {one.page:.1f} MB of which heap {one.heap:.1f} MB, {one.nodes:,.0f} nodes"
