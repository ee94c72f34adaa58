"""The configuration: one file, overridden by the environment, overridden by flags.

Every key of the file is also an environment variable `PDP_SECTION__KEY`. An unknown key or a bad
value stops the start with one line that names the source, the key and what is wanted.
"""

from pdp.settings.fault import SettingsError
from pdp.settings.load import load_settings
from pdp.settings.root import NOT_SERVING, Settings
from pdp.settings.sections import (
    AccessRequestSettings,
    AuthenticationSettings,
    ClientSettings,
    IssuerSettings,
    KeySettings,
    LimitSettings,
    LogSettings,
    OutboundSettings,
    RetentionSettings,
    SearchSettings,
    TelemetrySettings,
    TrustedPdpSettings,
    TrustedServiceSettings,
)
from pdp.settings.values import is_loopback

__all__ = [
    "NOT_SERVING",
    "AccessRequestSettings",
    "AuthenticationSettings",
    "ClientSettings",
    "IssuerSettings",
    "KeySettings",
    "LimitSettings",
    "LogSettings",
    "OutboundSettings",
    "RetentionSettings",
    "SearchSettings",
    "Settings",
    "SettingsError",
    "TelemetrySettings",
    "TrustedPdpSettings",
    "TrustedServiceSettings",
    "is_loopback",
    "load_settings",
]
