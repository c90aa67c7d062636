import json
import re
import sys
from collections import Counter

import numpy as np
import pytest
from safetensors.numpy import load, save

from headwater.encode.tfidf import TfIdf
from headwater.errors import BadParameter, DataError, MissingExtra, NotFitted
from headwater.registry import build, describe
from headwater.state import pack, unpack

WORDS = [f"{a}{b}" for a in "bdfgklm" for b in ("ar", "en", "ill", "ost", "um")]


def texts(n, seed=0, words=WORDS):
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.full(len(words), 0.3))
    return [" ".join(rng.choice(words, rng.integers(3, 20), p=chances)) for _ in range(n)]


def words_of(text, ngrams=1):
    plain = re.findall(r"\w\w+", text.lower())
    return [
        " ".join(plain[at : at + n])
        for n in range(1, ngrams + 1)
        for at in range(len(plain) - n + 1)
    ]


def slow(learned_from, asked, ngrams=1):
    """The terms in order, and a row for each text, word by word."""
    within = [set(words_of(text, ngrams)) for text in learned_from]
    terms = sorted(set().union(*within))
    idf = {t: np.log((1 + len(within)) / (1 + sum(t in one for one in within))) + 1 for t in terms}
    rows = []
    for text in asked:
        counts = Counter(words_of(text, ngrams))
        row = np.array([counts[t] * idf[t] for t in terms])
        length = np.sqrt((row**2).sum())
        rows.append(row / length if length else row)
    return tuple(terms), np.array(rows)


@pytest.mark.parametrize("ngrams", [1, 2])
def test_is_the_definition(ngrams):
    asked = [*texts(8, seed=1), "", "nothing here is known", f"{WORDS[0].upper()}, {WORDS[1]}!"]
    model = TfIdf(size=None, ngrams=ngrams).fit_texts(texts(40))
    terms, expected = slow(texts(40), asked, ngrams)
    assert model.terms == terms
    assert model.dimensions == len(terms)
    got = model.encode(asked)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert not got[8].any()
    assert not got[9].any()


@pytest.mark.parametrize(("words", "tolerance"), [(WORDS[:12], 1e-5), (WORDS, 1e-2)])
def test_topics_are_those_of_a_full_svd(words, tolerance):
    """All of them where there are few terms; nearly, where the method has to leave some out."""
    some, asked = texts(60, words=words), texts(9, seed=1, words=words)
    _, x = slow(some, some)
    _, _, v = np.linalg.svd(x, full_matrices=False)
    _, rows = slow(some, asked)
    expected = rows @ v[:5].T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    model = TfIdf(size=5).fit_texts(some)
    assert model.dimensions == 5
    got = model.encode([*asked, ""])
    signs = np.sign((got[:9] * expected).sum(0))
    np.testing.assert_allclose(got[:9] * signs, expected, atol=tolerance)
    np.testing.assert_array_equal(got[9], np.zeros(5))


def test_which_terms():
    some = ["the sun the sun", "the moon", "the sea of the moon"]
    assert TfIdf(size=None, min_texts=2).fit_texts(some).terms == ("moon", "the")
    assert TfIdf(size=None, max_terms=1).fit_texts(some).terms == ("the",)
    stopped = TfIdf(size=None, stop_words="english").fit_texts(some)
    assert stopped.terms == ("moon", "sea", "sun")
    assert stopped.encode(["the of"]).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("size", [None, 4])
def test_saved_and_loaded(size):
    model = TfIdf(size=size, ngrams=2).fit_texts([*texts(30), 'a "quoted" wörd'])
    arrays, plain = pack(model)
    again = build(json.loads(json.dumps(describe(model))))
    unpack(again, load(save(arrays)), json.loads(json.dumps(plain)))
    assert again.terms == model.terms
    asked = texts(5, seed=2)
    np.testing.assert_array_equal(again.encode(asked), model.encode(asked))
    assert again.identity() == model.identity()


def test_learns_again():
    model = TfIdf(size=None).fit_texts(texts(30))
    model.fit_texts(["some other words"])
    assert model.terms == ("other", "some", "words")
    assert not TfIdf().fitted


def test_same_seed_same_model():
    models = [TfIdf(size=6, seed=seed).fit_texts(texts(50)) for seed in (1, 1)]
    np.testing.assert_array_equal(models[0].components_, models[1].components_)


def test_global_randomness_is_untouched():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    TfIdf(size=6).fit_texts(texts(50))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_what_it_learned_is_kept_apart(tmp_path):
    asked = texts(3, seed=3)
    for seed in (0, 1):
        model = TfIdf(size=4).fit_texts(texts(40, seed))
        np.testing.assert_array_equal(
            model.encode(asked, cache=tmp_path / "kept"), model.encode(asked)
        )


def test_mistakes():
    with pytest.raises(NotFitted, match=r"TfIdf has learned nothing yet: call fit_texts\(texts\)"):
        TfIdf().encode(["a"])
    with pytest.raises(BadParameter, match=r"from texts, not from events: call fit_texts"):
        TfIdf().fit(None)
    with pytest.raises(DataError, match=r"size=128 topics out of 3 texts with 5 terms"):
        TfIdf().fit_texts(["one two", "three four", "five"])
    with pytest.raises(DataError, match=r"2 texts have no term that is in min_texts=1 of them"):
        TfIdf().fit_texts(["", "a b c"])
    with pytest.raises(DataError, match=r"0 texts have no term"):
        TfIdf().fit_texts([])
    with pytest.raises(DataError, match=r"1 of 2 texts cannot be encoded: number 1: a NoneType"):
        TfIdf().fit_texts(["one two", None])
    with pytest.raises(BadParameter, match="size must be at least 1"):
        TfIdf(size=0)
    with pytest.raises(BadParameter, match="stop_words is english or None"):
        TfIdf(stop_words="german")


def test_missing_package(monkeypatch):
    for name in [n for n in sys.modules if n.split(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtra, match=r"needs sklearn, .* 'headwater\[labels\]'"):
        TfIdf().fit_texts(["one two"])
