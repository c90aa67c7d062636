"""The command line from tables of what was recommended to verdicts, a page and a text."""

import json
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from headwater import facade
from headwater.cli import app
from headwater.data.impressions import read_impressions
from headwater.data.toy import blocks
from headwater.errors import BadParameter, DataError, HeadwaterError, MissingColumn
from headwater.evidence import Evidence
from headwater.norms import Norms, shown
from headwater.simulate.news import NewsWorld
from headwater.types import PAD
from norms_world import DAY, START, tables, world

run_in_process = CliRunner()


def call(*words, status=0):
    words = ["monitor", *(str(word) for word in words)]
    got = run_in_process.invoke(app, words, catch_exceptions=False)
    assert got.exit_code == status, got.output
    return json.loads(got.stdout) if "--json" in words else got.stdout


@pytest.fixture(scope="module")
def daily(tmp_path_factory):
    """A newspaper whose lists leave the norm on the ninth day, and for France from the first."""
    return tables(world(breaks=8, off=("FR",)), tmp_path_factory.mktemp("daily"))


@pytest.fixture(scope="module")
def norms(daily):
    path = daily / "norms.yaml"
    path.write_text(
        "name: The Daily\n"
        "segments: [country]\n"
        "targets:\n"
        "  topics: {metric: calibration, by: category, target: [0, 0.5], why: As people read.}\n"
        "  variety: {metric: representation, by: parties, target: [0, 0.9]}\n"
    )
    return path


def words(daily, norms):
    return [
        daily / "shown.parquet",
        norms,
        "--items", daily / "items.parquet",
        "--log", daily / "log.csv",
        "--users", daily / "people.csv",
    ]  # fmt: skip


def day(number):
    return pl.select(pl.from_epoch(pl.lit(START + number * DAY)).dt.date()).item().isoformat()


def test_tables_give_the_verdicts_of_the_evidence(daily, norms):
    found = call(*words(daily, norms), "--json", status=4)
    assert found["norms"] == "The Daily"
    assert (found["requests"], found["people"]) == (720, 60)
    assert (found["first"], found["last"], found["period"]) == (day(0), day(11), "day")
    assert found["missed"] == ["topics"]
    topics, variety = found["targets"]
    assert topics["missed_since"] == day(8)
    assert topics["missed_segments"][0] == "country FR"
    assert variety["verdict"] == "met"
    assert variety["undefined"].keys() <= {"no parties known of anything in the list"}
    every = {
        "name", "metric", "address", "column", "wanted", "why", "least_defined", "verdict", "mean",
        "low", "high", "range_low", "range_high", "chance", "by", "asked", "defined", "people",
        "in_range", "undecided_because", "missed_since", "missed_in_last_period",
        "missed_segments", "undefined", "segments", "periods",
    }  # fmt: skip
    assert set(topics) == every
    part = {
        "name", "column", "verdict", "why", "mean", "low", "high", "range_low", "range_high",
        "chance", "by", "asked", "defined", "people", "in_range",
    }  # fmt: skip
    assert all(set(each) == part for each in (*topics["segments"], *topics["periods"]))


def test_exit_codes(daily, norms, tmp_path):
    kept = tmp_path / "kept.yaml"
    kept.write_text("targets: {t: {metric: calibration, target: [0, 0.95]}}")
    assert "Of 1 norm 0 are missed, 1 is met." in call(*words(daily, kept))
    unsure = tmp_path / "unsure.yaml"
    unsure.write_text("targets: {t: {metric: calibration, target: [0, 0.5], defined: 1.0}}")
    few = pl.read_parquet(daily / "shown.parquet").filter(pl.col("user_id").is_in(["u1", "u2"]))
    few.write_parquet(tmp_path / "few.parquet")
    table = call(tmp_path / "few.parquet", unsure, *words(daily, unsure)[2:])
    assert "undecided" in table
    assert "topics" in call(*words(daily, norms), status=4)
    with pytest.raises(HeadwaterError):
        call(daily / "nowhere.parquet", norms)


def test_a_page_and_a_text(daily, norms, tmp_path):
    pytest.importorskip("altair")
    page, text = tmp_path / "norms.html", tmp_path / "editors.txt"
    call(*words(daily, norms), "--report", page, "--text", text, status=4)
    html = page.read_text()
    told = html[html.index("<body>") :]
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", told), "it needs no network"
    for what in (
        "Verdicts",
        "Over time",
        "Over people",
        "By segment",
        "country FR",
        "missed since",
    ):
        assert what in told
    assert not re.search(r'\b(u\d+|r\d+)\b"', told), "nobody is named"
    specs = re.findall(r'(?s)<script type="application/json">(.*?)</script>', html)
    assert len(specs) == 4
    assert all(json.loads(each)["layer"] for each in specs)
    said = text.read_text()
    assert max(map(len, said.splitlines())) <= 78
    flat = " ".join(said.split())
    assert "720 lists of 60 people, from 4 March 2024 to 15 March 2024." in flat
    assert "Of 2 norms 1 is missed, 1 is met." in flat
    assert "1. topics: MISSED" in flat
    assert "how far lists are from what each person had read, by category, at most 0.50." in flat
    assert "missed since 12 March 2024" in flat
    assert "Missed for country FR" in flat
    assert "to history, high 0.50" in flat


def test_a_saved_model_is_monitored(tmp_path):
    data = blocks()
    kinds = pl.Series("category", [f"kind {item % 3}" for item in range(len(data.items))])
    data = replace(data, catalog=replace(data.catalog, table=kinds.to_frame()))
    facade.save(facade.fit("popularity", data), tmp_path / "model.hw")
    path = tmp_path / "norms.yaml"
    path.write_text("targets: {shared: {metric: platform_distance, k: 5, target: [0, 0.9]}}")
    found = call(tmp_path / "model.hw", path, "-k", 5, "--json")
    assert (found["requests"], found["people"]) == (120, 120)
    assert found["targets"][0]["verdict"] == "met"
    assert "lists of 5 for 120 people" in found["notes"][0]
    with pytest.raises(BadParameter, match="leave out --item, --log, --users"):
        call(tmp_path / "model.hw", path, "--log", "x", "--users", "y", "--item", "z")
    with pytest.raises(MissingColumn, match="no column 'published'"):
        call(tmp_path / "model.hw", path, "--pool", 3)


def test_a_model_orders_candidates(daily, norms, tmp_path):
    """The lists are the order of the model, out of the candidates that the table has."""
    frame = pl.read_parquet(daily / "shown.parquet").with_columns(
        click=(pl.col("position") == 9).cast(pl.Int8)
    )
    data = read_impressions(frame, items=pl.read_parquet(daily / "items.parquet"))
    fitted = facade.fit("popularity", data)
    facade.save(fitted, tmp_path / "model.hw")
    few = frame.filter(pl.col("request_id").is_in([f"r{each}" for each in range(60)]))
    read = shown(few, model=facade.Fitted(facade.first_scorer(fitted.model), data))
    chosen = np.bincount(data.log.items, minlength=len(data.items))
    assert (np.diff(chosen[read.seen.slate.items], axis=1) <= 0).all()
    assert (np.sort(read.seen.slate.items) == np.sort(read.seen.offered.items)).all()
    few.write_parquet(tmp_path / "few.parquet")
    words_ = [tmp_path / "few.parquet", norms, "--users", daily / "people.csv", "--json"]
    words_ += ["--log", daily / "log.csv", "--model", tmp_path / "model.hw"]
    assert call(*words_)["requests"] == 60
    with pytest.raises(BadParameter, match="a model makes them"):
        call(*words_, "--recommended", "click")


def test_the_files_of_mind(tmp_path):
    made = NewsWorld(n_articles=500, n_users=60, n_impressions=200, days=3, before=5, n_persons=60)
    data = made.make().data
    made.make().write_mind(tmp_path / "mind")
    path = tmp_path / "norms.yaml"
    path.write_text("targets: {t: {metric: calibration, target: [0, 0.99]}}")
    found = call(tmp_path / "mind", path, "--json")
    was = data.impressions
    direct = Norms.of(path).check(Evidence(was.queries, was.slate, was.chosen, data))
    assert found["requests"] == len(was) == 200
    assert found["targets"][0]["mean"] == pytest.approx(direct["t"].whole.mean)
    assert found["targets"][0]["defined"] == direct["t"].whole.defined


# Reading ----------------------------------------------------------------------------------------


def same(read, seen):
    """Whether what was read is the evidence, whatever the order of the requests and numbers."""

    def lists(each):
        ids, users = each.data.items.values, each.data.users.values
        return {
            (users[int(user)], int(now)): [ids[int(item)] for item in row if item != PAD]
            for user, now, row in zip(
                each.queries.user, each.queries.now, each.slate.items, strict=True
            )
        }

    return lists(read) == lists(seen)


def test_reading_keeps_every_list_and_item(daily):
    seen = world(breaks=8, off=("FR",))
    read = shown(
        daily / "shown.parquet",
        items=daily / "items.parquet",
        log=daily / "log.csv",
        users=daily / "people.csv",
    )
    assert same(read.seen, seen)
    assert len(read.seen.data.items) == 180
    assert (read.seen.queries.history.lengths == 5).all()
    table, ours = read.seen.data.catalog.table, seen.data.catalog.table
    at = read.seen.data.items.encode(seen.data.items.values)
    assert table["story"].gather(at).to_list() == ours["story"].to_list()
    assert read.seen.data.people.columns == ["country", "age"]


def test_items_that_only_the_log_or_the_catalogue_knows(daily):
    frame = pl.read_parquet(daily / "shown.parquet").head(40)
    log = pl.DataFrame({"user_id": ["u0"], "item_id": ["old"], "timestamp": [START - 5]})
    read = shown(frame, items=daily / "items.parquet", log=log).seen
    assert len(read.data.items) == 181
    assert read.data.catalog.table["category"].null_count() == 1
    h = read.queries.history
    assert h.lengths.tolist() == [1, 0, 0, 0]
    assert read.data.items.values[int(h.items[0])] == "old"
    few = pl.read_parquet(daily / "items.parquet").head(5)
    told = shown(frame, items=few).notes
    assert any("knows nothing of" in note for note in told)


def test_numbers_and_text_as_ids():
    rows = {"user_id": [1, 1], "item_id": [7, 8], "timestamp": [START, START]}
    items = {"item_id": ["7", "8", "x"], "category": ["a", "b", "a"]}
    read = shown(rows, items=items, log={"user_id": [1], "item_id": [9], "timestamp": [START - 1]})
    assert sorted(read.seen.data.items.values.to_list()) == ["7", "8", "9", "x"]
    kinds = read.seen.data.catalog.table["category"]
    table = dict(zip(read.seen.data.items.values, kinds, strict=True))
    assert table == {"7": "a", "8": "b", "9": None, "x": "a"}


def test_lists_in_rows_and_a_column_of_histories():
    rows = [
        {"user": "a", "items": ["1", "2"], "history": ["3"], "time": START, "device": "phone"},
        {"user": "b", "items": ["2"], "history": [], "time": START, "device": None},
    ]
    read = shown(rows, item="items", segments=["device", "country"])
    assert read.seen.slate.filled.sum() == 3
    assert read.seen.queries.history.lengths.tolist() == [1, 0]
    assert read.columns["device"].to_list() == ["phone", None]
    assert list(read.columns) == ["device"]


def test_what_was_clicked_before_is_a_history_where_there_is_no_other(daily):
    frame = pl.read_parquet(daily / "shown.parquet")
    plain = shown(frame)
    assert not plain.seen.queries.history.lengths.any()
    assert any("nobody says what people had read" in note for note in plain.notes)
    assert not any("was clicked" in note for note in plain.notes)
    clicked = shown(frame.with_columns(click=(pl.col("position") == 0).cast(pl.Int8)))
    assert clicked.seen.queries.history.lengths.max() > 5
    assert any("had clicked before in the same table" in note for note in clicked.notes)
    assert (clicked.seen.truth.lengths == 1).all()


def test_what_was_clicked_is_no_history_where_nobody_knows_when(daily):
    frame = pl.read_parquet(daily / "shown.parquet").drop("timestamp")
    read = shown(frame.with_columns(click=(pl.col("position") == 0).cast(pl.Int8)))
    assert not read.seen.queries.history.lengths.any()
    assert any("nobody says what people had read" in note for note in read.notes)


def test_rows_without_a_request_are_of_no_segment(daily):
    frame = pl.read_parquet(daily / "shown.parquet").head(40).with_columns(
        request_id=pl.when(pl.col("request_id").is_in(["r1", "r2"])).then(None)
        .otherwise("request_id"),
        device=pl.Series([f"d{at // 10}" for at in range(40)]),
    )  # fmt: skip
    device = shown(frame, segments=["device"]).columns["device"]
    assert sorted(device.drop_nulls().to_list()) == ["d0", "d3"]
    assert device.null_count() == 20


def test_candidates_with_a_column_that_says_which_were_recommended(daily):
    frame = pl.read_parquet(daily / "shown.parquet").with_columns(
        picked=pl.col("position") % 3 == 1,
        label=(pl.col("position") == 0).cast(pl.Int8),
    )
    read = shown(frame, recommended="picked", click="label").seen
    assert read.offered.filled.sum(1).tolist() == [10] * 720
    assert read.slate.filled.sum(1).tolist() == [3] * 720
    assert (read.slate.items == read.offered.items[:, [1, 4, 7]]).all()
    assert (read.truth.items == read.offered.items[:, 0]).all()
    assert read.queries.history.lengths.any()
    none = frame.with_columns(picked=pl.col("picked") & (pl.col("request_id") != "r0"))
    lists = shown(none, recommended="picked").seen.slate
    assert (~lists.filled.any(1)).sum() == 1, "an empty list is a list"
    with pytest.raises(MissingColumn, match="no column 'chosen'"):
        shown(frame, recommended="chosen")
    with pytest.raises(BadParameter, match="leave pool out"):
        shown(frame, recommended="picked", pool=3)


def test_a_pool_of_days(daily):
    items = pl.read_parquet(daily / "items.parquet").with_columns(
        published=pl.from_epoch(pl.lit(START) + pl.int_range(pl.len()) * (DAY // 10)),
    )
    items = items.with_columns(published=pl.when(pl.col("item_id") != "n20").then("published"))
    frame = pl.read_parquet(daily / "shown.parquet")
    read = shown(frame, items=items, pool=2)
    seen, table = read.seen, read.seen.data.catalog.table
    when = table["published"].dt.epoch("s").to_numpy()
    rng = np.random.default_rng(0)
    for row in rng.choice(len(seen), 20):
        now = seen.queries.now[row]
        mine = set(seen.offered.items[row]) - {PAD}
        assert mine == set(np.flatnonzero((when <= now) & (when > now - 2 * DAY)))
    assert any("1 of 180 items have no published" in note for note in read.notes)
    assert any("were not in the pool" in note for note in read.notes)
    text = items.with_columns(pl.col("published").dt.to_string("%Y-%m-%d %H:%M:%S"))
    again = shown(frame, items=text, pool=2).seen
    assert (again.offered.filled.sum(1) == seen.offered.filled.sum(1)).all()


def test_mistakes_in_tables(daily, norms):
    frame = pl.read_parquet(daily / "shown.parquet").head(20)
    with pytest.raises(DataError, match="which rows of the frame are one list"):
        shown(frame.drop("request_id", "timestamp"))
    with pytest.raises(DataError, match="nobody can tell what had been read before"):
        shown(frame.drop("timestamp"), log=daily / "log.csv")
    untimed = pl.read_csv(daily / "log.csv").drop("timestamp")
    with pytest.raises(DataError, match="the log does not say when"):
        shown(frame, log=untimed)
    with pytest.raises(DataError, match="nor what was out then"):
        shown(frame.drop("timestamp"), items=daily / "items.parquet", pool=2)
    with pytest.raises(MissingColumn, match="no column 'published'"):
        shown(frame, items=daily / "items.parquet", pool=2)
    nothing = pl.read_parquet(daily / "items.parquet").with_columns(published=pl.lit("soon"))
    with pytest.raises(DataError, match="has no time"):
        shown(frame, items=nothing, pool=2)
    with pytest.raises(BadParameter, match="days above 0"):
        shown(frame, items=nothing, pool=0)
    with pytest.raises(BadParameter, match="'catalogue' or a number of days"):
        shown(frame, pool="week")
    with pytest.raises(BadParameter, match="days above 0; got '-1'"):
        call(*words(daily, norms), "--pool=-1")
    with pytest.raises(BadParameter, match="a table has its own"):
        call(*words(daily, norms), "--k", "5")
    with pytest.raises(BadParameter, match="period is one of auto, day, week, none"):
        call(daily / "nowhere.parquet", norms, "--period", "month")
    two = frame.with_columns(device=pl.Series(["a", "b"] * 10))
    with pytest.raises(DataError, match="request 'r0' of the frame has more than one device"):
        shown(two, segments=["device"])
    with pytest.raises(BadParameter, match="--pool is catalogue or a number of days"):
        call(*words(daily, norms), "--pool", "week")
    frame.with_columns(uid=pl.col("user_id")).write_parquet(daily / "two.parquet")
    with pytest.raises(DataError, match="Say which one, as --user 'user_id'"):
        call(daily / "two.parquet", norms)
    with pytest.raises(BadParameter, match="is a folder; this writes a file"):
        call(*words(daily, norms), "--text", daily)
