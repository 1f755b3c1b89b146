"""The panel and the server speak of the same things."""

import json
import re
from pathlib import Path

import skysieve
from pydantic import BaseModel
from skysieve.server import models
from skysieve.server.handlers import routes
from skysieve.server.typescript import typescript

EXTENSION = Path(__file__).parents[2] / "kernel_ext" / "labextension"


def test_the_interfaces_are_those_of_the_models():
    written = (EXTENSION / "src" / "models.ts").read_text()
    assert written == typescript(), (
        "python -m skysieve.server.typescript > kernel_ext/labextension/src/models.ts"
    )


def test_every_model_is_an_interface():
    plain = {models.Said, models.Asked}
    every = {
        one
        for one in vars(models).values()
        if isinstance(one, type) and issubclass(one, BaseModel) and one.__module__ == models.__name__
    }
    assert set(models.SPOKEN) == every - plain


def test_every_address_that_the_panel_asks_for_exists():
    text = (EXTENSION / "src" / "api.ts").read_text()
    asked = {re.sub(r"\$\{[^}]*\}", "7", path) for path in re.findall(r"[`']/([a-z][^`'?]*)[`'?]", text)}
    asked = {path.replace("logs/7", "logs/kafka") for path in asked - {"skysieve/"}}
    known = [re.compile(pattern) for pattern, _ in routes("/")]
    assert len(asked) >= 12
    assert [path for path in asked if not any(one.fullmatch(f"/skysieve/{path}") for one in known)] == []


def test_python_and_npm_agree_on_the_version():
    package = json.loads((EXTENSION / "package.json").read_text())
    lock = json.loads((EXTENSION / "package-lock.json").read_text())
    assert package["version"] == lock["version"] == lock["packages"][""]["version"] == skysieve.__version__
    assert package["name"] == "skysieve"
