"""The one error of the settings."""


class SettingsError(Exception):
    """The configuration cannot be used; the text is one line: where, which key, what is wanted."""
