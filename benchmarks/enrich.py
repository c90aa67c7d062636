"""What texts say: seconds and memory by step, and how often names and syllables are right.

    python benchmarks/enrich.py                       -> benchmarks/results/enrich.json
    python benchmarks/enrich.py --quick               300 made-up articles; seconds
    python benchmarks/enrich.py --people              adds names against those that MIND knows
    python benchmarks/enrich.py --syllables           adds syllables against words counted by hand
    python benchmarks/enrich.py --show FILE           the table of a result

`made` are 10,000 made-up articles of 60 words (words by Zipf's law, stories of one article or more
over a week, 14 categories as uneven as MIND's), `real` the 1,000 of mind-demo in HEADWATER_DATA,
with times by lot; each step is a process of its own that does nothing else, held to one core. Names
are timed by `rules`, and on the real articles by `spacy` where that and a model are installed.
`kept` is all steps again, from the cache. `stories` is timed on 50,000 made-up articles, too.
`load_s` is what importing takes, and a first article; it is not in `run_s`.

`people`: of the persons that MIND names in its articles (`title_entities` and `abstract_entities`
of type P, as they stand in the text), how many are found, and how many of those found MIND has;
a name is found where one is whole words of the other. MIND links only what Wikidata knows, so what
it has not may be right. `syllables`: tests/golden/syllables.json, beside pyphen where installed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from common import Meter, arguments, obeyed, ordered, rss, typed, write_json
from run import RESULTS, data_folder, machine

PACKAGES = ("headwater", "textblob", "networkx", "scikit-learn", "spacy", "pyphen")
GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "syllables.json"
MADE, MANY, QUICK = 10_000, 50_000, 300
WORDS, VOCABULARY = 60, 40_000
DICTIONARIES = {"en": "en_US", "de": "de_DE", "fr": "fr_FR", "nl": "nl_NL", "es": "es_ES"}
DICTIONARIES["it"] = "it_IT"
NEWS = ("item_id", "category", "title", "abstract")


def main() -> int:
    if obeyed(ORDERS):
        return 0
    parser = arguments(__doc__, RESULTS / "enrich.json", quick=f"{QUICK} articles")
    parser.add_argument("--people", action="store_true", help="add only these to the result")
    parser.add_argument("--syllables", action="store_true", help="add only these to the result")
    asked = parser.parse_args()
    if asked.show:
        print(table(json.loads(asked.show.read_text())))
        return 0
    ways = ["rules", *(["spacy"] if find_spec("spacy") else [])]
    if asked.people or asked.syllables:
        results = json.loads(asked.out.read_text()) if asked.out.exists() else {}
        if asked.people:
            results["people"] = [ordered(__file__, "people", {"by": by}, 1) for by in ways]
        if asked.syllables:
            results["syllables"] = syllables()
        write_json(asked.out, results)
        print(table(results))
        return 0
    runs = []
    for name, n in (("made", QUICK if asked.quick else MADE), ("real", 0)):
        if name == "real" and asked.quick:
            continue
        finders = ways if name == "real" or asked.quick else ways[:1]
        for step in ("complexity", "sentiment", *finders, "voices", "stories", "kept"):
            said = ordered(__file__, "timed", {"name": name, "n": n, "step": step}, 1)
            runs.append({"articles": name, "step": step, **said})
            print(f"{name} {step}: {said['run_s']:.2f} s", flush=True)
    if not asked.quick:
        said = ordered(__file__, "timed", {"name": "made", "n": MANY, "step": "stories"}, 1)
        runs.append({"articles": "made", "step": "stories", **said})
    results = {
        "about": typed(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {name: found for name in PACKAGES if (found := installed(name))},
        "runs": runs,
    }
    write_json(asked.out, results)
    print(table(results))
    return 0


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def articles(name: str, n: int) -> Any:
    """A frame of made-up articles, or of the real ones, which get times by lot."""
    import polars as pl

    rng = np.random.default_rng(0)
    if name == "real":
        news = pl.read_parquet(Path(data_folder()) / "mind-demo" / "news_sample.parquet").select(
            NEWS
        )
        times = (rng.uniform(0, 7, news.height) * 86_400).astype(np.int64) + 1_573_000_000
        return news.with_columns(published=pl.from_epoch(pl.Series(times)))
    chance = 1 / np.arange(1, VOCABULARY + 1)
    chance /= chance.sum()
    said = np.array([word(i) for i in range(VOCABULARY)])
    kinds = np.array([0.3, 0.28, *[0.42 / 12] * 12])
    rows: list[dict[str, Any]] = []
    while len(rows) < n:
        base = rng.choice(VOCABULARY, WORDS, p=chance)
        day, kind = rng.uniform(0, 7), int(rng.choice(14, p=kinds))
        for _ in range(int(rng.geometric(0.5))):
            other = rng.random(WORDS) < 0.35
            mine = np.where(other, rng.choice(VOCABULARY, WORDS, p=chance), base)
            spoken = said[mine].tolist()
            spoken[9::10] = [f"{each}." for each in spoken[9::10]]
            who = f"Sen. {said[base[0]].title()} {said[base[1]].title()}"
            rows.append(
                {
                    "item_id": f"n{len(rows)}",
                    "category": f"kind{kind}",
                    "title": f"{who} spoke of " + " ".join(spoken[:6]),
                    "abstract": " ".join(spoken),
                    "published": int((day + rng.uniform(0, 2)) * 86_400) + 1_573_000_000,
                }
            )
    return pl.DataFrame(rows[:n])


def word(i: int) -> str:
    """A word that can be said, another for each number."""
    parts = []
    while True:
        i, part = divmod(i, 100)
        parts.append("bcdfghklmnprstvwzjxq"[part // 5] + "aeiou"[part % 5])
        if not i:
            return "".join(parts)


def timed(name: str, n: int, step: str) -> dict[str, Any]:
    from headwater.enrichment import enrich

    by = step if step in ("rules", "spacy") else "rules"
    how: dict[str, Any] = {"settings": {"entities": {"by": by}}, "people": people()}
    steps = [{"rules": "entities", "spacy": "entities"}.get(step, step)]
    started = time.perf_counter()
    news = articles(name, n)
    if step == "kept":
        steps = ["complexity", "sentiment", "entities", "voices", "stories"]
    made = time.perf_counter()
    enrich(news[:5], steps=steps, **how)
    loaded = time.perf_counter()
    meter = Meter()
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "facts.sqlite"
        if step == "kept":
            enrich(news, steps=steps, cache=cache, **how)
        before = rss()
        with meter("run"):
            found = enrich(news, steps=steps, cache=cache, **how)
        size = cache.stat().st_size if cache.exists() else 0
    said = {"n": news.height, "made_s": made - started, "load_s": loaded - made}
    if "story" in found.table.columns:
        said["stories"] = found.table["story"].n_unique()
    cached = {"before_mib": round(before, 1), "cache_mib": round(size / 2**20, 1)}
    return {**said, **cached, **meter.seen}


def people() -> Any:
    import polars as pl

    return pl.DataFrame({"name": ["Nancy Pelosi", "Adam B. Schiff"], "party": ["D", "D"]})


def people_found(by: str) -> dict[str, Any]:
    import polars as pl

    from headwater.enrich.entities import Entities

    news = pl.read_parquet(Path(data_folder()) / "mind-demo" / "news_sample.parquet")
    texts, truth = [], []
    for row in news.iter_rows(named=True):
        texts.append("\n\n".join(row[c] for c in ("title", "abstract") if row[c]))
        listed = [*(row["title_entities"] or []), *(row["abstract_entities"] or [])]
        truth.append({each["surface"] for each in listed if each["type"] == "P"})
    model = Entities(by=by)  # type: ignore[arg-type]
    found = [
        {each["text"] for each in one if each["label"] == "PERSON"} for one in model.annotate(texts)
    ]
    hit = sum(known(name, mine) for names, mine in zip(truth, found, strict=True) for name in names)
    right = sum(known(name, its) for names, its in zip(found, truth, strict=True) for name in names)
    said = {"used": model.used, "of_mind": sum(map(len, truth)), "found": sum(map(len, found))}
    return {**said, "of_mind_found": hit, "found_that_mind_has": right}


def known(name: str, names: set[str]) -> bool:
    return any(f" {name} " in f" {each} " or f" {each} " in f" {name} " for each in names)


def syllables() -> list[dict[str, Any]]:
    from headwater.enrich._syllables import syllables as ours

    rows = []
    for name, counted in json.loads(GOLDEN.read_text()).items():
        language = name[:2]
        row = {"words": name, "n": len(counted)}
        row["ours"] = float(np.mean([ours(word, language) == n for word, n in counted.items()]))
        if find_spec("pyphen"):
            import pyphen

            parts = pyphen.Pyphen(lang=DICTIONARIES[language])
            said = [len(parts.positions(word)) + 1 == n for word, n in counted.items()]
            row["pyphen"] = float(np.mean(said))
        rows.append(row)
    return rows


def table(results: dict[str, Any]) -> str:
    lines = []
    if results.get("runs"):
        lines.append(
            f"{'articles':10}{'step':12}{'n':>8}{'s':>9}{'CPU s':>9}{'ms each':>9}{'peak':>7} MiB"
        )
    for run in results.get("runs", []):
        lines.append(
            f"{run['articles']:10}{run['step']:12}{run['n']:>8,}{run['run_s']:>9.2f}"
            f"{run['run_cpu_s']:>9.2f}"
            f"{1000 * run['run_cpu_s'] / run['n']:>9.2f}{run['run_peak_mib']:>7.0f}"
        )
    for run in results.get("people", []):
        lines.append(
            f"{run['used']}: {run['of_mind_found']} of {run['of_mind']} persons of MIND found "
            f"({run['of_mind_found'] / run['of_mind']:.0%}); MIND has {run['found_that_mind_has']} "
            f"of {run['found']} found ({run['found_that_mind_has'] / run['found']:.0%})"
        )
    for row in results.get("syllables", []):
        beside = f", pyphen {row['pyphen']:.1%}" if "pyphen" in row else ""
        lines.append(f"syllables, {row['words']}: {row['ours']:.1%} of {row['n']} words{beside}")
    return "\n".join(lines)


ORDERS: dict[str, Callable[..., dict[str, Any]]] = {"timed": timed, "people": people_found}

if __name__ == "__main__":
    sys.exit(main())
