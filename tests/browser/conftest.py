"""One JupyterLab, one Chromium and a page of both for all tests of this folder; a notebook for each test."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from skysieve.topics import Topics

from .lab import Lab, Notebook, running_lab
from .panel import lab_with_panel

COUNT = 20

_numbers = itertools.count(1)
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]

expect.set_options(timeout=60_000)


# Of the package and not of the session: while Playwright runs, no other test of this process can run an event loop.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium on this machine (Debian and Ubuntu: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab; not started where there is no browser to look at it."""
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="package")
def beside(chromium: Browser, kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One with the panel, beside the tests' Kafka; its Spark is not there."""
    named = {"SKYSIEVE_KAFKA": kafka, "SKYSIEVE_SPARK": "sc://127.0.0.1:9"}
    with lab_with_panel(tmp_path_factory.mktemp("beside"), **named) as running:
        yield running


@pytest.fixture
def filled(topics: Topics, stream: str) -> str:
    """A stream with some alerts."""
    send(simulated("lsst", count=COUNT, seed=5), stream, topics.bootstrap)
    return stream


@pytest.fixture(scope="package")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """What the pages share: a cache, so that JupyterLab's scripts are fetched once."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1500})
    context.set_default_timeout(60_000)
    yield context
    context.close()


@contextmanager
def _page(context: BrowserContext) -> Iterator[tuple[Page, list[str]]]:
    """A page, and what fails in its scripts."""
    page = context.new_page()
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(f"{error}\n{error.stack}"))
    yield page, failed
    page.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page; a script that fails in it fails the test."""
    with _page(context) as (page, failed):
        yield page
    assert not failed, failed


@pytest.fixture(scope="package")
def shared(lab: Lab, context: BrowserContext) -> Iterator[tuple[Page, list[str]]]:
    """The page in which notebooks are opened one after the other: JupyterLab takes seconds to load."""
    with _page(context) as (page, failed):
        lab.load(page)
        yield page, failed


@pytest.fixture
def notebook(lab: Lab, shared: tuple[Page, list[str]]) -> Iterator[Callable[..., Notebook]]:
    """Opens a notebook of the cells given, its kernel connected, none of them run."""
    page, failed = shared
    usual = page.viewport_size
    failed.clear()
    page.bring_to_front()  # a page of another test had the keyboard, perhaps

    def open_one(*cells: str) -> Notebook:
        return lab.open(page, f"test-{next(_numbers)}", *cells)

    yield open_one
    lab.leave(page)
    if usual and page.viewport_size != usual:
        page.set_viewport_size(usual)
    assert not failed, failed
