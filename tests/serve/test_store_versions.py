from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")
pytest.importorskip("alembic", reason="pip install 'headwater[serve]'")

from stored import as_of_version_0001, event, of_version_0001, python, statuses

from headwater.errors import BadParameter, StoreError
from headwater.serve.store import Store
from headwater.serve.store._tables import tables


def test_migrations_make_the_tables_that_the_code_has(store):
    assert store.version == "0002"
    with store.engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), tables) == []


def test_from_the_first_version(url, clock):
    of_version_0001(url)
    with Store(url, clock=clock) as store:
        with pytest.raises(StoreError, match=r"is of the older version 0001 .*upgrade"):
            store.count()
        store.upgrade()
        assert store.version == "0002"
        as_of_version_0001(store)
        with store.engine.connect() as db:
            assert compare_metadata(MigrationContext.configure(db), tables) == []
        assert statuses(store.ingest([event(1), event(2)])) == ["duplicate", "accepted"]
        store.put_items({"i2": {}})
        assert store.items_changed(1) == ([("i2", {})], 2)


def test_no_tables_yet(url):
    with Store(url) as store:
        with pytest.raises(StoreError, match=r"has no tables yet .*upgrade\(\), brings it up"):
            store.count()
        assert store.version is None
        file = store.engine.url.database
        assert store.engine.dialect.name != "sqlite" or not Path(file).exists(), (
            "looking makes none"
        )
        store.upgrade().upgrade()
        assert store.count()["events"] == 0


def test_a_file_may_be_named_by_a_uri(tmp_path):
    for _ in range(2):
        with Store(f"sqlite:///file:{tmp_path / 'events.db'}?uri=true") as store:
            assert store.upgrade().count()["events"] == 0
    assert (tmp_path / "events.db").exists()


def test_of_a_newer_headwater(store, url):
    with store.engine.begin() as db:
        db.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with Store(url) as late:
        for act in (late.count, late.upgrade):
            with pytest.raises(StoreError, match=r"version 9999.*written by a newer one"):
                act()


def test_the_key_is_the_one_it_was_made_with(tmp_path):
    path = tmp_path / "a.db"
    with Store(path, key=b"0123456789abcdef") as store:
        who = store.upgrade().erase("ann").who
    for key, said in ((None, "a key of its own"), (b"another key of it", "is not the one")):
        with Store(path, key=key) as other, pytest.raises(StoreError, match=said):
            other.count()
    with Store(path, key=b"0123456789abcdef") as store:
        assert store.erase("ann").who == who
    with pytest.raises(BadParameter, match="at least 16 bytes"):
        Store(path, key=b"short")
    with Store(tmp_path / "b.db") as other:
        assert other.upgrade().erase("ann").who != who


@pytest.mark.parametrize(
    ("url", "said"),
    [("sqlite://", "needs a file"), ("mysql://h/d", "SQLite or PostgreSQL"), ("a:b://", "address")],
)
def test_where_a_store_can_be(url, said):
    with pytest.raises(BadParameter, match=said):
        Store(url)


@pytest.mark.parametrize("package", ["sqlalchemy", "alembic"])
def test_what_is_not_installed_is_named(package):
    code = f"""
import sys
sys.modules["{package}"] = None
from headwater.errors import MissingExtra
try:
    import headwater.serve.store
except MissingExtra as error:
    print(error)
"""
    with python(code) as process:
        said = process.communicate()[0]
    assert said == (
        f"the event store needs {package}, which is not installed: pip install 'headwater[serve]'\n"
    )


def test_a_file_of_any_name(tmp_path):
    path = tmp_path / "a %20 b?c#d.db"
    with Store(path) as store:
        store.upgrade()
    assert path.exists()


def test_a_database_that_is_not_there(tmp_path):
    with (
        Store(tmp_path / "none" / "a.db") as store,
        pytest.raises(StoreError, match="unable to open database file"),
    ):
        store.upgrade()
