"""The authorization server of the example: Authlib on Flask."""

import os
from typing import Any

from flask import Flask, Response, jsonify, render_template_string, request
from werkzeug.serving import make_server

# Only for 127.0.0.1: everywhere else there is TLS in front.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import grants
from clients import CLIENTS, EXCHANGE, PEOPLE, SCOPES
from deferral import AUTH_METHODS, Deferral, details_from
from flows import (
    S256,
    AuthorizationCodeGrant,
    Introspection,
    RefreshTokenGrant,
    Revocation,
    TokenExchangeGrant,
)
from tokens import ISSUER, KEY, LIFETIME, PORT, account, generate, records, save_token

from pdp.client import Client

pdp = Client(
    os.environ.get("PDP_URL", "http://127.0.0.1:8181"),
    os.environ.get("PDP_KEY", "demo-as-key"),
)
deferral = Deferral(pdp, records, account=account, lifetime=LIFETIME)
app = Flask(__name__)
server = AuthorizationServer(app, CLIENTS.get, save_token)
server.scopes_supported = list(SCOPES)
server.register_token_generator("default", generate)
server.register_grant(deferral.asking(AuthorizationCodeGrant), [S256()])
server.register_grant(deferral.asking(RefreshTokenGrant))
server.register_grant(deferral.asking(grants.ClientCredentialsGrant))
server.register_grant(deferral.asking(TokenExchangeGrant))
server.register_endpoint(deferral.revoking(Revocation))
server.register_endpoint(Introspection)
deferral.register(server)
METADATA = deferral.metadata()

PAGE = """<!doctype html><title>Consent</title>
<h1>{{ client }} asks for</h1>
<pre>{{ scope }} {{ details }}</pre>
<form method="post">
  <label>You are <select name="person">
    {% for person in people %}<option>{{ person }}</option>{% endfor %}</select></label>
  <button name="consent" value="yes">Allow</button> <button name="consent" value="no">Deny</button>
</form>"""


@app.route("/authorize", methods=["GET", "POST"])
def authorize() -> Any:
    """The authorization endpoint, with its page."""
    try:
        grant = server.get_consent_grant()
        details = request.values.get("authorization_details")
        if details is not None:
            details_from(details)
    except OAuth2Error as error:
        return server.handle_error_response(request, error)
    if request.method == "GET":
        client, scope = grant.request.client.client_id, grant.request.scope
        shown = {"client": client, "scope": scope, "details": details or "", "people": PEOPLE}
        return render_template_string(PAGE, **shown)
    consents = request.form.get("consent") == "yes"
    person = PEOPLE.get(request.form.get("person", "")) if consents else None
    return server.create_authorization_response(grant=grant, grant_user=person)


@app.post("/token")
def token() -> Response:
    """The token endpoint."""
    return server.create_token_response()


@app.post("/revoke")
def revoke() -> Response:
    """The revocation endpoint."""
    return server.create_endpoint_response("revocation")


@app.post("/introspect")
def introspect() -> Response:
    """The introspection endpoint."""
    return server.create_endpoint_response("introspection")


@app.post("/backchannel")
def backchannel() -> Response:
    """The backchannel authentication endpoint."""
    return server.create_endpoint_response("backchannel_authentication")


@app.get("/jwks")
def jwks() -> Response:
    """The keys of ID tokens."""
    return jsonify(keys=[KEY.as_dict(private=False) | {"use": "sig", "alg": "ES256"}])


@app.get("/.well-known/oauth-authorization-server")
@app.get("/.well-known/openid-configuration")
def metadata() -> Response:
    """The metadata (RFC 8414), where clients of OpenID Connect look for it too."""
    own = ["authorization_code", "refresh_token", "client_credentials", EXCHANGE]
    told = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "introspection_endpoint": f"{ISSUER}/introspect",
        "backchannel_authentication_endpoint": f"{ISSUER}/backchannel",
        "jwks_uri": f"{ISSUER}/jwks",
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": SCOPES,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "authorization_details_types_supported": ["payment_initiation", "customer_records"],
    }
    grant_types = [*own, *METADATA["grant_types_supported"]]
    return jsonify({**told, **METADATA, "grant_types_supported": grant_types})


if __name__ == "__main__":
    listening = make_server("127.0.0.1", PORT, app, threaded=True)
    print(f"authorization server: {ISSUER}", flush=True)
    listening.serve_forever()
