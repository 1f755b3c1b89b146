"""The store of what enrichments need: folders that are named after their content, and never change."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from skysieve.errors import EnrichmentError
from skysieve.home import Home

VARIABLE = "SKYSIEVE_STORE"


@dataclass(frozen=True)
class Store:
    """A folder that notebooks write to, and that Spark's workers see under the same name.

    Parameters
    ----------
    folder
        On a cluster, one on a file system that all machines share.
    """

    folder: Path

    @classmethod
    def default(cls) -> Store:
        """That of ``$SKYSIEVE_STORE``, else of the local session."""
        named = os.environ.get(VARIABLE)
        return cls(Path(named) if named else Home.default().state / "store")

    def put(self, write: Callable[[Path], None]) -> Path:
        """Have something written into a new folder, and keep that under the digest of its files.

        Raises
        ------
        EnrichmentError
            If the store cannot be written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(dir=self.folder, prefix=".new-"))
        except OSError as error:
            raise EnrichmentError(
                f"The store of enrichments cannot be written to ({error}): ${VARIABLE} names its folder."
            ) from None
        try:
            write(made)
            kept = self.folder / _digest(made)
            if kept.exists():
                shutil.rmtree(made)
            else:
                made.chmod(0o755)
                made.rename(kept)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        return kept


def _digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        found.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
    return found.hexdigest()[:24]
