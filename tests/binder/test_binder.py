"""What Binder does with ``binder/``: postBuild once, start with the server's command whenever somebody opens it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import kernels
import nbformat
import psutil
import pytest
from packaging.specifiers import SpecifierSet
from processes import is_alive
from skysieve.home import Home
from skysieve.local import ports

ROOT = Path(__file__).parents[2]
BINDER = ROOT / "binder"
NOTEBOOK = "notebooks/01_first_light.ipynb"
TOKEN = "of-this-test"

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Opened:
    """A Binder that somebody opened."""

    url: str
    log: Path
    environment: dict[str, str]


def environment(folder: Path) -> dict[str, str]:
    """What a Binder container sets, with a home where nothing is yet; only the jars are those of this machine."""
    (folder / "home").mkdir()
    return {
        "HOME": str(folder / "home"),
        "USER": "jovyan",
        "NB_USER": "jovyan",
        "REPO_DIR": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "LANG": "en_US.UTF-8",
        "JUPYTER_TOKEN": TOKEN,
        "SKYSIEVE_CACHE": str(Home.default().cache),
    }


def run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)


def session(environment: dict[str, str]) -> dict:
    return json.loads(run(environment, "skysieve", "status", "--json").stdout)


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The built image: postBuild has run."""
    found = environment(tmp_path_factory.mktemp("binder"))
    done = run(found, str(BINDER / "postBuild"))
    assert done.returncode == 0, done.stderr
    return found


@pytest.fixture(scope="module")
def opened(container: dict[str, str]) -> Iterator[Opened]:
    url = f"http://127.0.0.1:{ports.free_port()}"
    log = Path(container["HOME"]) / "server.log"
    command = ["jupyter", "lab", "--no-browser", "--allow-root", f"--port={url.rsplit(':')[-1]}"]
    with log.open("wb") as file:
        server = subprocess.Popen(
            [str(BINDER / "start"), *command], env=container, cwd=ROOT, stdout=file, stderr=file
        )
    try:
        yield Opened(url, log, container)
    finally:
        server.terminate()
        server.wait(30)
        servers = [psutil.Process(pid) for pid in session(container)["pids"].values()]
        run(container, "skysieve", "down")
        assert not [server for server in servers if is_alive(server)]


def get(opened: Opened, path: str):
    """A page of the server, once it serves."""
    end = time.monotonic() + 180
    request = urllib.request.Request(f"{opened.url}{path}", headers={"Authorization": f"token {TOKEN}"})
    while True:
        try:
            return urllib.request.urlopen(request, timeout=30)
        except ConnectionError as error:
            reason: Exception = error
        except urllib.error.URLError as error:
            reason = error
        if time.monotonic() > end:
            raise AssertionError(f"{reason}\n{opened.log.read_text()}")
        time.sleep(0.5)


def test_what_is_installed_is_said_in_one_place():
    lines = [line.split("#")[0].strip() for line in (BINDER / "requirements.txt").read_text().splitlines()]
    assert [line for line in lines if line] == ["-e ."]
    assert not (BINDER / "environment.yml").exists()


def test_its_python_is_one_that_skysieve_supports():
    language, version = (BINDER / "runtime.txt").read_text().strip().split("-")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert language == "python"
    assert version in SpecifierSet(project["requires-python"])


def test_building_the_image_fetches_the_jars(container):
    jars = Path(container["SKYSIEVE_CACHE"]) / "jars"
    assert {folder.name.split("-")[0] for folder in jars.iterdir() if folder.is_dir()} >= {"kafka", "spark"}
    assert run(container, str(BINDER / "postBuild")).stdout == ""


def test_opening_it_shows_the_notebook(opened):
    with get(opened, "/") as page:
        assert page.geturl().split("?")[0] == f"{opened.url}/lab/tree/{NOTEBOOK}"
    with get(opened, f"/api/contents/{NOTEBOOK}") as answer:
        shown = json.load(answer)["content"]["cells"]
    assert len(shown) == len(nbformat.read(ROOT / NOTEBOOK, as_version=4).cells)


def test_its_first_cells_run_on_the_session_that_start_made(opened):
    get(opened, "/api").close()
    made = session(opened.environment)
    assert made["pids"].keys() == {"kafka", "spark", "supervisor"}
    ids = [cell.id for cell in nbformat.read(ROOT / NOTEBOOK, as_version=4).cells]
    notebook = kernels.execute(
        ROOT / NOTEBOOK, slice(0, ids.index("filter") + 1), environment=opened.environment
    )
    assert kernels.shown(notebook, "up").strip() == f"Kafka {made['kafka']}, Spark {made['spark']}"
    assert made["kafka"] in kernels.shown(notebook, "attach")
    assert "of 3,000 alerts pass" in kernels.shown(notebook, "filter", "text/html")
    assert session(opened.environment)["pids"] == made["pids"]


def test_it_opens_even_where_the_session_does_not_start(container, tmp_path):
    broken = environment(tmp_path) | {"SKYSIEVE_SPARK_MEMORY": "none"}
    done = run(broken, str(BINDER / "start"), "echo", "opened")
    assert done.stdout == "opened\n"
    assert done.returncode == 0
    assert "SessionError" in done.stderr
    assert session(broken)["pids"] == {}
