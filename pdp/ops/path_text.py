"""The rest of a path as any text: slashes and line ends as well.

Starlette's own `path` convertor stops at a line end, so that one id cannot be reached and another
is reached in its place (`a%0A` as `a`).
"""

from starlette.convertors import Convertor, register_url_convertor


class TextConvertor(Convertor[str]):
    """Takes whatever is left, the empty text included."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """The text itself."""
        return value

    def to_string(self, value: str) -> str:
        """The text itself."""
        return value


def register() -> None:
    """Let routes say `{name:text}`."""
    register_url_convertor("text", TextConvertor())
