"""Following a policy folder: what is seen, what is kept, who is told."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import anyio.lowlevel
import pytest

from pdp.policy.bundle import Bundle, BundleError
from pdp.policy.source import Fault, PolicySource
from pdp.policy.watch import identity

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOON = 20.0


def policy(name: str) -> str:
    return f'@id("{name}")\npermit (principal, action == Action::"{name}", resource);\n'


def until(wanted: Callable[[], bool]) -> None:
    """Wait until something holds; fails after `SOON` seconds."""
    end = time.monotonic() + SOON
    while not wanted():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def ids(source: PolicySource) -> list[str]:
    return [each.id for each in source.current.policies]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "a.cedar").write_text(policy("first"))
    (tmp_path / "schemas").mkdir()
    return policies


@pytest.fixture
def source(folder: Path) -> PolicySource:
    return PolicySource(folder, folder.parent / "schemas", clock=lambda: NOW)


@pytest.fixture
def following(source: PolicySource) -> Iterator[PolicySource]:
    source.start()
    yield source
    source.close()


def test_a_source_of_a_broken_folder_cannot_be_made(folder: Path) -> None:
    (folder / "a.cedar").write_text("nonsense")
    with pytest.raises(BundleError):
        PolicySource(folder, None, clock=lambda: NOW)


def test_a_reload_swaps_and_tells_the_listeners(folder: Path, source: PolicySource) -> None:
    told: list[Bundle] = []
    source.subscribe(told.append)
    (folder / "a.cedar").write_text(policy("second"))
    assert source.reload_now("test") is source.current
    assert (ids(source), told, source.reloads) == (["second"], [source.current], 1)


def test_an_unchanged_folder_is_not_loaded_again(source: PolicySource) -> None:
    before = source.current
    assert source.reload_now("test") is before
    assert source.reloads == 0


def test_a_broken_folder_keeps_the_last_good_bundle(folder: Path, source: PolicySource) -> None:
    faults: list[Fault] = []
    source.subscribe_faults(faults.append)
    before = source.current
    (folder / "b.cedar").write_text("permit (principal, action resource);")
    assert source.reload_now("test") is before
    assert source.last_fault is faults[0]
    assert (faults[0].at, faults[0].reason, source.failures) == (NOW, "test", 1)
    assert [each.lint for each in faults[0].findings if each.severity == "error"] == ["syntax"]


def test_a_repaired_folder_ends_the_fault_even_when_nothing_changed(
    folder: Path, source: PolicySource
) -> None:
    told: list[Bundle] = []
    source.subscribe(told.append)
    (folder / "b.cedar").write_text("nonsense")
    source.reload_now("test")
    (folder / "b.cedar").unlink()
    assert source.reload_now("test") is source.current
    assert told == [source.current]
    assert source.last_fault is None


def test_a_folder_that_is_missing_is_a_fault_and_comes_back(
    folder: Path, source: PolicySource
) -> None:
    away = folder.rename(folder.with_name("away"))
    source.reload_now("test")
    assert source.last_fault is not None
    assert source.last_fault.findings[0].lint == "unreadable-folder"
    away.rename(folder)
    source.reload_now("test")
    assert ids(source) == ["first"]
    assert source.last_fault is None


def test_a_failing_listener_spoils_nothing(
    folder: Path, source: PolicySource, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Bundle] = []
    source.subscribe(lambda bundle: 1 / 0)
    source.subscribe(told.append)
    (folder / "a.cedar").write_text(policy("second"))
    source.reload_now("test")
    assert told == [source.current]
    assert "listener" in caplog.text


def test_reload_can_be_awaited_while_the_loop_goes_on(folder: Path, source: PolicySource) -> None:
    (folder / "a.cedar").write_text("".join(policy(f"p{n}") for n in range(500)))
    turns = 0

    async def work() -> None:
        nonlocal turns
        async with anyio.create_task_group() as group:
            group.start_soon(source.reload, "test")
            while len(source.current.policies) < 500:
                turns += 1
                await anyio.lowlevel.checkpoint()

    anyio.run(work)
    assert turns > 10


def test_a_written_file_is_seen(folder: Path, following: PolicySource) -> None:
    (folder / "a.cedar").write_text(policy("second"))
    until(lambda: ids(following) == ["second"])


def test_a_new_file_in_a_new_folder_is_seen(folder: Path, following: PolicySource) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "b.cedar").write_text(policy("second"))
    until(lambda: ids(following) == ["first", "second"])


def test_a_renamed_file_is_seen(folder: Path, following: PolicySource) -> None:
    new = folder / ".a.cedar.tmp"
    new.write_text(policy("second"))
    os.replace(new, folder / "a.cedar")
    until(lambda: ids(following) == ["second"])


def test_a_changed_schema_is_seen(folder: Path, following: PolicySource) -> None:
    schema = 'action "first" appliesTo { principal: User, resource: User }; entity User;'
    (folder.parent / "schemas" / "s.cedarschema").write_text(schema)
    until(lambda: following.current.schema is not None)


def test_a_swapped_kubernetes_volume_is_seen(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    for name, text in (("..one", policy("first")), ("..two", policy("second"))):
        (volume / name).mkdir(parents=True)
        (volume / name / "a.cedar").write_text(text)
    (volume / "..data").symlink_to("..one")
    (volume / "a.cedar").symlink_to("..data/a.cedar")
    source = PolicySource(volume, None, clock=lambda: NOW)
    source.start()
    try:
        (volume / "..data_tmp").symlink_to("..two")
        os.replace(volume / "..data_tmp", volume / "..data")
        until(lambda: ids(source) == ["second"])
    finally:
        source.close()


def test_a_link_to_the_folder_that_is_turned_elsewhere_is_seen(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.cedar").write_text(policy(name))
    (tmp_path / "current").symlink_to("one")
    source = PolicySource(tmp_path / "current", None, clock=lambda: NOW)
    source.start()
    try:
        (tmp_path / "next").symlink_to("two")
        os.replace(tmp_path / "next", tmp_path / "current")
        until(lambda: ids(source) == ["two"])
        (tmp_path / "two" / "a.cedar").write_text(policy("three"))
        until(lambda: ids(source) == ["three"])
    finally:
        source.close()


def test_a_folder_that_is_replaced_is_followed_on(folder: Path, following: PolicySource) -> None:
    shutil.rmtree(folder)
    until(lambda: following.last_fault is not None)
    assert ids(following) == ["first"]
    folder.mkdir()
    (folder / "a.cedar").write_text(policy("second"))
    until(lambda: ids(following) == ["second"])
    (folder / "a.cedar").write_text(policy("third"))
    until(lambda: ids(following) == ["third"])


def test_many_events_in_a_row_end_in_the_last_state(folder: Path, following: PolicySource) -> None:
    for number in range(100):
        (folder / "a.cedar").write_text(policy(f"n{number}"))
    until(lambda: ids(following) == ["n99"])


def test_a_poke_loads_without_an_event(folder: Path, source: PolicySource) -> None:
    loaded = threading.Event()
    source.subscribe(lambda bundle: loaded.set())
    source.start()
    try:
        (folder / "a.cedar").write_text(policy("second"))
        source.poke()
        assert loaded.wait(SOON)
    finally:
        source.close()


def test_closing_ends_every_thread(source: PolicySource) -> None:
    before = threading.active_count()
    source.start()
    source.close()
    assert threading.active_count() == before


def test_identity_tells_folders_apart(tmp_path: Path) -> None:
    assert identity([tmp_path / "missing"]) == (None,)
    first = identity([tmp_path])
    (tmp_path / "..data").symlink_to("a")
    assert first != identity([tmp_path]) != (None,)
