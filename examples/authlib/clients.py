"""Who is known to the authorization server of the example: people, clients, and a resource."""

import os
import secrets
from dataclasses import dataclass

from authlib.oauth2.rfc6749 import ClientMixin
from deferral import CIBA, DEFERRED

# https: where clients are called back, if at all.
CLIENT_ENDPOINT = os.environ.get("CLIENT_ENDPOINT")
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
SCOPES = ("openid", "offline_access", "accounts:read", "credit:apply")


@dataclass(frozen=True)
class Person:
    """Somebody of policies/entities.json; who they are is believed without a password."""

    name: str

    def get_user_id(self) -> str:
        """What tokens call them."""
        return self.name


@dataclass(frozen=True)
class Client(ClientMixin):
    """A client as it is registered."""

    client_id: str
    secret: str | None
    grant_types: tuple[str, ...] = ()
    redirect_uri: str | None = None
    scopes: tuple[str, ...] = SCOPES
    notification_endpoint: str | None = None
    delivery_mode: str = "poll"

    @property
    def token_endpoint_auth_method(self) -> str:
        """How it authenticates."""
        return "none" if self.secret is None else "client_secret_basic"

    def get_client_id(self) -> str:
        """Its id."""
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """Where people come back to it."""
        return self.redirect_uri

    def get_allowed_scope(self, scope: str | None) -> str:
        """What of a scope it may have."""
        return " ".join(each for each in (scope or "").split() if each in self.scopes)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether people may be sent there."""
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether it knows its secret."""
        return secrets.compare_digest((self.secret or "").encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it authenticates so: with its secret, if it has one."""
        return (method == "none") == (self.secret is None)

    def check_response_type(self, response_type: str) -> bool:
        """Whether people may consent to it."""
        return response_type == "code" and "authorization_code" in self.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may use a grant type."""
        return grant_type in self.grant_types


PEOPLE = {name: Person(name) for name in ("alice", "bob", "carol", "mallory")}
CODE_GRANTS = ("authorization_code", "refresh_token", DEFERRED)
AGENT_GRANTS = ("client_credentials", EXCHANGE, CIBA, DEFERRED)
CLIENTS = {
    client.client_id: client
    for client in (
        Client(
            "web-shop",
            "web-shop-secret",
            CODE_GRANTS,
            "https://shop.example/callback",
            notification_endpoint=CLIENT_ENDPOINT and f"{CLIENT_ENDPOINT}/deferred",
        ),
        Client("phone-app", None, CODE_GRANTS, "com.example.app:/callback"),
        Client("agent-7", "agent-7-secret", AGENT_GRANTS),
        Client(
            "agent-ping",
            "agent-ping-secret",
            (CIBA,),
            notification_endpoint=CLIENT_ENDPOINT and f"{CLIENT_ENDPOINT}/ping",
            delivery_mode="ping",
        ),
        Client("records-api", "records-api-secret"),  # a resource: it introspects
    )
}
