"""`mapping.yaml`: how AuthZEN and OAuth types and actions are called in Cedar.

types:
  customer_records: CustomerRecord
actions:
  can_read: read
  can_close: Bank::Action::"close"
oauth:
  authorization_details:
    customer_records:
      type: record
      location: https://crm.example/records/{id}
      actions: {read: can_read}
  scopes:
    "doc:{id}:read": {type: document, id: "{id}", action: read}
"""

import re
from collections.abc import Sequence

from pdp.core.rar import NO_RULES
from pdp.core.values import EntityUid
from pdp.policy.finding import Report, SourceText
from pdp.policy.locations import Span
from pdp.policy.mapping import NO_NAMES, Mapping, NameMap
from pdp.policy.schema_types import Schema
from pdp.policy.source_files import SourceFile
from pdp.policy.source_oauth import read_rules
from pdp.policy.source_policies import source_text
from pdp.policy.source_yaml import Path, YamlFault, YamlText, parse_yaml

_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*")
_ACTION = re.compile(r'((?:[A-Za-z_][A-Za-z0-9_]*::)*Action)::"([^"\\]*)"')
_LINT = "invalid-mapping"


def load_mapping(
    files: Sequence[SourceFile],
    schema: Schema | None,
    report: Report,
) -> Mapping:
    """Read the names; faults become findings."""
    names = NO_NAMES
    source = source_text(files[0], report) if files else None
    parsed = None if source is None else read_yaml(files[0].content, source, report)
    if source is not None and parsed is not None and parsed.value is not None:
        names = _names(parsed, source, schema, report)
    return Mapping(names, schema)


def read_yaml(raw: bytes, source: SourceText, report: Report) -> YamlText | None:
    """Parse a YAML file; None and a finding when it is not usable YAML."""
    try:
        return parse_yaml(raw)
    except YamlFault as fault:
        offset = source.lines.offset(fault.line, fault.column)
        report.add("syntax", "error", source, Span(offset, offset + 1), fault.message)
        return None


def yaml_span(parsed: YamlText, source: SourceText, path: Path) -> Span:
    """The place of a member or element: its whole key or value as far as the line goes."""
    line, column = parsed.at(path)
    start = source.lines.offset(line, column)
    word = re.compile(r"[^\s:,\]}]*").match(source.text, start)
    return Span(start, max(start + 1, word.end() if word else 0))


def _names(parsed: YamlText, source: SourceText, schema: Schema | None, report: Report) -> NameMap:
    def fault(path: Path, message: str, fix: str = "") -> None:
        report.add(_LINT, "error", source, yaml_span(parsed, source, path), message, fix)

    document = parsed.value
    if not isinstance(document, dict):
        fault((), "the mapping must have the members `types`, `actions` and `oauth`")
        return NO_NAMES
    types: dict[str, str] = {}
    actions: dict[str, EntityUid] = {}
    rules = NO_RULES
    for part, members in document.items():
        if part == "oauth":
            rules = read_rules(members, fault)
        elif part not in ("types", "actions"):
            fault((part,), f"`{part}` is not known here", "use `types`, `actions` and `oauth`")
        elif not isinstance(members or {}, dict):
            fault((part,), f"`{part}` must map names to names")
        else:
            for name, value in (members or {}).items():
                where = (part, name)
                if part == "types":
                    wrong = _add_type(types, name, value, schema)
                else:
                    wrong = _add_action(actions, name, value, schema)
                if wrong:
                    fault(where, wrong)
    return NameMap(types, actions, rules)


def _add_type(types: dict[str, str], name: str, value: object, schema: Schema | None) -> str | None:
    if not isinstance(value, str) or not _TYPE.fullmatch(value):
        return f"`{name}` must be mapped to a Cedar entity type, as `Bank::Account`"
    if schema is not None and value not in schema.entity_types:
        return f"the schema has no entity type `{value}`"
    types[name] = value
    return None


def _add_action(
    actions: dict[str, EntityUid], name: str, value: object, schema: Schema | None
) -> str | None:
    if not isinstance(value, str) or not value:
        return f'`{name}` must be mapped to a Cedar action, as `read` or `Bank::Action::"read"`'
    match = _ACTION.fullmatch(value)
    uid = (match[1], match[2]) if match else ("Action", value)
    if schema is not None and uid not in schema.actions:
        return f'the schema has no action `{uid[0]}::"{uid[1]}"`'
    actions[name] = uid
    return None
