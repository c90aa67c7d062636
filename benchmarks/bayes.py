"""Eight posteriors of satisfaction, one for each reason to come: how long, and are they right.

    python benchmarks/bayes.py                        -> benchmarks/results/bayes.json
    python benchmarks/bayes.py --quick                few sessions and draws; seconds
    python benchmarks/bayes.py --ways ours nutpie     only these
    python benchmarks/bayes.py --show FILE            the table of a result

The sessions are 2,632 of `simulate.sessions.realistic`, as many as the thesis had second answers:
twelve behaviours, two of them with a column for "never", eight intents, of which a session has 2.2.
Each posterior is drawn from by 4 chains of 1,000 draws after 1,000 to warm up. The clock holds
everything from the arrays to the draws, compiling too. Each way is a process held to as many cores
as it has threads:

    ours          `satisfaction.bayesian`: a chain is a task for the next free thread
    ours_one      the same on one core
    hierarchical  `satisfaction.hierarchical`: one posterior in which intents lean on each other
    vectorized    the model of `satisfaction.bayesian` by NumPyro's own MCMC, chains in step
    parallel      likewise, chains on devices of their own
    single        likewise as ours, with numbers of 32 bits
    diagonal      likewise as ours, without scales of slopes that go together
    nutpie        the same model in PyMC, by nutpie; where `setup_peers.py nutpie` has built it

R-hat is the largest and the effective draws are the fewest of all intercepts and slopes.
`load_before` and `load_after` say what else ran on the machine.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from common import arguments, obeyed, ordered, typed, write_json
from run import RESULTS, machine
from setup_peers import note, python

PACKAGES = ("headwater", "numpyro", "jax", "jaxlib", "arviz-stats", "numpy")
SESSIONS, DRAWS, CHAINS = 2_632, 1_000, 4
QUICK = (300, 100)


def main() -> int:
    if obeyed({name: way for name, (way, _, _) in WAYS.items()}):
        return 0
    parser = arguments(__doc__, RESULTS / "bayes.json", quick="few sessions and draws")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--repeats", type=int, default=1)
    asked = parser.parse_args()
    if asked.show:
        print(table(json.loads(asked.show.read_text())))
        return 0
    sessions, draws = QUICK if asked.quick else (SESSIONS, DRAWS)
    runs, left_out = [], {}
    for repeat in range(asked.repeats):
        for name in asked.ways:
            if WAYS[name][2] and not note(WAYS[name][2]).get("ok"):
                left_out[name] = f"not built: python benchmarks/setup_peers.py {WAYS[name][2]}"
                continue
            said = drawn(name, sessions, draws)
            runs.append({"way": name, "threads": WAYS[name][1], "repeat": repeat, **said})
            print(f"{name}: {said['seconds']:.1f} s, R-hat {said['rhat']:.4f}", flush=True)
    results = {
        "about": typed(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {name: version(name) for name in PACKAGES},
        "peers": {name: note(WAYS[name][2]) for name in asked.ways if WAYS[name][2]},
        "sessions": sessions,
        "draws": draws,
        "chains": CHAINS,
        "runs": runs,
        "left_out": left_out,
    }
    write_json(asked.out, results)
    print(table(results))
    return 0


def drawn(name: str, sessions: int, draws: int) -> dict[str, Any]:
    """The order in a process of its own; R-hat and the effective draws of what it drew."""
    from headwater.satisfaction._drawn import _effective, _rhats

    _, threads, peer = WAYS[name]
    with tempfile.TemporaryDirectory() as folder:
        if peer:  # it has no Headwater
            np.savez(Path(folder) / "problems.npz", **arrays(sessions))
        how = {"threads": threads, "sessions": sessions, "draws": draws, "folder": folder}
        own = python(peer) if peer else sys.executable
        found = ordered(__file__, name, how, threads, python=own)
        with np.load(Path(folder) / "draws.npz", allow_pickle=False) as file:
            chains = file["draws"]  # (chains, draws, ...)
    bulk, tail = _effective(chains)
    found |= {"rhat": float(_rhats(chains).max()), "bulk": float(bulk.min())}
    return found | {"tail": float(tail.min())}


def data(sessions: int) -> Any:
    from headwater.simulate.sessions import realistic

    return realistic(sessions, seed=0).data


def arrays(sessions: int) -> dict[str, Any]:
    """Columns, on one scale and with a one in front, and answers of each intent's sessions."""
    from headwater.satisfaction.bayesian import Bayesian
    from headwater.visits import reached

    visits = data(sessions).sessions
    x = Bayesian().begin_with_intents(visits)
    y = reached(visits.satisfaction, "overall")
    out = {}
    for j in range(len(visits.intent_names)):
        mine = visits.intents[:, j]
        out |= {f"x{j}": x[mine], f"y{j}": y[mine] * 1.0}
    return out


def ours(address: str) -> Callable[..., dict[str, Any]]:
    def fit(threads: int, sessions: int, draws: int, folder: str) -> dict[str, Any]:
        del threads  # as many as it is held to
        from headwater.registry import build

        learn = data(sessions)
        model = build(address, n_draws=draws, n_warmup=draws, n_chains=CHAINS, seed=0)
        began, worked = time.perf_counter(), time.process_time()
        model.fit(learn)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        every = np.concatenate(
            [each.reshape(*each.shape[:2], -1) for _, _, each in model.posteriors()], -1
        )
        np.savez(Path(folder) / "draws.npz", draws=every)
        lost = int(model.divergences_.sum())
        return {"seconds": seconds, "cpu_s": cpu, "divergences": lost}

    return fit


def single(threads: int, sessions: int, draws: int, folder: str) -> dict[str, Any]:
    """Ours, but for the width of the numbers."""
    from contextlib import contextmanager

    from headwater.satisfaction import _nuts

    @contextmanager
    def narrow() -> Any:
        yield

    _nuts._on_its_own = narrow
    return ours("satisfaction.bayesian")(threads, sessions, draws, folder)


def diagonal(threads: int, sessions: int, draws: int, folder: str) -> dict[str, Any]:
    """Ours, but for the scales that the sampler finds."""
    from headwater.satisfaction import _nuts

    real = _nuts._compiled

    def without(model: Any, shapes: Any, dense: Any, *rest: Any) -> Any:
        del dense
        return real(model, shapes, (), *rest)

    _nuts._compiled = without
    return ours("satisfaction.bayesian")(threads, sessions, draws, folder)


def numpyro(way: str) -> Callable[..., dict[str, Any]]:
    def fit(threads: int, sessions: int, draws: int, folder: str) -> dict[str, Any]:
        import numpyro

        if way == "parallel":
            numpyro.set_host_device_count(CHAINS)
        numpyro.enable_x64()
        import jax
        from numpyro.infer import MCMC, NUTS

        from headwater.satisfaction._nuts import padded
        from headwater.satisfaction.bayesian import model

        del threads  # as many as it is held to
        made = arrays(sessions)
        rows = len(padded(max((made[name] for name in made), key=len)))
        began, worked = time.perf_counter(), time.process_time()
        kernel = NUTS(model, dense_mass=[("intercept", "slopes")])
        chains = MCMC(
            kernel,
            num_warmup=draws,
            num_samples=draws,
            num_chains=CHAINS,
            chain_method=way,
            progress_bar=False,
            jit_model_args=True,
        )
        found, lost = [], 0
        for j in range(len(made) // 2):
            x, y = made[f"x{j}"], made[f"y{j}"]
            weights = padded(np.ones(len(x)), rows)
            key = jax.random.fold_in(jax.random.key(0), j)
            chains.run(key, padded(x, rows), padded(y, rows), weights, np.asarray(2.5))
            drawn = chains.get_samples(group_by_chain=True)
            found.append(np.concatenate([drawn["intercept"][..., None], drawn["slopes"]], -1))
            lost += int(chains.get_extra_fields()["diverging"].sum())
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        np.savez(Path(folder) / "draws.npz", draws=np.concatenate(found, -1))
        return {"seconds": seconds, "cpu_s": cpu, "divergences": lost}

    return fit


def nutpie(threads: int, sessions: int, draws: int, folder: str) -> dict[str, Any]:
    del sessions
    import nutpie as sampler
    import pymc as pm

    with np.load(Path(folder) / "problems.npz", allow_pickle=False) as file:
        made = {name: file[name] for name in file.files}
    began, worked = time.perf_counter(), time.process_time()
    with pm.Model() as model:
        x = pm.Data("x", made["x0"][:, 1:])
        y = pm.Data("y", made["y0"])
        intercept = pm.StudentT("intercept", nu=3, mu=0, sigma=2.5)
        slopes = pm.Normal("slopes", 0, 2.5, shape=made["x0"].shape[1] - 1)
        pm.Bernoulli("answers", logit_p=intercept + x @ slopes, observed=y)
    compiled = sampler.compile_pymc_model(model)
    found, lost = [], 0
    for j in range(len(made) // 2):
        trace = sampler.sample(
            compiled.with_data(x=made[f"x{j}"][:, 1:], y=made[f"y{j}"]),
            draws=draws,
            tune=draws,
            chains=CHAINS,
            cores=threads,
            seed=j,
            progress_bar=False,
        )
        drawn = trace["posterior"]
        one = np.asarray(drawn["intercept"])[..., None]
        found.append(np.concatenate([one, np.asarray(drawn["slopes"])], -1))
        lost += int(np.asarray(trace["sample_stats"]["diverging"]).sum())
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    np.savez(Path(folder) / "draws.npz", draws=np.concatenate(found, -1))
    return {"seconds": seconds, "cpu_s": cpu, "divergences": lost}


WAYS: dict[str, tuple[Callable[..., dict[str, Any]], int, str]] = {  # what, cores, environment
    "ours": (ours("satisfaction.bayesian"), 2, ""),
    "ours_one": (ours("satisfaction.bayesian"), 1, ""),
    "hierarchical": (ours("satisfaction.hierarchical"), 2, ""),
    "vectorized": (numpyro("vectorized"), 2, ""),
    "parallel": (numpyro("parallel"), 2, ""),
    "single": (single, 2, ""),
    "diagonal": (diagonal, 2, ""),
    "nutpie": (nutpie, 2, "nutpie"),
}


def table(results: dict[str, Any]) -> str:
    runs = results["runs"]
    lines = [
        f"{results['sessions']:,} sessions, {results['chains']} chains of {results['draws']:,}",
        f"{'':14}{'cores':>6}{'seconds':>9}{'cpu s':>8}{'to ours':>9}{'R-hat':>8}{'bulk':>7}"
        f"{'tail':>7}{'lost':>6}{'load':>6}",
    ]
    mid = {
        name: {
            key: median(run[key] for run in runs if run["way"] == name)
            for key in ("seconds", "cpu_s", "rhat", "bulk", "tail", "divergences", "load_after")
        }
        for name in dict.fromkeys(run["way"] for run in runs)
    }
    for name, one in mid.items():
        ratio = one["seconds"] / mid["ours"]["seconds"] if "ours" in mid else float("nan")
        lines.append(
            f"{name:14}{WAYS[name][1]:>6}{one['seconds']:>9.1f}{one['cpu_s']:>8.1f}{ratio:>9.2f}"
            f"{one['rhat']:>8.4f}{one['bulk']:>7,.0f}{one['tail']:>7,.0f}"
            f"{one['divergences']:>6,.0f}{one['load_after']:>6.1f}"
        )
    return "\n".join([*lines, *(f"{name}: {why}" for name, why in results["left_out"].items())])


if __name__ == "__main__":
    sys.exit(main())
