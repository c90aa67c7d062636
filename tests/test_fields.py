"""What nets read: every kind of column, the unknown, and the encoder against numpy."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from headwater.data.toy import blocks
from headwater.errors import MissingColumn
from headwater.fields import fields_of, hashed
from headwater.types import Catalog


def world():
    data = blocks(users=4, items=6, length=3)
    table = pl.DataFrame(
        {
            "title": list("abcdef"),
            "topic": ["x", "y", "x", None, "y", "x"],
            "genres": [["g"], ["g", "h"], [], None, ["h"], ["g"]],
            "year": [1990, 2000, None, 2000, 1990, 2000],
            "same": [1] * 6,
        }
    )
    people = pl.DataFrame({"sex": ["f", "m", "f", "m"], "age": [20.0, 40.0, 20.0, 40.0]})
    vectors = {"text": np.arange(12, dtype=np.float32).reshape(6, 2) + 1}
    return replace(data, catalog=Catalog(table, vectors), people=people)


def test_what_can_be_read_is_taken():
    fields, arrays = fields_of(world(), vectors=["text"])
    assert [(f.of, f.name, f.kind, f.size, f.rows) for f in fields] == [
        ("user", "id", "category", 5, 5),
        ("user", "sex", "category", 3, 5),
        ("user", "age", "numbers", 2, 5),
        ("item", "id", "category", 7, 6),
        ("item", "topic", "category", 3, 6),
        ("item", "genres", "kinds", 3, 6),
        ("item", "year", "numbers", 2, 6),
        ("item", "text vector", "numbers", 2, 6),
    ]
    assert arrays["user_id_codes"].tolist() == [1, 2, 3, 4, 0]
    assert arrays["user_column_sex_codes"].tolist() == [1, 2, 1, 2, 0]
    assert arrays["user_column_age_numbers"].tolist() == [[-1, 0], [1, 0], [-1, 0], [1, 0], [0, 1]]
    assert arrays["item_column_topic_codes"].tolist() == [1, 2, 1, 0, 2, 1]
    assert arrays["item_column_genres_start"].tolist() == [0, 1, 3, 3, 3, 4, 5]
    assert arrays["item_column_genres_codes"].tolist() == [1, 1, 2, 2, 1]
    years = arrays["item_column_year_numbers"]
    assert years[2].tolist() == [0, 1], "missing is the mean, and said"
    assert years[[0, 1, 3, 4, 5], 0].mean() == pytest.approx(0, abs=1e-6)
    length = np.linalg.norm(arrays["item_column_text vector_numbers"], axis=1)
    np.testing.assert_allclose(length, 1, rtol=1e-6)


def test_only_what_is_asked_for():
    fields, _ = fields_of(world(), item_columns=["year"], user_columns=[])
    assert [f.name for f in fields] == ["id", "id", "year"]
    with pytest.raises(MissingColumn, match="no column 'mood' in what is known of the items"):
        fields_of(world(), item_columns=["mood"])
    with pytest.raises(MissingColumn, match="no column 'age' in what is known of the users"):
        fields_of(replace(world(), people=None), user_columns=["age"])
    with pytest.raises(MissingColumn, match="vectors"):
        fields_of(world(), vectors=["sound"])


def test_huge_vocabularies_are_hashed():
    """CRC-32, the same everywhere: written down, so that no release may change it."""
    assert hashed(["a", "b", 7], 1000).tolist() == [908, 682, 347]
    fields, arrays = fields_of(world(), most_codes=3)
    by_name = {(f.of, f.name): f for f in fields}
    assert by_name["item", "id"].size == 4
    assert arrays["item_id_codes"].max() <= 3
    assert arrays["item_id_codes"].min() >= 1
    assert arrays["user_id_codes"][-1] == 0


def test_the_encoder_is_what_it_says():
    torch = pytest.importorskip("torch")
    from headwater.nets import FieldEncoder

    fields, arrays = fields_of(world(), vectors=["text"])
    net = FieldEncoder(fields, 3, timed=True)
    net.fill(arrays)
    net.eval()
    user, items = torch.tensor([1, -1]), torch.tensor([[0, 1, 3], [2, 5, -1]])
    now = torch.tensor([0, 90_000])  # Thursday at midnight, Friday at one
    past = torch.tensor([[-1, 0, 1], [-1, -1, -1]])
    out = net(user, items, now, past).detach().numpy()
    assert out.shape == (2, 3, net.width)
    w = {name: t.detach().numpy() for name, t in net.state_dict().items()}
    table = {name: w[f"tables.{name}.weight"] for name in net.tables}
    own = table["item_id"][[1, 2, 4]]
    history = table["item_id"][[1, 2]].mean(0)
    wide = lambda row: np.tile(row, (3, 1))  # noqa: E731
    genres = [
        table["item_column_genres"][[1]],
        table["item_column_genres"][[1, 2]],
        np.zeros((1, 3)),
    ]
    first = np.concatenate(
        [
            wide(table["user_id"][2]),
            wide(table["user_column_sex"][2]),
            wide([1, 0]),
            own,
            table["item_column_topic"][[1, 2, 0]],
            np.array([each.mean(0) for each in genres]),
            arrays["item_column_year_numbers"][[0, 1, 3]],
            arrays["item_column_text vector_numbers"][[0, 1, 3]],
            wide(table["hour"][0]),
            wide(table["day"][4]),
            wide(history),
            history * own,
        ],
        axis=1,
    )
    np.testing.assert_allclose(out[0], first, rtol=1e-5)
    stranger = np.concatenate([table["user_id"][0], table["user_column_sex"][0], [0, 1]])
    np.testing.assert_allclose(out[1, 0, : len(stranger)], stranger, rtol=1e-6)
    np.testing.assert_allclose(out[1, :, -6:], 0)
    assert (out[1, 0, -12:-9] == table["hour"][1]).all()
    assert (out[1, 0, -9:-6] == table["day"][5]).all()


def test_columns_of_any_name():
    """A column called id is not the item's number, and a dot is not a line."""
    data = world()
    table = data.catalog.table.with_columns(
        pl.Series("id", [1.0, 2, 3, 4, 5, 6]),
        pl.Series("a.b", list("xyxyxy")),
        pl.Series("a_b", list("xxyyxx")),
    )
    fields, arrays = fields_of(replace(data, catalog=Catalog(table)))
    keys = [field.key for field in fields]
    assert len(set(keys)) == len(keys)
    assert arrays["item_id_codes"].tolist() == [1, 2, 3, 4, 5, 6]
    assert not any("." in key for key in keys)


def test_numbers_are_hidden_while_training():
    """So that there is something to say of the unknown."""
    torch = pytest.importorskip("torch")
    from headwater.nets import FieldEncoder

    fields, arrays = fields_of(world())
    net = FieldEncoder(fields, 2, timed=False, unknown=0.3)
    net.fill(arrays)
    field = next(f for f in fields if (f.of, f.name) == ("item", "id"))
    at = torch.randint(0, 6, (4000,))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        hidden = (net.train().look_up(field, at) == net.table("item_id").weight[0]).all(1)
    assert hidden.float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert not (net.eval().look_up(field, at) == net.table("item_id").weight[0]).all(1).any()
