"""/docs: the OpenAPI document as one page of text, without a script and without a file from elsewhere."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

STYLE = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-top: 1px solid #8888 }
table { border-collapse: collapse; width: 100% }
td { vertical-align: top; padding: .2rem .8rem .2rem 0 }
pre { overflow-x: auto; padding: .6rem; background: #8882 }
@media (prefers-color-scheme: dark) { :root { color-scheme: dark } }"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """Every call: what it takes and what it answers."""
    return HTMLResponse(page_of(request.app.openapi()), headers={"Content-Security-Policy": POLICY})


def page_of(document: Mapping[str, Any]) -> str:
    """HTML of an OpenAPI document."""
    schemas = document.get("components", {}).get("schemas", {})
    info = {name: escape(document["info"].get(name, "")) for name in ("title", "version", "description")}
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{info['title']}</title>",
        f"<meta name=viewport content='width=device-width'><style>{STYLE}</style>",
        f"<h1>{info['title']} {info['version']}</h1>",
        *(f"<p>{text}</p>" for text in info["description"].split("\n\n")),
        "<p><a href=/openapi.json>/openapi.json</a> says the same to machines.</p>",
    ]
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            parts += _call(method.upper(), path, call)
    parts += ["<h1>Bodies</h1>", *(part for name, schema in schemas.items() for part in _schema(name, schema))]
    return "\n".join(parts)


def _call(method: str, path: str, call: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{method} {escape(path)}</code></h2><p>{escape(call.get('description', ''))}</p>"
    yield from _table(
        (item["name"], item["in"], item.get("required", False), item["schema"]) for item in call.get("parameters", [])
    )
    for media, content in call.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Body: {escape(media)}, {_kind(content['schema'])}</p>"
        for example in content.get("examples", content["schema"].get("examples", [])):
            yield f"<pre>{escape(json.dumps(example))}</pre>"
    for status, answer in call["responses"].items():
        kinds = (
            f"{escape(media)} {_kind(kind.get('schema', {}))}" for media, kind in answer.get("content", {}).items()
        )
        yield f"<p>{status}: {escape(answer['description'])}. {'; '.join(kinds)}</p>"


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    needed = schema.get("required", [])
    yield f"<h2 id={escape(name)}><code>{escape(name)}</code></h2><p>{escape(schema.get('description', ''))}</p>"
    yield from _table((field, "", field in needed, kind) for field, kind in schema.get("properties", {}).items())
    for example in schema.get("examples", []):
        yield f"<pre>{escape(json.dumps(example))}</pre>"


def _table(rows: Iterator[tuple[str, str, bool, Mapping[str, Any]]]) -> Iterator[str]:
    found = [
        f"<tr><td><code>{escape(name)}</code><td>{place}<td>{_kind(kind)}{_bounds(kind, needed)}"
        f"<td>{escape(kind.get('description', ''))}"
        for name, place, needed, kind in rows
    ]
    if found:
        yield "<table>" + "".join(found) + "</table>"


def _bounds(kind: Mapping[str, Any], needed: bool) -> str:
    """What a value may be, and what it is when it is left out."""
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "default": "by default"}
    said = [f"{word} {escape(json.dumps(kind[name]))}" for name, word in words.items() if name in kind]
    return ", ".join(["", *said, *(["needed"] if needed else [])])


def _kind(kind: Mapping[str, Any]) -> str:
    """A schema's type in a few words, with a link to what is told further down."""
    if "$ref" in kind:
        name = escape(kind["$ref"].rsplit("/", 1)[1])
        return f"<a href='#{name}'>{name}</a>"
    if "enum" in kind:
        return " | ".join(escape(json.dumps(value)) for value in kind["enum"])
    if "const" in kind:
        return escape(json.dumps(kind["const"]))
    for several in ("anyOf", "oneOf"):
        if several in kind:
            return " or ".join(map(_kind, kind[several]))
    if kind.get("type") == "array":
        return f"list of {_kind(kind.get('items', {})) or 'anything'}"
    return escape(kind.get("title", "") if kind.get("type") == "object" else kind.get("type", ""))
