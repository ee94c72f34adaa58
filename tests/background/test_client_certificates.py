"""A caller that wants mutual TLS is called with the configured certificate, over real TLS."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pdp.background.credentials import Mtls
from pdp.background.deliveries import Deliverer, Parcel
from pdp.background.jobs import Retry
from pdp.background.outbound_poster import OutboundPoster
from pdp.settings import OutboundSettings
from pdp.store.engine import Database
from pdp.trust.keys import KeyRing
from pdp.trust.outbound import Outbound
from tests.contract.make import NOW
from tests.security.local_servers import LocalServer, certificate_for


async def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


@contextmanager
def strict_server(folder: Path) -> Iterator[tuple[LocalServer, OutboundPoster]]:
    """A TLS server that lets only the holder of our certificate in."""
    context, authority = certificate_for("callback.example", folder)
    certificate_for("us.example", folder)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "us.example.pem")
    settings = OutboundSettings(allow_hosts=["callback.example"], ca_file=authority)
    poster = OutboundPoster(Outbound(settings, here), lambda: NOW)
    with LocalServer(context).running() as server:
        yield server, poster


@pytest.mark.requirement("ARAP-215")
def test_a_callback_proves_itself_by_its_client_certificate(
    db: Database, keys: KeyRing, tmp_path: Path
) -> None:
    with strict_server(tmp_path) as (server, poster):
        deliverer = Deliverer(poster, keys, "https://pdp.example.com")
        url = f"https://callback.example:{server.port}/cb"
        ours = Mtls(tmp_path / "us.example.pem", tmp_path / "us.example.key")
        deliverer.send(Parcel("msg_1", url, {"task": {}}, ours), NOW)
        (received,) = server.received
        assert received.body == b'{"task":{}}'
        assert "pdp-signature" in received.headers
        theirs = Mtls(tmp_path / "callback.example.pem", tmp_path / "callback.example.key")
        for credential in (theirs, Mtls(tmp_path / "none.pem", tmp_path / "none.key")):
            with pytest.raises(Retry, match="not delivered"):
                deliverer.send(Parcel("msg_2", url, {}, credential), NOW)
        assert len(server.received) == 1
