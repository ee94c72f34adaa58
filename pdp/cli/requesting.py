"""`pdp requests`: the approval queue of a running server."""

from typing import Annotated

import typer

from pdp.cli.frame import JsonOption, fail, finish, group
from pdp.commands.server import Remote
from pdp.core.values import JsonObject

requests = group("requests", "The approval queue of a running server.")

ServerOption = Annotated[
    str, typer.Option("--server", envvar="PDP_SERVER", help="Base URL of the server.")
]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", envvar="PDP_KEY", help="The caller's key or token; better by PDP_KEY."),
]
AsOption = Annotated[
    str | None,
    typer.Option("--as", envvar="PDP_APPROVER", help="TYPE:ID of the person who decides."),
]
TaskArgument = Annotated[str, typer.Argument(help="The id of the request, `arq_…`.")]
CommentOption = Annotated[str | None, typer.Option("--comment", "-m", help="Kept with it.")]
_LOCAL = "http://127.0.0.1:8181"


@requests.command("list")
def list_requests(
    status: Annotated[str | None, typer.Option(help="pending, approved, denied …")] = "pending",
    everything: Annotated[bool, typer.Option("--all", help="Of every status.")] = False,
    queue: Annotated[list[str] | None, typer.Option(help="Only of these queues.")] = None,
    subject: Annotated[str | None, typer.Option(help="Id of the subject.")] = None,
    resource: Annotated[str | None, typer.Option(help="Id of the resource.")] = None,
    client: Annotated[str | None, typer.Option(help="The caller that submitted it.")] = None,
    words: Annotated[str | None, typer.Option("--query", "-q", help="Words to be found.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    server: ServerOption = _LOCAL,
    key: KeyOption = None,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List requests, newest first.

    Example: PDP_KEY=demo-inbox-key pdp requests list --as user:bob@example.com
    """
    from pdp.commands.requests import list_requests as run

    query: JsonObject = {
        "status": None if everything else status,
        "queue": queue,
        "subject": subject,
        "resource": resource,
        "client": client,
        "q": words,
        "limit": limit,
        "cursor": cursor,
    }
    finish(*run(_remote(server, key), query, person, json=as_json))


@requests.command("show")
def show_request(
    task: TaskArgument,
    server: ServerOption = _LOCAL,
    key: KeyOption = None,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who asks for what and why, who may decide it, and what has happened.

    Example: pdp requests show arq_2Q1Zk0WmYc7b9TtPZ4d8fA
    """
    from pdp.commands.requests import show_request as run

    finish(*run(_remote(server, key), task, person, json=as_json))


@requests.command("approve")
def approve_request(
    task: TaskArgument,
    until: Annotated[str | None, typer.Option(help="RFC 3339; no longer than this.")] = None,
    scope: Annotated[
        str | None, typer.Option(help="exact, resource_parent or resource_type.")
    ] = None,
    item: Annotated[list[int] | None, typer.Option(help="Only these items, from 0.")] = None,
    step: Annotated[str | None, typer.Option(help="Of several steps under way, which.")] = None,
    comment: CommentOption = None,
    server: ServerOption = _LOCAL,
    key: KeyOption = None,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a request, or some of it, or for less time.

    Example: pdp requests approve arq_2Q1Z --as user:bob@example.com -m "for the meeting"
    """
    from pdp.commands.requests import act_on_request as run

    body: JsonObject = {
        "decision": "approve",
        "approver": _person(person),
        "approved_until": until,
        "scope": scope,
        "items": item or None,
        "step": step,
        "comment": comment,
    }
    finish(*run(_remote(server, key), task, "decisions", body, json=as_json))


@requests.command("deny")
def deny_request(
    task: TaskArgument,
    reason: Annotated[str | None, typer.Option(help="A reason code.")] = None,
    item: Annotated[list[int] | None, typer.Option(help="Only these items, from 0.")] = None,
    comment: CommentOption = None,
    server: ServerOption = _LOCAL,
    key: KeyOption = None,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deny a request.

    Example: pdp requests deny arq_2Q1Z --as user:bob@example.com --reason not_needed
    """
    from pdp.commands.requests import act_on_request as run

    body: JsonObject = {
        "decision": "deny",
        "approver": _person(person),
        "reason_code": reason,
        "items": item or None,
        "comment": comment,
    }
    finish(*run(_remote(server, key), task, "decisions", body, json=as_json))


@requests.command("claim")
def claim_request(
    task: TaskArgument,
    server: ServerOption = _LOCAL,
    key: KeyOption = None,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show others that you see to a request.

    Example: pdp requests claim arq_2Q1Z --as user:bob@example.com
    """
    _act(server, key, task, "claim", {"approver": _person(person)}, as_json)


@requests.command("release")
def release_request(
    task: TaskArgument,
    server: ServerOption = _LOCAL,
    key: KeyOption = None,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let go of a request that you claimed.

    Example: pdp requests release arq_2Q1Z --as user:bob@example.com
    """
    _act(server, key, task, "release", {"approver": _person(person)}, as_json)


@requests.command("comment")
def comment_request(
    task: TaskArgument,
    text: Annotated[str, typer.Argument(help="What to say.")],
    to_requester: Annotated[
        bool, typer.Option("--to-requester", help="The requester sees it too.")
    ] = False,
    server: ServerOption = _LOCAL,
    key: KeyOption = None,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Comment on a request.

    Example: pdp requests comment arq_2Q1Z "Which quarter?" --as user:bob@example.com
    """
    visibility = "requester" if to_requester else "approvers"
    body: JsonObject = {"approver": _person(person), "text": text, "visibility": visibility}
    _act(server, key, task, "comments", body, as_json)


@requests.command("cancel")
def cancel_request(
    task: TaskArgument,
    reason: Annotated[str | None, typer.Option(help="A reason code.")] = None,
    comment: CommentOption = None,
    server: ServerOption = _LOCAL,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel a request that this caller made.

    Example: PDP_KEY=demo-pep-key pdp requests cancel arq_2Q1Z
    """
    from pdp.commands.requests import cancel_request as run

    body: JsonObject = {"reason": reason, "comment": comment}
    finish(*run(_remote(server, key), task, body, json=as_json))


@requests.command("revoke")
def revoke_approval(
    approval: Annotated[str, typer.Argument(help="Its reference, or the request's id.")],
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    server: ServerOption = _LOCAL,
    key: KeyOption = None,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """End an approval for the very next evaluation.

    Example: pdp requests revoke aprf_9Jx1x0v0 --as user:dana@example.com --reason "left the team"
    """
    from pdp.commands.requests import revoke_approval as run

    body: JsonObject = {"approver": _person(person), "reason": reason}
    finish(*run(_remote(server, key), approval, body, json=as_json))


def _act(
    server: str, key: str | None, task: str, act: str, body: JsonObject, as_json: bool
) -> None:
    from pdp.commands.requests import act_on_request as run

    finish(*run(_remote(server, key), task, act, body, json=as_json))


def _remote(server: str, key: str | None) -> Remote:
    if not key:
        fail("a key is needed: set PDP_KEY, or pass --key")
    return Remote(server, key)


def _person(text: str | None) -> JsonObject | None:
    if text is None:
        return None
    kind, colon, identifier = text.partition(":")
    if not (kind and colon and identifier):
        fail(f"--as: `{text}` is not of the form TYPE:ID")
    return {"type": kind, "id": identifier}
