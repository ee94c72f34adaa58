"""The state of the policies through the admin API, on every database."""

from pathlib import Path

from tests.admin.conftest import StartReplica
from tests.admin.replicas import AUDITOR_KEY, POLICIES, eventually

RELOAD = POLICIES + "/reload"
_MORE = '\n@id("more")\npermit (principal, action == Action::"read", resource is Document);\n'


def test_the_set_in_force_is_described(start: StartReplica) -> None:
    call = start()
    state = call("GET", POLICIES).json()
    assert state["count"] == 2
    first, second = state["policies"]
    assert (first["id"], first["effect"], first["line"]) == ("staff-read", "permit", 1)
    assert (second["id"], second["effect"], second["template"]) == ("never-secret", "forbid", None)
    assert first["file"].endswith("main.cedar")
    assert state["last_fault"] is None
    assert call("GET", "/readyz").json()["policy_version"] == state["version"]
    (load,) = state["loads"]
    assert load["version"] == state["version"]


def test_a_change_is_loaded_when_asked_for(start: StartReplica, folder: Path) -> None:
    call = start()
    before = call("GET", POLICIES).json()["version"]
    main = folder / "policies/main.cedar"
    main.write_text(main.read_text() + _MORE)
    answer = call("POST", RELOAD).json()
    assert answer["version"] != before
    assert answer["last_fault"] is None
    assert call.may_read("bob")


def test_other_replicas_follow_without_being_asked(start: StartReplica, folder: Path) -> None:
    one, other = start(), start()
    main = folder / "policies/main.cedar"
    main.write_text(main.read_text() + _MORE)
    one("POST", RELOAD)
    assert eventually(lambda: other.may_read("bob"))


def test_a_broken_folder_is_shown_and_changes_nothing(start: StartReplica, folder: Path) -> None:
    call = start()
    before = call("GET", POLICIES).json()
    main = folder / "policies/main.cedar"
    sound = main.read_text()
    main.write_text(sound + "\npermit (principal, action, resource) when { principal.nothing };\n")
    assert call("POST", RELOAD).json()["version"] == before["version"]
    state = call("GET", POLICIES).json()
    assert (state["version"], state["policies"]) == (before["version"], before["policies"])
    finding = state["last_fault"]["findings"][0]
    assert finding["severity"] == "error"
    assert finding["file"].endswith("main.cedar")
    assert (finding["line"], finding["column"] > 0) == (8, True)
    assert finding["message"]
    assert call("GET", "/readyz").status_code == 200
    assert call.may_read("alice")
    main.write_text(sound)
    assert call("POST", RELOAD).json()["last_fault"] is None


def test_remarks_about_the_set_in_force_are_listed(start: StartReplica, folder: Path) -> None:
    call = start()
    main = folder / "policies/main.cedar"
    text = main.read_text().replace('@id("staff-read")', '@id("staff-read")\n@aproval("x")')
    main.write_text(text)
    call("POST", RELOAD)
    findings = call("GET", POLICIES).json()["findings"]
    assert ("misspelt-annotation", "warning") in {(f["lint"], f["severity"]) for f in findings}


def test_only_an_administrator_reloads(start: StartReplica) -> None:
    call = start()
    assert call("GET", POLICIES, None, AUDITOR_KEY).status_code == 200
    assert call("POST", RELOAD, None, AUDITOR_KEY).status_code == 403
    for method, path in (("GET", POLICIES), ("POST", RELOAD)):
        assert call(method, path, None, "demo-pep-key").status_code == 403
        assert call(method, path, None, None).status_code == 401
