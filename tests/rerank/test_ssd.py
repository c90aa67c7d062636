import numpy as np
import pytest
from textbook import agrees, unit, world, zscore

from headwater.errors import BadParameter
from headwater.rerank.ssd import SSD


def spectrum(x, picked, window):
    """The directions in the window, each as it was when it came, and their lengths."""
    basis = []
    for at in picked:
        if len(basis) >= window - 1:
            basis = basis[len(basis) - window + 2 :] if window > 1 else []
        rest = x[at].copy()
        for b in basis:
            rest -= (rest @ b) / (b @ b) * b
        if window > 1:
            basis.append(rest)
    return basis


@pytest.mark.parametrize("window", [1, 2, 4, 10])
@pytest.mark.parametrize("volume", ["product", "residual"])
@pytest.mark.parametrize("bias", [True, False])
def test_is_the_definition(window, volume, bias):
    data = world(size=20)

    def gain_of(row, items, relevance):  # noqa: ARG001
        x = unit(data.catalog.vectors["text"][items].astype(float))
        if bias:
            x = np.hstack([x, np.ones((len(x), 1))])

        def gain(picked, i):
            if not picked:
                return relevance[i]
            basis = spectrum(x, picked, window)
            rest = x[i].copy()
            for b in basis:
                rest -= (rest @ b) / (b @ b) * b
            length = np.linalg.norm(rest)
            if volume == "residual":
                return 0.4 * relevance[i] + 0.6 * 0.8 * length
            return relevance[i] + 0.8 * np.prod([np.linalg.norm(b) for b in basis]) * length

        return gain

    stage = SSD(gamma=0.8, theta=0.4, window=window, volume=volume, bias=bias, by="text", k=9)
    agrees(stage, data, gain_of, scale=zscore)


def test_the_volume_of_a_full_window_is_the_determinant():
    """Until the window is full, the product of the lengths is the volume that the paper means."""
    data = world(size=20)

    def gain_of(row, items, relevance):  # noqa: ARG001
        x = unit(data.catalog.vectors["text"][items].astype(float))
        x = np.hstack([x, np.ones((len(x), 1))])

        def gain(picked, i):
            both = x[[*picked, i]]
            volume = np.linalg.det(both @ both.T) ** 0.5 if picked else 0
            return relevance[i] + 2.0 * volume

        return gain

    agrees(SSD(gamma=2.0, window=10, by="text", k=9), data, gain_of, scale=zscore)


def test_mistakes():
    with pytest.raises(BadParameter, match="gamma must be at least 0"):
        SSD(gamma=-1)
    with pytest.raises(BadParameter, match="theta must be from 0 to 1"):
        SSD(theta=2)
