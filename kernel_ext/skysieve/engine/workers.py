"""The daemon that forks Spark's Python workers: those have loaded what all use, and look for modules without a detour.

Spark starts it in place of its own where ``spark.python.daemon.module`` names it. Of itself each worker would load its
packages anew, two seconds of a core, and list all files in the jar and the zip on its path at each task (50 ms), so
that an enrichment cost a micro-batch more than the search did.
"""

from __future__ import annotations

import gc
import importlib
import sys
from contextlib import suppress
from importlib.machinery import PathFinder

_USED = (
    "pandas",
    "pyarrow.compute",
    "astropy.coordinates",
    "cdshealpix.nested",
    "skysieve.enrich.crossmatch",
)


def main() -> None:
    """Load the packages and serve, until Spark ends."""
    plain = [place for place in sys.path if not place.endswith((".jar", ".zip"))]
    if PathFinder.find_spec("pyspark", plain):  # else it is in the zip alone
        sys.path[:] = plain
        sys.path_importer_cache.clear()
    for name in _USED:
        with suppress(ImportError):
            importlib.import_module(name)
    from pyspark.daemon import manager

    gc.freeze()  # what all share is not looked through, and so not copied, in each
    manager()


if __name__ == "__main__":
    main()
