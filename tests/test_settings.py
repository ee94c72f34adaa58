"""The settings: what is read from where, and what refuses to start."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pdp.settings import Settings, SettingsError, load_settings
from pdp.settings.reference import render

HTTPS = {"base_url": "https://pdp.example.com"}
DIGEST = hashlib.sha256(b"a key").hexdigest()
ISSUER = {"issuer": "https://as.example", "audience": "https://pdp.example.com"}
CLIENT = {"id": "as-1", "key_sha256": DIGEST, "roles": ["pep"]}


def loaded(
    tmp_path: Path, text: str = "", env: dict[str, str] | None = None, **flags: Any
) -> Settings:
    file = tmp_path / "pdp.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, {**HTTPS, **flags}, env or {})


def refusal(tmp_path: Path, text: str = "", env: dict[str, str] | None = None, **flags: Any) -> str:
    with pytest.raises(SettingsError) as fault:
        loaded(tmp_path, text, env, **flags)
    message = str(fault.value)
    assert "\n" not in message
    return message


def test_the_smallest_useful_file_of_the_contract(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        f"""
        base_url = "https://pdp.example.com"
        database = "sqlite:///var/pdp.db"
        policies = "policies"
        schemas = "schemas"
        [[clients]]
        id = "as-1"
        key_sha256 = "{DIGEST}"
        roles = ["pep", "as"]
        acts_for = ["*"]
        [[issuers]]
        issuer = "https://login.example.com"
        audience = "https://pdp.example.com"
        jwks_uri = "https://login.example.com/jwks"
        [authentication]
        required = true
        """,
    )
    assert settings.clients[0].roles == ["pep", "as"]
    assert settings.issuers[0].jwks_uri == "https://login.example.com/jwks"
    assert settings.issuers[0].require_at_jwt


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    text = "port = 1\nhost = '127.0.0.2'\nworkers = 3"
    settings = loaded(tmp_path, text, {"PDP_PORT": "2", "PDP_HOST": "127.0.0.3"}, port=4)
    assert (settings.port, settings.host, settings.workers) == (4, "127.0.0.3", 3)


def test_the_environment_reaches_into_sections_without_losing_the_file(tmp_path: Path) -> None:
    text = "[limits]\nbatch_items = 5\nburst = 6"
    settings = loaded(tmp_path, text, {"PDP_LIMITS__BURST": "7"})
    assert (settings.limits.batch_items, settings.limits.burst) == (5, 7)


def test_lists_in_the_environment_as_json_or_one_by_one(tmp_path: Path) -> None:
    whole = loaded(tmp_path, env={"PDP_CLIENTS": json.dumps([CLIENT])})
    single = loaded(
        tmp_path,
        env={
            "PDP_CLIENTS__0__ID": "as-1",
            "PDP_CLIENTS__0__KEY_SHA256": DIGEST,
            "PDP_CLIENTS__0__ROLES": '["pep"]',
        },
    )
    assert whole.clients == single.clients


def test_an_indexed_variable_changes_one_entry_of_the_file(tmp_path: Path) -> None:
    text = f"[[clients]]\nid='a'\nkey_sha256='{DIGEST}'\nroles=['pep']"
    settings = loaded(tmp_path, text, {"PDP_CLIENTS__0__ROLES__0": "admin"})
    assert settings.clients[0].id == "a"
    assert settings.clients[0].roles == ["admin"]


def test_eleven_indexed_entries_stay_in_order(tmp_path: Path) -> None:
    env = {f"PDP_OUTBOUND__ALLOW_HOSTS__{n}": f"h{n}" for n in range(11)}
    assert loaded(tmp_path, env=env).outbound.allow_hosts == [f"h{n}" for n in range(11)]


@pytest.mark.parametrize(
    ("text", "env", "expected"),
    [
        ("prot = 1", {}, "pdp.toml: `prot`: there is no such key"),
        ("[limits]\nbatch = 1", {}, "pdp.toml: `limits.batch`: there is no such key"),
        ("port = 'many'", {}, "pdp.toml: `port`: input should be a valid integer"),
        ("", {"PDP_PORT": "many"}, "PDP_PORT: `port`: input should be a valid integer"),
        ("", {"PDP_PROT": "1"}, "PDP_PROT: there is no key `prot`"),
        ("", {"PDP_LIMITS__X": "1"}, "PDP_LIMITS__X: there is no key `limits.x`"),
        ("", {"PDP_PORT__X": "1"}, "PDP_PORT__X: there is no key `port.x`"),
        ("", {"PDP_CLIENTS": "as-1"}, "PDP_CLIENTS: must be JSON"),
        ("", {"PDP_CLIENTS__1__ID": "x"}, "PDP_CLIENTS__1__ID: there is nothing before position 1"),
        ("limits = 1", {"PDP_LIMITS__BURST": "1"}, "`limits` is something else in the file"),
        ("port = ", {}, "pdp.toml: is not TOML"),
        ("[log]\ndecisions = 'file'", {}, "`log`: needs `decisions_file`"),
        ("[log]\ndecisions = 'kafka'", {}, "`log.decisions`: input should be 'database'"),
        ("[keys]\nrotate_every = '3 weeks'", {}, "`keys.rotate_every`: must be a duration"),
        ("[keys]\nrotate_every = 3", {}, "`keys.rotate_every`: must be a duration"),
        ("[search]\ndefault_page = 2\nmax_page = 1", {}, "`default_page` must be at most"),
        ("[outbound]\nallow_networks = ['10.0.0.1/8']", {}, "must be a network"),
        ("[access_requests]\nendpoint = 'requests'", {}, "must be an absolute https URL"),
        ("[access_requests]\nendpoint = 'http://ars.example/r'", {}, "an absolute https URL"),
    ],
)
def test_a_refusal_names_the_source_the_key_and_what_is_wanted(
    tmp_path: Path, text: str, env: dict[str, str], expected: str
) -> None:
    assert expected in refusal(tmp_path, text, env)


def test_a_fault_is_blamed_on_whoever_set_the_very_key(tmp_path: Path) -> None:
    message = refusal(tmp_path, "[limits]\nbatch_items = 0", {"PDP_LIMITS__BURST": "1"})
    assert message.startswith(str(tmp_path / "pdp.toml"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="absent.toml: cannot be read: No such file"):
        load_settings(tmp_path / "absent.toml", {}, {})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"base_url": "http://pdp.example.com"}, "--base-url: `base_url` must be https"),
        ({"base_url": "http://pdp.example.com", "demo": True}, "`base_url` must be https"),
        ({"base_url": "https://pdp.example.com/?a=b"}, "must have no query"),
        ({"base_url": "https://pdp.example.com#x"}, "must have no query"),
        ({"base_url": "https://me@pdp.example.com"}, "must have no query"),
        ({"base_url": "https://pdp.example.com:x/"}, "must be an absolute https URL"),
        ({"base_url": "pdp.example.com"}, "must be an absolute https URL"),
        ({"base_url": ""}, "`base_url` is needed"),
        ({"authentication": {"required": False}, "host": "0.0.0.0"}, "only with a loopback `host`"),
        ({"demo": True, "host": "0.0.0.0"}, "`demo` has public keys"),
        ({"host": ""}, "must be an address"),
        ({"clients": [CLIENT, {**CLIENT, "key_sha256": "0" * 64}]}, "have the same `id`"),
        ({"clients": [CLIENT, {**CLIENT, "id": "b"}]}, "have the same `key_sha256`"),
        ({"clients": [{**CLIENT, "roles": ["root"]}]}, "`clients.0.roles.0`: input should be"),
        ({"clients": [{**CLIENT, "roles": []}]}, "`clients.0.roles`"),
        ({"clients": [{**CLIENT, "acts_for": ["User"]}]}, "must be `*`, `Type::*`"),
        ({"clients": [{**CLIENT, "acts_for": ['User::"a']}]}, "must be `*`, `Type::*`"),
        ({"clients": [{**CLIENT, "acts_for": ['User::"a\\q"']}]}, "must be `*`, `Type::*`"),
        ({"clients": [{**CLIENT, "acts_for": ["us*r::a"]}]}, "must be `*`, `Type::*`"),
        ({"clients": [{**CLIENT, "callbacks": ["http://x.example/"]}]}, "https URL"),
        (
            {"issuers": [{"issuer": "x", "jwks_uri": "https://x"}]},
            "`issuers.0.audience`: is needed",
        ),
        ({"issuers": [{**ISSUER, "audience": "", "jwks_file": "f"}]}, "`issuers.0.audience`"),
        ({"issuers": [ISSUER]}, "needs exactly one of `jwks_uri` and `jwks_file`"),
        ({"issuers": [{**ISSUER, "jwks_file": "f", "jwks_uri": "https://x"}]}, "exactly one"),
        ({"issuers": [{**ISSUER, "jwks_uri": "http://as.example/jwks"}]}, "absolute https URL"),
        ({"issuers": [{**ISSUER, "jwks_file": "f", "algorithms": ["none"]}]}, "algorithms.0"),
        ({"issuers": [{**ISSUER, "jwks_file": "f", "algorithms": ["HS256"]}]}, "algorithms.0"),
        ({"issuers": [{**ISSUER, "jwks_file": "f", "algorithms": []}]}, "`issuers.0.algorithms`"),
        ({"issuers": [{**ISSUER, "jwks_file": "f"}] * 2}, "have the same `issuer`"),
    ],
)
def test_an_unsafe_or_unclear_setting_refuses_to_start(
    tmp_path: Path, values: dict[str, Any], expected: str
) -> None:
    assert expected in refusal(tmp_path, **values)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_authentication_may_be_off_on_a_loopback_host(tmp_path: Path, host: str) -> None:
    settings = loaded(tmp_path, host=host, authentication={"required": False})
    assert not settings.authentication.required


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "localhost.example.com", "*"])
def test_authentication_may_not_be_off_elsewhere(tmp_path: Path, host: str) -> None:
    refusal(tmp_path, host=host, authentication={"required": False})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "http://127.0.0.1:8181"),
        ({"port": 9000}, "http://127.0.0.1:9000"),
        ({"host": "::1", "port": 9000}, "http://[::1]:9000"),
        ({"base_url": "http://localhost:1"}, "http://localhost:1"),
    ],
)
def test_the_demo_is_known_by_where_it_listens(
    tmp_path: Path, given: dict[str, Any], expected: str
) -> None:
    assert load_settings(None, {"demo": True, **given}, {}).base_url == expected


def test_a_free_port_is_put_into_the_demo_url_once_known() -> None:
    settings = Settings(demo=True, port=0)
    assert settings.listening_on(4711).base_url == "http://127.0.0.1:4711"
    fixed = Settings(demo=True, port=0, base_url="http://localhost:1").listening_on(4711)
    assert (fixed.base_url, fixed.port) == ("http://localhost:1", 4711)


def test_a_command_that_does_not_listen_needs_no_base_url(tmp_path: Path) -> None:
    file = tmp_path / "pdp.toml"
    file.write_text("database = 'sqlite:///x.db'")
    assert load_settings(file, {}, {}, serving=False).database == "sqlite:///x.db"


def test_digests_are_read_in_either_case(tmp_path: Path) -> None:
    settings = loaded(tmp_path, clients=[{**CLIENT, "key_sha256": DIGEST.upper()}])
    assert settings.clients[0].key_sha256 == DIGEST


@pytest.mark.parametrize("bad", ["", "a key", DIGEST[:-1], DIGEST + "0", "g" * 64])
def test_a_key_in_place_of_its_digest_is_refused_and_not_shown(tmp_path: Path, bad: str) -> None:
    message = refusal(tmp_path, clients=[{**CLIENT, "key_sha256": bad}])
    assert "must be the SHA-256 of the key as 64 hex digits" in message
    assert not bad or bad not in message.replace("the key", "")


def test_the_digest_of_an_empty_key_is_refused(tmp_path: Path) -> None:
    empty = hashlib.sha256(b"").hexdigest()
    assert "empty key" in refusal(tmp_path, clients=[{**CLIENT, "key_sha256": empty}])


def test_a_key_given_in_clear_is_not_shown(tmp_path: Path) -> None:
    text = "[[clients]]\nid='a'\nkey='hunter2hunter2'\nroles=['pep']"
    assert "hunter2" not in refusal(tmp_path, text)


@pytest.mark.parametrize("bad", ["c2hvcnQ=", "not base64 !", "QUJD" * 100, ""])
def test_a_bad_master_key_is_refused_and_not_shown(tmp_path: Path, bad: str) -> None:
    message = refusal(tmp_path, env={"PDP_KEYS__MASTER_KEY": bad})
    assert message.startswith("PDP_KEYS__MASTER_KEY: `keys.master_key`: must be 32 random bytes")
    assert not bad or bad not in message


def test_secrets_are_not_in_the_representation(tmp_path: Path) -> None:
    secret = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
    settings = loaded(tmp_path, env={"PDP_KEYS__MASTER_KEY": secret})
    assert secret not in repr(settings) + str(settings) + settings.model_dump_json()


def test_what_kubernetes_injects_beside_a_service_called_pdp_is_not_a_setting(
    tmp_path: Path,
) -> None:
    env = {
        "PDP_SERVICE_HOST": "10.0.0.1",
        "PDP_SERVICE_PORT": "8181",
        "PDP_SERVICE_PORT_HTTP": "8181",
        "PDP_PORT": "tcp://10.0.0.1:8181",
        "PDP_PORT_8181_TCP": "tcp://10.0.0.1:8181",
        "PDP_PORT_8181_TCP_ADDR": "10.0.0.1",
    }
    assert loaded(tmp_path, env=env).port == 8181


def test_the_reference_lists_every_key_with_its_variable_and_meaning() -> None:
    text = render()
    assert "| `limits.body_bytes` | `PDP_LIMITS__BODY_BYTES` | integer | `1048576` |" in text
    assert "| `clients.id` | `PDP_CLIENTS__0__ID` | text | needed |" in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    assert all(len(row.split("|")) == 7 and row.split("|")[5].strip() for row in rows)
