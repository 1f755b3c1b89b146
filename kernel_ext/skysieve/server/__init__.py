"""The Jupyter server extension: what JupyterLab's panel shows, under ``/skysieve/``. Needs no kernel and no Spark."""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "skysieve.server"}]


def _load_jupyter_server_extension(server: Any) -> None:
    from skysieve.server.base import PANEL
    from skysieve.server.handlers import routes
    from skysieve.server.panel import Panel

    panel = server.web_app.settings[PANEL] = Panel()
    panel.warm_up(server.io_loop)
    server.web_app.add_handlers(".*$", routes(server.web_app.settings["base_url"]))
    server.log.info("Skysieve: its panel is served under /skysieve/")
