"""The identity partner: is asked by the PDP, and answers when somebody has looked at it, hours
later. Both messages are signed (Standard Webhooks), so that neither side believes strangers.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

PORT = int(os.environ.get("PORT", "8183"))
KEY = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))
TOLERANCE = 300  # seconds
questions: dict[str, Any] = {}


def sign(name: str, stamp: str, body: bytes) -> str:
    """The signature of a message."""
    told = hmac.digest(KEY, f"{name}.{stamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(told).decode()


def ask(headers: Any, body: bytes) -> int:
    """The PDP asks. It may ask the same twice, when an answer of ours was lost."""
    stamp = headers.get("webhook-timestamp", "")
    wanted = sign(headers.get("webhook-id", ""), stamp, body)
    given = headers.get("webhook-signature", "").split()
    signed = any(hmac.compare_digest(wanted.encode(), each.encode()) for each in given)
    if not signed or abs(time.time() - int(stamp)) > TOLERANCE:
        return 401
    question = json.loads(body)
    questions[question["id"]] = question
    who, path = question["subject"]["id"], f"/verifications/{question['id']}/report"
    print(f"verify {who}: POST {path}", flush=True)
    return 202


def report(identifier: str, outcome: str) -> int:
    """Answer; `outcome` is approved, refused or failed."""
    reply = questions[identifier]["reply"]
    body = json.dumps({"token": reply["token"], "outcome": outcome}).encode()
    name, stamp = f"answer-{identifier}", str(int(time.time()))
    headers = {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": sign(name, stamp, body),
    }
    answer = httpx.post(reply["url"], content=body, headers=headers, trust_env=False)
    if answer.status_code == 200:
        del questions[identifier]
    return answer.status_code


class Handler(BaseHTTPRequestHandler):
    """`POST /verifications` of the PDP, `POST /verifications/{id}/report` of a person, `GET /`."""

    def do_GET(self) -> None:
        """What is open."""
        self._answer(200, json.dumps(list(questions)).encode())

    def do_POST(self) -> None:
        """A question, or what came of one."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        match self.path.strip("/").split("/"):
            case ["verifications"]:
                self._answer(ask(self.headers, body))
            case ["verifications", identifier, "report"] if identifier in questions:
                self._answer(report(identifier, json.loads(body)["outcome"]))
            case _:
                self._answer(404)

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of each call."""


if __name__ == "__main__":
    listening = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    print(f"partner: http://127.0.0.1:{PORT}", flush=True)
    listening.serve_forever()
