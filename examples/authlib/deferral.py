"""The plug-in: makes an Authlib server ask authzen-pdp before it issues an access token, and relay
"not yet" to its clients (Deferred Token Response, CIBA). Copy this file.

    deferral = Deferral(Client("https://pdp.example.com", key), records, account=account)
    server.register_grant(deferral.asking(AuthorizationCodeGrant))
    server.register_grant(deferral.asking(ClientCredentialsGrant))
    server.register_endpoint(deferral.revoking(RevocationEndpoint))
    deferral.register(server)

The server does what it always did: it authenticates the client, checks codes and consent. When a
grant is about to generate its token, the PDP is asked. It reads of the server's own classes

* authorization codes and refresh tokens: `authorization_details`, `grant_id` (the consent), and of
  codes `completion_mode`, each of them or none;
* clients: `client_id`, `token_endpoint_auth_method`, `notification_endpoint`, `delivery_mode`;
* people: `get_user_id()`.

It leaves `request.user`, `request.grant_id` and `request.actor` for `save_token`.
"""

import hashlib
import json
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from authlib.consts import default_json_headers
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    BaseGrant,
    Endpoint,
    InvalidRequestError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)

from pdp.client import CallFailed, Client, Deferred, Permit, Refused

Json = dict[str, Any]
DEFERRED = "urn:ietf:params:oauth:grant-type:deferred"
CIBA = "urn:openid:params:grant-type:ciba"
CODE_TYPE = "urn:ietf:params:oauth:token-type:deferral-code"
AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]
AFTERWARDS = 86_400  # seconds that a code is remembered, so that it is called expired
APPROVALS_LAST = 366 * 86_400
UNKNOWN = {"error": "invalid_grant", "error_description": "the code is not known"}
DENIED = {"error": "access_denied"}
UNAVAILABLE = {"error": "temporarily_unavailable"}


class Records(Protocol):
    """Where the plug-in keeps what must outlive the process."""

    def put(self, kind: str, name: str, value: Json, seconds: float) -> None:
        """Keep a record."""

    def get(self, kind: str, name: str) -> Json | None:
        """Find a record."""

    def take(self, kind: str, name: str) -> Json | None:
        """Remove a record."""


class Relayed(OAuth2Error):
    """What the client is answered, as the PDP says it."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(error=body["error"], status_code=status)
        self.body = body

    def get_body(self) -> list[tuple[str, Any]]:
        """All of it, not only what errors of Authlib have."""
        return list(self.body.items())


class Deferral:
    """The plug-in.

    Args:
        pdp: a client of the PDP.
        records: where to keep what waits.
        account: the person of an id, as long as they may have tokens of a consent (`grant_id`).
        subject: what the PDP calls a person.
        context: what policy may look at besides, such as a risk score.
        own_scopes: those that are the server's own and nothing to ask about.
        lifetime: of an access token, in seconds.
    """

    def __init__(
        self,
        pdp: Client,
        records: Records,
        *,
        account: Callable[[str, str | None], Any],
        subject: Callable[[str], Json] = lambda user: {"type": "user", "id": user},
        context: Callable[[BaseGrant], Json] = lambda grant: {},
        own_scopes: frozenset[str] = frozenset({"openid", "offline_access"}),
        lifetime: int = 3600,
    ) -> None:
        self._pdp = pdp
        self._records = records
        self._account = account
        self._subject = subject
        self._context = context
        self._own_scopes = own_scopes
        self._lifetime = lifetime
        self._turns = Turns()

    def metadata(self) -> Json:
        """What to publish of it in the metadata of the server (RFC 8414)."""
        found = self._pdp.metadata()
        found["backchannel_token_delivery_modes_supported"] = ["poll", "ping"]
        return found

    def asking(self, grant_class: type[BaseGrant]) -> type[BaseGrant]:
        """A grant of the server, which asks the PDP before it generates a token."""
        deferral = self

        class Asking(grant_class):  # type: ignore[misc, valid-type]
            def generate_token(
                self,
                user: Any = None,
                scope: str | None = None,
                grant_type: str | None = None,
                expires_in: int | None = None,
                include_refresh_token: bool = True,
            ) -> Json:
                """Ask, and generate what was allowed."""
                kept = deferral._wanted(self, user, scope, include_refresh_token)
                permit = deferral._ask(self, kept)
                return deferral._generate(self, super().generate_token, kept, permit, user)

        return Asking

    def revoking(self, endpoint_class: type[Any]) -> type[Any]:
        """The revocation endpoint of the server, which takes deferral codes too."""
        deferral = self

        class Revoking(endpoint_class):  # type: ignore[misc]
            SUPPORTED_TOKEN_TYPES = (*endpoint_class.SUPPORTED_TOKEN_TYPES, CODE_TYPE)

            def authenticate_token(self, request: Any, client: Any) -> Any:
                """Whatever the server does not know may be a code; the answer is the same."""
                token = super().authenticate_token(request, client)
                if token is None:
                    deferral._revoke(request.form["token"], client)
                return token

        return Revoking

    def register(self, server: Any) -> None:
        """Add the deferred grant, and CIBA with its endpoint."""
        for grant_type, member in ((DEFERRED, "deferral_code"), (CIBA, "auth_req_id")):
            members = {"GRANT_TYPE": grant_type, "member": member, "deferral": self}
            server.register_grant(type("PollingGrant", (Polling,), members))
        server.register_endpoint(Backchannel(self))

    # ---- a token is about to be generated ------------------------------------------------------

    def _wanted(self, grant: BaseGrant, user: Any, scope: str | None, refresh: bool) -> Json:
        """What the token is to be, in the words of the PDP and with what is needed to issue it."""
        request = grant.request
        source = request.authorization_code or request.refresh_token
        scopes = (request.client.get_allowed_scope(scope) or "").split()
        grant_id = getattr(source, "grant_id", None)
        actor = getattr(grant, "actor", None)
        asked = {
            "grant_type": grant.GRANT_TYPE,
            "authorization_details": self._details(request, source),
            "scope": " ".join(s for s in scopes if s not in self._own_scopes) or None,
            "context": self._context(grant),
        }
        if user is not None:
            asked["subject"] = self._subject(user.get_user_id())
        if actor is not None:
            asked["subject"]["properties"] = {"act": {"sub": actor}}
        if request.refresh_token is not None and grant_id is not None:
            # A refresh rests on the approvals of its grant, and is asked in the context of then.
            asked |= self._records.get("approvals", grant_id) or {}
        return {
            "asked": {name: value for name, value in asked.items() if value},
            "user": user and user.get_user_id(),
            "own_scopes": [s for s in scopes if s in self._own_scopes],
            "refresh": refresh,
            "grant_id": grant_id,
            "actor": actor,
        }

    def _details(self, request: Any, source: Any) -> list[Any] | None:
        text = request.form.get("authorization_details")
        consented = getattr(source, "authorization_details", None)
        if text is None:
            return consented
        asked = details_from(text)
        if source is not None and not all(each in (consented or []) for each in asked):
            raise OAuth2Error(error="invalid_authorization_details")
        return asked

    def _ask(self, grant: BaseGrant, kept: Json) -> Json:
        """The permit; raises `Relayed` for every other answer."""
        asked, wishes = kept["asked"], wishes_of(grant.request)
        if kept["own_scopes"] and not {"scope", "authorization_details"} & asked.keys():
            return {"refresh_token_allowed": True}  # a token for nothing but the server itself
        client = grant.request.client
        body = asked | {"client": client_of(client)} | wishes
        answer = self._said(self._pdp.token_request, body)
        if isinstance(answer, Deferred) and answer.code and answer.expires_in:
            self._keep(client, answer.code, kept | {"way": DEFERRED}, answer.expires_in)
        return permit_of(answer)

    def _generate(
        self, grant: BaseGrant, generate: Any, kept: Json, permit: Json, user: Any
    ) -> Json:
        """Exactly what was granted, for no longer than it is."""
        seconds = min(self._lifetime, permit.get("expires_in_max", self._lifetime))
        if seconds < 1:
            raise Relayed(400, DENIED)
        granted = [s for s in (permit.get("scope") or "").split() if s not in self._own_scopes]
        token: Json = generate(
            user=user,
            scope=" ".join([*kept["own_scopes"], *granted]),
            grant_type=kept["asked"].get("grant_type", CIBA),
            expires_in=seconds,
            include_refresh_token=kept["refresh"] and permit.get("refresh_token_allowed") is True,
        )
        for member in ("authorization_details", "issued_token_type"):
            if member in permit:
                token[member] = permit[member]
        grant.request.user = user
        grant.request.grant_id, grant.request.actor = kept["grant_id"], kept["actor"]
        self._keep_approvals(kept, permit)
        return token

    def _keep_approvals(self, kept: Json, permit: Json) -> None:
        """A refresh rests on them; this server alone knows them, and never its clients."""
        grant_id = kept["grant_id"]
        new = [{"id": each["id"]} for each in permit.get("approvals", [permit.get("approval", {})])
               if "id" in each]  # fmt: skip
        if grant_id is None or not new:
            return
        before = (self._records.get("approvals", grant_id) or {}).get("approvals", [])
        both = new + [each for each in before if each not in new]
        context = kept["asked"].get("context", {})
        value = {"approvals": both[:100], "context": context}
        self._records.put("approvals", grant_id, value, APPROVALS_LAST)

    # ---- the client waits ----------------------------------------------------------------------

    def _keep(self, client: Any, code: str, kept: Json, seconds: int) -> None:
        """Remember what would have been issued; the code is not kept, only a hash of it."""
        value = kept | {"seconds": seconds + AFTERWARDS}
        self._records.put("deferral", id_of(client, code), value, value["seconds"])

    def poll(self, grant: "Polling", code: str) -> tuple[int, "Leaving", list[Any]]:
        """Answer a poll. One poll of a code after the other: the next begins when this has left."""
        name = id_of(grant.request.client, code)
        self._turns.begin(name)
        try:
            status, body = self._polled(grant, code, name)
        except BaseException:
            self._turns.end(name)
            raise
        answer = json.dumps(body).encode()
        headers = [*default_json_headers, ("Content-Length", str(len(answer)))]
        return status, Leaving(answer, lambda left: self._left(name, left)), headers

    def _polled(self, grant: "Polling", code: str, name: str) -> tuple[int, Json]:
        kept = self._records.get("deferral", name)
        if kept is None or kept["way"] != grant.GRANT_TYPE:
            return 400, UNKNOWN
        try:
            permit = self._permitted(grant, code, name, kept)
            user = None
            if kept["user"] is not None:
                # Person and consent may have ended while the client waited.
                user = self._account(kept["user"], kept["grant_id"])
                if user is None:
                    raise Relayed(400, DENIED)
            token = self._generate(grant, grant.generate_token, kept, permit, user)
        except Relayed as answer:
            return answer.status_code, answer.body
        grant.save_token(token)
        if kept.get("allowed"):
            self._records.take("deferral", name)
        return 200, token

    def _permitted(self, grant: "Polling", code: str, name: str, kept: Json) -> Json:
        if kept.get("allowed"):
            return self._ask(grant, kept)
        # A poll has a key of its own, written down before the PDP is called. After a crash the
        # repeated poll finds it, and the PDP answers as it did: nothing is lost or given twice.
        kept.setdefault("poll", str(uuid.uuid4()))
        self._records.put("deferral", name, kept, kept["seconds"])
        call = self._pdp.poll if kept["way"] == DEFERRED else self._pdp.poll_backchannel
        client = client_of(grant.request.client)
        return permit_of(self._said(call, code, client, key=kept["poll"]))

    def _left(self, name: str, left: bool) -> None:
        """Until its answer has left, only its key brings it back."""
        try:
            kept = self._records.get("deferral", name) if left else None
            if kept is not None and kept.pop("poll", None):
                self._records.put("deferral", name, kept, kept["seconds"])
        finally:
            self._turns.end(name)

    # ---- CIBA, revocation ----------------------------------------------------------------------

    def ask_backchannel(self, request: Any) -> Json:
        """Answer a backchannel request; raises `Relayed` for what is no success."""
        client, form = request.client, request.form
        scopes = (client.get_allowed_scope(form.get("scope")) or "").split()
        text, hint = form.get("authorization_details"), form.get("login_hint", "")
        asked: Json = {
            "authorization_details": details_from(text) if text else None,
            "scope": " ".join(scopes) or None,
        }
        who = {"user": hint, "grant_id": None, "actor": None,
               "own_scopes": [s for s in scopes if s in self._own_scopes]}  # fmt: skip
        # Of a code of the client itself the PDP knows whose it is and what was asked for.
        hinted = self._records.get("deferral", id_of(client, hint))
        if hinted is not None:
            who = {name: hinted[name] for name in who}
        elif self._account(hint, None) is None:
            raise OAuth2Error(error="unknown_user_id")
        else:
            asked["subject"] = self._subject(hint)
        asked = {name: value for name, value in asked.items() if value}
        kept = who | {"asked": asked, "refresh": False, "way": CIBA}
        body = asked | {
            "client": client_of(client),
            "login_hint": hint if hinted else None,
            "binding_message": form.get("binding_message"),
            "requested_expiry": seconds_from(form.get("requested_expiry")),
            "delivery_mode": client.delivery_mode,
            "client_notification_token": form.get("client_notification_token"),
            "notification_endpoint": client.notification_endpoint,
        }
        told = {name: value for name, value in body.items() if value is not None}
        answer = self._said(self._pdp.backchannel_request, told)
        if isinstance(answer, Permit):
            # Allowed without anybody: it is asked for again when the client comes to fetch it.
            kept["asked"]["grant_type"] = CIBA
            allowed, code = {"allowed": True, "seconds": 300}, secrets.token_urlsafe(32)
            self._records.put("deferral", id_of(client, code), kept | allowed, 300)
            return {"auth_req_id": code, "expires_in": 300, "interval": 5}
        if not isinstance(answer, Deferred) or not answer.code or not answer.expires_in:
            raise Relayed(400, answer.body)
        self._keep(client, answer.code, kept, answer.expires_in)
        return answer.body

    def _revoke(self, code: str, client: Any) -> None:
        try:
            self._pdp.revoke(code, client_of(client))
        except CallFailed as fault:
            raise Relayed(503, UNAVAILABLE) from fault

    def _said(self, call: Any, *given: Any, **more: Any) -> Permit | Deferred | Refused:
        """What the PDP says; whatever is about our own call is nothing for a client to see."""
        try:
            answer: Permit | Deferred | Refused = call(*given, **more)
        except CallFailed as fault:
            raise Relayed(503, UNAVAILABLE) from fault
        if isinstance(answer, Refused) and (answer.status != 400 or "error" not in answer.body):
            raise Relayed(503, UNAVAILABLE)
        return answer


class Polling(BaseGrant, TokenEndpointMixin):
    """Clients that wait ask whether it is decided."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    member: str
    deferral: Deferral

    def validate_token_request(self) -> None:
        """Authenticate the client; the code is looked at when it is answered."""
        self.request.client = authorized(self.authenticate_token_endpoint_client(), self.GRANT_TYPE)
        if not self.request.form.get(self.member):
            raise InvalidRequestError(f"Missing '{self.member}' in request.")
        if "completion_mode" in self.request.form:
            raise InvalidRequestError("A poll has no 'completion_mode'.")

    def create_token_response(self) -> tuple[int, Any, list[Any]]:
        """The token, or the answer of the PDP."""
        return self.deferral.poll(self, self.request.form[self.member])


class Backchannel(Endpoint):
    """The backchannel authentication endpoint (CIBA, section 7)."""

    ENDPOINT_NAME = "backchannel_authentication"

    def __init__(self, deferral: Deferral) -> None:
        super().__init__()
        self._deferral = deferral

    def create_endpoint_response(self, request: Any) -> tuple[int, Json, list[Any]]:
        """Authenticate the client and have the PDP ask the person."""
        client = self.server.authenticate_client(request, AUTH_METHODS, self.ENDPOINT_NAME)
        request.client = authorized(client, CIBA)
        for hint in ("login_hint_token", "id_token_hint"):
            if hint in request.form:
                raise InvalidRequestError(f"'{hint}' is not supported.")
        return 200, self._deferral.ask_backchannel(request), default_json_headers


class Leaving:
    """A body that says whether it has left, when it is closed (PEP 3333)."""

    def __init__(self, body: bytes, closed: Callable[[bool], None]) -> None:
        self._body = body
        self._closed = closed
        self._left = False

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        self._left = True  # asked for more: it has been written

    def close(self) -> None:
        """Say so."""
        self._closed(self._left)


class Turns:
    """One after the other, by name, in this process. Several need a lock in their database."""

    def __init__(self) -> None:
        self._guard = threading.Condition()
        self._busy: set[str] = set()

    def begin(self, name: str) -> None:
        """Wait for one's turn."""
        with self._guard:
            self._guard.wait_for(lambda: name not in self._busy)
            self._busy.add(name)

    def end(self, name: str) -> None:
        """Let the next begin."""
        with self._guard:
            self._busy.remove(name)
            self._guard.notify_all()


def permit_of(answer: Permit | Deferred | Refused) -> Json:
    """Nothing but a permit is a permit."""
    if isinstance(answer, Permit):
        return answer.body
    raise Relayed(400, answer.body)


def details_from(text: str) -> list[Any]:
    """`authorization_details` of a request; what they mean is for the PDP to say."""
    try:
        details = json.loads(text)
    except ValueError:
        details = None
    if not isinstance(details, list):
        raise OAuth2Error(error="invalid_authorization_details")
    return details


def seconds_from(text: str | None) -> int | None:
    """`requested_expiry` of a request."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidRequestError("'requested_expiry' is no number of seconds.")
    return int(text)


def authorized(client: Any, grant_type: str) -> Any:
    """The client, if it may use a grant type."""
    if not client.check_grant_type(grant_type):
        raise UnauthorizedClientError()
    return client


def client_of(client: Any) -> Json:
    """The client as the PDP is told of it."""
    return {"id": client.client_id, "public": client.token_endpoint_auth_method == "none"}


def wishes_of(request: Any) -> Json:
    """What the client wants of the waiting."""
    wishes = {"completion_mode_hint": getattr(request.authorization_code, "completion_mode", None)}
    for name in ("completion_mode", "client_notification_token"):
        if len(request.form.getlist(name)) > 1:
            raise InvalidRequestError(f"Multiple '{name}' in request.")
        wishes[name] = request.form.get(name)
    wishes["notification_endpoint"] = request.client.notification_endpoint
    return {name: value for name, value in wishes.items() if value is not None}


def id_of(client: Any, code: str) -> str:
    """The name of what is kept for a code; only its client finds it."""
    return hashlib.sha256(json.dumps([client.client_id, code]).encode()).hexdigest()
