"""Vectors of images and of texts: how many a second, by threads; and what those of images tell.

    python benchmarks/encode.py                       -> benchmarks/results/encode.json
    python benchmarks/encode.py --quick               made-up images and texts, once; seconds
    python benchmarks/encode.py --show FILE           the table of a result

The images are the 1,250 posters of `movie-posters` (96 x 144, JPEG), from their bytes to vectors;
the texts are the first 1,250 plots of `ml-1m`. Both are in `HEADWATER_DATA`. Each (encoder,
threads, repeat) is a process held to as many cores as it has threads; what it loads, and a first
batch, are not on the clock (`load_s`); writing the cache is. `a_second` is by wall time,
`a_cpu_second` by the time of all cores: they are far apart where other programs run, which
`load_before` and `load_after` say.
Two threads are measured twice: as torch has them, which wait for each other by spinning, and with
OMP_WAIT_POLICY=passive, which is what to set where the cores have other work to do.
`kept_a_second` is the same again, out of the cache. `parts_s` are the seconds, a thing, of what
comes before the net, such as decoding, and of the net alone.

`genres`: of each poster, how many genres its five nearest have in common with it (Jaccard), less
what posters have in common by chance; a mean over the posters with its 95 % interval, by what the
encoder looks at.

`judges`: how well heads that learned from other posters tell the genres of one, which is what says
how much a picture shows of each kind (`stills.with_stills`): the mean log loss over posters and
genres, of that head and of one without a hidden layer, over five deals of the posters to folds;
beside what the share of each genre alone says. `--judges FILE` adds them to a result.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from common import arguments, obeyed, ordered, typed, write_json
from run import RESULTS, data_folder, machine

ENCODERS = ("efficientnet_lite", "minilm", "tfidf")
PACKAGES = ("headwater", "torch", "transformers", "pillow", "scikit-learn")
NEAREST = 5
TEXTS = 1_250
QUICK = 24  # images and texts


def main() -> int:
    if obeyed(ORDERS):
        return 0
    made_up = "made-up images and texts, once"
    parser = arguments(__doc__, RESULTS / "encode.json", quick=made_up)
    parser.add_argument("--encoders", nargs="+", choices=ENCODERS, default=list(ENCODERS))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--judges", type=Path, help="add only those to a result")
    asked = parser.parse_args()
    if asked.judges:
        results = json.loads(asked.judges.read_text())
        results["judges"] = ordered(__file__, "judges", {}, 1)
        write_json(asked.judges, results)
        print(table(results))
        return 0
    if asked.show:
        print(table(json.loads(asked.show.read_text())))
        return 0
    runs = []
    for repeat in range(1 if asked.quick else asked.repeats):
        for name in asked.encoders:
            for threads, waits in ways(asked.threads):
                how = {"name": name, "quick": asked.quick}
                waiting = {"OMP_WAIT_POLICY": waits} if waits != "default" else {}
                said = ordered(__file__, "speed", how, threads, surroundings=waiting)
                what = {"encoder": name, "threads": threads, "waits": waits, "repeat": repeat}
                runs.append({**what, **said})
                print(
                    f"{', '.join(map(str, what.values()))}: {said['a_second']:.1f} a second",
                    flush=True,
                )
    genres, judged = {}, {}
    if "efficientnet_lite" in asked.encoders and not asked.quick:
        genres, judged = (ordered(__file__, each, {}, 1) for each in ("genres", "judges"))
    results = {
        "about": typed(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {name: found for name in PACKAGES if (found := installed(name))},
        "runs": runs,
        "genres": genres,
        "judges": judged,
    }
    write_json(asked.out, results)
    print(table(results))
    return 0


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def ways(threads: Sequence[int]) -> list[tuple[int, str]]:
    return [(n, how) for n in threads for how in ("default", "passive")[: 1 if n == 1 else 2]]


def speed(name: str, quick: bool) -> dict[str, Any]:
    from headwater.registry import build

    things = images(quick) if name == "efficientnet_lite" else texts(quick)
    began = time.perf_counter()
    model = build(f"encode.{name}")
    if name == "tfidf":
        model = build("encode.tfidf", size=8 if quick else 128).fit_texts(things)
    model.encode(things[: model.batch_size])
    out: dict[str, Any] = {"n": len(things), "load_s": time.perf_counter() - began}
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "vectors.sqlite"
        wall, cpu = time.perf_counter(), time.process_time()
        model.encode(things, cache=cache)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        out |= {"a_second": len(things) / wall, "a_cpu_second": len(things) / cpu}
        wall = time.perf_counter()
        model.encode(things, cache=cache)
        out["kept_a_second"] = len(things) / (time.perf_counter() - wall)
    out["parts_s"] = parts(model, things[: 8 * model.batch_size])
    return out


def parts(model: Any, things: Sequence[Any]) -> dict[str, float]:
    """Seconds a thing of what comes before the net, and of the net."""
    began = time.perf_counter()
    made = [model.ready(model.read(thing)) for thing in things]
    before = time.perf_counter() - began
    began = time.perf_counter()
    for at in range(0, len(made), model.batch_size):
        model.vectors(made[at : at + model.batch_size])
    return {"before": before / len(made), "net": (time.perf_counter() - began) / len(made)}


def genres() -> dict[str, Any]:
    """How much more the nearest posters have in common with each than posters have by chance."""
    from headwater.encode.efficientnet_lite import EfficientNetLite

    films = posters()
    names = sorted({genre for each in films["genres"] for genre in each})
    has = np.array([[name in each for name in names] for each in films["genres"].to_list()], float)
    both = has @ has.T
    alike = both / (has.sum(1)[:, None] + has.sum(1) - both).clip(1)
    np.fill_diagonal(alike, np.nan)
    chance = np.nanmean(alike, 1)
    found = {}
    for view in ("center", "whole"):
        x = EfficientNetLite(view=view).encode(films["jpeg"].to_list())
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        near = unit @ unit.T
        np.fill_diagonal(near, -1)
        five = np.argsort(-near, 1)[:, :NEAREST]
        found[view] = np.take_along_axis(alike, five, 1).mean(1) - chance
    found["whole less center"] = found["whole"] - found["center"]
    out: dict[str, Any] = {"posters": len(films), "chance": float(chance.mean())}
    for name, more in found.items():
        half = 1.96 * more.std(ddof=1) / np.sqrt(len(more))
        out[name] = {
            "mean": float(more.mean()),
            "low": more.mean() - half,
            "high": more.mean() + half,
        }
    return out


def judges() -> dict[str, Any]:
    """The log loss of genres, out of fold, of the head that judges stills and of a linear one."""
    from headwater import stills
    from headwater.encode.efficientnet_lite import EfficientNetLite

    films = posters()
    x = EfficientNetLite().encode(films["jpeg"].to_list())
    kinds = sorted({genre for each in films["genres"] for genre in each})
    has = np.array([[kind in each for kind in kinds] for each in films["genres"].to_list()])
    some = has.any(1)
    share = has[some].mean(0)

    def loss(p: Any) -> float:
        p = np.clip(p, 1e-7, 1 - 1e-7)
        return float(-np.where(has, np.log(p), np.log(1 - p))[some].mean())

    narrow, out = stills.JUDGE, {"posters": int(some.sum()), "share": loss(share)}
    each = range(len(films))
    for name, judge in (("narrow", narrow), ("linear", {"hidden_sizes": (), "dropout": 0.5})):
        stills.JUDGE = judge
        out[name] = [
            loss(stills._judged(x, films["genres"], np.array(each), kinds, 5, seed))
            for seed in range(5)
        ]
    return out


def posters() -> Any:
    import polars as pl

    return pl.read_parquet(Path(data_folder()) / "movie-posters" / "posters.parquet")


def images(quick: bool) -> list[bytes]:
    if not quick:
        return list(posters()["jpeg"])
    from PIL import Image

    rng = np.random.default_rng(0)
    made = []
    for _ in range(QUICK):
        small = Image.fromarray(rng.integers(0, 256, (6, 4, 3), np.uint8))
        file = io.BytesIO()
        small.resize((96, 144), Image.Resampling.BICUBIC).save(file, "JPEG")
        made.append(file.getvalue())
    return made


def texts(quick: bool) -> list[str]:
    if quick:
        rng = np.random.default_rng(0)
        return [" ".join(rng.choice(WORDS, rng.integers(10, 40))) for _ in range(QUICK)]
    import polars as pl

    plots = pl.read_parquet(Path(data_folder()) / "ml-1m" / "items_extra.parquet")["plot"]
    return [plot for plot in plots.drop_nulls() if plot not in ("", "N/A")][:TEXTS]


WORDS = [
    "man",
    "woman",
    "city",
    "war",
    "love",
    "bank",
    "train",
    "night",
    "father",
    "finds",
    "loses",
]
ORDERS: dict[str, Callable[..., dict[str, Any]]] = {
    "speed": speed,
    "genres": genres,
    "judges": judges,
}


def table(results: dict[str, Any]) -> str:
    runs = results["runs"]
    lines = [
        f"{'':18}{'threads':>8}{'waits':>9}{'n':>7}{'a second':>10}{'a minute':>10}{'a cpu s':>9}"
        f"{'kept a s':>10}{'load':>6}"
    ]
    keys = ("encoder", "threads", "waits")
    for key in dict.fromkeys(tuple(run[k] for k in keys) for run in runs):
        mine = [run for run in runs if tuple(run[k] for k in keys) == key]
        a, cpu, kept, load = (
            median(run[what] for run in mine)
            for what in ("a_second", "a_cpu_second", "kept_a_second", "load_after")
        )
        name, threads, waits = key
        lines.append(
            f"{name:18}{threads:>8}{waits:>9}{mine[0]['n']:>7,}{a:>10.1f}{60 * a:>10,.0f}"
            f"{cpu:>9.1f}{kept:>10,.0f}{load:>6.1f}"
        )
    if results["genres"]:
        said = results["genres"]
        lines += ["", f"genres in common by chance: {said['chance']:.4f}; nearest {NEAREST}, more:"]
        for name in ("center", "whole", "whole less center"):
            one = said[name]
            lines.append(f"  {name:18}{one['mean']:.4f} ({one['low']:.4f} to {one['high']:.4f})")
    if results.get("judges"):
        said = results["judges"]
        lines += ["", f"log loss of genres, out of fold; by their shares {said['share']:.4f}"]
        for name in ("narrow", "linear"):
            low, high = min(said[name]), max(said[name])
            lines.append(f"  {name:18}{median(said[name]):.4f} ({low:.4f} to {high:.4f})")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
