"""The grants and endpoints of the server, before the plug-in has them ask."""

import secrets
from dataclasses import asdict
from typing import Any

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidGrantError,
    InvalidRequestError,
    TokenEndpointMixin,
    grants,
)
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from clients import EXCHANGE, Client, Person
from deferral import AUTH_METHODS, authorized, details_from
from tokens import ISSUER, LONG, Consent, Token, account, records, token_of

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    """Somebody consents, and their client gets the token."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Keep what was consented to."""
        asked = request.payload.data
        details = asked.get("authorization_details")
        consent = Consent(
            grant_id=secrets.token_urlsafe(16),
            client_id=request.client.client_id,
            user=request.user.name,
            scope=request.scope,
            redirect_uri=asked.get("redirect_uri"),
            authorization_details=details_from(details) if details else None,
            completion_mode=asked.get("completion_mode"),
            code_challenge=asked.get("code_challenge"),
            code_challenge_method=asked.get("code_challenge_method"),
        )
        records.put("grant", consent.grant_id, {"user": consent.user}, LONG)
        records.put("code", f"{consent.client_id} {code}", asdict(consent), 60)

    def query_authorization_code(self, code: str, client: Client) -> Consent | None:
        """Take it: it is used once. If somebody comes with it again, all that came of it ends."""
        name = f"{client.client_id} {code}"
        found = records.take("code", name)
        if found is None:
            used = records.get("used-code", name)
            if used is not None:
                records.take("grant", used["grant_id"])
            return None
        records.put("used-code", name, {"grant_id": found["grant_id"]}, LONG)
        return Consent(**found)

    def delete_authorization_code(self, authorization_code: Consent) -> None:
        """It has been taken."""

    def authenticate_user(self, authorization_code: Consent) -> Person | None:
        """Who has consented."""
        return account(authorization_code.user, authorization_code.grant_id)


class S256(CodeChallenge):
    """PKCE, for every client that uses it; public ones must."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"


class RefreshTokenGrant(grants.RefreshTokenGrant):
    """The same again, as long as the approval lasts."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        """Find it."""
        return token_of("refresh", refresh_token)

    def authenticate_user(self, refresh_token: Token) -> Person:
        """Whose it is."""
        person = account(refresh_token.user or "", refresh_token.grant_id)
        if person is None:
            raise InvalidGrantError()
        return person

    def revoke_old_credential(self, refresh_token: Token) -> None:
        """It stays: a new one would be lost if the PDP then could not be asked."""


class TokenExchangeGrant(BaseGrant, TokenEndpointMixin):
    """A client that was given somebody's token asks for one of its own, to act for them."""

    GRANT_TYPE = EXCHANGE

    def validate_token_request(self) -> None:
        """Whose token it is (RFC 8693, section 2.1)."""
        form = self.request.form
        self.request.client = authorized(self.authenticate_token_endpoint_client(), EXCHANGE)
        if form.get("subject_token_type") != ACCESS_TOKEN or "subject_token" not in form:
            raise InvalidRequestError("'subject_token' must be an access token.")
        self.validate_requested_scope()
        found = token_of("access", form["subject_token"])
        self.request.user = found and found.user and account(found.user, found.grant_id)
        if not self.request.user:
            raise InvalidGrantError()
        self.actor = self.request.client.client_id

    def create_token_response(self) -> tuple[int, dict[str, Any], list[Any]]:
        """A token for the actor."""
        token = self.generate_token(
            user=self.request.user,
            scope=self.request.payload.scope,
            include_refresh_token=False,
        )
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class Revocation(RevocationEndpoint):
    """Tokens of this server are given up; the plug-in adds deferral codes."""

    CLIENT_AUTH_METHODS = AUTH_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        """Find it."""
        return token_of("refresh", token_string) or token_of("access", token_string)

    def revoke_token(self, token: Token, request: Any) -> None:
        """It is no longer kept."""
        records.take(token.kind, request.form["token"])
        if token.kind == "refresh" and token.grant_id is not None:
            records.take("grant", token.grant_id)


class Introspection(IntrospectionEndpoint):
    """What a resource learns of a token (RFC 7662)."""

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        """Find it."""
        return token_of("access", token_string)

    def check_permission(self, token: Token, client: Client, request: Any) -> bool:
        """Whether somebody may know."""
        return client.client_id == "records-api"

    def introspect_token(self, token: Token) -> dict[str, Any]:
        """All that a resource needs to decide."""
        told = {
            "iss": ISSUER,
            "sub": token.user or token.client_id,
            "client_id": token.client_id,
            "scope": token.scope or None,
            "authorization_details": token.authorization_details,
            "act": token.actor and {"sub": token.actor},
            "exp": int(token.until),
        }
        return {name: value for name, value in told.items() if value is not None}
