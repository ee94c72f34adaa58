"""Texts in the reader's language."""

import pytest

from pdp.core.language import chosen, display_of, preferred
from tests.core.making import workflow


@pytest.mark.parametrize(
    ("header", "languages"),
    [
        (None, ()),
        ("", ()),
        ("de", ("de",)),
        ("fr-CH, fr;q=0.9, en;q=0.8, *;q=0.5", ("fr-ch", "fr", "en", "*")),
        ("en;q=0.2, de", ("de", "en")),
        ("en;q=0, de;q=0.001", ("de",)),
        ("en;q=2, de-, 7, x y", ()),
        (",".join(["aa"] * 50), ("aa",) * 20),
    ],
)
def test_the_header_is_read(header: str | None, languages: tuple[str, ...]) -> None:
    assert preferred(header) == languages


@pytest.mark.parametrize(
    ("languages", "text"),
    [
        (("de",), "Hallo"),
        (("de-at",), "Hallo"),
        (("de-ch",), "Grüezi"),
        (("fr", "de"), "Hallo"),
        (("fr",), "Hello"),
        ((), "Hello"),
        (("*",), "Hello"),
    ],
)
def test_the_nearest_text_is_chosen(languages: tuple[str, ...], text: str) -> None:
    texts = (("de", "Hallo"), ("de-CH", "Grüezi"), ("*", "Hello"))
    assert chosen(texts, languages) == text


def test_without_a_text_for_everybody_the_first_serves() -> None:
    assert chosen((("de", "Hallo"), ("en", "Hello")), ("fr",)) == "Hallo"
    assert chosen((), ("fr",)) is None


def test_the_display_of_a_denial_holds_what_the_author_wrote() -> None:
    assert display_of(workflow()) == {}
    flow = workflow(title="T", description={"en": "D"}, call_to_action="Ask")
    assert display_of(flow, ("en",)) == {"title": "T", "description": "D", "call_to_action": "Ask"}
