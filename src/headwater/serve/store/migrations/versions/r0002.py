"""What was answered, experiments and who saw them; removed items are known as such, and receipts
say when the last model that knew somebody was gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.drop_index("events_by_user", "events")
    op.create_index("events_by_user", "events", ["user_id", "time"])
    op.add_column("items", sa.Column("removed", sa.BigInteger))
    first = sa.Column("revision", sa.BigInteger, nullable=False, server_default="1")
    op.add_column("items", first)
    op.create_index("items_by_revision", "items", ["revision"])
    meta = sa.table("meta", sa.column("name", sa.Text), sa.column("value", sa.Text))
    op.execute(sa.insert(meta).values(name="revision", value="1"))
    op.add_column("receipts", sa.Column("completed", sa.BigInteger))
    op.add_column("receipts", sa.Column("completed_by", sa.Text))
    op.create_table(
        "experiments",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "exposures",
        sa.Column("experiment", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
    )
    op.create_index("exposures_by_user", "exposures", ["user_id"])
    op.create_table(
        "answers",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("trace_id", sa.Text, nullable=False, unique=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("surface", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("steps", sa.Text, nullable=False),
        sa.Column("degraded", sa.Text, nullable=False),
        sa.Column("experiment", sa.Text),
        sa.Column("arm", sa.Text),
        sa.Column("consent", sa.Text, nullable=False),
        sa.Column("k", sa.Integer, nullable=False),
        sa.Column("filled", sa.Integer, nullable=False),
    )
    op.create_index("answers_by_user", "answers", ["user_id", "time"])
    op.create_index("answers_by_time", "answers", ["time"])
