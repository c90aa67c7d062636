import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from headwater.encode._images import ImageEncoder
from headwater.errors import BadParameter, DataError
from headwater.images import decoded

LIMIT = 10_000


class Mean(ImageEncoder):
    """The mean colour."""

    dimensions = 3

    def identity(self):
        return {}

    def ready(self, content):
        return decoded(content, self.max_pixels)

    def vectors(self, batch):
        return np.stack([np.asarray(image).mean((0, 1)) for image in batch]).astype(np.float32)


def saved(image, kind="PNG", **how):
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def colours(channels, seed=0, shape=(6, 9)):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (*shape, channels) if channels > 1 else shape, np.uint8)


def rgb(content):
    image = decoded(content, LIMIT)
    assert image.mode == "RGB"
    return np.asarray(image).astype(float)


def on_white(colour, alpha):
    """The definition: (..., 3) and (...) in 0 ... 255."""
    share = alpha[..., None] / 255
    return share * colour + (1 - share) * 255


def test_rgb_and_grey():
    x = colours(3)
    np.testing.assert_array_equal(rgb(saved(Image.fromarray(x))), x)
    grey = colours(1)
    expected = np.repeat(grey[..., None], 3, -1)
    np.testing.assert_array_equal(rgb(saved(Image.fromarray(grey))), expected)
    bits = grey > 127
    np.testing.assert_array_equal(
        rgb(saved(Image.fromarray(bits))), np.repeat(bits[..., None] * 255, 3, -1)
    )


def test_grey_of_16_bits():
    x = (colours(1).astype(np.uint16) << 8) | colours(1, 1)
    for kind in ("PNG", "TIFF"):
        got = rgb(saved(Image.fromarray(x), kind))
        np.testing.assert_array_equal(got, np.repeat((x // 256)[..., None], 3, -1))


def test_transparent_lies_on_white():
    x = colours(4)
    expected = on_white(x[..., :3].astype(float), x[..., 3].astype(float))
    np.testing.assert_allclose(rgb(saved(Image.fromarray(x))), expected, atol=1)
    grey = colours(2)
    expected = on_white(np.repeat(grey[..., :1].astype(float), 3, -1), grey[..., 1].astype(float))
    np.testing.assert_allclose(rgb(saved(Image.fromarray(grey, "LA"))), expected, atol=1)


def palette():
    image = Image.fromarray(colours(1) % 3)
    image.putpalette([255, 0, 0, 0, 200, 0, 0, 0, 90])
    return image, np.array([[255, 0, 0], [0, 200, 0], [0, 0, 90]], float)[colours(1) % 3]


def test_palette_with_and_without_transparency():
    image, expected = palette()
    np.testing.assert_array_equal(rgb(saved(image)), expected)
    np.testing.assert_array_equal(rgb(saved(image, "GIF")), expected)
    white = np.where((colours(1) % 3 == 1)[..., None], 255, expected)
    np.testing.assert_array_equal(rgb(saved(image, transparency=1)), white)
    half = on_white(expected, np.array([255, 255, 100])[colours(1) % 3].astype(float))
    np.testing.assert_allclose(rgb(saved(image, transparency=bytes([255, 255, 100]))), half, atol=1)


def test_cmyk():
    x = colours(4).astype(float)
    image = Image.fromarray(x.astype(np.uint8), "CMYK")
    expected = (255 - x[..., :3]) * (255 - x[..., 3:]) / 255
    np.testing.assert_allclose(rgb(saved(image, "TIFF")), expected, atol=1)
    flat = Image.new("CMYK", (16, 16), (200, 30, 0, 40))
    one = (255 - np.array([200, 30, 0])) * (255 - 40) / 255
    np.testing.assert_allclose(
        rgb(saved(flat, "JPEG", quality=95)), one + np.zeros((16, 16, 3)), atol=3
    )


TURNED = {  # EXIF orientation: what puts the picture upright
    1: lambda x: x,
    2: np.fliplr,
    3: lambda x: np.rot90(x, 2),
    4: np.flipud,
    5: lambda x: x.transpose(1, 0, 2),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_exif_orientation(orientation, kind):
    x = colours(3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(Image.fromarray(x), kind, exif=exif, lossless=True)
    np.testing.assert_array_equal(rgb(content), TURNED[orientation](x))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_first_frame(kind):
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "lime", "blue")]
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    with Image.open(io.BytesIO(content)) as image:
        assert image.n_frames == 3
    np.testing.assert_array_equal(rgb(content), np.full((4, 5, 3), [255, 0, 0]))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "BMP", "TIFF", "GIF", "PNG"])
def test_formats(kind):
    got = rgb(saved(Image.new("RGB", (40, 30), (250, 120, 10)), kind))
    np.testing.assert_allclose(got, np.full((30, 40, 3), [250, 120, 10]), atol=6)


def header(width, height):
    """A PNG that says it has width x height pixels, and has none."""

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    about = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", about), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


NOISE = saved(Image.fromarray(colours(3, shape=(80, 80))), "JPEG")
WRONG = {
    "empty, 0 bytes": b"",
    "not an image, or of none of the formats JPEG": b"<html>not found</html>",
    "not an image": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "truncated or damaged": NOISE[: len(NOISE) // 2],
    "10 x 1001 pixels, more than max_pixels=10,000: make it smaller": header(10, 1001),
    "too many pixels": header(60_000, 60_000),
    "neither bytes nor a path": 3.5,
    "a NoneType, neither": None,
    "No such file or directory": "no/such/file.jpg",
    "Is a directory": "/",
    "embedded null byte": "a\0b",
    "have no agreed range: save it with 8": saved(
        Image.fromarray(np.full((3, 3), 0.5, np.float32)), "TIFF"
    ),
}


@pytest.mark.parametrize("why", WRONG)
def test_error(why):
    with pytest.raises(DataError) as error:
        Mean(max_pixels=LIMIT).encode([NOISE, WRONG[why]])
    assert str(error.value).startswith("1 of 2 images cannot be encoded: number 1")
    assert why in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        header(0, 7),
        b"GIF89a" + struct.pack("<HHBBB", 0, 0, 0, 0, 0) + b";",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 0, 5, 1, 24, 0, 0, 0, 0, 0, 0),
    ],
)
def test_no_pixels(content):
    with pytest.raises(DataError, match=r"number 0: (0 x . pixels|truncated or damaged|not an im)"):
        Mean().encode([content])


def test_all_bad_ones_are_named(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "good.jpg").write_bytes(NOISE)
    bad = [tmp_path / "text.jpg", str(tmp_path / "none.jpg"), b"", NOISE[:99], b"x", b"y", b"z"]
    some = [NOISE, *bad[:3], tmp_path / "good.jpg", *bad[3:]]
    with pytest.raises(DataError) as error:
        Mean(batch_size=2).encode(some)
    said = str(error.value)
    assert said.startswith(f"7 of 9 images cannot be encoded: number 1 ({tmp_path}/text.jpg): not")
    assert f"number 2 ({tmp_path}/none.jpg): No such file" in said
    assert "; and 2 more. Mean.faults gives all of them by number" in said
    faults = Mean().faults(some)
    assert list(faults) == [1, 2, 3, 5, 6, 7, 8]
    left = [thing for i, thing in enumerate(some) if i not in faults]
    assert Mean().encode(left).shape == (2, 3)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_one_that_cannot_be_read_hides_none_that_cannot_be_decoded(batch_size):
    model = Mean(batch_size=batch_size)
    with pytest.raises(DataError) as error:
        model.encode([NOISE, b"damaged", b""])
    said = str(error.value)
    assert said.startswith("2 of 3 images cannot be encoded: number 1: not an image")
    assert "; number 2: empty, 0 bytes." in said
    with pytest.raises(
        DataError, match=r"^2 of 2 images .* number 0: not an image.*; number 1: emp"
    ):
        model.encode([b"damaged", b""])


def test_bytes_and_files_of_one_content_are_one(tmp_path):
    (tmp_path / "a.jpg").write_bytes(NOISE)
    told = []

    class Told(Mean):
        def vectors(self, batch):
            told.append(len(batch))
            return super().vectors(batch)

    some = [NOISE, bytearray(NOISE), memoryview(NOISE), tmp_path / "a.jpg", str(tmp_path / "a.jpg")]
    got = Told().encode(some)
    assert told == [1]
    np.testing.assert_array_equal(got, np.repeat(got[:1], 5, 0))


def test_what_came_before_a_bad_one_is_kept(tmp_path):
    flat = [saved(Image.new("RGB", (4, 4), (i, 0, 0))) for i in range(10)]
    with pytest.raises(DataError, match="1 of 11"):
        Mean(batch_size=3).encode([*flat, b""], cache=tmp_path / "kept")

    class Never(Mean):
        address = "test_images"

        def vectors(self, batch):
            raise AssertionError(f"computed {len(batch)}")

    got = Never().encode(flat[:9], cache=tmp_path / "kept")
    np.testing.assert_array_equal(got, [[i, 0, 0] for i in range(9)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_damaged_bytes_are_an_image_or_an_error(kind):
    """Whatever a file holds, the outcome is a picture or a `DataError`."""
    rng = np.random.default_rng(0)
    whole = np.frombuffer(saved(Image.fromarray(colours(3, shape=(20, 30))), kind), np.uint8)
    refused = 0
    for _ in range(150):
        damaged = whole.copy()
        at = rng.integers(0, len(whole), rng.integers(1, 8))
        damaged[at] = rng.integers(0, 256, len(at))
        content = damaged[: rng.integers(1, len(whole) + 1)].tobytes()
        try:
            assert decoded(content, LIMIT).mode == "RGB"
        except DataError:
            refused += 1
    assert refused > 50


def test_max_pixels():
    with pytest.raises(BadParameter, match="max_pixels must be at least 1"):
        Mean(max_pixels=0)
