"""The tables of the event store, as the newest of its migrations leaves them."""

from __future__ import annotations

import polars as pl

from ...extras import needs

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = [
    "ANSWERS",
    "CONSENTS",
    "EVENTS",
    "EXPERIMENTS",
    "EXPOSURES",
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
    sa.Index("events_by_user", "user_id", "time"),
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
USERS = sa.Table(
    "users",
    tables,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("about", sa.Text, nullable=False),  # a JSON object, here and below
    sa.Column("time", sa.BigInteger, nullable=False),
)
ITEMS = sa.Table(
    "items",
    tables,
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("removed", sa.BigInteger),  # when; null while it is in the catalogue
    sa.Column("revision", sa.BigInteger, nullable=False, server_default="1"),  # of the last change
    sa.Index("items_by_revision", "revision"),
)
EXPERIMENTS = sa.Table(
    "experiments",
    tables,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
)
EXPOSURES = sa.Table(
    "exposures",
    tables,
    sa.Column("experiment", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("arm", sa.Text, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Index("exposures_by_user", "user_id"),
)
ANSWERS = sa.Table(
    "answers",
    tables,
    sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("trace_id", sa.Text, nullable=False, unique=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("surface", sa.Text, nullable=False),  # what was asked for: home, recommend ...
    sa.Column("model", sa.Text),  # null where none answered
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("steps", sa.Text, nullable=False),  # JSON, what each took
    sa.Column("degraded", sa.Text, nullable=False),  # a JSON list
    sa.Column("experiment", sa.Text),
    sa.Column("arm", sa.Text),
    sa.Column("consent", sa.Text, nullable=False),
    sa.Column("k", sa.Integer, nullable=False),  # how many items were asked for
    sa.Column("filled", sa.Integer, nullable=False),  # and how many there were
    sa.Index("answers_by_user", "user_id", "time"),
    sa.Index("answers_by_time", "time"),
)
RECEIPTS = sa.Table(
    "receipts",
    tables,
    sa.Column("receipt_id", sa.Text, primary_key=True),
    sa.Column("who", sa.Text, nullable=False),  # a keyed hash
    sa.Column("counts", sa.Text, nullable=False),  # a JSON object
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("completed", sa.BigInteger),
    sa.Column("completed_by", sa.Text),  # the model, after which no artifact has them
    sa.Index("receipts_by_who", "who"),
)
META = sa.Table(
    "meta",
    tables,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
PERSONAL = (EVENTS, CONSENTS, USERS, ANSWERS, EXPOSURES)  # every table with a user_id in it
SENT = [c.name for c in EVENTS.columns if c.name not in ("seq", "received")]
SHOWN = (
    "request_id",
    "user_id",
    "item_id",
    "session_id",
    "time",
    "position",
    "creative",
    "propensity",
    "creative_propensity",
    "path",
)
TYPES = {
    **dict.fromkeys(("time", "received", "seq", "removed", "revision"), pl.Int64),
    **dict.fromkeys(("position", "creative", "satisfaction", "k", "filled"), pl.Int32),
    **dict.fromkeys(("propensity", "creative_propensity", "seconds"), pl.Float64),
}
