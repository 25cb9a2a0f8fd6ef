"""When a run's last message stood in Slack, and leases that need no clock.

Until a run is told to its end, some process has to see to it. And a lease is over once nobody has seen it
renewed for its length, by the watch of the one who looks: so it counts its renewals instead of naming a time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("runs", sa.Column("lease_beat", sa.Integer(), nullable=False, server_default="0"))
    # What ended before this version was told by its own rules, as far as it could be.
    op.execute("UPDATE runs SET told_at = ended_at WHERE ended_at IS NOT NULL")
    op.execute("ALTER TABLE runs DROP COLUMN lease_until")
