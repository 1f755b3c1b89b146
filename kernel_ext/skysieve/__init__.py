"""Build, preview and deploy filters on astronomical alert streams, from a notebook cell.

>>> import skysieve
>>> f = skysieve.Filter("bright", "diaSource.snr > 20", stream="lsst-alerts")
>>> f.output_topic
'filter.bright'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skysieve.errors import (
    ColumnError,
    DeploymentError,
    EnrichmentError,
    FilterError,
    FilterSyntaxError,
    PacketError,
    SessionError,
    SkysieveError,
    StreamError,
)
from skysieve.filter import Filter

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from skysieve.attaching import attach
    from skysieve.consumer import Consumer
    from skysieve.deployment import Deployment
    from skysieve.diff import Diff
    from skysieve.languages.python import per_alert
    from skysieve.matches import Match
    from skysieve.preview import Preview
    from skysieve.session import Session
    from skysieve.stream import Stream

__version__ = "0.1.0"

__all__ = [
    "ColumnError",
    "Consumer",
    "Deployment",
    "DeploymentError",
    "Diff",
    "EnrichmentError",
    "Filter",
    "FilterError",
    "FilterSyntaxError",
    "Guard",
    "Match",
    "PacketError",
    "Preview",
    "Session",
    "SessionError",
    "SkysieveError",
    "Stream",
    "StreamError",
    "attach",
    "per_alert",
]

_LATER = {
    "Consumer": "skysieve.consumer",
    "Deployment": "skysieve.deployment",
    "Diff": "skysieve.diff",
    "Guard": "skysieve.engine.guard",
    "Match": "skysieve.matches",
    "Preview": "skysieve.preview",
    "Session": "skysieve.session",
    "Stream": "skysieve.stream",
    "attach": "skysieve.attaching",
    "per_alert": "skysieve.languages.python",
}
"""What needs Kafka or pandas is imported when it is first asked for, so that the command line starts at once."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'skysieve' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LATER[name]), name)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext skysieve``: the magics ``%%filter`` and ``%deploy``, and Tab in the cells of the first."""
    from skysieve.completion import install
    from skysieve.magics import SkysieveMagics

    magics = SkysieveMagics(shell)
    shell.register_magics(magics)
    install(shell, magics.completer())
