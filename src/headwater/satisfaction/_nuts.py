"""Draws from a posterior by the No-U-Turn sampler, what the Bayesian models share.

A model is a NumPyro model of arrays. It is compiled once for arrays of one shape; every chain of
every problem is then a task for the next free thread, which XLA runs without the interpreter's
lock. Numbers are of 64 bits and on the processor, here and only here: whatever else uses JAX in the
same process keeps its own settings and devices.

Hoffman, Gelman, "The No-U-Turn Sampler", JMLR 2014.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray
from numpyro.infer import MCMC, NUTS

__all__ = ["Chains", "Sampler", "padded"]

ROWS = 256  # arrays have a multiple of it, so that sets of about one size compile once


class Chains(NamedTuple):
    values: dict[str, NDArray[np.float32]]  # by parameter: (chains, draws, ...)
    diverging: NDArray[np.bool_]  # (chains, draws) the step there lost the energy


@dataclass(frozen=True)
class Sampler:
    n_chains: int
    n_draws: int  # kept, of each chain
    n_warmup: int  # before, to find the step size and the scales; not kept
    target_accept: float
    seed: int

    def __call__(
        self,
        model: Callable[..., None],
        problems: Sequence[tuple[NDArray[Any], ...]],
        dense: tuple[tuple[str, ...], ...],
    ) -> list[Chains]:
        """The posterior of ``model(*arrays)`` for the arrays of each problem, all of one shape.

        ``dense`` are groups of parameters that are expected to go together.
        """
        shapes = tuple(array.shape for array in problems[0])
        with _on_its_own():
            run = _compiled(model, shapes, dense, self.n_draws, self.n_warmup, self.target_accept)

        def chain(task: tuple[int, int]) -> Any:
            at, number = task
            with _on_its_own():
                key = jax.random.fold_in(jax.random.fold_in(jax.random.key(self.seed), at), number)
                arrays = (np.asarray(array, np.float64) for array in problems[at])
                return jax.tree.map(np.asarray, run(key, *arrays))

        tasks = [(at, number) for at in range(len(problems)) for number in range(self.n_chains)]
        with ThreadPoolExecutor(min(_cores(), len(tasks))) as pool:
            found = list(pool.map(chain, tasks))
        return [
            _together(found[at : at + self.n_chains]) for at in range(0, len(found), self.n_chains)
        ]


def padded(array: NDArray[Any], rows: int | None = None) -> NDArray[np.float64]:
    """``array`` (S, ...) with zeros below, to ``rows`` or the next multiple of 256."""
    rows = max(1, -(-len(array) // ROWS)) * ROWS if rows is None else rows
    out = np.zeros((rows, *array.shape[1:]))
    out[: len(array)] = array
    return out


@contextmanager
def _on_its_own() -> Iterator[None]:
    with jax.enable_x64(True), jax.default_device(jax.local_devices(backend="cpu")[0]):
        yield


@lru_cache(maxsize=16)
def _compiled(
    model: Callable[..., None],
    shapes: tuple[tuple[int, ...], ...],
    dense: tuple[tuple[str, ...], ...],
    n_draws: int,
    n_warmup: int,
    target_accept: float,
) -> Any:
    def chain(key: Any, *arrays: Any) -> Any:
        kernel = NUTS(model, dense_mass=list(dense) or False, target_accept_prob=target_accept)
        mcmc = MCMC(kernel, num_warmup=n_warmup, num_samples=n_draws, progress_bar=False)
        mcmc.run(key, *arrays)
        return mcmc.get_samples(), mcmc.get_extra_fields()

    like = [jax.ShapeDtypeStruct(shape, np.float64) for shape in shapes]
    return jax.jit(chain).lower(jax.random.key(0), *like).compile()


def _together(chains: Sequence[Any]) -> Chains:
    values = {
        name: np.stack([each[name] for each, _ in chains]).astype(np.float32)
        for name in chains[0][0]
    }
    diverging = np.stack([more["diverging"] for _, more in chains])
    return Chains(values, diverging)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
