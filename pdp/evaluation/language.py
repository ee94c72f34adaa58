"""Texts in the reader's language (RFC 4647, lookup)."""

from collections.abc import Sequence

Texts = Sequence[tuple[str, str]]

_ANY = "*"
_LONGEST = 400


def in_language(texts: Texts, accept_language: bytes | None) -> str | None:
    """The text that suits an `Accept-Language` header best; None when there is no text at all."""
    if not texts:
        return None
    by_tag = {tag.lower(): text for tag, text in texts}
    for wanted in _preferred(accept_language):
        tag = wanted
        while tag:
            if tag in by_tag:
                return by_tag[tag]
            tag = tag.rpartition("-")[0]
    for tag in (_ANY, "en"):
        if tag in by_tag:
            return by_tag[tag]
    return texts[0][1]


def _preferred(header: bytes | None) -> list[str]:
    ranges: list[tuple[float, int, str]] = []
    for place, part in enumerate((header or b"")[:_LONGEST].decode("latin-1").split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        if tag and tag != _ANY and quality > 0:
            ranges.append((-quality, place, tag.strip().lower()))
    return [tag for _, _, tag in sorted(ranges)]
