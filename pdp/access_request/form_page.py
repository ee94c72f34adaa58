"""A form as a page: plain HTML that needs no script and loads nothing from anywhere."""

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pdp.access_request.form_fields import Field
from pdp.core.values import JsonObject

_STYLE = """
:root{color-scheme:light dark;--line:#8886;--soft:#8882;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--bad:#ff8a80}}
body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:0 auto;padding:1rem}
label,legend{font-weight:600}fieldset{border:1px solid var(--line);border-radius:.4rem;margin:1rem 0}
.field{margin:1rem 0}.field p{margin:.2rem 0}.note{opacity:.8}.fault{color:var(--bad)}
input:not([type=checkbox]),select,textarea{font:inherit;width:100%;box-sizing:border-box;padding:.4rem;
border:1px solid var(--line);border-radius:.3rem}
[aria-invalid]{border-color:var(--bad)}textarea{min-height:6rem}
button{font:inherit;font-weight:600;padding:.5rem 1.2rem}
:focus-visible{outline:3px solid Highlight;outline-offset:2px}
pre{background:var(--soft);padding:.7rem;overflow:auto;border-radius:.3rem}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
FORM_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_INPUTS = {
    "text": "text",
    "number": "number",
    "moment": "datetime-local",
    "date": "date",
    "email": "email",
    "url": "url",
}
_BOUNDS = (
    ("minLength", "minlength"),
    ("maxLength", "maxlength"),
    ("minimum", "min"),
    ("maximum", "max"),
)


class Filled(NamedTuple):
    """What was sent, by field, and what is wrong with it."""

    sent: Mapping[str, Sequence[str]] = {}
    faults: Mapping[str, str] = {}


def form_page(
    title: str, description: str, fields: Sequence[Field], language: str, filled: Filled
) -> str:
    """The page with the fields, filled in as far as they were, each fault beside its field."""
    shown = "".join(_field(field, filled) for field in fields)
    known = {field.at for field in _all(fields)}
    others = [
        f"<li><code>{_text(at)}</code> {_text(fault)}</li>"
        for at, fault in filled.faults.items()
        if at not in known
    ]
    summary = ""
    if filled.faults:
        listed = f"<ul>{''.join(others)}</ul>" if others else ""
        summary = f'<div role="alert" class="fault"><p>Something is missing.</p>{listed}</div>'
    about = f"<p>{_text(description)}</p>" if description else ""
    return _page(
        title,
        language,
        f"{about}{summary}"
        f'<form method="post">{shown}<button type="submit">Continue</button></form>',
    )


def answer_page(title: str, language: str, instance: JsonObject) -> str:
    """The page that gives the answers as the members that the request lacked."""
    text = json.dumps(instance, indent=2, ensure_ascii=False)
    return _page(
        title,
        language,
        "<p>All is there. Give this back to the application that sent you here: it adds these "
        f'members to the request.</p><pre tabindex="0">{_text(text)}</pre>',
    )


def note_page(title: str, language: str, lines: Sequence[str], button: str | None = None) -> str:
    """A page that says something, with at most one button."""
    said = "".join(f"<p>{_text(line)}</p>" for line in lines if line)
    form = ""
    if button is not None:
        form = f'<form method="post"><button type="submit">{_text(button)}</button></form>'
    return _page(title, language, said + form)


def _page(title: str, language: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="{_text(language)}"><head><meta charset="utf-8">'
        f"<title>{_text(title)}</title>"
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{_text(title)}</h1>{body}</main>"
        "</body></html>"
    )


def _field(field: Field, filled: Filled) -> str:
    if field.kind == "group":
        inner = "".join(_field(each, filled) for each in field.fields)
        return f"<fieldset><legend>{_text(field.title)}</legend>{inner}</fieldset>"
    fault = filled.faults.get(field.at)
    name = _text("_".join(field.at.split()))
    described = f"{name}-note" if field.description else ""
    if fault is not None:
        described = f"{described} {name}-fault".strip()
    attributes = f'id="{name}" name="{_text(field.at)}"'
    if described:
        attributes += f' aria-describedby="{described}"'
    if fault is not None:
        attributes += ' aria-invalid="true"'
    if field.required and field.kind not in ("check", "choices"):
        attributes += " required"
    mark = "" if field.required else ' <span class="note">(optional)</span>'
    zone = " (UTC)" if field.kind == "moment" else ""
    label = f'<label for="{name}">{_text(field.title)}{zone}</label>{mark}'
    note = f'<p id="{name}-note" class="note">{_text(field.description)}</p>'
    wrong = f'<p id="{name}-fault" class="fault">{_text(fault or "")}</p>'
    return (
        f'<div class="field">{label}{note if field.description else ""}'
        f"{_control(field, attributes, filled.sent.get(field.at, ()))}"
        f"{wrong if fault is not None else ''}</div>"
    )


def _control(field: Field, attributes: str, sent: Sequence[str]) -> str:
    first = _text(sent[0]) if sent else ""
    if field.kind in ("choice", "choices"):
        empty = '<option value=""></option>' if field.kind == "choice" else ""
        options = "".join(
            f'<option value="{_text(value)}"{" selected" if value in sent else ""}>'
            f"{_text(label)}</option>"
            for value, label in field.options
        )
        several = " multiple" if field.kind == "choices" else ""
        return f"<select {attributes}{several}>{empty}{options}</select>"
    if field.kind == "check":
        checked = " checked" if sent else ""
        return f'<input type="checkbox" value="true" {attributes}{checked}>'
    bounds = "".join(
        f' {attribute}="{field.schema[member]}"'
        for member, attribute in _BOUNDS
        if isinstance(field.schema.get(member), int | float)
        and not isinstance(field.schema[member], bool)
    )
    if field.kind in ("area", "lines", "json"):
        lengths = bounds if field.kind == "area" else ""
        return f"<textarea {attributes}{lengths}>{first}</textarea>"
    step = ' step="any"' if field.schema.get("type") == "number" else ""
    kind = _INPUTS[field.kind]
    return f'<input type="{kind}" {attributes}{bounds}{step} value="{first}">'


def _all(fields: Sequence[Field]) -> list[Field]:
    return [each for field in fields for each in (field, *_all(field.fields))]


def _text(text: str) -> str:
    return html.escape(text)
