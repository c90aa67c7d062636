from pathlib import Path

import numpy as np
import pytest
from letters import Letters, texts, vector

from headwater.errors import BadParameter, DataError


@pytest.mark.parametrize("batch_size", [1, 3, 4, 1000])
def test_a_row_for_each_text_and_each_content_once(batch_size):
    some = [*texts(30), *texts(10), "", ""]
    model = Letters(batch_size=batch_size)
    got = model.encode(some)
    np.testing.assert_array_equal(got, np.stack([vector(text) for text in some]))
    assert got.dtype == np.float32
    asked = [text for batch in model.asked for text in batch]
    assert sorted(asked) == sorted(set(some))
    assert max(map(len, model.asked)) <= batch_size


def test_order_does_not_matter():
    some = texts(20)
    order = np.random.default_rng(1).permutation(20)
    moved = Letters().encode([some[i] for i in order])
    np.testing.assert_array_equal(moved, Letters().encode(some)[order])


def test_texts_of_one_length_share_a_batch():
    model = Letters(batch_size=2)
    model.encode(["aaa", "b", "cccccc", "dd", "eeeee", "f"])
    assert model.asked == [["cccccc", "eeeee"], ["aaa", "dd"], ["b", "f"]]


def test_anything_that_can_be_gone_through():
    assert Letters().encode(text for text in ("a", "b")).shape == (2, 3)
    assert Letters().encode(np.array(["a", "b"], object)).shape == (2, 3)
    assert Letters().encode([]).shape == (0, 3)


def test_progress():
    told = []
    Letters().encode([*texts(10), *texts(3)], progress=lambda *said: told.append(said))
    what, done, total = zip(*told, strict=True)
    assert set(what) == {"letters"}
    assert set(total) == {13}
    assert list(done) == sorted(done)
    assert done[-1] == 13


def test_all_that_is_wrong_is_named_before_anything_is_computed():
    model = Letters()
    some = ["good", None, 3.5, "half \ud800", b"bytes", 1, ["list"], "good"]
    with pytest.raises(DataError) as error:
        model.encode(some)
    said = str(error.value)
    assert said.startswith("6 of 8 texts cannot be encoded: number 1: a NoneType, not text; ")
    assert "number 3: not Unicode: surrogates not allowed at character 5" in said
    assert "number 5" in said
    assert "number 6" not in said
    assert "; and 1 more. Letters.faults gives all of them by number" in said
    assert list(model.faults(some)) == [1, 2, 3, 4, 5, 6]
    assert not model.asked


@pytest.mark.parametrize("single", ["text", b"bytes", Path("path"), {"a": "text"}])
def test_a_single_thing_is_no_list(single):
    with pytest.raises(DataError, match=f"a single {type(single).__name__}: put it into a list"):
        Letters().encode(single)


@pytest.mark.parametrize(
    "wrong",
    [
        np.full((2, 3), np.nan, np.float32),
        np.full((2, 3), np.inf, np.float32),
        np.zeros((2, 4), np.float32),
        np.zeros((2, 3)),
    ],
)
def test_vectors_that_make_no_sense_are_not_kept(wrong, tmp_path):
    class Wrong(Letters):
        def vectors(self, batch):  # noqa: ARG002
            return wrong

    with pytest.raises(DataError, match=r"Wrong.vectors gave float.* must be \(2, 3\) float32"):
        Wrong().encode(["a", "b"], cache=tmp_path / "kept")
    model = Letters()
    model.encode(["a", "b"], cache=tmp_path / "kept")
    assert model.asked == [["a", "b"]]


def test_batch_size():
    with pytest.raises(BadParameter, match="batch_size must be at least 1"):
        Letters(batch_size=0)
