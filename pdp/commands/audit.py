"""`pdp audit verify|export|head`."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pdp.background.audit_export import Format, exported
from pdp.background.audit_heads import (
    Checked,
    check,
    head_document,
    head_from_document,
    sign_head,
)
from pdp.commands.opened import Outcome, as_json, with_database
from pdp.core.values import parse_json
from pdp.settings import Settings
from pdp.store import audit_chain
from pdp.store.audit_chain import AuditHead
from pdp.store.engine import Database, Session
from pdp.trust.keys import KeyRing


def verify_audit(
    settings: Settings, *, now: datetime, head: Path | None = None, json: bool = False
) -> Outcome:
    """Check the whole chain, and against a head kept in a file elsewhere.

    Returns:
        The exit status: 0 the chain is whole, 1 it is not, 2 the head file cannot be used; and the
        text, which names the number of the first event that is at fault.
    """
    kept: AuditHead | None = None
    if head is not None:
        try:
            kept = head_from_document(parse_json(head.read_bytes()))
        except (OSError, ValueError) as error:
            return 2, f"{head}: cannot be used as a head: {error}"

    def work(database: Database) -> Outcome:
        checked = check(database, KeyRing.open(database, settings, now=now), kept)
        status = 0 if checked.verdict.fault is None else 1
        return status, _as_json(checked) if json else _in_words(checked, kept)

    return with_database(settings, work)


def export_audit(
    settings: Settings,
    write: Callable[[str], object],
    *,
    style: Format = "jsonl",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Outcome:
    """Write the audit through `write`, piece by piece; the text is empty when all went well."""
    begun = False

    def write_all(session: Session) -> None:
        nonlocal begun
        if begun:
            raise ExportBroken
        begun = True
        for piece in exported(audit_chain.export(session), style, since, until):
            write(piece)

    def work(database: Database) -> Outcome:
        try:
            database.read(write_all)
        except ExportBroken:
            return 2, "the connection to the database was lost: export again"
        return 0, ""

    return with_database(settings, work)


class ExportBroken(Exception):
    """The export would begin anew although part of it is written already."""


def audit_head(settings: Settings, *, now: datetime) -> Outcome:
    """Sign the chain's end; the text is the head, to be kept elsewhere. Exit status 1 if empty."""

    def work(database: Database) -> Outcome:
        ring = KeyRing.open(database, settings, now=now)
        signed = sign_head(database, ring, settings.base_url, now)
        if signed is None:
            return 1, "the audit is empty, so there is nothing to sign"
        return 0, as_json(head_document(signed))

    return with_database(settings, work)


def _as_json(checked: Checked) -> str:
    verdict = checked.verdict
    whole = {"whole": verdict.fault is None}
    return as_json(whole | verdict._asdict() | {"unverifiable_heads": checked.unverifiable})


def _in_words(checked: Checked, kept: AuditHead | None) -> str:
    verdict = checked.verdict
    if verdict.fault is not None:
        return f"event {verdict.fault_seq}: {verdict.fault} ({verdict.events} events are sound)"
    text = f"{verdict.events} events, all sound; the last hash is {verdict.head_hash}"
    if kept is not None:
        text += f"\nthe head kept elsewhere fits event {kept.seq}"
    if checked.unverifiable:
        text += (
            f"\n{checked.unverifiable} signed heads fit, but the key that signed them is no longer"
            " published, so their signatures cannot be verified"
        )
    return text
