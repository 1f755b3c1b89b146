"""The text of a Python function with all that it needs, so that it can run elsewhere and be read in a file."""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import sys
import textwrap
from collections.abc import Callable, Mapping
from importlib import metadata
from types import ModuleType
from typing import Any

import numpy as np

from skysieve.errors import FilterError


def code_of(function: Callable[..., Any]) -> str:
    """Source code that defines a function anew, with the imports, constants and functions that it uses.

    A function of an installed package is imported; of one written in a notebook the text is taken.

    Raises
    ------
    FilterError
        If it uses something that no text can carry, such as a DataFrame of the notebook.

    Examples
    --------
    >>> from statistics import fmean
    >>> print(code_of(fmean))
    from statistics import fmean as _fmean
    <BLANKLINE>
    <BLANKLINE>
    def fmean(data, weights=None):
        return _fmean(data, weights)
    """
    name = getattr(function, "__name__", "")
    if not inspect.isfunction(function) or not name.isidentifier():
        raise FilterError(f"{function!r} is no function with a name: write it with def.")
    if is_installed(function):
        return _imported(function)
    found: dict[str, str] = {}
    _collect(function, found, {name: function})
    imports = [text for text in found.values() if text.startswith(("import ", "from "))]
    rest = [text for text in found.values() if text not in imports]
    return "\n\n\n".join(filter(None, ["\n".join(imports), *rest]))


def is_installed(thing: Any) -> bool:
    """Whether it can be imported wherever the same packages are installed."""
    module = getattr(thing, "__module__", None) or ""
    root = module.partition(".")[0]
    return (
        root in sys.stdlib_module_names - {"__main__"} or root in _distributions() or _is_distribution(root)
    )


def versions(code: str) -> dict[str, str]:
    r"""The distributions that a text imports, with their versions.

    Examples
    --------
    >>> list(versions("import numpy as np\nfrom math import pi"))
    ['numpy']
    """
    roots = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            roots.add(node.module.partition(".")[0])
    named = {name for root in roots for name in _distributions().get(root, [])}
    return {name: metadata.version(name) for name in sorted(named)}


def missing(made_with: Mapping[str, str]) -> dict[str, str]:
    """Those of some distributions that are not installed here, with the versions that they had.

    Examples
    --------
    >>> missing({"python": "3.11.2", "numpy": "2.0", "no-such-package": "1.2"})
    {'no-such-package': '1.2'}
    """
    return {name: version for name, version in made_with.items() if name != "python" and not _is_here(name)}


def _is_here(name: str) -> bool:
    try:
        metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):  # which is what no package can be called raises
        return False
    return True


def undefined(tree: ast.Module) -> list[ast.Name]:
    """Names that a text uses and does not define."""
    known = set(dir(builtins)) | {"__name__"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            known.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            known.add(node.name)
        elif isinstance(node, ast.arg):
            known.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            known.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            known |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            known.add(node.name)
    return [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id not in known]


def _imported(function: Callable[..., Any]) -> str:
    name = function.__name__
    names, shown = [], []
    for one in inspect.signature(function).parameters.values():
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            continue
        plain = one.default is one.empty or not _is_plain(one.default)
        names.append(f"{one.name}={one.name}" if one.kind is one.KEYWORD_ONLY else one.name)
        shown.append(one.name if plain else f"{one.name}={one.default!r}")
    # of one that is decorated for Spark, the function inside
    inner = ".func" if inspect.isfunction(getattr(function, "func", None)) else ""
    return (
        f"from {function.__module__} import {name} as _{name}\n\n\n"
        f"def {name}({', '.join(shown)}):\n    return _{name}{inner}({', '.join(names)})"
    )


def _collect(function: Callable[..., Any], found: dict[str, str], meant: dict[str, Any]) -> None:
    """Put the text of a function, and before it of all that it uses, under their names."""
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        raise FilterError(
            f"The source of {function.__name__!r} is not to be had: define it in a cell or a file."
        ) from None
    tree = ast.parse(text)
    if not isinstance(tree.body[0], ast.FunctionDef):
        raise FilterError(f"{function.__name__!r} is no plain function: write it with def.")
    enclosed = inspect.getclosurevars(function).nonlocals
    scope = {**getattr(function, "__globals__", {}), **enclosed}
    for name in dict.fromkeys(node.id for node in undefined(tree)):
        if name not in scope:
            continue
        value = scope[name]
        other = meant.setdefault(name, value)
        if other is not value and not (_literal(value) and _literal(value) == _literal(other)):
            raise FilterError(
                f"{name!r} is one thing in {function.__name__!r} and another in what else this filter runs: give one "
                "of them another name."
            )
        if name not in found:
            _note(name, value, function.__name__, found, meant)
    found.pop(function.__name__, None)  # behind all that it uses when it is defined
    found[function.__name__] = text.rstrip()


def _note(name: str, value: Any, user: str, found: dict[str, str], meant: dict[str, Any]) -> None:
    """Put the text that makes a value under its name."""
    if isinstance(value, ModuleType):
        found[name] = f"import {value.__name__}" + (f" as {name}" if name != value.__name__ else "")
    elif (inspect.isfunction(value) or inspect.isclass(value) or inspect.isbuiltin(value)) and is_installed(
        value
    ):
        found[name] = _import(value.__module__, value.__name__, name)
    elif module := _home(value):
        found[name] = _import(module, value.__name__, name)
    elif inspect.isfunction(value) and value.__name__ == name:
        found[name] = ""  # it may call itself, or one that calls it
        _collect(value, found, meant)
    elif text := _literal(value):
        found[name] = f"{name} = {text}"
    else:
        raise FilterError(
            f"The function {user!r} uses {name!r}, a {type(value).__name__} of this notebook, which does not exist "
            "where filters run: make it inside the function, or put it into a package that is installed there."
        )


def _import(module: str, whole: str, name: str) -> str:
    return f"from {module} import {whole}" + (f" as {name}" if name != whole else "")


def _home(value: Any) -> str:
    """The package that has a thing by its own name, such as a universal function of numpy; empty if none has."""
    package = sys.modules.get(type(value).__module__.partition(".")[0])
    name = getattr(value, "__name__", None)
    has = isinstance(name, str) and package is not None and getattr(package, name, None) is value
    return package.__name__ if package is not None and has and package.__name__ != "builtins" else ""


def _literal(value: Any) -> str:
    """The text of a constant; empty if it is none."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value) if _is_plain(value) else ""


def _is_plain(value: Any) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, TypeError):
        return False


def _distributions() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


def _is_distribution(name: str) -> bool:
    """Whether one of that name is installed: one that is being worked on does not list its packages."""
    try:
        metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        return False
    return True
