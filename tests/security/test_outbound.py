"""Going out: only where it is safe, only to the address that was looked at."""

import asyncio
import ipaddress
import ssl
import time
from collections.abc import Coroutine, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.settings import OutboundSettings, SettingsError
from pdp.trust.addresses import kind_of, why_refused
from pdp.trust.outbound import Outbound, OutboundFailed, OutboundRefused
from tests.security.local_servers import LocalServer, Received, Reply, certificate_for

LOOPBACK = OutboundSettings(allow_networks=["127.0.0.0/8"])


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


class Names:
    """A resolver whose answers are told beforehand; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers: Iterator[Sequence[str]] = iter(answers)
        self.now: Sequence[str] = ()
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        self.now = next(self.answers, self.now)
        return self.now


@pytest.fixture
def server() -> Generator[LocalServer]:
    with LocalServer().running() as running:
        yield running


def words(text: str) -> list[str]:
    return text.split()


REFUSED = words("""
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 100.100.100.200
127.0.0.1 127.1.2.3 127.255.255.255 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2
172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255
198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1
255.255.255.255
:: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8
::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::808:808 64:ff9b:1::1
64:ff9b:1:ffff:ffff:ffff:ffff:ffff 100::1 100:0:0:1::1 2001::1 2001:0:7f00:1:: 2001:2::1
2001:10::1 2001:20::1 2001:1ff:ffff::1 2001:db8::1 2002::1 2002:7f00:1:: 2002:a9fe:a9fe::1
3fff::1 3fff:fff:ffff::1 5f00::1 fc00::1 fd00::1 fd00:ec2::254 fdff:ffff::1 fe80::1 fe80::1%eth0
febf::1 fec0::1 feff::1 ff02::1 ff0e::1
""")
ACCEPTED = words("""
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255
192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
2001:200::1 2001:4860:4860::8888 2003::1 2606:4700:4700::1111 2a00:1450::1 3ffe::1 3fff:1000::1
""")


@pytest.mark.requirement("ARAP-210")
@pytest.mark.parametrize("text", REFUSED)
def test_special_addresses_are_refused(text: str) -> None:
    assert why_refused(ipaddress.ip_address(text)) is not None


@pytest.mark.parametrize("text", ACCEPTED)
def test_ordinary_addresses_are_accepted(text: str) -> None:
    assert why_refused(ipaddress.ip_address(text)) is None


@given(st.ip_addresses())
def test_whatever_python_calls_not_global_is_refused_as_well(address: Any) -> None:
    if not address.is_global:
        assert kind_of(address) is not None


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_reached_inside_an_ipv6_one(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for prefix in ("::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::"):
        inside = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + number)
        assert why_refused(inside) is not None
    assert why_refused(ipaddress.IPv6Address((0x2002 << 112) + (number << 80))) is not None


@pytest.mark.parametrize("text", ["169.254.169.254", "168.63.129.16", "fd00:ec2::254", "fe80::1"])
def test_a_named_host_may_be_internal_but_never_a_metadata_service(text: str) -> None:
    assert why_refused(ipaddress.ip_address(text), internal_allowed=True) is not None


@pytest.mark.parametrize("text", ["10.1.2.3", "127.0.0.1", "::1", "fd12::1", "100.64.0.1"])
def test_a_named_host_may_be_internal(text: str) -> None:
    assert why_refused(ipaddress.ip_address(text), internal_allowed=True) is None


@pytest.mark.requirement("ARAP-210")
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
    ],
)
def test_no_spelling_of_an_internal_host_is_accepted(host: str) -> None:
    outbound = Outbound(OutboundSettings())
    url = f"https://{host}/callback"
    for work in (outbound.check_destination(url), outbound.send("POST", url, {})):
        with pytest.raises(OutboundFailed):
            run(work)


@pytest.mark.requirement("ARAP-211")
@pytest.mark.parametrize(
    "url",
    [
        "http://callback.example/",
        "ftp://callback.example/",
        "file:///etc/passwd",
        "gopher://callback.example/",
        "data:text/plain,x",
        "unix:///var/run/docker.sock",
        "//callback.example/",
        "/callback",
        "callback.example",
        "",
        "https://",
        "https:///path",
        "https://:443/",
        "https://callback.example:0/",
        "https://callback.example:99999/",
        "https://callback.example:-1/",
        "https://user@callback.example/",
        "https://user:secret@callback.example/",
        "https://callback.example@127.0.0.1/",
        "https://callback.example\\@127.0.0.1/",
        "https://callback.example/#fragment",
        "https://callback.example/a b",
        "https://callback.example/\r\nHost: other",
        "https://callback.example\t/",
        "https://callback.example/\x00",
        "https://c\u0430llback.example/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://callback.example/" + "a" * 3000,
    ],
)
def test_a_url_of_another_form_is_refused(url: str) -> None:
    names = Names(["93.184.216.34"])
    with pytest.raises(OutboundRefused):
        run(Outbound(OutboundSettings(), names).check_destination(url))


@pytest.mark.parametrize(
    "url", ["https://callback.example", "https://callback.example:8443/a/@b?c=d&e=%2F"]
)
def test_an_ordinary_url_is_accepted(url: str) -> None:
    run(Outbound(OutboundSettings(), Names(["93.184.216.34"])).check_destination(url))


def test_one_bad_address_among_good_ones_is_enough_to_refuse() -> None:
    names = Names(["93.184.216.34", "10.0.0.7"])
    with pytest.raises(OutboundRefused, match="leads to a private address"):
        run(Outbound(OutboundSettings(), names).check_destination("https://callback.example/"))


@pytest.mark.parametrize("answer", [[], ["not-an-address"], ["1.2.3.4", ""]])
def test_a_name_that_leads_nowhere_is_not_contacted(answer: list[str]) -> None:
    with pytest.raises(OutboundFailed):
        run(Outbound(OutboundSettings(), Names(answer)).check_destination("https://c.example/"))


@pytest.mark.requirement("ARAP-210")
def test_a_name_that_changes_between_submission_and_delivery_is_refused(
    server: LocalServer,
) -> None:
    names = Names(["93.184.216.34"], ["127.0.0.1"])
    outbound = Outbound(OutboundSettings(), names)
    url = f"https://callback.example:{server.port}/"
    run(outbound.check_destination(url))
    with pytest.raises(OutboundRefused, match="leads to a loopback address"):
        run(outbound.send("POST", url, {}, b"{}"))
    assert server.received == []


def test_a_delivery_looks_the_name_up_once_and_goes_to_that_very_address(
    server: LocalServer,
) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    settings = LOOPBACK.model_copy(update={"allow_hosts": ["callback.example"]})
    url = f"http://callback.example:{server.port}/path?q=1"
    answer = run(Outbound(settings, names).send("POST", url, {"x-own": "1"}, b"body"))
    assert (answer.status, names.asked) == (200, 1)
    got = server.received[0]
    assert (got.method, got.path, got.body) == ("POST", "/path?q=1", b"body")
    assert got.headers["host"] == f"callback.example:{server.port}"
    assert got.headers["x-own"] == "1"
    assert got.headers["accept-encoding"] == "identity"


def test_the_certificate_is_that_of_the_name_not_of_the_address(tmp_path: Path) -> None:
    context, authority = certificate_for("callback.example", tmp_path)
    settings = LOOPBACK.model_copy(update={"ca_file": authority})
    with LocalServer(context).running() as server:
        outbound = Outbound(settings, Names(["127.0.0.1"]))
        answer = run(outbound.send("POST", f"https://callback.example:{server.port}/", {}))
        assert (answer.status, server.server_names) == (200, ["callback.example"])
        with pytest.raises(OutboundFailed):
            run(outbound.send("POST", f"https://other.example:{server.port}/", {}))
        with pytest.raises(OutboundFailed):
            unknown = Outbound(LOOPBACK, Names(["127.0.0.1"]))
            run(unknown.send("POST", f"https://callback.example:{server.port}/", {}))
        assert len(server.received) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: LocalServer, status: int) -> None:
    away = (("location", "http://169.254.169.254/latest/meta-data/"),)
    server.answer = lambda request: Reply(status, b"", away)
    outbound = Outbound(LOOPBACK)
    answer = run(outbound.send("POST", f"http://127.0.0.1:{server.port}/", {}))
    assert (answer.status, len(server.received)) == (status, 1)


def test_proxies_of_the_environment_are_not_used(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
    settings = OutboundSettings(allow_hosts=["callback.example"], connect_seconds=2)
    with pytest.raises(OutboundFailed):
        run(Outbound(settings, Names([])).send("GET", "http://callback.example/", {}))
    assert server.received == []


def test_cookies_are_not_kept(server: LocalServer) -> None:
    server.answer = lambda request: Reply(200, b"", (("set-cookie", "session=1"),))
    outbound = Outbound(LOOPBACK)
    for _ in range(2):
        run(outbound.send("GET", f"http://127.0.0.1:{server.port}/", {}))
    assert [request.headers.get("cookie") for request in server.received] == [None, None]


def test_an_answer_over_the_limit_is_dropped(server: LocalServer) -> None:
    settings = LOOPBACK.model_copy(update={"response_bytes": 2000})
    server.answer = lambda request: Reply(200, b"x" * int(request.path[1:]))
    outbound = Outbound(settings)
    assert len(run(outbound.send("GET", f"http://127.0.0.1:{server.port}/2000", {})).body) == 2000
    with pytest.raises(OutboundFailed, match="larger than 2000 bytes"):
        run(outbound.send("GET", f"http://127.0.0.1:{server.port}/2001", {}))


def test_a_compressed_answer_is_not_unpacked(server: LocalServer) -> None:
    server.answer = lambda request: Reply(200, b"\x1f\x8b junk", (("content-encoding", "gzip"),))
    answer = run(Outbound(LOOPBACK).send("GET", f"http://127.0.0.1:{server.port}/", {}))
    assert answer.body == b"\x1f\x8b junk"


def test_waiting_ends(server: LocalServer) -> None:
    def slow(request: Received) -> Reply:
        time.sleep(0.6)
        return Reply()

    server.answer = slow
    settings = LOOPBACK.model_copy(update={"total_seconds": 0.2})
    with pytest.raises(OutboundFailed, match="no answer within"):
        run(Outbound(settings).send("GET", f"http://127.0.0.1:{server.port}/", {}))


def test_a_resolver_that_hangs_is_given_up() -> None:
    async def hang(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    settings = OutboundSettings(connect_seconds=0.05)
    for work in ("check_destination", "send"):
        outbound = Outbound(settings, hang)
        url = "https://callback.example/"
        call = outbound.check_destination(url) if work[0] == "c" else outbound.send("GET", url, {})
        with pytest.raises(OutboundFailed, match="no answer within"):
            run(call)


def test_a_closed_port_is_a_failure_not_a_crash() -> None:
    with LocalServer().running() as gone:
        port = gone.port
    with pytest.raises(OutboundFailed) as fault:
        run(Outbound(LOOPBACK).send("GET", f"http://127.0.0.1:{port}/", {}))
    assert not isinstance(fault.value, OutboundRefused)


def test_a_server_that_does_not_speak_http_is_a_failure(server: LocalServer) -> None:
    server.answer = lambda request: Reply(200, b"", (("bad header\x00", "x"),))
    with pytest.raises(OutboundFailed):
        run(Outbound(LOOPBACK).send("GET", f"http://127.0.0.1:{server.port}/", {}))


def test_a_configured_url_may_be_internal_but_no_metadata_service(server: LocalServer) -> None:
    outbound = Outbound(OutboundSettings())
    answer = run(outbound.fetch_configured(f"http://127.0.0.1:{server.port}/jwks", {}))
    assert answer.status == 200
    with pytest.raises(OutboundRefused):
        run(outbound.fetch_configured("https://169.254.169.254/jwks", {}))
    with pytest.raises(OutboundRefused):
        run(outbound.fetch_configured("http://as.example/jwks", {}))


def test_plain_http_needs_a_listed_host_or_address(server: LocalServer) -> None:
    url = f"http://localhost:{server.port}/"
    with pytest.raises(OutboundRefused):
        run(Outbound(LOOPBACK).send("GET", url, {}))
    named = Outbound(OutboundSettings(allow_hosts=["LocalHost."]))
    assert run(named.send("GET", url, {})).status == 200


def test_a_file_without_certificates_refuses_to_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(SettingsError, match=r"`outbound\.ca_file`"):
        Outbound(OutboundSettings(ca_file=tmp_path / "ca.pem"))


def test_the_pinned_http_client_still_has_the_part_that_is_replaced() -> None:
    assert hasattr(httpx.AsyncHTTPTransport(trust_env=False), "_pool")
    assert httpx.__version__ == "0.28.1"


def test_a_client_certificate_proves_who_sends(tmp_path: Path) -> None:
    context, authority = certificate_for("callback.example", tmp_path)
    _, ours = certificate_for("us.example", tmp_path)
    context.load_verify_locations(ours)
    context.verify_mode = ssl.CERT_REQUIRED
    settings = LOOPBACK.model_copy(update={"ca_file": authority})
    with LocalServer(context).running() as server:
        outbound = Outbound(settings, Names(["127.0.0.1"]))
        url = f"https://callback.example:{server.port}/"
        pair = (ours, tmp_path / "us.example.key")
        assert run(outbound.send("POST", url, {}, b"", pair)).status == 200
        for wrong in (None, (authority, tmp_path / "callback.example.key"), (ours, authority)):
            with pytest.raises(OutboundFailed):
                run(outbound.send("POST", url, {}, b"", wrong))
        assert len(server.received) == 1
