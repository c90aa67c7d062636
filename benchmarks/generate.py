"""A made-up world of any size: power-law popularity, clustered tastes, histories of all lengths.

    how many   a user's events are lognormal, with the mean that is asked for, at least 5
    which      with probability 0.7 from the user's own cluster of items, else from all of them;
               within either, an item's weight is 1 / (10 + place)^0.9 in its order of popularity
    when       uniform over two years, in order within each user

Nobody chooses an item twice, so what is asked for is a little more than what comes out. Of some
users, ``asked`` of them, the last fifth of the events is held out.

    python generate.py FOLDER USERS ITEMS EVENTS [ASKED]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLUSTERS = 50
OWN = 0.7
PIECE = 20_000  # users at a time, so that memory stays at one copy of the result
YEARS_S = 2 * 365 * 86_400


def generate(
    folder: Path, users: int, items: int, events: int, asked: int = 2_000, seed: int = 0
) -> dict[str, int]:
    """Write start, items and times of the training part, and the same of the held-out part."""
    rng = np.random.default_rng(seed)
    weight = 1 / (10 + np.arange(items)) ** 0.9
    number = rng.permutation(items).astype(np.int32)  # place in popularity -> index
    every = np.cumsum(weight) / weight.sum()
    clusters = min(CLUSTERS, max(1, items // 40))
    mine = [np.arange(c, items, clusters) for c in range(clusters)]
    own = [np.cumsum(weight[m]) / weight[m].sum() for m in mine]
    tests = np.zeros(users, bool)
    tests[rng.choice(users, min(asked, users), replace=False)] = True
    parts: dict[str, list[NDArray[np.int32]]] = {"items": [], "times": [], "lengths": []}
    held: dict[str, list[NDArray[np.int32]]] = {"items": [], "times": [], "lengths": []}
    for first in range(0, users, PIECE):
        n = min(PIECE, users - first)
        spread = 0.8
        mean = events / users
        wanted = rng.lognormal(np.log(mean) - spread**2 / 2, spread, n)
        wanted = np.clip(wanted, 5, items / 5).astype(int)
        who = np.repeat(np.arange(n), wanted)
        place = np.searchsorted(every, rng.random(len(who)))
        at_home = rng.random(len(who)) < OWN
        taste = rng.integers(clusters, size=n)[who]
        draws = rng.random(len(who))
        for c in range(clusters):
            here = at_home & (taste == c)
            place[here] = mine[c][np.searchsorted(own[c], draws[here])]
        key = np.unique(who * np.int64(items) + place.clip(max=items - 1))
        who = key // items
        moment = rng.integers(YEARS_S, size=len(key), dtype=np.int32)
        order = np.lexsort((moment, who))
        what, moment, who = number[key % items][order], moment[order], who[order]
        lengths = np.bincount(who, minlength=n)
        age = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(who))  # 1 is the newest
        out = tests[first : first + n][who] & (age <= lengths[who] // 5)
        for into, keep in ((parts, ~out), (held, out)):
            into["items"].append(what[keep])
            into["times"].append(moment[keep])
            into["lengths"].append(np.bincount(who[keep], minlength=n).astype(np.int32))
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", parts), ("test", held)):
        for column, pieces in part.items():
            np.save(folder / f"{name}_{column}.npy", np.concatenate(pieces))
    about = {
        "users": users,
        "items": items,
        "events": sum(map(len, parts["items"])),
        "asked": int(tests.sum()),
        "held_out": sum(map(len, held["items"])),
        "seed": seed,
    }
    (folder / "about.json").write_text(json.dumps(about))
    return about


if __name__ == "__main__":
    print(json.dumps(generate(Path(sys.argv[1]), *map(int, sys.argv[2:]))))
