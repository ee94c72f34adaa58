"""Why an evaluation came out as it did, for an administrator or auditor."""

from datetime import datetime

from pdp.core.values import JsonObject
from pdp.evaluation.evaluate import Outcome
from pdp.policy.authorizer import Authorizer
from pdp.policy.conditions import Condition, Given, conditions_of
from pdp.policy.policy import Policy
from pdp.trust.callers import Caller

_MOST_NEAR = 20


def explain(outcome: Outcome, authorizer: Authorizer, caller: Caller, now: datetime) -> JsonObject:
    """The mapped request, the policies that decided, and those that almost applied.

    `near` holds the policies whose head matched and whose condition did not, the fewest failed
    conditions first.
    """
    answer, request = outcome.answer, outcome.request
    given = Given(now, caller.facts)
    determining = {id(policy) for policy in answer.determining}
    others = [policy for policy in answer.slice.policies if id(policy) not in determining]
    looked_at = [
        (policy, conditions_of(policy, request, authorizer, given)) for policy in others[:200]
    ]
    near = sorted(looked_at, key=lambda pair: sum(c.verdict != "held" for c in pair[1]))
    return {
        "decision": outcome.allowed,
        "policy_version": authorizer.version,
        "entity_version": authorizer.entity_version,
        "request": {
            "principal": _name(request.principal_uid),
            "action": _name(request.action_uid),
            "resource": _name(request.resource_uid),
            "context": request.context,
            "dropped": list(request.dropped),
        },
        "determining": [_policy(policy) for policy in answer.determining],
        "errors": [
            {"policy": policy.id if policy else None, "message": message}
            for policy, message in answer.errors
        ],
        "near": [
            {**_policy(policy), "conditions": [_condition(each) for each in conditions]}
            for policy, conditions in near[:_MOST_NEAR]
        ],
        "policies_considered": len(answer.slice.policies),
    }


def _policy(policy: Policy) -> JsonObject:
    return {
        "id": policy.id,
        "effect": policy.effect,
        "file": policy.file,
        "line": policy.line,
        "template": policy.template,
    }


def _condition(condition: Condition) -> JsonObject:
    found: JsonObject = {
        "kind": condition.kind,
        "text": condition.text,
        "verdict": condition.verdict,
    }
    return found | ({"error": condition.error} if condition.error else {})


def _name(uid: tuple[str, str]) -> str:
    escaped = uid[1].replace("\\", "\\\\").replace('"', '\\"')
    return f'{uid[0]}::"{escaped}"'
