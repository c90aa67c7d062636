"""A small encoder of texts that remembers what it was asked; and a program that runs it."""

import os
import signal
import sys
from dataclasses import dataclass

import numpy as np

from headwater.encode._encoder import TextEncoder


def vector(text, scale=1.0, size=3):
    """What `Letters` gives, (size,)."""
    vowels = sum(letter in "aeiou" for letter in text)
    numbers = [len(text), vowels, sum(map(ord, text)) % 97, 7.0]
    return np.array(numbers[:size], np.float32) * np.float32(scale)


@dataclass(kw_only=True, eq=False)
class Letters(TextEncoder):
    batch_size: int = 4
    scale: float = 1.0
    size: int = 3
    dies_at: int | None = None  # the batch in which the process is killed

    def __post_init__(self):
        super().__post_init__()
        self.asked = []  # one list of texts for each batch

    @property
    def address(self):
        return "letters"

    @property
    def dimensions(self):
        return self.size

    def identity(self):
        return {"scale": self.scale}

    def vectors(self, batch):
        if len(self.asked) == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.asked.append(list(batch))
        return np.stack([vector(text, self.scale, self.size) for text in batch])


@dataclass(kw_only=True, eq=False)
class Others(Letters):
    """Another encoder with the same settings; it has another address."""

    @property
    def address(self):
        return "others"

    def vectors(self, batch):
        return -super().vectors(batch)


def texts(n, seed=0):
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("abcdefgh "), rng.integers(0, 30))) for _ in range(n)]


if __name__ == "__main__":
    path, first, last, dies_at = sys.argv[1:]
    model = Letters(dies_at=int(dies_at) if dies_at else None)
    model.encode([f"text {i}" for i in range(int(first), int(last))], cache=path)
