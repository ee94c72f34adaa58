"""The API reference as one page, drawn from the OpenAPI document without any outside resource."""

import base64
import hashlib
import html
import json
from typing import Any

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:0 auto;padding:1rem}
nav a{margin-right:1rem}h2{border-bottom:1px solid var(--line);padding-bottom:.2rem}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.5rem .8rem}
summary{cursor:pointer}code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:.7rem;overflow:auto;border-radius:.3rem}
.method{display:inline-block;min-width:4.5rem;font-weight:600}
table{border-collapse:collapse}td,th{border-bottom:1px solid var(--line);padding:.2rem .8rem .2rem 0;
text-align:left;vertical-align:top}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
DOCS_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'"


def docs_page(document: dict[str, Any]) -> str:
    """The page for an OpenAPI 3.1 document."""
    operations = [
        (path, method, operation)
        for path, item in document.get("paths", {}).items()
        for method, operation in item.items()
    ]
    tags = list(dict.fromkeys(_tag(operation) for _, _, operation in operations))
    sections = "".join(_section(tag, operations, document) for tag in tags)
    links = "".join(f'<a href="#{html.escape(tag)}">{html.escape(tag)}</a>' for tag in tags)
    title = html.escape(document["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}: API</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f"<p>Version {html.escape(document['info']['version'])}. "
        'The same as data: <a href="/openapi.json">openapi.json</a>.</p>'
        f"<nav>{links}</nav>{sections}</body></html>"
    )


def _tag(operation: dict[str, Any]) -> str:
    tags = operation.get("tags") or ["other"]
    return str(tags[0])


def _section(tag: str, operations: list[Any], document: dict[str, Any]) -> str:
    rows = "".join(
        _operation(path, method, operation, document)
        for path, method, operation in operations
        if _tag(operation) == tag
    )
    return f'<h2 id="{html.escape(tag)}">{html.escape(tag)}</h2>{rows}'


def _operation(path: str, method: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    parts = [
        (
            f"<details><summary><span class=method>{method.upper()}</span>"
            f"<code>{html.escape(path)}</code> {html.escape(operation.get('summary', ''))}</summary>"
        ),
        f"<p>{html.escape(operation.get('description', ''))}</p>",
        _example("Request", body, document),
        _parameters(operation.get("parameters", [])),
    ]
    for status, response in operation.get("responses", {}).items():
        content: dict[str, Any] = next(iter(response.get("content", {}).values()), {})
        text = html.escape(response.get("description", ""))
        parts.append(f"<p><strong>{html.escape(status)}</strong> {text}</p>")
        if status.startswith("2"):
            parts.append(_example("", content, document))
    return "".join(parts) + "</details>"


def _parameters(parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{html.escape(str(parameter['name']))}</code></td>"
        f"<td>{html.escape(str(parameter['in']))}</td>"
        f"<td>{html.escape(str(parameter.get('description', '')))}</td></tr>"
        for parameter in parameters
    )
    return f"<table><tr><th>Parameter</th><th>In</th><th></th></tr>{rows}</table>"


def _example(title: str, content: dict[str, Any], document: dict[str, Any]) -> str:
    schema = content.get("schema", {})
    name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
    schema = document.get("components", {}).get("schemas", {}).get(name, schema)
    examples = schema.get("examples") or []
    if "example" in content:
        examples = [content["example"]]
    if not examples:
        return ""
    text = html.escape(json.dumps(examples[0], indent=2, ensure_ascii=False))
    heading = f"<p><strong>{title}</strong></p>" if title else ""
    return f"{heading}<pre>{text}</pre>"
