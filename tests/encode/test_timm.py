import io
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from headwater.encode import timm as wrapper
from headwater.encode.efficientnet_lite import EfficientNetLite, classifier
from headwater.encode.timm import Timm
from headwater.errors import BadParameter, MissingExtra
from headwater.registry import build


@pytest.fixture(scope="module")
def timm():
    try:
        import timm
    except (ImportError, RuntimeError) as error:  # a torchvision that does not fit torch
        pytest.skip(f"timm cannot be imported: {error}")
    return timm


def jpeg(seed, size=(260, 300)):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (5, 4, 3), np.uint8))
    file = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=95)
    return file.getvalue()


IMAGES = [jpeg(seed) for seed in range(5)]


@pytest.fixture(scope="module")
def drawn(timm, tmp_path_factory):
    """A ResNet-10 of random weights, and the file that they are in."""
    torch.manual_seed(0)
    net = timm.create_model("resnet10t", pretrained=False).eval()
    path = str(tmp_path_factory.mktemp("weights") / "net.safetensors")
    save_file(net.state_dict(), path)
    return net, path


@torch.no_grad()
def test_is_the_net_without_its_last_layer(drawn):
    net, path = drawn
    model = Timm(name="resnet10t", weights=path, batch_size=2)
    got = model.encode(IMAGES)
    x = torch.stack([model.ready(content) for content in IMAGES])
    assert got.shape == (5, model.dimensions) == (5, 512)
    np.testing.assert_allclose(got, net.forward_features(x).mean((2, 3)).numpy(), atol=1e-5)
    np.testing.assert_allclose(net.fc(torch.from_numpy(got)).numpy(), net(x).numpy(), atol=1e-4)


@pytest.fixture(scope="module")
def lite0(timm, tmp_path_factory):
    """The weights of encode.efficientnet_lite as timm calls them: both list them in one order."""
    net = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    theirs = net.state_dict()
    ours = list(classifier().state_dict().values())
    assert [w.shape for w in ours] == [w.shape for w in theirs.values()]
    path = str(tmp_path_factory.mktemp("weights") / "lite0.safetensors")
    save_file({name: w.clone() for name, w in zip(theirs, ours, strict=True)}, path)
    return path


def test_efficientnet_lite_by_another_package(lite0):
    model = Timm(name="tf_efficientnet_lite0", weights=lite0)
    ours = EfficientNetLite()
    pixels = np.stack([ours.ready(content) for content in IMAGES])
    x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 127) / 128
    np.testing.assert_allclose(model.vectors(list(x)), ours.encode(IMAGES), atol=1e-4)


def test_its_own_preparation_is_nearly_ours(lite0):
    """Ours crops first; theirs shrinks first, and has a mean of 127.5."""
    a = Timm(name="tf_efficientnet_lite0", weights=lite0).encode(IMAGES)
    b = EfficientNetLite().encode(IMAGES)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.min() > 0.95
    assert cosine.max() < 1 - 1e-6


def test_weights_are_kept_apart(timm, drawn, tmp_path):
    torch.manual_seed(1)
    other = str(tmp_path / "other.safetensors")
    save_file(timm.create_model("resnet10t", pretrained=False).state_dict(), other)
    kept = tmp_path / "kept"
    first = Timm(name="resnet10t", weights=drawn[1]).encode(IMAGES[:1], cache=kept)
    second = Timm(name="resnet10t", weights=other).encode(IMAGES[:1], cache=kept)
    assert np.abs(first - second).max() > 1e-3


def test_loading_draws_nothing(drawn):
    wrapper._load.cache_clear()
    before = torch.get_rng_state()
    Timm(name="resnet10t", weights=drawn[1]).encode(IMAGES[:1])
    assert torch.equal(torch.get_rng_state(), before)


def test_mistakes(timm, drawn, tmp_path):  # noqa: ARG001
    with pytest.raises(BadParameter, match=r"no model 'resnet10s'.*Unknown model"):
        Timm(name="resnet10s").encode(IMAGES[:1])
    with pytest.raises(BadParameter, match=r"no model 'resnet18' with the weights in .*net.safet"):
        Timm(name="resnet18", weights=drawn[1]).encode(IMAGES[:1])
    with pytest.raises(BadParameter, match=r"with the weights in nowhere.safetensors"):
        Timm(name="resnet18", weights="nowhere.safetensors").encode(IMAGES[:1])


def test_needs_a_name():
    with pytest.raises(BadParameter, match="Timm needs name"):
        build("encode.timm")


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtra, match=r"encode.timm needs timm, .* 'headwater\[timm\]'"):
        Timm(name="any").encode(IMAGES[:1])
