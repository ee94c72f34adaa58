"""Handles by their end, so that those that ended long ago can be deleted."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index("ix_deferrals_expires_at", "deferrals", ["expires_at"])
