"""The one training loop. A model brings a net, what to look up and a loss; the rest is here.

The loop is a generator: it yields after each epoch, and the model can be used at every yield. It
runs on Lightning Fabric, so that device, precision and the number of processes are settings.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from .checkpoint import Kept
from .errors import BadParameter, Diverged, MissingExtra
from .types import Dataset, Ints

__all__ = ["Phase", "Train", "identity", "ready", "seeded", "train"]


@dataclass(frozen=True, kw_only=True)
class Train:
    """How to train: the field ``how`` of every neural model."""

    n_epochs: int = 20
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.0  # L2 inside the gradient (Adam), not decoupled (AdamW)
    max_grad_norm: float | None = None  # the largest norm of the gradient; None is any
    optimizer: Literal["adam", "adamax"] = "adam"
    seed: int = 0
    device: str = "cpu"  # "cpu", "cuda", "mps" or "auto"
    n_processes: int = 1  # each on a device of its own, each with its share of every batch
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    checkpoint: str | None = None  # folder that keeps the state after each epoch, to go on from
    log: str | None = None  # "csv:FOLDER", "tensorboard:FOLDER" or "mlflow:URI"

    def __post_init__(self) -> None:
        for name in ("n_epochs", "batch_size", "n_processes"):
            if getattr(self, name) < 1:
                raise BadParameter(f"how.{name} must be at least 1, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise BadParameter(f"how.learning_rate must be above 0, got {self.learning_rate}")
        if not self.weight_decay >= 0:
            raise BadParameter(f"how.weight_decay must be at least 0, got {self.weight_decay}")
        if self.seed < 0:
            raise BadParameter(f"how.seed must be at least 0, got {self.seed}")
        if self.max_grad_norm is not None and not self.max_grad_norm > 0:
            raise BadParameter(f"how.max_grad_norm must be above 0, got {self.max_grad_norm}")
        if self.log is not None and not re.match(r"(csv|tensorboard|mlflow):.", self.log):
            raise BadParameter(
                f"how.log must be csv:FOLDER, tensorboard:FOLDER or mlflow:URI, got {self.log!r}"
            )


@dataclass(frozen=True, eq=False)
class Phase:
    """Part of an epoch: ``times`` passes over the data that move some of the parameters."""

    loss: Callable[[Any, Any, int], Tensor]  # (net, batch, step) -> the mean over the batch
    parts: tuple[str, ...] = ()  # children of the net whose parameters move; () is all
    times: int = 1
    before: Callable[[Any], None] | None = None  # done to the net first


@contextmanager
def seeded(seed: Sequence[int], device: torch.device | None = None) -> Iterator[None]:
    """Torch's global randomness, of the cpu and of ``device``, seeded inside and then as before."""
    number = int(np.random.default_rng(seed).integers(1 << 62))
    cuda = device is not None and device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if cuda else []):
        torch.default_generator.manual_seed(number)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(number)
        yield


def ready(net: nn.Module, how: Train) -> torch.device:
    """Where ``net`` answers: moved to ``how.device`` if that is cuda and this machine has one."""
    if how.device in ("cuda", "gpu", "auto") and torch.cuda.is_available():
        net.to("cuda")
    return next(net.parameters()).device


def train(
    model: Any,
    data: Dataset,
    batch: Callable[[Ints, torch.device], Any],
    loss: Callable[[Any, Any, int], Tensor] | Sequence[Phase],
    *,
    rows: Ints | None = None,
) -> Iterator[float]:
    """Minimise ``loss`` over ``model.net_`` by the settings ``model.how``; yields its mean.

    ``batch(rows, device)`` makes what the loss looks at out of some of ``rows``, which are numbers
    of any sort; the rows of the log that have events if None. ``step`` counts the steps that the
    phase has made. `Diverged` if the loss is no longer finite.

    With ``how.checkpoint`` the state is kept after each epoch, under the fingerprint of the model
    and the data; a run that finds one yields the past losses again at once, and goes on.
    """
    how: Train = model.how
    phases = [Phase(loss)] if callable(loss) else list(loss)
    fabric = _fabric(how)
    fabric.launch()
    net = fabric.to_device(model.net_)
    optimizers = {phase.parts: _optimizer(net, phase.parts, how) for phase in phases}
    state = _State(net, optimizers)
    kept = None
    if how.checkpoint is not None:
        kept = Kept(how.checkpoint, identity(model, data, rows))
        state.restore(kept)
        net.eval()
    try:
        for epoch, past in enumerate(list(state.losses), 1):
            fabric.log("loss", past, epoch)
            yield past
        full = np.flatnonzero(data.log.lengths) if rows is None else rows
        yield from _epochs(model, full, batch, phases, fabric, state, optimizers, kept)
    finally:
        for logger in fabric.loggers:
            logger.finalize("success")


def _epochs(
    model: Any,
    full: Ints,
    batch: Callable[[Ints, torch.device], Any],
    phases: Sequence[Phase],
    fabric: Fabric,
    state: _State,
    optimizers: dict[tuple[str, ...], torch.optim.Optimizer],
    kept: Kept | None,
) -> Iterator[float]:
    how: Train = model.how
    net = state.net
    rank, world = fabric.global_rank, fabric.world_size
    for epoch in range(len(state.losses), how.n_epochs):
        order = np.random.default_rng([how.seed, epoch])
        total = torch.zeros((), device=fabric.device)
        seen = 0
        net.train()
        with seeded([how.seed, epoch, rank], fabric.device):
            for phase in phases:
                if phase.before is not None:
                    phase.before(net)
                optimizer = optimizers[phase.parts]
                for _ in range(phase.times):
                    rows = order.permutation(full)
                    for at in range(0, len(rows), how.batch_size):
                        whole = rows[at : at + how.batch_size]
                        mine = whole[rank::world]
                        optimizer.zero_grad()
                        if len(mine):
                            step = state.steps[phase.parts]
                            with fabric.autocast():
                                value = phase.loss(net, batch(mine, fabric.device), step)
                            fabric.backward(value * (len(mine) * world / len(whole)))
                            total += value.detach() * len(mine)
                        _average(fabric, optimizer)
                        if how.max_grad_norm is not None:
                            parameters = [p for g in optimizer.param_groups for p in g["params"]]
                            nn.utils.clip_grad_norm_(parameters, how.max_grad_norm)
                        optimizer.step()
                        state.steps[phase.parts] += 1
                        seen += len(whole)
        net.eval()
        if world > 1:
            torch.distributed.all_reduce(total)
        state.losses.append(float(total) / max(seen, 1))
        if not np.isfinite(state.losses[-1]):
            raise Diverged(
                f"{type(model).__name__}: the loss is {state.losses[-1]} in epoch {epoch + 1}; "
                f"try a smaller learning_rate than {how.learning_rate}, or set max_grad_norm"
            )
        fabric.log("loss", state.losses[-1], epoch + 1)
        yield state.losses[-1]
        if kept is not None and rank == 0:
            state.keep(kept)


def identity(model: Any, data: Dataset, rows: Ints | None = None) -> str:
    """What a run depends on, as text: the model's settings, the events, the catalogue, and which
    ``rows`` it learns from."""
    plain = replace(model, how=replace(model.how, checkpoint=None, log=None))
    sha = hashlib.sha256()
    table = io.BytesIO()
    data.catalog.table.write_ipc(table)
    sha.update(table.getbuffer())
    log = data.log
    arrays: list[Any] = [log.start, log.items, log.values, log.times]
    arrays += data.catalog.vectors.values()
    if data.people is not None:
        table = io.BytesIO()
        data.people.write_ipc(table)
        sha.update(table.getbuffer())
    if data.impressions is not None:
        shown = data.impressions
        arrays += [shown.slate.items, shown.clicks, shown.queries.user, shown.queries.now]
        arrays += [shown.queries.history.start, shown.queries.history.items]
    arrays += [] if rows is None else [rows]
    for array in arrays:
        sha.update(np.ascontiguousarray(array).data)
    return f"{model.address} {plain!r} {log.n_items} {sha.hexdigest()}"


class _State:
    """All that a run has to remember from one epoch to the next."""

    def __init__(self, net: nn.Module, optimizers: dict[tuple[str, ...], Any]):
        self.net = net
        self.optimizers = optimizers
        self.steps = dict.fromkeys(optimizers, 0)
        self.losses: list[float] = []

    def keep(self, kept: Kept) -> None:
        arrays = {f"net/{name}": t for name, t in self.net.state_dict().items()}
        for i, optimizer in enumerate(self.optimizers.values()):
            for number, values in optimizer.state_dict()["state"].items():
                arrays |= {f"optimizer/{i}/{number}/{name}": t for name, t in values.items()}
        plain = {"losses": self.losses, "steps": list(self.steps.values())}
        kept.write({name: t.detach().cpu().numpy() for name, t in arrays.items()}, plain)

    def restore(self, kept: Kept) -> None:
        found = kept.read()
        if found is None:
            return
        arrays, plain = found
        self.losses = plain["losses"]
        self.steps = dict(zip(self.optimizers, plain["steps"], strict=True))
        net: dict[str, Tensor] = {}
        states: list[dict[int, dict[str, Tensor]]] = [{} for _ in self.optimizers]
        for name, array in arrays.items():
            what, _, rest = name.partition("/")
            value = torch.from_numpy(array)
            if what == "net":
                net[rest] = value
            else:
                i, number, field = rest.split("/")
                states[int(i)].setdefault(int(number), {})[field] = value
        self.net.load_state_dict(net)
        for optimizer, state in zip(self.optimizers.values(), states, strict=True):
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})


def _optimizer(net: nn.Module, parts: tuple[str, ...], how: Train) -> torch.optim.Optimizer:
    moving = [getattr(net, name) for name in parts] or [net]
    parameters = [p for part in moving for p in part.parameters() if p.requires_grad]
    lr, weight_decay = how.learning_rate, how.weight_decay
    if how.optimizer == "adamax":
        return torch.optim.Adamax(parameters, lr=lr, weight_decay=weight_decay)
    return torch.optim.Adam(parameters, lr=lr, weight_decay=weight_decay, fused=True)


def _average(fabric: Fabric, optimizer: torch.optim.Optimizer) -> None:
    """The gradient of all processes. By hand: a loss here calls any part of its net, any number of
    times, where DistributedDataParallel wants one forward."""
    if fabric.world_size == 1:
        return
    for group in optimizer.param_groups:
        for p in group["params"]:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
            p.grad = fabric.all_reduce(p.grad, reduce_op="mean")


def _fabric(how: Train) -> Fabric:
    loggers = _logger(how)
    try:
        return Fabric(
            accelerator=how.device,
            devices=how.n_processes,
            strategy="ddp" if how.n_processes > 1 else "auto",
            precision=how.precision,
            loggers=loggers,
        )
    except (RuntimeError, ValueError, ImportError) as error:
        raise BadParameter(f"cannot train with device={how.device!r}: {error}") from None


def _logger(how: Train) -> Any:
    if how.log is None:
        return None
    kind, _, where = how.log.partition(":")
    if kind == "csv":
        from lightning_fabric.loggers.csv_logs import CSVLogger

        return CSVLogger(where, flush_logs_every_n_steps=1)
    try:
        if kind == "tensorboard":
            from lightning_fabric.loggers.tensorboard import TensorBoardLogger

            return TensorBoardLogger(where)
        from lightning.pytorch.loggers import MLFlowLogger
    except ModuleNotFoundError as missing:
        raise MissingExtra(f"how.log={how.log!r}", missing.name or kind, "log") from None
    try:
        mlflow = MLFlowLogger(tracking_uri=where)
        mlflow.experiment  # noqa: B018 - it connects here, and not after the first epoch
    except ModuleNotFoundError as missing:
        raise MissingExtra(f"how.log={how.log!r}", missing.name or kind, "log") from None
    except Exception as error:
        raise BadParameter(f"cannot log to how.log={how.log!r}: {error}") from None
    return mlflow
