"""The loop: resumed, spread over processes, logged, stopped; the same result each time."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headwater.data.split import split  # noqa: E402
from headwater.data.toy import blocks  # noqa: E402
from headwater.errors import BadArtifact, BadParameter, Diverged, MissingExtra  # noqa: E402
from headwater.evaluation import EarlyStopping, fit_best  # noqa: E402
from headwater.likelihoods import multinomial  # noqa: E402
from headwater.registry import build  # noqa: E402
from headwater.retrieve.matrix._autoencoder import Autoencoder  # noqa: E402
from headwater.rows import Rows  # noqa: E402
from headwater.train import Phase, Train, seeded, train  # noqa: E402


def small(**how):
    settings = {"n_epochs": 6, "batch_size": 16, "learning_rate": 0.01, **how}
    return build("multvae", hidden_size=8, embedding_size=4, how=settings)


def weights(model):
    return {name: t.detach().numpy().copy() for name, t in model.net_.state_dict().items()}


def same(one, other, **close):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], err_msg=name, **close)


@dataclass(kw_only=True, eq=False)
class Plain(Autoencoder):
    """No chance in it but the order of the rows."""

    def build(self):
        return torch.nn.Linear(self.n_items_, self.n_items_)

    def loss(self, net, x, step):  # noqa: ARG002
        return multinomial(net(x.dense()), x)

    def answer(self, net, x):
        return net(x.dense())


def test_one_epoch_by_hand():
    """Two batches of plain gradient descent after Adam's formula, written out."""
    data = blocks(users=6)
    how = Train(n_epochs=1, batch_size=3, learning_rate=0.1, weight_decay=0.01, seed=4)
    model = Plain(how=how)
    start = replace(model, how=replace(how, n_epochs=1))
    (loss,) = model.epochs(data)
    x = data.log.matrix().toarray().astype(float)
    start.n_items_ = x.shape[1]
    with seeded([4]):
        net = start.build()
    w, b = (p.detach().numpy().astype(float) for p in (net.weight, net.bias))
    order = np.random.default_rng([4, 0]).permutation(6)
    m, v, losses = [0.0, 0.0], [0.0, 0.0], []
    for step, rows in enumerate((order[:3], order[3:]), 1):
        f = x[rows] @ w.T + b
        p = np.exp(f) / np.exp(f).sum(1, keepdims=True)
        losses.append(-(x[rows] * np.log(p)).sum(1).mean())
        back = (x[rows].sum(1, keepdims=True) * p - x[rows]) / 3
        for i, g in enumerate((back.T @ x[rows] + 0.01 * w, back.sum(0) + 0.01 * b)):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g**2
            change = 0.1 * m[i] / (1 - 0.9**step)
            change = change / (np.sqrt(v[i] / (1 - 0.999**step)) + 1e-8)
            w, b = (w - change, b) if i == 0 else (w, b - change)
    assert loss == pytest.approx(np.mean(losses), rel=1e-5)
    np.testing.assert_allclose(model.net_.weight.detach(), w, atol=1e-5)
    np.testing.assert_allclose(model.net_.bias.detach(), b, atol=1e-5)


def test_usable_at_every_yield():
    model, asked = small(), blocks().queries([0, 1])
    for loss in model.epochs(blocks()):
        assert np.isfinite(loss)
        assert not model.net_.training
        assert model.recommend(asked, 3).filled.all()


def test_each_row_once_an_epoch_and_empty_ones_never():
    data = blocks(users=20)
    data = replace(data, log=data.log.where(data.log.rows >= 10))
    model = Plain(how=Train(n_epochs=2, batch_size=4))
    model.n_items_ = len(data.items)
    model.net_, asked = model.build(), []

    def batch(rows, device):
        asked.append(rows)
        return Rows.of(data.log.matrix()[rows], device)

    for _ in train(model, data, batch, model.loss):
        assert [len(rows) for rows in asked] == [4, 4, 2]
        assert sorted(np.concatenate(asked)) == list(range(10, 20))
        asked.clear()


def test_stopped_and_resumed_is_the_same(tmp_path):
    data = blocks()
    whole = small()
    losses = list(whole.epochs(data))
    cut = small(checkpoint=str(tmp_path))
    for epoch, _ in enumerate(cut.epochs(data), 1):
        if epoch == 4:  # the third is the last that was kept
            break
    resumed, steps = small(checkpoint=str(tmp_path)), []
    loss = type(resumed).loss
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(resumed), "loss", lambda *g: steps.append(g[3]) or loss(*g))
        assert list(resumed.epochs(data)) == losses
    same(weights(resumed), weights(whole), rtol=0)
    assert steps == list(range(3 * 8, 6 * 8)), "three of six epochs of eight batches are left"
    (kept,) = tmp_path.iterdir()
    other = small(checkpoint=str(tmp_path), seed=1)
    other.fit(data)
    assert len(list(tmp_path.iterdir())) == 2, "another seed is another run"
    small(checkpoint=str(tmp_path)).fit(blocks(seed=3))
    assert len(list(tmp_path.iterdir())) == 3, "so are other data"
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.raises(BadArtifact, match="delete it to start the run again"):
        small(checkpoint=str(tmp_path)).fit(data)


SCRIPT = """
import sys
from headwater.data.split import split
from headwater.data.toy import blocks
from headwater.evaluation import EarlyStopping, fit_best
from headwater.registry import build
import torch
torch.set_num_threads(1)
how = {"n_epochs": 400, "batch_size": 8, "learning_rate": 0.01, "checkpoint": sys.argv[1]}
model = build("recvae", hidden_size=8, embedding_size=4, how=how)
part = split(blocks(), "random_per_user", seed=0)
rules = {"a": EarlyStopping(metric="NDCG@10", patience=None), "b": EarlyStopping(patience=30)}
found = fit_best(model, part, rules, progress=lambda what, done, total: print(done, flush=True))
"""


def test_killed_and_resumed_is_the_same(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(SCRIPT.replace("400", "24"))
    folder = tmp_path / "kept"
    command = [sys.executable, script, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quiet()) as run:
        for line in run.stdout:
            if int(line) == 9:
                run.send_signal(signal.SIGKILL)
                break
    assert run.returncode == -signal.SIGKILL
    assert list(folder.rglob("*.safetensors"))

    def fitted(checkpoint):
        how = {"n_epochs": 24, "batch_size": 8, "learning_rate": 0.01, "checkpoint": checkpoint}
        model = build("recvae", hidden_size=8, embedding_size=4, how=how)
        part = split(blocks(), "random_per_user", seed=0)
        rules = {
            "a": EarlyStopping(metric="NDCG@10", patience=None),
            "b": EarlyStopping(patience=30),
        }
        found = fit_best(model, part, rules)
        return found, weights(model)

    whole, last = fitted(None)
    resumed, again = fitted(str(folder))
    same(last, again, rtol=1e-6)
    for name, best in whole.items():
        assert resumed[name].epoch == best.epoch
        assert resumed[name].values == pytest.approx(best.values)
        same(resumed[name].arrays, best.arrays, rtol=1e-6)


def quiet():
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def test_two_processes_are_one_with_the_same_batches(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import numpy as np, torch; torch.set_num_threads(1)\n"
        "from test_train import Plain, weights\n"
        "from headwater.data.toy import blocks\n"
        "from headwater.train import Train\n"
        "how = Train(n_epochs=3, batch_size=17, learning_rate=0.01, n_processes=2)\n"
        "model = Plain(how=how)\n"
        "losses = list(model.epochs(blocks()))\n"
        "if torch.distributed.get_rank() == 0:\n"
        "    np.savez(sys.argv[1], losses=losses, **weights(model))\n"
    )
    out = tmp_path / "out.npz"
    got = subprocess.run(
        [sys.executable, script, out], env=quiet(), capture_output=True, text=True, timeout=120
    )
    assert got.returncode == 0, got.stderr[-2000:]
    two = np.load(out)
    one = Plain(how=Train(n_epochs=3, batch_size=17, learning_rate=0.01))
    losses = list(one.epochs(blocks()))
    np.testing.assert_allclose(two["losses"], losses, rtol=1e-5)
    for name, value in weights(one).items():
        np.testing.assert_allclose(two[name], value, atol=1e-5)


def test_half_precision_is_near():
    data, asked = blocks(), blocks().queries([0, 1, 2])
    full, half = small().fit(data), small(precision="bf16-mixed").fit(data)
    np.testing.assert_allclose(half.scores(asked), full.scores(asked), atol=0.1)
    assert half.scores(asked).dtype == np.float32


def test_phases_move_their_parts_only():
    net = torch.nn.ModuleDict({"a": torch.nn.Linear(60, 60), "b": torch.nn.Linear(60, 60)})
    model = Plain(how=Train(n_epochs=1))
    model.n_items_, model.net_ = 60, net
    before, calls = weights(model), []

    def loss(net, x, step):
        calls.append(step)
        return multinomial(net["a"](net["b"](x.dense())), x)

    def batch(rows, device):
        return Rows.of(blocks().log.matrix()[rows], device)

    phases = [Phase(loss, ("a",), times=2, before=lambda net: calls.append(type(net).__name__))]
    list(train(model, blocks(), batch, phases))
    after = weights(model)
    assert (after["a.weight"] != before["a.weight"]).any()
    np.testing.assert_array_equal(after["b.weight"], before["b.weight"])
    assert calls == ["ModuleDict", 0, 1], "one batch a pass, steps counted through"


def test_logs(tmp_path):
    list(small(log=f"csv:{tmp_path}").epochs(blocks()))
    (path,) = tmp_path.rglob("metrics.csv")
    lines = path.read_text().splitlines()
    assert "loss" in lines[0]
    assert len(lines) == 7


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of SQLAlchemy, inside MLflow
@pytest.mark.parametrize("kind", ["tensorboard", "mlflow"])
def test_logs_of_others(kind, tmp_path):
    if find_spec(kind):
        where = tmp_path / "kept" if kind == "tensorboard" else f"sqlite:///{tmp_path / 'kept'}"
        small(log=f"{kind}:{where}").fit(blocks())
        kept = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in kept) > 0
        if kind == "mlflow":
            with pytest.raises(BadParameter, match=r"cannot log to how\.log='mlflow:gopher:"):
                small(log="mlflow:gopher://hole").fit(blocks())
    else:
        with pytest.raises(MissingExtra, match=r"pip install 'headwater\[log\]'"):
            small(log=f"{kind}:{tmp_path / kind}").fit(blocks())


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"n_epochs": 0}, "how.n_epochs must be at least 1"),
        ({"batch_size": 0}, "how.batch_size must be at least 1"),
        ({"learning_rate": 0.0}, "how.learning_rate must be above 0"),
        ({"weight_decay": -1.0}, "how.weight_decay must be at least 0"),
        ({"log": "paper"}, "how.log must be csv:FOLDER"),
        ({"device": "abacus"}, "device='abacus'"),
        ({"precision": "8-bit"}, "precision"),
        ({"device": "tpu"}, "device='tpu'"),
        ({"seed": -1}, "how.seed must be at least 0"),
        ({"max_grad_norm": 0.0}, "how.max_grad_norm must be above 0"),
        ({"n_epochs": 2.5}, "how.n_epochs must be a whole number, got 2.5"),
        ({"epochs": 3}, "no setting in how of MultVAE 'epochs'"),
    ],
)
def test_mistakes(how, said):
    with pytest.raises((BadParameter, LookupError), match=said):
        small(**how).fit(blocks())


def test_a_loss_that_explodes_is_said():
    with pytest.raises(Diverged, match="try a smaller learning_rate than 1e\\+30"):
        small(learning_rate=1e30).fit(blocks())


class TestEarlyStopping:
    part = split(blocks(), "random_per_user", seed=0)

    def test_keeps_the_best_epoch(self):
        model = small(n_epochs=12)
        rule = EarlyStopping(metric="NDCG@10", patience=None)
        best = fit_best(model, self.part, {"": rule})[""]
        assert list(best.values) == list(range(1, 13))
        assert best.value == max(best.values.values())
        assert best.values[best.epoch] == best.value
        best.give(model)
        again = small(n_epochs=12)
        for epoch, _ in enumerate(again.epochs(self.part.train), 1):
            if epoch == best.epoch:
                break
        same(weights(model), weights(again), rtol=0)

    def test_patience_every_and_min_improvement(self):
        model = small(n_epochs=60, learning_rate=0.05)
        rules = {
            "patient": EarlyStopping(metric="NDCG@10", patience=5),
            "greedy": EarlyStopping(metric="NDCG@10", patience=5, min_improvement=10.0),
            "rare": EarlyStopping(metric="NDCG@10", patience=2, every=4),
        }
        found = fit_best(model, self.part, rules)
        assert found["greedy"].epoch == 1
        assert len(found["greedy"].values) == 6
        assert all(epoch % 4 == 0 for epoch in found["rare"].values)
        late = max(found["patient"].values) - found["patient"].epoch
        assert late == 5 or max(found["patient"].values) == 60

    def test_low_is_better_for_errors(self):
        data = blocks()
        values = np.random.default_rng(0).integers(1, 6, len(data.log.items)).astype(np.float32)
        part = split(replace(data, log=replace(data.log, values=values)), "random_per_user")
        model = build("mf", embedding_size=4, n_epochs=8)
        best = fit_best(model, part, {"": EarlyStopping(metric="RMSE", patience=None)})[""]
        assert best.value == min(best.values.values())

    def test_with_what_was_fed_in(self):
        values = {}
        for filter_seen in (True, False):
            rule = EarlyStopping(metric="NDCG@10", filter_seen=filter_seen, patience=None)
            values[filter_seen] = fit_best(small(), self.part, {"": rule})[""].value
        assert values[True] != values[False]

    def test_a_checkpoint_of_another_run_is_not_ahead(self, tmp_path):
        """Fitted without rules, then with some, then with others: all in one folder."""
        rule = EarlyStopping(metric="NDCG@10", patience=None)
        whole = fit_best(small(), self.part, {"": rule})[""]
        for rules in ({}, {"": EarlyStopping(metric="Recall@5")}, {"": rule}):
            model = small(checkpoint=str(tmp_path))
            if not rules:
                model.fit(self.part.train)
                continue
            best = fit_best(model, self.part, rules)[""]
            assert model.how.checkpoint == str(tmp_path)
        assert best.values == pytest.approx(whole.values)
        same(best.arrays, whole.arrays, rtol=1e-6)

    def test_mistakes(self):
        with pytest.raises(BadParameter, match="patience must be at least 1"):
            EarlyStopping(patience=0)
        with pytest.raises(BadParameter, match="every must be at least 1"):
            EarlyStopping(every=0)
        with pytest.raises(LookupError, match="no metric"):
            EarlyStopping(metric="luck@5")
        with pytest.raises(BadParameter, match="patience must be a whole number, got 'abc'"):
            EarlyStopping(patience="abc")
        with pytest.raises(BadParameter, match="asked for every 30 epochs, and there were fewer"):
            fit_best(small(), self.part, {"": EarlyStopping(every=30)})
        with pytest.raises(BadParameter, match="n_processes=2: several processes"):
            fit_best(small(n_processes=2), self.part, {"": EarlyStopping()})


def test_another_catalogue_is_another_run(tmp_path):
    """What is guided by genres must not go on from a run with other genres."""
    data = blocks()
    genres = data.catalog.table["genres"].reverse()
    other = replace(data, catalog=replace(data.catalog, table=genres.to_frame()))
    how = {"n_epochs": 3, "checkpoint": str(tmp_path)}
    build("recfusion_guided", hidden_size=8, how=how).fit(data)
    again = build("recfusion_guided", hidden_size=8, how=how).fit(other)
    fresh = build("recfusion_guided", hidden_size=8, how={"n_epochs": 3}).fit(other)
    same(weights(again), weights(fresh), rtol=0)


@pytest.mark.parametrize("optimizer", ["adam", "adamax"])
def test_a_step_is_the_optimizers_on_a_short_gradient(optimizer):
    """One batch: the gradient, made shorter, in the first step of the method."""
    data = blocks(users=6)
    how = Train(n_epochs=1, batch_size=6, learning_rate=0.1, optimizer=optimizer, max_grad_norm=0.5)
    model = Plain(how=how)
    model.n_items_ = len(data.items)
    with seeded([0]):
        net = model.build()
    model.loss(net, Rows.of(data.log.matrix()), 0).backward()
    length = torch.cat([p.grad.flatten() for p in net.parameters()]).norm()
    assert length > 0.5
    model.fit(data)
    for name, p in net.named_parameters():
        g = (p.grad * 0.5 / length).double()
        # Adam's first step: m = g, v = g^2; Adamax's: m = g, u = |g| + eps
        change = 0.1 * g / (g.abs() + 1e-8)
        got = dict(model.net_.named_parameters())[name]
        torch.testing.assert_close(got.double(), p.double() - change, atol=1e-5, rtol=0)


def test_a_log_is_closed_when_training_is_left(tmp_path, monkeypatch):
    from lightning_fabric.loggers.csv_logs import CSVLogger

    closed = []
    monkeypatch.setattr(CSVLogger, "finalize", lambda _, status: closed.append(status))
    running = small(log=f"csv:{tmp_path}").epochs(blocks())
    next(running)
    running.close()
    assert closed == ["success"]


def test_the_loss_is_in_full_precision():
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(3, 9)).astype(np.float32) * 9)
    x = Rows.of(blocks(users=3, items=9, length=4).log.matrix())
    half = logits.bfloat16()
    assert multinomial(half, x).dtype == torch.float32
    torch.testing.assert_close(multinomial(half, x), multinomial(half.float(), x))
