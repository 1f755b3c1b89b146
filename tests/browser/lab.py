"""A real JupyterLab for tests in a browser, with a home of its own, and notebooks in it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
from playwright.sync_api import Locator, Page
from processes import wait_until

TESTS = Path(__file__).resolve().parents[1]
SCREENSHOTS = Path(__file__).parent / "screenshots"
PATIENCE = 60

# Nothing that asks or tells of itself over a notebook, and cells that stay in the page when they are out of sight.
_SETTINGS: dict[str, dict[str, Any]] = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none", "recordTiming": False},
    "docmanager-extension/plugin": {"autosave": False},
}

_PLACES = (
    "HOME",
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
)

_RUN = """async (index) => {
    const cells = jupyterapp.shell.currentWidget.content;
    cells.activeCellIndex = index;
    await jupyterapp.commands.execute('notebook:run-cell');
    return cells.model.cells.get(index).toJSON().outputs;
}"""
# A widget in the page holds back a change while the kernel takes the one before: the first request waits for that.
_PYTHON = """async (code) => {
    const said = {text: '', error: ''};
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    await kernel.requestExecute({code: '', silent: true}).done;
    const future = kernel.requestExecute({code});
    future.onIOPub = ({header, content}) => {
        if (header.msg_type === 'stream') said.text += content.text;
        if (header.msg_type === 'error') said.error = `${content.ename}: ${content.evalue}`;
    };
    await future.done;
    return said;
}"""
_OCCUPY = """(code) => {
    jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({code, silent: true});
}"""
_READY = """() => {
    const session = window.jupyterapp?.shell?.currentWidget?.sessionContext;
    const kernel = session?.session?.kernel;
    return session?.isReady && kernel?.connectionStatus === 'connected' && kernel?.status === 'idle';
}"""

_LOADED = "() => window.jupyterapp?.restored.then(() => true)"
_OPEN = (
    "(path) => jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'}).then(() => null)"
)
_LEAVE = """async () => {
    for (const one of [...jupyterapp.shell.widgets('main')]) {
        await one.sessionContext?.shutdown();
        one.context?.model && (one.context.model.dirty = false);
        one.close();
    }
}"""


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs: its address, token and folder of notebooks."""

    address: str
    token: str
    folder: Path

    def load(self, page: Page, workspace: str = "tests") -> None:
        """Open JupyterLab without a notebook."""
        page.goto(f"{self.address}/lab/workspaces/{workspace}?token={self.token}&reset")
        page.wait_for_function(_LOADED, timeout=PATIENCE * 1000)

    def open(self, page: Page, name: str, *cells: str) -> Notebook:
        """Write a notebook, open it in a page where JupyterLab is or will be, and wait for its kernel."""
        code = [nbformat.v4.new_code_cell(text) for text in cells]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=code, metadata={"kernelspec": kernel})
        nbformat.write(notebook, self.folder / f"{name}.ipynb")
        if not page.url.startswith(self.address):
            self.load(page, name)
        page.evaluate(_OPEN, f"{name}.ipynb")
        opened = Notebook(page, self.folder / f"{name}.ipynb")
        opened.wait()
        return opened

    def leave(self, page: Page) -> None:
        """Close what is open, and end its kernels."""
        page.evaluate(_LEAVE)


class Notebook:
    """A notebook in a browser's page, the one that is open there."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page, self.path = page, path

    def wait(self) -> None:
        """Wait until the kernel is connected: what is sent before is lost."""
        self.page.wait_for_function(_READY, timeout=PATIENCE * 1000)

    def run(self, index: int = 0) -> list[dict[str, Any]]:
        """Run a cell to its end and give its outputs; a cell must not fail."""
        outputs: list[dict[str, Any]] = self.page.evaluate(_RUN, index)
        failed = [f"{one['ename']}: {one['evalue']}" for one in outputs if one["output_type"] == "error"]
        assert not failed, failed[0]
        return outputs

    def python(self, code: str) -> str:
        """Run code in the kernel without a cell, and give what it prints."""
        said = self.page.evaluate(_PYTHON, code)
        assert not said["error"], said["error"]
        return str(said["text"]).strip()

    def value(self, expression: str) -> Any:
        """Give the value of an expression in the kernel, which JSON can write."""
        return json.loads(self.python(f"import json; print(json.dumps({expression}))"))

    def occupy(self, seconds: float) -> None:
        """Keep the kernel busy for a while, without waiting for it."""
        self.page.evaluate(_OCCUPY, f"import time; time.sleep({seconds})")

    def output(self, index: int = 0) -> Locator:
        """What a cell shows."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".jp-Cell-outputArea")

    def save_and_reload(self) -> None:
        """Save, then load the page anew; the kernel goes on."""
        self.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
        # by its address JupyterLab would open the notebook a second time at any moment, also when it is closed by then
        self.page.evaluate(
            "() => history.replaceState(null, '', location.pathname.replace(/\\/tree\\/.*/, ''))"
        )
        self.page.reload()
        self.page.wait_for_function(_LOADED, timeout=PATIENCE * 1000)
        self.page.evaluate(_OPEN, self.path.name)
        self.wait()

    def shut_down(self) -> None:
        """End the kernel."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    def theme(self, name: str) -> None:
        """Change to ``JupyterLab Light`` or ``JupyterLab Dark``."""
        self.page.evaluate("(theme) => jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        light = "true" if name.endswith("Light") else "false"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
        # JupyterLab fails where a second change begins while the picture shown during the first one is faded out
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def picture(self, name: str, of: Locator | None = None) -> Path:
        """Keep a picture of the page, or of a part of it, in a folder that git ignores."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        (of or self.page).screenshot(path=path)
        return path


@contextmanager
def running_lab(folder: Path, **further: str) -> Iterator[Lab]:
    """Start JupyterLab on the loopback interface, with further variables, and stop it with its kernels."""
    notebooks, token, port = folder / "notebooks", secrets.token_hex(16), _free_port()
    notebooks.mkdir(parents=True)
    environment = {**_environment(folder), **further}
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": notebooks,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "IdentityProvider.token": token,
        "LabApp.expose_app_in_browser": True,
    }
    command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]
    log = folder / "lab.log"
    with log.open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
    lab = Lab(f"http://127.0.0.1:{port}", token, notebooks)
    try:
        wait_until(lambda: process.poll() is not None or _answers(lab), "JupyterLab", PATIENCE)
        assert process.poll() is None, log.read_text()
        yield lab
    finally:
        _stop(process)


def _environment(folder: Path) -> dict[str, str]:
    """That of the tests, with every folder that Jupyter and its kernels write to in a home of its own."""
    places = {name: folder / name.lower() for name in _PLACES}
    for place in places.values():
        place.mkdir(parents=True)
    for name, settings in _SETTINGS.items():
        path = places["JUPYTERLAB_SETTINGS_DIR"] / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    seen = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "XDG_"))}
    return {
        **kept,
        **{name: str(place) for name, place in places.items()},
        "PYTHONPATH": os.pathsep.join(seen),
    }


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _answers(lab: Lab) -> bool:
    with (
        suppress(OSError),
        urllib.request.urlopen(f"{lab.address}/api/status?token={lab.token}", timeout=5) as reply,
    ):
        return bool(reply.status == 200)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(psutil.NoSuchProcess):
        kernels = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        for left in kernels:
            with suppress(psutil.NoSuchProcess):
                left.kill()
    if process.poll() is None:
        process.kill()
    process.wait()
