"""The schema of a folder: read by our own parser for its meaning, and by the engine for its word."""

import re
from collections.abc import Sequence

from pdp.policy import engine
from pdp.policy.finding import Report, SourceText
from pdp.policy.locations import Span, tokens
from pdp.policy.schema import FileFault, Schema, SchemaFault, SchemaFile, parse_schema
from pdp.policy.source_files import SourceFile
from pdp.policy.source_policies import source_text

_QUOTED = re.compile(r"`([^`]+)`|: ([A-Za-z_][A-Za-z0-9_:]*)$")


def load_schema(files: Sequence[SourceFile], report: Report) -> Schema | None:
    """Read the schema from all its files; None without files, or with a finding."""
    sources = [source_text(file, report) for file in files]
    known = [source for source in sources if source is not None]
    if not files or len(known) < len(files):
        return None
    given = [
        SchemaFile(source.text, file.name.endswith(".json") or source.text.lstrip()[:1] == "{")
        for file, source in zip(files, known, strict=True)
    ]
    try:
        schema = parse_schema(*given)
    except SchemaFault as fault:
        _report(fault, given, known, report)
        return None
    try:
        engine.check_schema(schema.text)
    except engine.CedarSyntaxError as error:
        message = str(error).removeprefix("error parsing schema: ")
        source, span = _quoted(message, known)
        report.add("invalid-schema", "error", source, span, message)
        return None
    return schema


def _report(
    fault: SchemaFault, given: Sequence[SchemaFile], known: Sequence[SourceText], report: Report
) -> None:
    fix = "write all schema files in the same form" if len({f.is_json for f in given}) > 1 else ""
    source, span = known[0], fault.span
    if isinstance(fault, FileFault):
        source = known[fault.index]
    elif fault.span.end:
        # The name is looked up where it stands; its place is one of a file that has that text.
        source, span = _quoted(fault.message, known)
    report.add("invalid-schema", "error", source, span, fault.message, fix)


def _quoted(message: str, known: Sequence[SourceText]) -> tuple[SourceText, Span]:
    """Where a name that the message quotes is last written; else the start of the first file."""
    for match in _QUOTED.finditer(message):
        wanted = [token.text.strip('"') for token in tokens(match[1] or match[2])]
        for source in reversed(known):
            found = list(tokens(source.text))
            for at in range(len(found) - len(wanted), -1, -1):
                piece = found[at : at + len(wanted)]
                if [token.text.strip('"') for token in piece] == wanted and wanted:
                    return source, Span(piece[0].start, piece[-1].end)
    return known[0], Span(0, 1)
