"""Standard Webhooks signatures, by its published vector and by what must be refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.trust.webhook_signature import (
    BadSignature,
    format_secret,
    parse_secret,
    signature,
    signed_headers,
    verify,
)

SECRET = parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BODY = b'{"test": 2432232314}'


def test_the_published_vector_of_standard_webhooks() -> None:
    assert (
        signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@given(st.binary(min_size=24, max_size=64), st.binary(max_size=100))
def test_what_is_signed_verifies_and_its_secret_reads_back(secret: bytes, body: bytes) -> None:
    headers = signed_headers([secret], "msg_1", AT, body)
    assert verify(headers, body, [parse_secret(format_secret(secret))], AT) == "msg_1"


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_another_body_never_verifies(body: bytes, other: bytes) -> None:
    headers = signed_headers([SECRET], "msg_1", AT, body)
    if other != body:
        with pytest.raises(BadSignature, match="no signature"):
            verify(headers, other, [SECRET], AT)


def test_while_secrets_change_either_one_verifies() -> None:
    old, new = b"o" * 24, b"n" * 24
    headers = signed_headers([old, new], "msg_1", AT, BODY)
    assert verify(headers, BODY, [old], AT) == verify(headers, BODY, [new], AT) == "msg_1"
    with pytest.raises(BadSignature):
        verify(headers, BODY, [b"x" * 24], AT)


@pytest.mark.parametrize("off", [timedelta(minutes=5, seconds=1), timedelta(minutes=-6)])
def test_a_message_from_another_time_is_refused(off: timedelta) -> None:
    headers = signed_headers([SECRET], "msg_1", AT, BODY)
    assert verify(headers, BODY, [SECRET], AT + timedelta(minutes=5))
    with pytest.raises(BadSignature, match="too old"):
        verify(headers, BODY, [SECRET], AT + off)


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-timestamp": "abc"},
        {"webhook-timestamp": "٣"},
        {"webhook-timestamp": "-1"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v0,g0hM9SsE"},
        {"webhook-signature": "v1,é"},
    ],
)
def test_a_changed_or_missing_header_is_refused(changes: dict[str, str]) -> None:
    headers = signed_headers([SECRET], "msg_1", AT, BODY) | changes
    with pytest.raises(BadSignature):
        verify(headers, BODY, [SECRET], AT)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", "whsec_é", "whsec_" + "A" * 200])
def test_a_secret_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a webhook secret"):
        parse_secret(text)
