"""What an authorization server adds to its metadata (RFC 8414), ready to merge."""

from pdp.core.values import JsonObject
from pdp.deferral.ciba import GRANT as CIBA_GRANT
from pdp.deferral.wire import CODE_TYPE, DEFERRED


def oauth_metadata() -> JsonObject:
    """The members that say what this API makes an authorization server able to do."""
    return {
        "deferred_token_response_supported": True,
        "grant_types_supported": [DEFERRED, CIBA_GRANT],
        "revocation_endpoint_token_type_values_supported": [CODE_TYPE],
        "backchannel_token_delivery_modes_supported": ["poll", "ping", "push"],
        "backchannel_user_code_parameter_supported": False,
    }
