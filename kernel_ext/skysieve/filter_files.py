"""Filters in files: the text of the filter below a head of comments, so that an editor knows the language."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysieve.errors import FilterError

if TYPE_CHECKING:
    from skysieve.filter import Filter

_COMMENT = {"sql": "--", "aggregate": "--", "near": "--", "python": "#"}
_LANGUAGE = {".sql": "sql", ".py": "python"}
_HEAD = "skysieve filter"
_KEYS = ("name", "stream", "description", "emit", "tags", "owner", "made_with")


def write(spec: Filter, path: Path) -> Path:
    """Write a filter; a path without an ending gets that of its language."""
    mark = _COMMENT[spec.language]
    if not path.suffix:
        path = path.with_suffix(next(end for end, name in _LANGUAGE.items() if _COMMENT[name] == mark))
    if _COMMENT.get(_LANGUAGE.get(path.suffix, "")) != mark:
        raise FilterError(f"{path.name}: a filter in {spec.language} goes into a file of another ending.")
    values = {key: getattr(spec, key) for key in _KEYS}
    lines = [f"{mark} {_HEAD}, version {spec.version}"]
    for key, value in values.items():
        if value:
            text = value if isinstance(value, str) and _is_plain(value) else json.dumps(value)
            lines.append(f"{mark} {key}: {text}")
    text = re.sub(r"\r\n?", "\n", spec.where).strip()
    # git may turn each end of a line into another, but not where they are of two kinds
    path.write_text("\n".join([*lines, "", text, ""]), encoding="utf-8", newline="\n")
    return path


def read(path: Path, *, name: str = "", stream: str = "") -> dict[str, Any]:
    """Read what makes a filter.

    Raises
    ------
    FilterError
        If the file is not there, or its head cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows' editors put a mark before it
    except (OSError, UnicodeDecodeError) as error:
        raise FilterError(
            f"{path} cannot be read ({error}): give a text file with a WHERE clause, or a function in Python (.py)."
        ) from None
    language = _LANGUAGE.get(path.suffix, "sql")
    mark = _COMMENT[language]
    first, *lines = text.split("\n")
    found: dict[str, Any] = {}
    if not first.startswith(f"{mark} {_HEAD}"):
        lines = [first, *lines]
    else:
        while lines and lines[0].startswith(f"{mark} ") and ":" in lines[0]:
            key, _, value = lines.pop(0).removeprefix(mark).partition(":")
            if key.strip() not in _KEYS:
                raise FilterError(
                    f"{path.name}: {key.strip()!r} is nothing that a filter has ({', '.join(_KEYS)})."
                )
            found[key.strip()] = _value(key.strip(), value.strip(), path)
    found |= {key: value for key, value in (("name", name), ("stream", stream)) if value}
    return {"name": path.stem, **found, "where": "\n".join(lines).strip(), "language": language} | (
        {} if "stream" in found else {"stream": ""}
    )


def _is_plain(text: str) -> bool:
    """Whether a text comes back from a line as it is."""
    return text.isprintable() and text == text.strip() and not text.startswith('"')


def _value(key: str, text: str, path: Path) -> Any:
    if key not in ("tags", "made_with") and not text.startswith('"'):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise FilterError(f"{path.name}: {key} is no JSON: {error}") from None
