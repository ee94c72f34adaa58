"""The tables of the decision core."""

import sqlalchemy as sa
from alembic import op

from pdp.store import types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _create_versions()
    _create_signing_keys()
    _create_clients()
    _create_entities()
    _create_decisions()
    _create_policy_versions()


def _create_versions() -> None:
    op.create_table(
        "versions",
        sa.Column("topic", types.ByteText(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name="pk_versions"),
    )


def _create_signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", types.ByteText(), nullable=False),
        sa.Column("alg", types.ByteText(), nullable=False),
        sa.Column("state", types.ByteText(), nullable=False),
        sa.Column("public_jwk", types.JsonDoc(), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("activated_at", types.UtcDateTime()),
        sa.Column("retired_at", types.UtcDateTime()),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )
    op.create_index("ix_signing_keys_alg", "signing_keys", ["alg", "state"])


def _create_clients() -> None:
    op.create_table(
        "clients",
        sa.Column("id", types.ByteText(), nullable=False),
        sa.Column("source", types.ByteText(), nullable=False),
        sa.Column("key_sha256", types.ByteText(), nullable=False),
        sa.Column("roles", types.JsonDoc(), nullable=False),
        sa.Column("acts_for", types.JsonDoc(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", "source", name="pk_clients"),
    )


def _create_entities() -> None:
    op.create_table(
        "entities",
        sa.Column("cedar_type", types.ByteText(), nullable=False),
        sa.Column("cedar_id", types.ByteText(), nullable=False),
        sa.Column("body", types.JsonDoc()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("cedar_type", "cedar_id", name="pk_entities"),
    )
    op.create_index("ix_entities_version", "entities", ["version"])


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("evaluation_id", types.ByteText(), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("decision", sa.Boolean(), nullable=False),
        sa.Column("subject_type", types.ByteText(), nullable=False),
        sa.Column("subject_id", types.ByteText(), nullable=False),
        sa.Column("action", types.ByteText(), nullable=False),
        sa.Column("resource_type", types.ByteText(), nullable=False),
        sa.Column("resource_id", types.ByteText(), nullable=False),
        sa.Column("policy_version", types.ByteText(), nullable=False),
        sa.Column("caller", types.ByteText()),
        sa.Column("request_id", types.ByteText()),
        sa.Column("detail", types.JsonDoc(), nullable=False),
        sa.PrimaryKeyConstraint("evaluation_id", name="pk_decisions"),
    )
    op.create_index("ix_decisions_at", "decisions", ["at", "evaluation_id"])
    op.create_index("ix_decisions_decision", "decisions", ["decision", "at", "evaluation_id"])
    op.create_index("ix_decisions_resource", "decisions", ["resource_id", "at", "evaluation_id"])
    op.create_index("ix_decisions_subject", "decisions", ["subject_id", "at", "evaluation_id"])


def _create_policy_versions() -> None:
    op.create_table(
        "policy_versions",
        sa.Column("replica", types.ByteText(), nullable=False),
        sa.Column("version", types.ByteText(), nullable=False),
        sa.Column("loaded_at", types.UtcDateTime(), nullable=False),
        sa.Column("folder", types.ByteText(), nullable=False),
        sa.PrimaryKeyConstraint("replica", "version", name="pk_policy_versions"),
    )
    op.create_index("ix_policy_versions_loaded_at", "policy_versions", ["loaded_at"])
