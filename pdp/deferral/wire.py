"""The bodies of the OAuth API, read; whatever is wrong with one is an OAuth error."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pdp.core.authzen import InvalidRequest, entity_from, object_from
from pdp.core.deferral import Key
from pdp.core.rar import InvalidDetails, Rules, Wanted, questions
from pdp.core.values import JsonObject, JsonValue
from pdp.errors import OAuthFault

CLIENT_CREDENTIALS = "client_credentials"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
DEFERRED = "urn:ietf:params:oauth:grant-type:deferred"
CODE_TYPE = "urn:ietf:params:oauth:token-type:deferral-code"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
LONGEST = 2048
LONGEST_CODE = 512
SHORTEST_TOKEN = 22
"""The least length of a notification token that can hold 128 bits: in base64url."""


class Client(NamedTuple):
    """The OAuth client, as its AS has authenticated it; `json` is it as received."""

    id: str
    public: bool
    key: Key
    json: JsonObject


class Asked(NamedTuple):
    """What a client asks for, in whichever of the three ways.

    Attributes:
        subject: the principal that the token will act as; None where a hint stands for it.
        approvals: ids of approvals that the AS presents, as for a refresh.
        question: `resource` and `action` of an evaluation, which then is all that is asked.
    """

    client: Client
    grant_type: str
    subject: JsonObject | None
    authorization_details: list[Any] | None
    scope: str | None
    resource: tuple[str, ...]
    context: JsonObject
    approvals: tuple[str, ...] = ()
    token_type: str | None = None
    txn: str | None = None
    question: JsonObject | None = None

    def wanted(self, rules: Rules) -> tuple[Wanted, ...]:
        """Every question that it comes to; raises `OAuthFault`."""
        if self.question is not None:
            only = self.question
            return (Wanted("resource", 0, only["resource"], only["action"]),)
        try:
            found = questions(self.authorization_details, self.scope, self.resource, rules)
        except InvalidDetails as fault:
            raise OAuthFault(
                "invalid_authorization_details", f"`{fault.at}` {fault.message}"
            ) from None
        if not found:
            raise OAuthFault("invalid_scope", "neither a scope nor any detail is asked for")
        return found

    def to_json(self) -> JsonObject:
        """As it is kept with a handle."""
        told: JsonObject = {
            "client": self.client.json,
            "grant_type": self.grant_type,
            "subject": self.subject,
            "authorization_details": self.authorization_details,
            "scope": self.scope,
            "resource": list(self.resource) or None,
            "context": self.context,
            "token_type": self.token_type,
            "txn": self.txn,
            "question": self.question,
        }
        return {name: value for name, value in told.items() if value is not None}


class Contact(NamedTuple):
    """Whom to tell when the request is resolved."""

    endpoint: str | None = None
    token: str | None = None


def asked_from(body: JsonObject, grant_type: str | None = None) -> Asked:
    """Read what all three ways have in common; raises `OAuthFault`.

    Args:
        grant_type: what it is where the way itself says so.
    """
    client = client_from(body)
    grant = grant_type or _text(body, "grant_type", required=True)
    if grant == DEFERRED:
        raise OAuthFault("invalid_request", "a poll is not a token request")
    subject = _subject(body, client, str(grant))
    details = body.get("authorization_details")
    if details is not None and type(details) is not list:
        raise OAuthFault("invalid_authorization_details", "`authorization_details` is no array")
    token_type = _text(body, "requested_token_type")
    if token_type == CODE_TYPE:
        raise OAuthFault("invalid_request", "a deferral code cannot be asked for")
    if grant == TOKEN_EXCHANGE:
        token_type = token_type or ACCESS_TOKEN
    try:
        context = object_from(body, "context", "")
    except InvalidRequest as fault:
        raise _fault(fault) from None
    return Asked(
        client,
        str(grant),
        subject,
        details,
        _text(body, "scope"),
        _resources(body),
        {name: value for name, value in context.items() if name != "approval"},
        _approvals(body, context),
        token_type,
    )


def asked_again(kept: JsonObject) -> Asked:
    """What `to_json` kept."""
    return Asked(
        client_from(kept),
        str(kept["grant_type"]),
        kept["subject"],
        kept.get("authorization_details"),
        kept.get("scope"),
        tuple(kept.get("resource", ())),
        kept.get("context", {}),
        (),
        kept.get("token_type"),
        kept.get("txn"),
        kept.get("question"),
    )


def client_from(body: JsonObject) -> Client:
    """Read `client`; raises `OAuthFault`."""
    given = body.get("client")
    if type(given) is not dict:
        raise OAuthFault("invalid_request", "`client` is required and must be an object")
    identifier = given.get("id")
    if type(identifier) is not str or not 0 < len(identifier) <= LONGEST:
        raise OAuthFault("invalid_request", "`client.id` is required and must be a string")
    public = given.get("public", False)
    if type(public) is not bool:
        raise OAuthFault("invalid_request", "`client.public` must be true or false")
    key = Key(_thumbprint(given, "jkt"), _thumbprint(given, "x5t#S256"))
    return Client(identifier, public, key, given)


def contact_from(body: JsonObject) -> Contact:
    """Read whom to tell; raises `OAuthFault`."""
    endpoint = _text(body, "notification_endpoint")
    token = _text(body, "client_notification_token", longest=1024)
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise OAuthFault("invalid_request", "`client_notification_token` holds less than 128 bits")
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise OAuthFault("invalid_request", "`client_notification_token` is no bearer token")
    if endpoint is not None:
        parts = urlsplit(endpoint)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.fragment:
            raise OAuthFault("invalid_request", "`notification_endpoint` must be an https URL")
    return Contact(endpoint, token)


def object_of(body: JsonValue) -> JsonObject:
    """A body that is an object; raises `OAuthFault`."""
    if type(body) is not dict:
        raise OAuthFault("invalid_request", "the body must be a JSON object")
    return body


def code_of(body: JsonObject, member: str) -> str:
    """The handle in a body; raises `OAuthFault` for none, while any string may be one."""
    code = _text(body, member, required=True, longest=None)
    return str(code)


def text_of(body: JsonObject, member: str, longest: int = LONGEST) -> str | None:
    """An optional text; raises `OAuthFault`."""
    return _text(body, member, longest=longest)


def _subject(body: JsonObject, client: Client, grant: str) -> JsonObject | None:
    if body.get("subject") is None:
        if grant == CLIENT_CREDENTIALS:
            return {"type": "client", "id": client.id}
        return None
    try:
        return entity_from(body["subject"], "/subject").json
    except InvalidRequest as fault:
        raise _fault(fault) from None


def _approvals(body: JsonObject, context: JsonObject) -> tuple[str, ...]:
    """The approvals presented: in `approvals`, `approval`, or as AuthZEN has it in the context."""
    several = body.get("approvals")
    found = several if isinstance(several, list) else []
    found = [*found, body.get("approval"), context.get("approval")]
    ids = [each.get("id") if isinstance(each, dict) else None for each in found]
    return tuple(dict.fromkeys(each for each in ids if type(each) is str))[:100]


def _resources(body: JsonObject) -> tuple[str, ...]:
    given = body.get("resource")
    if given is None:
        return ()
    found = [given] if isinstance(given, str) else given
    if type(found) is not list or not all(type(each) is str and each for each in found):
        raise OAuthFault("invalid_target", "`resource` must be an array of URIs")
    return tuple(found)


def _thumbprint(client: JsonObject, member: str) -> str | None:
    found = client.get(member)
    if found is None:
        return None
    if type(found) is not str or not 0 < len(found) <= 128:
        raise OAuthFault("invalid_request", f"`client.{member}` must be a thumbprint")
    return found


def _text(
    body: JsonObject, member: str, *, required: bool = False, longest: int | None = LONGEST
) -> str | None:
    found = body.get(member)
    if found is None and not required:
        return None
    if type(found) is not str or (required and not found):
        raise OAuthFault("invalid_request", f"`{member}` must be a string")
    if longest is not None and len(found) > longest:
        raise OAuthFault("invalid_request", f"`{member}` is longer than {longest} characters")
    return found


def _fault(fault: InvalidRequest) -> OAuthFault:
    return OAuthFault("invalid_request", f"`{fault.at}` {fault.message}")
