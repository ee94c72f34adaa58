"""What goes wrong in the OAuth API, as the OAuth errors that it is answered with."""

from pdp.errors import OAuthFault, Problem
from pdp.store.engine import CommitUnknown, StoreUnavailable

_ERRORS = {401: "invalid_client", 403: "unauthorized_client", 429: "temporarily_unavailable"}


def as_oauth_fault(fault: Exception) -> OAuthFault:
    """A fault as an OAuth error; one that nobody foresaw is a `server_error`."""
    if isinstance(fault, OAuthFault):
        return fault
    if isinstance(fault, Problem):
        return _of_problem(fault)
    if isinstance(fault, StoreUnavailable | CommitUnknown):
        return OAuthFault("temporarily_unavailable", status=503, headers={"Retry-After": "1"})
    return OAuthFault("server_error", status=500)


def _of_problem(fault: Problem) -> OAuthFault:
    """A problem as an OAuth error; what concerns the AS's own call keeps its status."""
    error = _ERRORS.get(fault.status)
    if error is None:
        error = "invalid_request" if fault.status < 500 else "temporarily_unavailable"
    return OAuthFault(error, fault.detail, status=fault.status, headers=fault.headers)
