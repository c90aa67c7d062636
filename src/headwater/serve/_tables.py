"""The tables of the event store, as the newest of its migrations leaves them."""

from __future__ import annotations

import polars as pl

from ..extras import needs

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = [
    "CONSENTS",
    "EVENTS",
    "ITEMS",
    "META",
    "PERSONAL",
    "RECEIPTS",
    "SENT",
    "SHOWN",
    "TYPES",
    "USERS",
    "tables",
]

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

tables = sa.MetaData()
EVENTS = sa.Table(
    "events",
    tables,
    sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("item_id", sa.Text),
    sa.Column("time", sa.BigInteger, nullable=False),  # unix microseconds, here and below
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("session_id", sa.Text),
    sa.Column("consent", sa.Text, nullable=False),  # under which it was kept
    sa.Column("request_id", sa.Text),
    sa.Column("position", sa.Integer),
    sa.Column("creative", sa.Integer),
    sa.Column("propensity", sa.Double),
    sa.Column("creative_propensity", sa.Double),
    sa.Column("path", sa.Text),
    sa.Column("seconds", sa.Double),
    sa.Column("query", sa.Text),
    sa.Column("satisfaction", sa.Integer),
    sa.Column("intents", sa.Text),  # a JSON list
    sa.Index("events_by_user", "user_id"),
    sa.Index("events_by_time", "time"),
)
CONSENTS = sa.Table(
    "consents",
    tables,
    sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Index("consents_by_user", "user_id"),
)
USERS, ITEMS = (
    sa.Table(
        name,
        tables,
        sa.Column(key, sa.Text, primary_key=True),
        sa.Column("about", sa.Text, nullable=False),  # a JSON object
        sa.Column("time", sa.BigInteger, nullable=False),
    )
    for name, key in (("users", "user_id"), ("items", "item_id"))
)
RECEIPTS = sa.Table(
    "receipts",
    tables,
    sa.Column("receipt_id", sa.Text, primary_key=True),
    sa.Column("who", sa.Text, nullable=False),  # a keyed hash
    sa.Column("counts", sa.Text, nullable=False),  # a JSON object
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Index("receipts_by_who", "who"),
)
META = sa.Table(
    "meta",
    tables,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
PERSONAL = (EVENTS, CONSENTS, USERS)  # every table with a user_id in it
SENT = [c.name for c in EVENTS.columns if c.name not in ("seq", "received")]
SHOWN = (
    "request_id",
    "user_id",
    "item_id",
    "time",
    "position",
    "creative",
    "propensity",
    "creative_propensity",
)
TYPES = {
    **dict.fromkeys(("time", "received", "seq"), pl.Int64),
    **dict.fromkeys(("position", "creative", "satisfaction"), pl.Int32),
    **dict.fromkeys(("propensity", "creative_propensity", "seconds"), pl.Float64),
}
