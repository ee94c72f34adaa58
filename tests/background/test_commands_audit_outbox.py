"""`pdp audit verify|export|head` and `pdp outbox list|replay`: status, text and what is kept."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, update

from pdp.commands.audit import audit_head, export_audit, verify_audit
from pdp.commands.outbox import list_outbox, replay_outbox
from pdp.settings import KeySettings, Settings
from pdp.store import audit, audit_chain, outbox, outbox_admin
from pdp.store.audit import AuditRecord, hash_of
from pdp.store.engine import Database, Session
from tests.contract.make import MINUTE, NOW, audit_event, job


@pytest.fixture
def config(database_url: str) -> Settings:
    """Settings of that database."""
    key = KeySettings(master_key=SecretStr("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="))
    return Settings(demo=True, database=database_url, keys=key)


def append(db: Database, count: int = 1, **changes: Any) -> None:
    events = [
        audit_event(f"e{number}", at=NOW + number * MINUTE, **changes) for number in range(count)
    ]
    db.write(lambda session: [audit.append(session, event) for event in events])


def exported(config: Settings, **options: Any) -> str:
    pieces: list[str] = []
    assert export_audit(config, pieces.append, **options) == (0, "")
    return "".join(pieces)


def bury(db: Database, *keys: str) -> None:
    def work(session: Session) -> None:
        for key in keys:
            outbox.put(session, job(key, payload={"secret": "hunter2"}))
        for taken in outbox.claim(session, "r", 9, now=NOW, lease=MINUTE):
            outbox.bury(session, taken, "the endpoint answered 410", NOW)

    db.write(work)


def test_verify_says_that_all_is_sound(db: Database, config: Settings) -> None:
    append(db, 3)
    status, text = verify_audit(config, now=NOW)
    assert status == 0
    assert text.startswith("3 events, all sound; the last hash is ")
    status, text = verify_audit(config, now=NOW, json=True)
    assert json.loads(text) == {
        "whole": True, "events": 3, "head_hash": db.read(audit.head).hash, "fault": None,
        "fault_seq": None, "unverifiable_heads": 0,
    }  # fmt: skip


def test_verify_names_the_first_event_at_fault(db: Database, config: Settings) -> None:
    append(db, 5)
    change = update(audit.audit).where(audit.audit.c.seq.in_([3, 4])).values(actor_id="mallory")
    db.write(lambda session: session.execute(change))
    assert verify_audit(config, now=NOW) == (
        1,
        "event 3: the event was changed (2 events are sound)",
    )
    status, text = verify_audit(config, now=NOW, json=True)
    assert (status, json.loads(text)["fault_seq"]) == (1, 3)


def test_a_head_in_a_file_shows_that_the_tail_was_cut(
    db: Database, config: Settings, tmp_path: Path
) -> None:
    append(db, 3)
    status, text = audit_head(config, now=NOW)
    assert status == 0
    kept = tmp_path / "head.json"
    kept.write_text(text)
    append(db)
    status, said = verify_audit(config, now=NOW, head=kept)
    assert (status, said.splitlines()[1]) == (0, "the head kept elsewhere fits event 3")

    def cut(session: Session) -> None:
        session.execute(delete(audit.audit).where(audit.audit.c.seq > 1))
        session.execute(delete(audit_chain.audit_heads))
        last = next(iter(audit_chain.export(session)))
        session.execute(update(audit.heads.heads).values(seq=last.seq, hash=last.hash))

    db.write(cut)
    assert verify_audit(config, now=NOW)[0] == 0
    assert verify_audit(config, now=NOW, head=kept) == (
        1, "event 2: events after 1 are missing (1 events are sound)",
    )  # fmt: skip


@pytest.mark.parametrize("content", [None, "", "[]", '{"seq": 1}', "{"])
def test_a_head_file_that_cannot_be_used_is_status_2(
    db: Database, config: Settings, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "head.json"
    if content is not None:
        file.write_text(content)
    status, text = verify_audit(config, now=NOW, head=file)
    assert status == 2
    assert text.startswith(f"{file}: cannot be used as a head: ")


def test_an_empty_audit_has_no_head_to_print(db: Database, config: Settings) -> None:
    assert audit_head(config, now=NOW) == (1, "the audit is empty, so there is nothing to sign")


@pytest.mark.requirement("ARAP-182")
def test_an_export_in_json_lines_can_be_verified_by_itself(db: Database, config: Settings) -> None:
    append(db, 4, details={"text": "é\n\x00", "n": 2**70}, actor=None)
    last = "0" * 64
    for line in exported(config).splitlines():
        body = json.loads(line)
        stated, before = body.pop("hash"), body.pop("prev_hash")
        assert before == last
        last = hash_of(before, body)
        assert stated == last
    assert last == db.read(audit.head).hash


def test_an_export_can_begin_and_end_at_a_moment(db: Database, config: Settings) -> None:
    append(db, 5)
    text = exported(config, since=NOW + MINUTE, until=NOW + 3 * MINUTE)
    assert [json.loads(line)["event"] for line in text.splitlines()] == ["e1", "e2"]
    text = exported(config, since=NOW + timedelta(days=1), style="csv")
    assert text.count("\r\n") == 1


def test_an_export_in_csv_has_a_row_for_each_event_and_no_formulas(
    db: Database, config: Settings
) -> None:
    append(db, 2, actor_id="=HYPERLINK(1)", details={"why": 'a "reason", with\nlines'})
    head, first, second = csv.reader(io.StringIO(exported(config, style="csv"), newline=""))
    row = dict(zip(head, first, strict=True))
    assert head[:4] == ["seq", "at", "event", "task_id"]
    assert (row["seq"], row["actor_id"]) == ("1", "'=HYPERLINK(1)")
    assert json.loads(row["details"]) == {"why": 'a "reason", with\nlines'}
    assert second[0] == "2"


def test_an_export_of_many_events_comes_in_pieces(db: Database, config: Settings) -> None:
    append(db, 1500)
    pieces: list[str] = []
    export_audit(config, pieces.append)
    assert len(pieces) == 1500
    assert isinstance(db.read(lambda s: next(audit_chain.export(s))), AuditRecord)


def test_the_outbox_lists_what_waits_and_what_was_given_up(db: Database, config: Settings) -> None:
    assert list_outbox(config) == (0, "no job waits")
    assert list_outbox(config, dead=True) == (0, "no job was given up")
    bury(db, "a", "b")
    db.write(lambda session: outbox.put(session, job("c", kind="callback", task_id="arq_9")))
    status, text = list_outbox(config, dead=True)
    assert status == 0
    assert [line.split()[0] for line in text.splitlines()] == ["SEQ", "1", "2"]
    assert "the endpoint answered 410" in text
    assert list_outbox(config)[1].splitlines()[1].split()[:3] == ["3", "callback", "arq_9"]
    (waiting,) = json.loads(list_outbox(config, json=True)[1])
    assert (waiting["seq"], waiting["kind"], waiting["dead_at"]) == (3, "callback", None)


def test_what_a_job_carries_is_not_shown(db: Database, config: Settings) -> None:
    bury(db, "a")
    for json_wanted in (False, True):
        assert "hunter2" not in list_outbox(config, dead=True, json=json_wanted)[1]


def test_a_job_is_replayed_once_and_that_is_recorded(db: Database, config: Settings) -> None:
    bury(db, "a", "b", "c")
    assert replay_outbox(config, [2], now=NOW) == (0, "job 2 will run again")
    assert replay_outbox(config, [2, 9], now=NOW) == (
        1, "job 2 is not one that was given up\njob 9 is not one that was given up",
    )  # fmt: skip
    assert replay_outbox(config, [], now=NOW, everything=True)[1].count("will run again") == 2
    assert db.read(lambda session: outbox_admin.depth(session, NOW)).due == 3
    recorded = db.read(lambda session: list(audit_chain.export(session)))
    assert [(one.event, one.details["seq"]) for one in recorded] == [
        ("outbox.replayed", 2), ("outbox.replayed", 1), ("outbox.replayed", 3),
    ]  # fmt: skip
    assert replay_outbox(config, [], now=NOW, everything=True) == (0, "no job was given up")
