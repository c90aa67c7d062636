"""What the tests of the event store send, and the clock that they set."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = timedelta(minutes=1)


class Clock:
    """A clock that is set by hand."""

    def __init__(self, time=NOW):
        self.time = time

    def __call__(self):
        return self.time.timestamp()


def event(n, user="ann", kind="click", time=NOW, **more):
    told = {"event_id": f"e{n}", "user_id": user, "kind": kind, "time": time, "consent": "full"}
    return {**told, "item_id": f"i{n}", **more}


def shown(n, request, user="ann", position=0, **more):
    slot = {"request_id": request, "position": position, "propensity": 0.5}
    return event(n, user, "impression", **slot, **more)


def statuses(answers):
    return [each.status for each in answers]


def names(store):
    return [name for frame in store.frames(["event_id"]) for name in frame["event_id"]]


def python(code, *arguments, **how):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **how}
    path = os.pathsep.join(
        [str(Path(__file__).parents[2] / "src"), os.environ.get("PYTHONPATH", "")]
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env={**os.environ, "PYTHONPATH": path}, **pipes
    )


def files_with(folder, text):
    """Those with the text in them or in their name; Parquet, which is compressed, is unpacked."""
    import polars as pl

    def whole(file):
        inside = pl.read_parquet(file).write_json() if file.suffix == ".parquet" else ""
        return file.read_bytes() + file.name.encode() + inside.encode()

    files = [each for each in folder.rglob("*") if each.is_file()]
    return [each.relative_to(folder) for each in files if text.encode() in whole(each)]


def of_version_0001(url):
    """A database as the first Headwater with a store left it, with a row in every table."""
    from alembic import command
    from alembic.config import Config

    from headwater.serve.store import Store, _base

    micro = int(NOW.timestamp()) * 10**6
    key = "00" * 32
    who = _base._keyed(bytes.fromhex(key), "zoe")
    check = _base._keyed(bytes.fromhex(key), "check")
    rows = [
        "INSERT INTO events (event_id, kind, user_id, item_id, time, received, consent) "
        f"VALUES ('e1', 'click', 'ann', 'i1', {micro}, {micro}, 'full')",
        f"INSERT INTO consents (user_id, level, time) VALUES ('ann', 'full', {micro})",
        f"INSERT INTO users VALUES ('ann', '{{\"country\":\"NL\"}}', {micro})",
        f"INSERT INTO items VALUES ('i1', '{{\"title\":\"One\"}}', {micro})",
        f"INSERT INTO receipts VALUES ('r', '{who}', '{{\"events\":3}}', {micro})",
        f"INSERT INTO meta VALUES ('key', '{key}')",
        f"INSERT INTO meta VALUES ('check', '{check}')",
    ]
    config = Config()
    config.set_main_option("script_location", str(_base.MIGRATIONS))
    with Store(url) as store, store._begin(writing=True, checked=False) as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0001")
        for row in rows:
            db.exec_driver_sql(row)


def as_of_version_0001(store):
    """All that `of_version_0001` wrote is there."""
    assert names(store) == ["e1"]
    assert store.standing("ann").recorded == "full"
    assert store.user("ann") == {"country": "NL"}
    assert store.item("i1") == {"title": "One"}
    assert store.items_changed(0)[0] == [("i1", {"title": "One"})]
    receipt = store.receipt("r")
    assert (receipt.counts, receipt.time, receipt.completed) == ({"events": 3}, NOW, None)
    assert store.erased_among(["ann", "zoe"]) == {"zoe"}
