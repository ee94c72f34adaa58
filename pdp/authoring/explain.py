"""`pdp explain`: one request against a policy folder, in words or as JSON."""

import json as json_module
from datetime import UTC, datetime
from pathlib import Path

from pdp.authoring.findings import as_text
from pdp.core.authzen import InvalidRequest, evaluation_from
from pdp.core.values import InvalidJson, JsonObject, parse_json
from pdp.evaluation.evaluate import evaluate
from pdp.evaluation.explanation import explain
from pdp.policy.authorizer import Authorizer
from pdp.policy.bundle import BundleError, load_bundle
from pdp.policy.entities import EntityIndex
from pdp.policy.source_files import UnreadableFolder
from pdp.trust.callers import anonymous


def run_explain(
    raw: bytes, policies: Path, schemas: Path | None, *, json: bool = False
) -> tuple[int, str]:
    """Explain a request: exit status 0 permitted, 1 denied, 2 unusable, and the text."""
    now = datetime.now(UTC)
    try:
        body = parse_json(raw)
        if not isinstance(body, dict):
            return 2, "the request must be a JSON object"
        question = evaluation_from(body)
        bundle = load_bundle(policies, schemas, now=now)
    except InvalidJson as fault:
        return 2, f"the request is not strict JSON: {fault}"
    except InvalidRequest as fault:
        return 2, f"the request: `{fault.at}` {fault.message}"
    except BundleError as fault:
        return 2, as_text(fault.findings)
    except UnreadableFolder as fault:
        return 2, str(fault)
    authorizer = Authorizer(bundle, EntityIndex.load(bundle.entities))
    caller = anonymous(["admin"])
    outcome = evaluate(question, caller, authorizer, now)
    explanation = explain(outcome, authorizer, caller, now)
    status = 0 if outcome.allowed else 1
    if json:
        return status, json_module.dumps(explanation, indent=2)
    return status, in_words(explanation)


def in_words(explanation: JsonObject) -> str:
    """The explanation for a person."""
    request = explanation["request"]
    asked = f"{request['principal']} {request['action']} {request['resource']}"
    lines = [f"{'permitted' if explanation['decision'] else 'denied'}: {asked}"]
    for pointer in request["dropped"]:
        lines.append(f"  left out, as Cedar cannot hold it: {pointer}")
    for policy in explanation["determining"]:
        lines.append(f"  decided by {_policy(policy)}")
    for error in explanation["errors"]:
        lines.append(f"  could not be evaluated: {error['policy']}: {error['message']}")
    if not explanation["determining"] and not explanation["near"]:
        lines.append("  no policy is about this principal, action and resource")
    for policy in explanation["near"]:
        lines.append(f"  did not apply: {_policy(policy)}")
        for condition in policy["conditions"]:
            mark = {"held": "yes", "failed": "no ", "error": "?  "}[condition["verdict"]]
            lines.append(f"    {mark} {condition['kind']} {condition['text']}")
            if "error" in condition:
                lines.append(f"        {condition['error']}")
    return "\n".join(lines)


def _policy(policy: JsonObject) -> str:
    place = f"{policy['file']}:{policy['line']}"
    offered = f", offers {policy['template']}" if policy["template"] else ""
    return f"{policy['effect']} `{policy['id']}` ({place}{offered})"
