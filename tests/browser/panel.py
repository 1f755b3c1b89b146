"""JupyterLab with Skysieve's panel, as it stands in this folder, whether or not it was installed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, ViewportSize, expect

from .lab import SCREENSHOTS, Lab, Notebook, running_lab

LAPTOP: ViewportSize = {"width": 1200, "height": 820}
EXTENSION = Path(__file__).parents[2] / "kernel_ext" / "labextension"


@contextmanager
def lab_with_panel(folder: Path, **environment: str) -> Iterator[Lab]:
    """Start JupyterLab with the panel that was built here."""
    assert (EXTENSION / "built" / "package.json").is_file(), "make panel builds it"
    data, config = folder / "data" / "labextensions", folder / "config" / "jupyter_server_config.d"
    data.mkdir(parents=True)
    config.mkdir(parents=True)
    (data / "skysieve").symlink_to(EXTENSION / "built")
    shutil.copy(EXTENSION / "jupyter" / "skysieve.json", config)
    paths = {"JUPYTER_PATH": str(data.parent), "JUPYTER_CONFIG_PATH": str(config.parent)}
    with running_lab(folder / "lab", **paths, **environment) as lab:
        yield lab


@dataclass(frozen=True)
class Panel:
    """The panel in a page."""

    page: Page

    @property
    def node(self) -> Locator:
        return self.page.locator(".sky-Panel")

    def section(self, name: str) -> Locator:
        """Session, streams or filters."""
        return self.page.locator(f"#skysieve-{name}")

    def open(self) -> Panel:
        """Open it as a person does."""
        self.page.get_by_title("Skysieve: session, streams and filters").click()
        expect(self.section("session")).to_be_visible()
        return self

    def stream(self, name: str) -> Locator:
        return (
            self.section("streams")
            .locator(".sky-rows > li")
            .filter(has=self.page.get_by_text(name, exact=True))
        )

    def filter(self, name: str) -> Locator:
        return self.section("filters").locator(f'[data-filter="{name}"]')

    def unfold(self, row: Locator) -> Locator:
        """Open a row of a list."""
        head = row.locator(".sky-row")
        if head.get_attribute("aria-expanded") == "false":
            head.click()
        return row

    def picture(self, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def pictures(self, name: str, of: Locator | None = None) -> None:
        """Keep a picture in each theme, in a window as that of a laptop; what it is of is brought into sight."""
        usual = self.page.viewport_size or LAPTOP
        self.page.set_viewport_size(LAPTOP)
        for theme in ("Dark", "Light"):
            Notebook(self.page, Path()).theme(f"JupyterLab {theme}")
            if of:
                of.scroll_into_view_if_needed()
            self.picture(f"{name}-{theme.lower()}")
        self.page.set_viewport_size(usual)


def open_lab(lab: Lab, page: Page, workspace: str) -> Panel:
    """Open JupyterLab without a notebook, so that no kernel runs."""
    page.goto(f"{lab.address}/lab/workspaces/{workspace}?token={lab.token}&reset")
    page.wait_for_selector(".sky-StatusItem")
    return Panel(page)


def cells(page: Page) -> list[str]:
    """The texts of the cells of the notebook that is open."""
    found: list[str] = page.evaluate(
        "() => [...jupyterapp.shell.widgets('main')].find(one => one.isVisible && one.content?.widgets)"
        ".content.widgets.map(cell => cell.model.sharedModel.getSource())"
    )
    return found


def violations(page: Page, of: str) -> list[str]:
    """What axe finds serious about a part of the page."""
    from axe_playwright_python.sync_playwright import Axe

    found: list[dict[str, Any]] = Axe().run(page, context=of).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {json.dumps([n['html'][:200] for n in one['nodes']])}" for one in serious]
