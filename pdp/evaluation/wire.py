"""The AuthZEN messages as the OpenAPI document shows them; the lean handlers read JSON directly."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

_ALICE: JsonValue = {"type": "user", "id": "alice@example.com"}
_PLANS: JsonValue = {"type": "folder", "id": "plans"}
_READ: JsonValue = {"name": "read"}


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class SubjectBody(_Open):
    """Who asks (AuthZEN 1.0, section 5.1)."""

    type: str
    id: str
    properties: dict[str, Any] | None = None


class ResourceBody(_Open):
    """What it is asked about (section 5.2)."""

    type: str
    id: str
    properties: dict[str, Any] | None = None


class ActionBody(_Open):
    """What is to be done (section 5.3)."""

    name: str
    properties: dict[str, Any] | None = None


class SoughtBody(_Open):
    """The kind of entity that is searched for; an `id` is ignored."""

    type: str
    properties: dict[str, Any] | None = None


class EvaluationRequest(_Open):
    """One question."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"subject": _ALICE, "action": _READ, "resource": _PLANS}]},
    )
    subject: SubjectBody
    action: ActionBody
    resource: ResourceBody
    context: dict[str, Any] | None = None


class EvaluationResponse(BaseModel):
    """One answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decision": True}]})
    decision: bool
    context: dict[str, Any] | None = None


class ItemBody(_Open):
    """One item of a batch; what it leaves out comes from the top level."""

    subject: SubjectBody | None = None
    action: ActionBody | None = None
    resource: ResourceBody | None = None
    context: dict[str, Any] | None = None


class BatchOptions(_Open):
    """How a batch is carried out."""

    evaluations_semantic: str | None = Field(
        default=None, pattern="^(execute_all|deny_on_first_deny|permit_on_first_permit)$"
    )


class EvaluationsRequest(_Open):
    """Many questions; top-level members are the defaults of every item (section 7)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "subject": _ALICE,
                    "resource": _PLANS,
                    "evaluations": [{"action": _READ}, {"action": {"name": "delete"}}],
                    "options": {"evaluations_semantic": "execute_all"},
                }
            ]
        },
    )
    subject: SubjectBody | None = None
    action: ActionBody | None = None
    resource: ResourceBody | None = None
    context: dict[str, Any] | None = None
    evaluations: list[ItemBody] | None = Field(default=None, max_length=1000)
    options: BatchOptions | None = None


class EvaluationsResponse(BaseModel):
    """One result per item, in order; or a single answer where no items were sent."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"evaluations": [{"decision": True}, {"decision": False}]}]}
    )
    evaluations: list[EvaluationResponse] | None = None
    decision: bool | None = None
    context: dict[str, Any] | None = None


class PageRequest(_Open):
    """Which part of the results is wanted (section 8.2)."""

    token: str | None = None
    limit: int | None = Field(default=None, ge=0)
    properties: dict[str, Any] | None = None


class PageResponse(BaseModel):
    """Where this page stands; `next_token` is empty at the end."""

    next_token: str
    count: int
    total: int


class SubjectSearchRequest(_Open):
    """Which subjects of a type may do this on that?"""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "subject": {"type": "user"},
                    "action": _READ,
                    "resource": _PLANS,
                    "page": {"limit": 50},
                }
            ]
        },
    )
    subject: SoughtBody
    action: ActionBody
    resource: ResourceBody
    context: dict[str, Any] | None = None
    page: PageRequest | None = None


class ResourceSearchRequest(_Open):
    """On which resources of a type may this subject do this?"""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [{"subject": _ALICE, "action": _READ, "resource": {"type": "folder"}}]
        },
    )
    subject: SubjectBody
    action: ActionBody
    resource: SoughtBody
    context: dict[str, Any] | None = None
    page: PageRequest | None = None


class ActionSearchRequest(_Open):
    """What may this subject do on this resource?"""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"subject": _ALICE, "resource": _PLANS}]},
    )
    subject: SubjectBody
    resource: ResourceBody
    context: dict[str, Any] | None = None
    page: PageRequest | None = None


class EntityResult(BaseModel):
    """One entity found."""

    type: str
    id: str


class ActionResult(BaseModel):
    """One action found."""

    name: str


class EntitySearchResponse(BaseModel):
    """A page of subjects or resources."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"page": {"next_token": "", "count": 1, "total": 1}, "results": [_ALICE]}]
        }
    )
    page: PageResponse
    results: list[EntityResult]


class ActionSearchResponse(BaseModel):
    """A page of actions."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"page": {"next_token": "", "count": 1, "total": 1}, "results": [_READ]}]
        }
    )
    page: PageResponse
    results: list[ActionResult]
