"""The first tables: events, consents, users, items, receipts of erasure, and notes on the store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # what SQLite counts up by itself


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("item_id", sa.Text),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("session_id", sa.Text),
        sa.Column("consent", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text),
        sa.Column("position", sa.Integer),
        sa.Column("creative", sa.Integer),
        sa.Column("propensity", sa.Double),
        sa.Column("creative_propensity", sa.Double),
        sa.Column("path", sa.Text),
        sa.Column("seconds", sa.Double),
        sa.Column("query", sa.Text),
        sa.Column("satisfaction", sa.Integer),
        sa.Column("intents", sa.Text),
    )
    op.create_index("events_by_user", "events", ["user_id"])
    op.create_index("events_by_time", "events", ["time"])
    op.create_table(
        "consents",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
    )
    op.create_index("consents_by_user", "consents", ["user_id"])
    for name, key in (("users", "user_id"), ("items", "item_id")):
        op.create_table(
            name,
            sa.Column(key, sa.Text, primary_key=True),
            sa.Column("about", sa.Text, nullable=False),
            sa.Column("time", sa.BigInteger, nullable=False),
        )
    op.create_table(
        "receipts",
        sa.Column("receipt_id", sa.Text, primary_key=True),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
    )
    op.create_index("receipts_by_who", "receipts", ["who"])
    op.create_table(
        "meta",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
