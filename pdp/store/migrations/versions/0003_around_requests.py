"""The tables of what happens around access requests: jobs, records, people."""

import sqlalchemy as sa
from alembic import op

from pdp.store import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _create_outbox()
    _create_heads()
    _create_audit()
    _create_audit_heads()
    _create_events()
    _create_subscriptions()
    _create_delegations()
    _create_absences()
    _create_reviews()


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", types.RowNumber, nullable=False, autoincrement=True),
        sa.Column("kind", types.ByteText(), nullable=False),
        sa.Column("key", types.ByteText()),
        sa.Column("ordering_key", types.ByteText()),
        sa.Column("task_id", types.ByteText()),
        sa.Column("payload", types.JsonDoc(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("run_at", types.UtcDateTime(), nullable=False),
        sa.Column("ready_at", types.UtcDateTime()),
        sa.Column("leased_by", types.ByteText()),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("last_error", types.ByteText()),
        sa.Column("done_at", types.UtcDateTime()),
        sa.Column("dead_at", types.UtcDateTime()),
        sa.PrimaryKeyConstraint("seq", name="pk_outbox"),
    )
    op.create_index("ix_outbox_dead_at", "outbox", ["dead_at"])
    op.create_index("ix_outbox_done_at", "outbox", ["done_at"])
    op.create_index("ix_outbox_key", "outbox", ["key"], unique=True)
    op.create_index("ix_outbox_ordering_key", "outbox", ["ordering_key", "ready_at", "seq"])
    op.create_index("ix_outbox_ready_at", "outbox", ["ready_at", "seq"])
    op.create_index("ix_outbox_task", "outbox", ["task_id"])


def _create_heads() -> None:
    op.create_table(
        "heads",
        sa.Column("name", types.ByteText(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", types.ByteText(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_heads"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("event", types.ByteText(), nullable=False),
        sa.Column("task_id", types.ByteText()),
        sa.Column("actor_type", types.ByteText()),
        sa.Column("actor_id", types.ByteText()),
        sa.Column("actor", types.JsonDoc()),
        sa.Column("origin", types.JsonDoc()),
        sa.Column("details", types.JsonDoc(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("prev_hash", types.ByteText(), nullable=False),
        sa.Column("hash", types.ByteText(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_actor", "audit", ["actor_id", "seq"])
    op.create_index("ix_audit_at", "audit", ["at", "seq"])
    op.create_index("ix_audit_event", "audit", ["event", "seq"])
    op.create_index("ix_audit_task", "audit", ["task_id", "seq"])


def _create_audit_heads() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", types.ByteText(), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("signature", types.ByteText(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_heads"),
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("kind", types.ByteText(), nullable=False),
        sa.Column("task_id", types.ByteText(), nullable=False),
        sa.Column("task_version", sa.BigInteger(), nullable=False),
        sa.Column("requester", types.ByteText()),
        sa.Column("client_id", types.ByteText()),
        sa.Column("queues", types.JsonDoc(), nullable=False),
        sa.Column("data", types.JsonDoc(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
    )
    op.create_index("ix_events_at", "events", ["at"])
    op.create_index("ix_events_requester", "events", ["requester", "seq"])
    op.create_index("ix_events_task", "events", ["task_id", "seq"])


def _create_subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", types.ByteText(), nullable=False),
        sa.Column("owner", types.ByteText(), nullable=False),
        sa.Column("url", types.ByteText(), nullable=False),
        sa.Column("events", types.JsonDoc(), nullable=False),
        sa.Column("queues", types.JsonDoc()),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", types.UtcDateTime()),
        sa.Column("delivered_at", types.UtcDateTime()),
        sa.Column("disabled_at", types.UtcDateTime()),
        sa.Column("disabled_reason", types.ByteText()),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
    )
    op.create_index("ix_subscriptions_owner", "subscriptions", ["owner", "created_at"])


def _create_delegations() -> None:
    op.create_table(
        "delegations",
        sa.Column("id", types.ByteText(), nullable=False),
        sa.Column("from_type", types.ByteText(), nullable=False),
        sa.Column("from_id", types.ByteText(), nullable=False),
        sa.Column("to_type", types.ByteText(), nullable=False),
        sa.Column("to_id", types.ByteText(), nullable=False),
        sa.Column("queue", types.ByteText()),
        sa.Column("template", types.ByteText()),
        sa.Column("starts_at", types.UtcDateTime(), nullable=False),
        sa.Column("ends_at", types.UtcDateTime(), nullable=False),
        sa.Column("reason", types.ByteText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("created_by", types.ByteText(), nullable=False),
        sa.Column("revoked_at", types.UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_delegations"),
    )
    op.create_index("ix_delegations_from", "delegations", ["from_id", "from_type", "ends_at"])
    op.create_index("ix_delegations_to", "delegations", ["to_id", "to_type", "ends_at"])


def _create_absences() -> None:
    op.create_table(
        "absences",
        sa.Column("id", types.ByteText(), nullable=False),
        sa.Column("person_type", types.ByteText(), nullable=False),
        sa.Column("person_id", types.ByteText(), nullable=False),
        sa.Column("deputy_type", types.ByteText()),
        sa.Column("deputy_id", types.ByteText()),
        sa.Column("starts_at", types.UtcDateTime(), nullable=False),
        sa.Column("ends_at", types.UtcDateTime(), nullable=False),
        sa.Column("reason", types.ByteText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_absences"),
    )
    op.create_index("ix_absences_deputy", "absences", ["deputy_id", "deputy_type", "ends_at"])
    op.create_index("ix_absences_ends_at", "absences", ["ends_at"])
    op.create_index("ix_absences_person", "absences", ["person_id", "person_type", "ends_at"])


def _create_reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", types.ByteText(), nullable=False),
        sa.Column("task_id", types.ByteText(), nullable=False),
        sa.Column("approval_ref", types.ByteText()),
        sa.Column("template", types.ByteText(), nullable=False),
        sa.Column("subject_type", types.ByteText(), nullable=False),
        sa.Column("subject_id", types.ByteText(), nullable=False),
        sa.Column("opened_at", types.UtcDateTime(), nullable=False),
        sa.Column("due_at", types.UtcDateTime(), nullable=False),
        sa.Column("done_at", types.UtcDateTime()),
        sa.Column("reviewer_type", types.ByteText()),
        sa.Column("reviewer_id", types.ByteText()),
        sa.Column("outcome", types.JsonDoc()),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
    )
    op.create_index("ix_reviews_due", "reviews", ["done_at", "due_at"])
    op.create_index("ix_reviews_opened", "reviews", ["opened_at", "id"])
    op.create_index("ix_reviews_task", "reviews", ["task_id"])
