import numpy as np
import pytest

pytest.importorskip("PIL")
from PIL import Image

from headwater.data.toy import blocks
from headwater.errors import DataError
from headwater.simulate.pictures import draw, drawn
from headwater.stills import from_folder


def test_the_same_seed_draws_the_same():
    one, two, other = (np.asarray(drawn(2, 5, seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_a_kind_has_a_colour_of_its_own():
    """Hues of one kind are nearer to each other than those of two."""
    hues = [
        [np.asarray(drawn(kind, 4, seed).convert("HSV"))[..., 0] for seed in range(5)]
        for kind in range(4)
    ]
    angle = np.array([[np.angle(np.exp(2j * np.pi * h / 256).mean()) for h in row] for row in hues])
    apart = np.abs(np.angle(np.exp(1j * (angle[:, None, :, None] - angle[None, :, None, :]))))
    same = np.eye(4, dtype=bool)
    assert apart[same].max() < apart[~same].min()


def test_pictures_of_each_kind_of_an_item(tmp_path):
    data = blocks(items=12)
    folder = draw(data, tmp_path / "stills", items=[3, 5], seed=1)
    found = from_folder(folder, data)
    np.testing.assert_array_equal(np.unique(found.items, return_counts=True), [[3, 5], [2, 2]])
    kind = data.catalog.table["genres"][3][0]
    assert all(kind in name for name in np.array(found.names)[found.items == 3])
    with Image.open(found.contents[0]) as image:
        assert image.size == (160, 160)
    with pytest.raises(DataError, match="holds something already"):
        draw(data, folder, items=[1])
