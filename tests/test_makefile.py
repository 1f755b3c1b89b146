"""The Makefile, on a project without dependencies, so that no network is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TINY = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "tiny"
version = "1.0"
optional-dependencies = { test = [], lint = [] }
"""
BACKEND = """\
from pathlib import Path
from zipfile import ZipFile

NAME, FOLDER = "tiny-1.0-py3-none-any.whl", "tiny-1.0.dist-info"
FILES = {
    "METADATA": "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\nProvides-Extra: test\\nProvides-Extra: lint\\n",
    "WHEEL": "Wheel-Version: 1.0\\nGenerator: tiny\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "RECORD": "",
}


def build_editable(folder, config_settings=None, metadata_directory=None):
    if Path("broken").exists():
        raise SystemExit("this machine is broken")
    with ZipFile(Path(folder) / NAME, "w") as wheel:
        for name, text in FILES.items():
            wheel.writestr(f"{FOLDER}/{name}", text)
    return NAME
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder with a space in its name."""
    folder = tmp_path / "my sky"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "pyproject.toml").write_text(TINY)
    (folder / "backend.py").write_text(BACKEND)
    return folder


def make(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE", "MFLAGS"))
    }
    return subprocess.run(
        ["make", f"PYTHON={sys.executable}", *arguments],
        cwd=project,
        env={**kept, "PIP_NO_INDEX": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def installed(project: Path) -> bool:
    return any((project / ".venv").glob("lib/python*/site-packages/tiny-1.0.dist-info/METADATA"))


def test_make_alone_lists_every_target(project):
    listed = make(project).stdout
    for line in (project / "Makefile").read_text().splitlines():
        if line.startswith(".PHONY:"):
            assert all(f"make {target} " in listed for target in line.split()[1:])


def test_install_is_done_once_and_again_only_when_pyproject_changes(project):
    first = make(project, "install")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Installing into .venv" in first.stdout
    assert installed(project)
    assert make(project, "install").stdout == "make: Nothing to be done for 'install'.\n"

    mark = project / ".venv" / "kept"
    mark.touch()
    changed = (project / ".venv" / ".installed").stat().st_mtime + 5
    os.utime(project / "pyproject.toml", (changed, changed))
    assert "Installing into .venv" in make(project, "install").stdout
    assert mark.exists()


def test_an_environment_whose_install_failed_is_made_anew(project):
    (project / "broken").touch()
    failed = make(project, "install")
    assert failed.returncode != 0
    assert "this machine is broken" in failed.stderr
    assert "The installation failed" in failed.stdout
    left = project / ".venv" / "left"
    left.touch()

    (project / "broken").unlink()
    assert make(project, "install").returncode == 0
    assert installed(project)
    assert not left.exists()


@pytest.mark.parametrize("python", ["/no/such/python", "false"])
def test_a_missing_python_is_told_with_what_to_do(project, python):
    done = make(project, "demo", f"PYTHON={python}")
    assert done.returncode != 0
    assert f"needs Python 3.11 or newer, and '{python}' is not: make demo PYTHON=" in done.stdout
    assert not (project / ".venv").exists()


def test_a_python_that_cannot_make_environments_is_told_with_what_to_do(project):
    """As on Debian without python3-venv, where the module ensurepip is missing."""
    (project / "ensurepip.py").write_text("raise ImportError")
    done = make(project, "install", PYTHONPATH=str(project))
    assert done.returncode != 0
    assert "cannot make virtual environments" in done.stdout
    assert "apt install python3-venv" in done.stdout
    assert not (project / ".venv").exists()
