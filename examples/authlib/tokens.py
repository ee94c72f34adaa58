"""Authorization codes and tokens, as they are made and kept."""

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from authlib.common.security import generate_token
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, TokenMixin
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oidc.core.grants.util import generate_id_token
from clients import PEOPLE, Client, Person
from joserfc.jwk import ECKey
from records import Records

PORT = int(os.environ.get("PORT", "8182"))
DATA = Path(os.environ.get("DATA", "data"))
ISSUER = f"http://127.0.0.1:{PORT}"
LIFETIME = 3600  # of an access token, in seconds
LONG = 30 * 86_400

DATA.mkdir(0o700, parents=True, exist_ok=True)
records = Records(DATA / "as.db")


@dataclass(frozen=True)
class Consent(AuthorizationCodeMixin):
    """An authorization code."""

    grant_id: str
    client_id: str
    user: str
    scope: str
    redirect_uri: str | None
    authorization_details: list[Any] | None
    completion_mode: str | None
    code_challenge: str | None
    code_challenge_method: str | None

    def get_redirect_uri(self) -> str | None:
        """Where it was sent, where the client said so."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """What was consented to."""
        return self.scope


@dataclass(frozen=True)
class Token(TokenMixin):
    """An access or refresh token."""

    client_id: str
    user: str | None
    scope: str
    until: float
    grant_id: str | None = None
    actor: str | None = None
    authorization_details: list[Any] | None = None
    kind: str = field(default="access", compare=False)

    def check_client(self, client: Client) -> bool:
        """Whether it was issued to a client."""
        return self.client_id == client.client_id

    def get_scope(self) -> str:
        """What it is good for."""
        return self.scope

    def is_expired(self) -> bool:
        """Whether it is over."""
        return time.time() >= self.until

    def is_revoked(self) -> bool:
        """Whether it was revoked: then it is no longer kept."""
        return False


def account(user: str, grant_id: str | None) -> Person | None:
    """A person, as long as the consent is there."""
    consented = grant_id is None or records.get("grant", grant_id) is not None
    return PEOPLE.get(user) if consented else None


def token_of(kind: str, text: str) -> Token | None:
    """A token of this server, as long as its consent is there."""
    found = records.get(kind, text)
    if found is None:
        return None
    token = Token(**found, kind=kind)
    consented = token.grant_id is None or records.get("grant", token.grant_id) is not None
    return token if consented else None


def save_token(token: dict[str, Any], request: Any) -> None:
    """Keep a token that is about to be sent."""
    kept = {
        "client_id": request.client.client_id,
        "user": request.user and request.user.name,
        "scope": token.get("scope", ""),
        "grant_id": request.grant_id,
        "actor": request.actor,
        "authorization_details": token.get("authorization_details"),
    }
    for kind, lasts in (("access", token["expires_in"]), ("refresh", LONG)):
        if f"{kind}_token" in token:
            value = kept | {"until": time.time() + lasts}
            records.put(kind, token[f"{kind}_token"], value, lasts)


def signing_key() -> ECKey:
    """The key of ID tokens, made at the first start."""
    file = DATA / "signing-key.json"
    if not file.exists():
        file.touch(0o600)
        made = ECKey.generate_key("P-256", auto_kid=True)
        file.write_text(json.dumps(made.as_dict(private=True)))
    return ECKey.import_key(json.loads(file.read_text()))


KEY = signing_key()
BEARER = BearerTokenGenerator(lambda **_: generate_token(48), lambda **_: generate_token(48))


def generate(
    grant_type: str,
    client: Client,
    user: Person | None = None,
    scope: str | None = None,
    expires_in: int | None = None,
    include_refresh_token: bool = True,
) -> dict[str, Any]:
    """A token, and who the person is for a client that asked."""
    scopes = (scope or "").split()
    refresh = include_refresh_token and "offline_access" in scopes
    token = dict(BEARER(grant_type, client, user, scope, expires_in, refresh))
    if user is not None and "openid" in scopes:
        told = {"sub": user.name}
        kid = {"alg": "ES256", "kid": KEY.kid}
        token["id_token"] = generate_id_token(token, told, KEY, ISSUER, client.client_id, **kid)
    return token
