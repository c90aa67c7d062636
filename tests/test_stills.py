"""Pictures from files to what each person sees."""

import io
import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

pytest.importorskip("PIL")
pytest.importorskip("torch")
from PIL import Image

from headwater import contact_sheet, facade, stills
from headwater.data.toy import blocks
from headwater.errors import BadParameter, DataError, MissingColumn, UnknownName
from headwater.registry import build
from headwater.simulate.pictures import draw, drawn


def jpeg(kind, of=3, seed=0):
    out = io.BytesIO()
    drawn(kind, of, seed).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def data():
    return blocks(users=60, items=12)


class Colours:
    """An encoder that sees the mean colour of a picture, and how far it varies."""

    def encode(self, contents, **_):
        pixels = [
            np.asarray(Image.open(io.BytesIO(each) if isinstance(each, bytes) else each))
            for each in contents
        ]
        rows = [[*p.mean((0, 1)), *p.std((0, 1))] for p in pixels]
        return np.array(rows, np.float32)


def test_how_files_are_called(data, tmp_path, caplog):
    for name in ("3.jpg", "3-b.png", "3-a.jpg", "5/x.jpg", "5/default.jpg", "5/x-spoiler.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(0))
    (tmp_path / "readme.txt").write_text("no picture")
    (tmp_path / "99.jpg").write_bytes(jpeg(0))
    found = stills.from_folder(tmp_path, data)
    at = data.items.encode([3, 5])
    mine = [np.array(found.names)[found.items == i].tolist() for i in at]
    assert mine == [
        ["3-a.jpg", "3-b.png", "3.jpg"],
        ["5/default.jpg", "5/x-spoiler.jpg", "5/x.jpg"],
    ]
    assert (np.diff(found.items) >= 0).all()
    assert [n for n, spoils in zip(found.names, found.spoils, strict=True) if spoils] == [
        "5/x-spoiler.jpg"
    ]
    assert "1 of 7 pictures" in caplog.text
    assert "99.jpg" in caplog.text


def test_folders_of_spoilers_and_folders_called_like_pictures(data, tmp_path):
    folder = tmp_path / "spoiler"  # the name of the folder itself says nothing
    for name in ("3/a.jpg", "3/Spoilers/b.jpg", "3/c.jpg/d.jpg", "5-no-spoiler.jpg", "5.jpg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(0))
    found = stills.from_folder(folder, data)
    told = dict(zip(found.names, found.spoils.tolist(), strict=True))
    assert told == {
        "3/a.jpg": False,
        "3/Spoilers/b.jpg": True,
        "3/c.jpg/d.jpg": False,
        "5-no-spoiler.jpg": True,
        "5.jpg": False,
    }
    assert all(found.bytes_of(i) for i in range(len(found)))


def test_a_folder_that_is_none(data, tmp_path):
    with pytest.raises(DataError, match="is no folder of pictures"):
        stills.from_folder(tmp_path / "none", data)
    with pytest.raises(DataError, match="holds no picture"):
        stills.from_folder(tmp_path, data)
    (tmp_path / "hello.jpg").write_bytes(jpeg(0))
    with pytest.raises(DataError, match=r"none of 1 pictures .* is called after an item"):
        stills.from_folder(tmp_path, data)


def test_crops_are_parts(data):
    image = Image.new("RGB", (100, 200), "red")
    image.paste("blue", (0, 100, 100, 200))
    out = io.BytesIO()
    image.save(out, "PNG")
    found = {
        name: Image.open(io.BytesIO(each)) for name, each in stills.crops(out.getvalue()).items()
    }
    assert {name: each.size for name, each in found.items()} == {
        "whole": (100, 200),
        "upper": (100, 120),
        "middle": (80, 120),
        "lower": (100, 120),
    }
    red = {name: np.asarray(each)[..., 0].mean() for name, each in found.items()}
    assert red["upper"] > red["whole"] > red["lower"]
    column = pl.Series("art", [None, out.getvalue(), *[None] * 10], dtype=pl.Binary)
    with_art = replace(
        data, catalog=replace(data.catalog, table=data.catalog.table.with_columns(column))
    )
    pictures = stills.from_catalogue(with_art, "art")
    assert len(pictures) == 4
    assert set(pictures.items) == {1}
    with pytest.raises(MissingColumn, match="no column 'jpeg'"):
        stills.from_catalogue(data, "jpeg")
    with pytest.raises(DataError, match="no item has a picture"):
        stills.from_catalogue(
            replace(
                data,
                catalog=replace(
                    data.catalog,
                    table=data.catalog.table.with_columns(art=pl.lit(None, pl.Binary)),
                ),
            ),
            "art",
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """40 films of two kinds each, drawn a picture of either; the encoder sees colours."""
    data = blocks(users=60, items=40)
    rng = np.random.default_rng(0)
    genres = [sorted(rng.choice(["a", "b", "c"], 2, replace=False).tolist()) for _ in range(40)]
    table = data.catalog.table.with_columns(genres=pl.Series(genres))
    data = replace(data, catalog=replace(data.catalog, table=table, stills=None))
    folder = draw(data, tmp_path_factory.mktemp("art") / "stills", items=np.arange(40))
    return data, stills.from_folder(folder, data)


def test_a_picture_shows_the_kind_that_was_drawn(world):
    """Heads that never saw the item's pictures, and were told both kinds of every picture."""
    data, pictures = world
    made = stills.with_stills(data, pictures, encoder=Colours(), seed=0).catalog.stills
    shown = np.array([name.rsplit("-", 1)[1].removesuffix(".jpg") for name in pictures.names])
    first = np.array(made.kinds)[made.scores.argmax(1)]
    assert (first == shown).mean() > 0.8
    np.testing.assert_array_equal(np.diff(made.start), 2)
    np.testing.assert_array_equal(
        made.number(pictures.items[::2], np.zeros(40, int)), np.arange(0, 80, 2)
    )


def test_a_head_never_judges_what_it_learned_from(world, monkeypatch):
    data, pictures = world
    from headwater.classify.head import Head

    learned, judged = [], []
    fit, chances = Head.fit, Head.chances
    x = Colours().encode(pictures.contents)
    monkeypatch.setattr(Head, "fit", lambda h, d, i=None: (learned.append(i), fit(h, d, i))[1])
    monkeypatch.setattr(Head, "chances", lambda h, v: (judged.append(v), chances(h, v))[1])
    stills.with_stills(data, pictures, encoder=Colours(), folds=4)
    assert len(learned) == len(judged) == 4
    assert sum(map(len, judged)) == len(pictures)
    for at, seen in zip(learned, judged, strict=True):
        number = [int(np.flatnonzero((x == row).all(1))[0]) for row in seen]
        assert not set(pictures.items[at]) & set(pictures.items[number])


def test_too_few_to_judge_by(data, tmp_path):
    draw(data, tmp_path / "few", items=[0, 1])
    with pytest.raises(DataError, match="2 items with pictures have any kind"):
        stills.with_stills(data, stills.from_folder(tmp_path / "few", data), encoder=Colours())


def test_everybody_sees_what_they_like(world, monkeypatch, tmp_path):
    data, pictures = world
    monkeypatch.setattr(
        stills,
        "build",
        lambda tree, **p: Colours() if tree == "encode.efficientnet_lite" else build(tree, **p),
    )
    model = facade.fit("popularity", data)
    table = facade.thumbnails(
        model,
        pictures,
        users=[4],
        tastes=("a", "b", "c"),
        k=5,
        picker={"model": "match", "epsilon": 0.0},
    )
    assert table["who"].unique(maintain_order=True).to_list() == [
        "user 4",
        "who likes a",
        "who likes b",
        "who likes c",
    ]
    assert table["rank"].to_list() == [1, 2, 3, 4, 5] * 4
    first = table["item_id"][:5].to_list()
    assert table["item_id"].to_list() == first * 4
    for kind in "abc":
        mine = table.filter(pl.col("who") == f"who likes {kind}")
        genres = data.catalog.table["genres"].gather(data.items.encode(mine["item_id"]))
        can = np.array([kind in each for each in genres])
        shown = np.array([name.endswith(f"-{kind}.jpg") for name in mine["picture"]])
        assert shown[can].mean() >= 0.75
    assert table["why"][5].endswith("of the taste")
    drawn_any = facade.thumbnails(
        model, pictures, users=[4], tastes=("a",), k=5, picker={"model": "match", "epsilon": 1.0}
    )
    assert set(drawn_any["why"]) == {"shown to learn from (chance 50.0%)"}
    rows = contact_sheet.sheet_of(table, pictures)
    assert [len(cells) for _, cells in rows] == [5] * 4
    sheet = Image.open(io.BytesIO(contact_sheet.as_png(rows)))
    assert sheet.size == (170 + 5 * 172 + 12, 12 + 4 * 264)
    assert len(np.unique(np.asarray(sheet).reshape(-1, 3), axis=0)) > 100
    page = contact_sheet.write(rows, tmp_path / "sheet.html", "A <b> title").read_text()
    assert page.count("<img ") == 20
    assert "A &lt;b&gt; title" in page
    assert "http" not in page
    with pytest.raises(BadParameter, match=r"ends in \.html or \.png"):
        contact_sheet.write(rows, tmp_path / "sheet.pdf", "")
    with pytest.raises(UnknownName, match="no kind in genres 'd'"):
        facade.thumbnails(model, pictures, users=[4], tastes=("d",))
    with pytest.raises(BadParameter, match="picker must choose pictures"):
        facade.thumbnails(model, pictures, users=[4], picker="mmr")
    with pytest.raises(BadParameter, match="at least one user"):
        facade.thumbnails(model, pictures, users=[])


def test_why_somebody_of_no_known_taste_sees_a_picture(world, monkeypatch):
    """A default is the first picture of its item, and not what was drawn or learned."""
    data, pictures = world
    monkeypatch.setattr(
        stills,
        "build",
        lambda tree, **p: Colours() if tree == "encode.efficientnet_lite" else build(tree, **p),
    )
    model = facade.fit("popularity", data)
    for epsilon in (0.0, 0.4):
        table = facade.thumbnails(
            model,
            pictures,
            users=["nobody"],
            k=40,
            picker={"model": "match", "epsilon": epsilon},
        )
        firsts = {names[0] for names in np.array(pictures.names).reshape(40, 2)}
        first = np.array([name in firsts for name in table["picture"]])
        why = table["why"].to_numpy()
        assert (why[first] == "the default: nothing is known of the taste").all()
        assert (why[~first] == "shown to learn from (chance 20.0%)").all()
        assert first.all() == (epsilon == 0)
    others = np.flatnonzero(~first)
    assert 1 <= len(others) <= 20


def test_the_picture_is_in_the_table_of_a_flow(world):
    data, pictures = world
    pictured = stills.with_stills(data, pictures, encoder=Colours())
    flow = build({"model": "flow", "retrieve": "popularity", "stages": ["thumbnail.match"]})
    table = facade.recommend(facade.fit(flow, pictured, fallback=False), users=[1], k=3)
    assert set(table["picture"]) <= set(pictures.names)
    assert table["picture"].null_count() == 0


def test_kinds_as_people_write_them(data):
    assert stills.tastes_of(data, "genres", None) == ()
    assert stills.tastes_of(data, "genres", "g1, g0") == ("g1", "g0")
    assert set(stills.tastes_of(data, "genres", "2")) <= {"g0", "g1", "g2"}
    json.dumps(stills.tastes_of(data, "genres", "2"))
