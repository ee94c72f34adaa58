"""`/admin/v1/policies`: the set in force, its findings, and the last fault of the folder."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from pdp.ops.dependencies import caller_with
from pdp.ops.problem_doc import problem_responses
from pdp.policy.bundle import Bundle
from pdp.policy.source import PolicySource
from pdp.store import policy_versions
from pdp.trust.callers import Caller

router = APIRouter(prefix="/admin/v1/policies", tags=["policies"])

Reader = Annotated[Caller, Depends(caller_with("admin", "auditor"))]
Admin = Annotated[Caller, Depends(caller_with("admin"))]


@router.get("", summary="The policy set in force", responses=problem_responses())
async def get_policies(request: Request, caller: Reader) -> dict[str, Any]:
    """Version, load time, policies, workflows, findings, the last fault, and what was loaded where."""
    source: PolicySource = request.app.state.source
    loads = await request.app.state.database.aread(
        lambda session: policy_versions.history(session, 100)
    )
    return {
        **_described(source.current),
        "last_fault": _fault(source),
        "loads": [load.model_dump(mode="json") for load in loads],
    }


@router.post("/reload", summary="Read the policy folder again", responses=problem_responses())
async def reload_policies(request: Request, caller: Admin) -> dict[str, Any]:
    """Load the folder now; a broken one is refused and what is in force stays."""
    source: PolicySource = request.app.state.source
    await source.reload("asked for through the API")
    return {"version": source.current.version, "last_fault": _fault(source)}


def _described(bundle: Bundle) -> dict[str, Any]:
    return {
        "version": bundle.version,
        "loaded_at": bundle.loaded_at.isoformat(),
        "count": len(bundle.policies),
        "policies": [
            {
                "id": policy.id,
                "effect": policy.effect,
                "file": policy.file,
                "line": policy.line,
                "template": policy.template,
            }
            for policy in bundle.policies[:1000]
        ],
        "findings": [finding.as_json() for finding in bundle.findings],
    }


def _fault(source: PolicySource) -> dict[str, Any] | None:
    fault = source.last_fault
    if fault is None:
        return None
    return {
        "at": fault.at.isoformat(),
        "findings": [finding.as_json() for finding in fault.findings],
    }
