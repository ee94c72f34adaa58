"""The tables of access requests and approvals."""

import sqlalchemy as sa
from alembic import op

from pdp.store import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _create_tasks()
    _create_task_queues()
    _create_task_items()
    _create_votes()
    _create_comments()
    _create_interactions()
    _create_approvals()
    _create_denials_used()
    _create_idempotency()


def _create_tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", types.ByteText(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("status", types.ByteText(), nullable=False),
        sa.Column("template", types.ByteText(), nullable=False),
        sa.Column("transport", types.ByteText(), nullable=False),
        sa.Column("subject_type", types.ByteText(), nullable=False),
        sa.Column("subject_id", types.ByteText(), nullable=False),
        sa.Column("resource_type", types.ByteText()),
        sa.Column("resource_id", types.ByteText()),
        sa.Column("action_name", types.ByteText()),
        sa.Column("requester", types.ByteText(), nullable=False),
        sa.Column("client_id", types.ByteText()),
        sa.Column("evaluation_id", types.ByteText()),
        sa.Column("policy_version", types.ByteText()),
        sa.Column("workflow_version", types.ByteText()),
        sa.Column("binding_hash", types.ByteText()),
        sa.Column("justification", types.ByteText()),
        sa.Column("requested_until", types.UtcDateTime()),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("item_count", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("step_name", types.ByteText()),
        sa.Column("claimed_by_type", types.ByteText()),
        sa.Column("claimed_by_id", types.ByteText()),
        sa.Column("claimed_at", types.UtcDateTime()),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("closed_at", types.UtcDateTime()),
        sa.Column("search_text", types.ByteText(), nullable=False),
        sa.Column("subject", types.JsonDoc(), nullable=False),
        sa.Column("resource", types.JsonDoc()),
        sa.Column("action", types.JsonDoc()),
        sa.Column("context", types.JsonDoc(), nullable=False),
        sa.Column("binding_members", types.JsonDoc(), nullable=False),
        sa.Column("denial", types.JsonDoc()),
        sa.Column("requested_access", types.JsonDoc()),
        sa.Column("actor", types.JsonDoc()),
        sa.Column("callback", types.JsonDoc()),
        sa.Column("workflow", types.JsonDoc(), nullable=False),
        sa.Column("state", types.JsonDoc(), nullable=False),
        sa.Column("result", types.JsonDoc()),
        sa.Column("extra", types.JsonDoc()),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
    )
    op.create_index("ix_tasks_client", "tasks", ["client_id", "status", "created_at", "id"])
    op.create_index("ix_tasks_expires", "tasks", ["closed_at", "expires_at"])
    op.create_index("ix_tasks_requester", "tasks", ["requester", "status", "created_at", "id"])
    op.create_index("ix_tasks_resource", "tasks", ["resource_id", "created_at", "id"])
    op.create_index("ix_tasks_status", "tasks", ["status", "created_at", "id"])
    op.create_index("ix_tasks_subject", "tasks", ["subject_id", "created_at", "id"])


def _create_task_queues() -> None:
    op.create_table(
        "task_queues",
        sa.Column("task_id", types.ByteText(), nullable=False),
        sa.Column("queue", types.ByteText(), nullable=False),
        sa.Column("status", types.ByteText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "queue", name="pk_task_queues"),
    )
    op.create_index(
        "ix_task_queues_queue", "task_queues", ["queue", "status", "created_at", "task_id"]
    )


def _create_task_items() -> None:
    op.create_table(
        "task_items",
        sa.Column("task_id", types.ByteText(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("status", types.ByteText(), nullable=False),
        sa.Column("template", types.ByteText()),
        sa.Column("resource_type", types.ByteText(), nullable=False),
        sa.Column("resource_id", types.ByteText(), nullable=False),
        sa.Column("action_name", types.ByteText(), nullable=False),
        sa.Column("evaluation_id", types.ByteText()),
        sa.Column("binding_hash", types.ByteText()),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("resource", types.JsonDoc(), nullable=False),
        sa.Column("action", types.JsonDoc(), nullable=False),
        sa.Column("denial", types.JsonDoc()),
        sa.Column("requested_access", types.JsonDoc()),
        sa.Column("result", types.JsonDoc()),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="fk_task_items_task_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "position", name="pk_task_items"),
    )


def _create_votes() -> None:
    op.create_table(
        "votes",
        sa.Column("task_id", types.ByteText(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("approver_type", types.ByteText(), nullable=False),
        sa.Column("approver_id", types.ByteText(), nullable=False),
        sa.Column("id", types.ByteText(), nullable=False),
        sa.Column("decision", types.ByteText(), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("items", types.JsonDoc()),
        sa.Column("reason_code", types.ByteText()),
        sa.Column("comment", types.ByteText()),
        sa.Column("approved_until", types.UtcDateTime()),
        sa.Column("scope", types.JsonDoc()),
        sa.Column("on_behalf_of", types.JsonDoc()),
        sa.Column("caller", types.ByteText()),
        sa.Column("policies", types.JsonDoc()),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="fk_votes_task_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "step", "approver_type", "approver_id", name="pk_votes"),
    )
    op.create_index("ix_votes_approver", "votes", ["approver_id", "approver_type", "at", "id"])


def _create_comments() -> None:
    op.create_table(
        "comments",
        sa.Column("id", types.ByteText(), nullable=False),
        sa.Column("task_id", types.ByteText(), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("author_type", types.ByteText(), nullable=False),
        sa.Column("author_id", types.ByteText(), nullable=False),
        sa.Column("text", types.ByteText(), nullable=False),
        sa.Column("visibility", types.ByteText(), nullable=False),
        sa.Column("caller", types.ByteText()),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="fk_comments_task_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_comments"),
    )
    op.create_index("ix_comments_task", "comments", ["task_id", "at", "id"])


def _create_interactions() -> None:
    op.create_table(
        "interactions",
        sa.Column("id", types.ByteText(), nullable=False),
        sa.Column("secret_hash", types.ByteText(), nullable=False),
        sa.Column("task_id", types.ByteText(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("kind", types.ByteText(), nullable=False),
        sa.Column("state", types.ByteText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("visited_at", types.UtcDateTime()),
        sa.Column("answered_at", types.UtcDateTime()),
        sa.Column("data", types.JsonDoc(), nullable=False),
        sa.Column("answer", types.JsonDoc()),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="fk_interactions_task_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_interactions"),
    )
    op.create_index("ix_interactions_secret_hash", "interactions", ["secret_hash"], unique=True)
    op.create_index("ix_interactions_task", "interactions", ["task_id", "step"])


def _create_approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("ref", types.ByteText(), nullable=False),
        sa.Column("id_hash", types.ByteText(), nullable=False),
        sa.Column("sealed_id", sa.LargeBinary()),
        sa.Column("task_id", types.ByteText(), nullable=False),
        sa.Column("item", sa.BigInteger()),
        sa.Column("template", types.ByteText(), nullable=False),
        sa.Column("transport", types.ByteText(), nullable=False),
        sa.Column("subject_type", types.ByteText(), nullable=False),
        sa.Column("subject_id", types.ByteText(), nullable=False),
        sa.Column("resource_type", types.ByteText(), nullable=False),
        sa.Column("resource_id", types.ByteText(), nullable=False),
        sa.Column("action_name", types.ByteText(), nullable=False),
        sa.Column("scope", types.ByteText(), nullable=False),
        sa.Column("standing_version", sa.BigInteger()),
        sa.Column("single_use", sa.Boolean(), nullable=False),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.Column("requester", types.ByteText(), nullable=False),
        sa.Column("client_id", types.ByteText()),
        sa.Column("evaluation_id", types.ByteText()),
        sa.Column("approved_at", types.UtcDateTime(), nullable=False),
        sa.Column("approved_until", types.UtcDateTime(), nullable=False),
        sa.Column("used_at", types.UtcDateTime()),
        sa.Column("used_by", types.ByteText()),
        sa.Column("revoked_at", types.UtcDateTime()),
        sa.Column("revoked_by", types.ByteText()),
        sa.Column("revoked_reason", types.ByteText()),
        sa.Column("binding_hash", types.ByteText(), nullable=False),
        sa.Column("binding_members", types.JsonDoc(), nullable=False),
        sa.Column("subject", types.JsonDoc(), nullable=False),
        sa.Column("resource", types.JsonDoc(), nullable=False),
        sa.Column("action", types.JsonDoc(), nullable=False),
        sa.Column("context", types.JsonDoc(), nullable=False),
        sa.Column("scope_detail", types.JsonDoc()),
        sa.Column("actor", types.JsonDoc()),
        sa.Column("approvers", types.JsonDoc(), nullable=False),
        sa.Column("extra", types.JsonDoc()),
        sa.PrimaryKeyConstraint("ref", name="pk_approvals"),
    )
    op.create_index("ix_approvals_at", "approvals", ["approved_at", "ref"])
    op.create_index("ix_approvals_id_hash", "approvals", ["id_hash"], unique=True)
    op.create_index("ix_approvals_requester", "approvals", ["requester", "approved_at", "ref"])
    op.create_index("ix_approvals_standing", "approvals", ["standing_version"])
    op.create_index("ix_approvals_subject", "approvals", ["subject_id", "approved_at", "ref"])
    op.create_index("ix_approvals_task", "approvals", ["task_id", "item"])
    op.create_index("ix_approvals_until", "approvals", ["approved_until"])


def _create_denials_used() -> None:
    op.create_table(
        "denials_used",
        sa.Column("kind", types.ByteText(), nullable=False),
        sa.Column("issuer", types.ByteText(), nullable=False),
        sa.Column("value", types.ByteText(), nullable=False),
        sa.Column("task_id", types.ByteText()),
        sa.Column("used_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "issuer", "value", name="pk_denials_used"),
    )
    op.create_index("ix_denials_used_expires_at", "denials_used", ["expires_at"])


def _create_idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("caller", types.ByteText(), nullable=False),
        sa.Column("key", types.ByteText(), nullable=False),
        sa.Column("body_hash", types.ByteText(), nullable=False),
        sa.Column("task_id", types.ByteText()),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("response", types.JsonDoc()),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_expires_at", "idempotency", ["expires_at"])
    op.create_index("ix_idempotency_task", "idempotency", ["task_id"])
