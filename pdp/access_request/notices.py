"""What is sent out about a request: to its requester, and to a third party that must answer."""

from datetime import datetime

from pdp.access_request.case import Case, load_case
from pdp.access_request.desk import Desk
from pdp.access_request.status import REQUESTER, shown
from pdp.core.moment import format_moment
from pdp.core.values import JsonObject
from pdp.store.engine import Session
from pdp.store.interactions import Interaction


class Notices:
    """Words callbacks and the questions of external steps."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def callback_body(self, task_id: str, event: str, now: datetime) -> JsonObject | None:
        """`{task, result?}` as its requester sees it; None when there is no such task any more."""
        desk = self._desk

        def body(session: Session) -> JsonObject | None:
            case = load_case(session, task_id)
            if case is None:
                return None
            return shown(session, desk, case, REQUESTER, now).body

        return desk.database.read(body)

    def external_body(
        self, interaction: Interaction, token: str, now: datetime
    ) -> JsonObject | None:
        """What a third party is asked, and where and with what it answers; None: too late."""
        case = self._desk.database.read(lambda session: load_case(session, interaction.task_id))
        if case is None or not case.task.pending:
            return None
        positions = [int(each) for each in interaction.data.get("positions", ())]
        row = case.row
        return {
            "id": interaction.id,
            "step": interaction.data.get("step"),
            "task": {"id": row.id, "template": row.template},
            "subject": row.subject,
            **_asked(case, positions),
            "context": {name: row.context[name] for name in _bound(case, positions)},
            "expires_at": format_moment(interaction.expires_at),
            "reply": {"url": f"{self._desk.base}/access/v1/answers", "token": token},
        }


def _asked(case: Case, positions: list[int]) -> JsonObject:
    if not case.items:
        return {"resource": case.row.resource, "action": case.row.action}
    return {
        "items": [
            {"position": each, "resource": case.resource(each), "action": case.action(each)}
            for each in positions
        ]
    }


def _bound(case: Case, positions: list[int]) -> list[str]:
    names = {name for each in positions or [0] for name in case.members(each)}
    return sorted(names & case.row.context.keys())
