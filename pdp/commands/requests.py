"""`pdp requests`: the approval queue of a running server, from a terminal."""

from collections.abc import Callable
from urllib.parse import quote

from pdp.commands.opened import Outcome, as_json, as_table
from pdp.commands.server import Remote, Said, Unreachable
from pdp.core.values import JsonObject

_HEAD = ("ID", "STATUS", "WHO", "WHAT", "TEMPLATE", "QUEUES", "SINCE")


def list_requests(
    remote: Remote, query: JsonObject, approver: str | None, *, json: bool = False
) -> Outcome:
    """The requests that the caller, or the approver it acts for, may see."""

    def work() -> Outcome:
        said = remote.ask("GET", "/queue/v1/tasks", query={**query, "approver": approver})
        if said.status != 200:
            return _refused(said, json)
        if json:
            return 0, as_json(said.body)
        items = said.body["items"]
        if not items:
            return 0, "no request"
        rows = [_row(item) for item in items]
        more = said.body.get("next_cursor")
        text = as_table(_HEAD, rows)
        return 0, f"{text}\nmore: --cursor {more}" if more else text

    return _asked(work)


def show_request(remote: Remote, task: str, approver: str | None, *, json: bool = False) -> Outcome:
    """One request whole."""

    def work() -> Outcome:
        said = remote.ask("GET", _of(task), query={"approver": approver})
        if said.status != 200:
            return _refused(said, json)
        return 0, as_json(said.body) if json else told(said.body["task"])

    return _asked(work)


def act_on_request(
    remote: Remote, task: str, act: str, body: JsonObject, *, json: bool = False
) -> Outcome:
    """Decide, claim, release, comment: whatever is a call on one request."""

    def work() -> Outcome:
        given = {name: value for name, value in body.items() if value is not None}
        said = remote.ask("POST", f"{_of(task)}/{act}", given)
        if said.status >= 300:
            return _refused(said, json)
        if json:
            return 0, as_json(said.body)
        status = said.body.get("task", {}).get("status")
        return 0, f"{task} is {status}" if status else "done"

    return _asked(work)


def cancel_request(remote: Remote, task: str, body: JsonObject, *, json: bool = False) -> Outcome:
    """End a request that the caller made, or as an administrator."""

    def work() -> Outcome:
        given = {name: value for name, value in body.items() if value is not None}
        said = remote.ask("POST", f"/access/v1/requests/{quote(task, safe='')}/cancel", given)
        if said.status >= 300:
            return _refused(said, json)
        return 0, as_json(said.body) if json else f"{task} is {said.body['task']['status']}"

    return _asked(work)


def revoke_approval(remote: Remote, name: str, body: JsonObject, *, json: bool = False) -> Outcome:
    """End an approval, by its reference; or all that a request ended in, by its task."""

    def work() -> Outcome:
        refs = [name]
        if name.startswith("arq_"):
            found = _live_approvals(remote, name)
            if isinstance(found, Said):
                return _refused(found, json)
            refs = found
            if not refs:
                return 1, f"{name} has no approval that counts"
        given = {key: value for key, value in body.items() if value is not None}
        ended: list[JsonObject] = []
        for ref in refs:
            path = f"/queue/v1/approvals/{quote(ref, safe='')}/revoke"
            said = remote.ask("POST", path, given)
            if said.status >= 300:
                return _refused(said, json)
            ended.append(said.body["approval"])
        if json:
            return 0, as_json({"approvals": ended})
        return 0, "\n".join(f"{each['ref']} is revoked" for each in ended)

    return _asked(work)


def _live_approvals(remote: Remote, task: str) -> list[str] | Said:
    """The references of all approvals of a request that count, or what was said instead."""
    refs: list[str] = []
    query: JsonObject = {"task": task, "live": "true"}
    while True:
        said = remote.ask("GET", "/queue/v1/approvals", query=query)
        if said.status != 200:
            return said
        refs += [str(item["ref"]) for item in said.body["items"]]
        query["cursor"] = said.body["next_cursor"]
        if query["cursor"] is None:
            return refs


def told(task: JsonObject) -> str:
    """A request in words."""
    lines = [
        f"{task['id']}  {task['status']}  {task['display'].get('title', task['template'])}",
        f"who        {_thing(task['subject'])}",
    ]
    for item in task["items"]:
        lines.append(f"what       {_what(item)}  [{item['status']}]")
        for policy in item.get("policies", ()):
            lines.append(f"policy     {policy['id']} ({policy['file']}:{policy['line']})")
        for step in item.get("steps", ()):
            lines.append(f"step       {step['name']} in {step['queue']}: {step['outcome']}")
    for name, label in (("justification", "why"), ("requested_until", "until"),
                        ("expires_at", "decide by"), ("client", "client")):  # fmt: skip
        if task.get(name):
            lines.append(f"{label:<10} {task[name]}")
    names = dict.fromkeys(_thing(each) for each in task["approvers"])
    lines.append(f"approvers  {', '.join(names) or 'nobody is known who may approve it'}")
    if (you := task.get("you")) is not None:
        lines.append(f"you        {'may decide it' if you['can_decide'] else 'may not decide it'}")
    for vote in task["votes"]:
        lines.append(f"vote       {_thing(vote['approver'])} {vote['decision']} {vote['at']}")
    for comment in task["comments"]:
        lines.append(f"comment    {_thing(comment['author'])}: {comment['text']}")
    for event in task["timeline"]:
        by = f" by {_thing(event['actor'])}" if event["actor"] else ""
        lines.append(f"{event['at']}  {event['event']}{by}")
    return "\n".join(_plain(line) for line in lines)


def _asked(work: Callable[[], Outcome]) -> Outcome:
    try:
        return work()
    except Unreachable as fault:
        return 2, str(fault)


def _refused(said: Said, json: bool) -> Outcome:
    """401 and shapes are faults of the call; whatever else was refused fell short."""
    status = 2 if said.status in (400, 401) else 1
    if json:
        return status, as_json(said.body or {"status": said.status})
    detail = said.body.get("detail") or said.body.get("title") or f"status {said.status}"
    return status, _plain(f"{said.status}: {detail}")


def _row(item: JsonObject) -> tuple[str, ...]:
    what = _what(item) if item.get("resource") else f"{item.get('item_count')} things"
    cells = (
        item["id"], item["status"], _thing(item["subject"]), what, item["template"],
        ",".join(item["queues"]), item["created_at"][:19] + "Z",
    )  # fmt: skip
    return tuple(_plain(str(cell)) for cell in cells)


def _what(item: JsonObject) -> str:
    return f"{item['action']['name']} {_thing(item['resource'])}"


def _thing(entity: JsonObject) -> str:
    return f"{entity['type']}:{entity['id']}"


def _plain(text: str) -> str:
    """Text of a requester must not steer a terminal."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)


def _of(task: str) -> str:
    return "/queue/v1/tasks/" + quote(task, safe="")
