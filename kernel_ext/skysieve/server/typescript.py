"""The models as TypeScript: ``python -m skysieve.server.typescript > …/labextension/src/models.ts``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from skysieve.server.models import SPOKEN

_PLAIN = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}
_HEADING = "// What the server says and is asked, made of skysieve/server/models.py by skysieve/server/typescript.py.\n"


def typescript() -> str:
    """All models as interfaces."""
    return "\n".join([_HEADING, *(_interface(model) for model in SPOKEN)])


def _interface(model: type[BaseModel]) -> str:
    # what is asked may be left out where it has a default; what is said is always there
    asked = model.model_config.get("extra") == "forbid"
    schema = model.model_json_schema(mode="validation" if asked else "serialization")
    required = set(schema.get("required", ()))
    fields = [
        f"  {name}{'' if name in required or not asked else '?'}: {_type(one)};\n"
        for name, one in schema["properties"].items()
    ]
    return f"export interface {model.__name__} {{\n{''.join(fields)}}}\n"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "enum" in schema:
        return " | ".join(f"'{value}'" for value in schema["enum"])
    if "const" in schema:
        return f"'{schema['const']}'"
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    match schema.get("type"):
        case "array":
            item = _type(schema["items"])
            return f"({item})[]" if " | " in item else f"{item}[]"
        case "object":
            values = schema.get("additionalProperties", True)
            return f"Record<string, {_type(values) if isinstance(values, dict) else 'unknown'}>"
        case str(plain):
            return _PLAIN[plain]
    return "unknown"


if __name__ == "__main__":
    print(typescript(), end="")
