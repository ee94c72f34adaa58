"""The tables of deferral: handles, whom to tell, what polls were answered, challenges used."""

import sqlalchemy as sa
from alembic import op

from pdp.store import types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _create_deferrals()
    _create_notifications()
    _create_answers()
    _create_challenges()


def _create_deferrals() -> None:
    op.create_table(
        "deferrals",
        sa.Column("hash", types.ByteText(), nullable=False),
        sa.Column("ref", types.ByteText(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("task_id", types.ByteText(), nullable=False),
        sa.Column("skin", types.ByteText(), nullable=False),
        sa.Column("owner", types.ByteText(), nullable=False),
        sa.Column("client_id", types.ByteText(), nullable=False),
        sa.Column("jkt", types.ByteText()),
        sa.Column("x5t", types.ByteText()),
        sa.Column("challenge", types.ByteText()),
        sa.Column("state", types.ByteText(), nullable=False),
        sa.Column("interval", sa.BigInteger(), nullable=False),
        sa.Column("too_fast", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("polled_at", types.UtcDateTime()),
        sa.Column("ended_at", types.UtcDateTime()),
        sa.Column("request", types.JsonDoc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="fk_deferrals_task_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("hash", name="pk_deferrals"),
    )
    op.create_index("ix_deferrals_ref", "deferrals", ["ref"], unique=True)
    op.create_index("ix_deferrals_task", "deferrals", ["task_id"])


def _create_notifications() -> None:
    op.create_table(
        "deferral_notifications",
        sa.Column("ref", types.ByteText(), nullable=False),
        sa.Column("endpoint", types.ByteText(), nullable=False),
        sa.Column("code_sealed", sa.LargeBinary()),
        sa.Column("token_sealed", sa.LargeBinary()),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name="pk_deferral_notifications"),
    )
    op.create_index(
        "ix_deferral_notifications_expires_at", "deferral_notifications", ["expires_at"]
    )


def _create_answers() -> None:
    op.create_table(
        "deferral_answers",
        sa.Column("owner", types.ByteText(), nullable=False),
        sa.Column("key", types.ByteText(), nullable=False),
        sa.Column("ref", types.ByteText()),
        sa.Column("body_hash", types.ByteText(), nullable=False),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_deferral_answers"),
    )
    op.create_index("ix_deferral_answers_expires_at", "deferral_answers", ["expires_at"])
    op.create_index("ix_deferral_answers_ref", "deferral_answers", ["ref"])


def _create_challenges() -> None:
    op.create_table(
        "challenges_used",
        sa.Column("issuer", types.ByteText(), nullable=False),
        sa.Column("jti", types.ByteText(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "jti", name="pk_challenges_used"),
    )
    op.create_index("ix_challenges_used_expires_at", "challenges_used", ["expires_at"])
