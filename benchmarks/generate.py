"""A made-up world of any size: power-law popularity, clustered tastes, histories of all lengths.

    how many   a user's events are lognormal, with the mean that is asked for, at least 5
    which      with probability 0.7 from the user's own cluster of items, else from all of them;
               within either, an item's weight is 1 / (10 + place)^0.9 in its order of popularity
    when       uniform over two years, in order within each user

Nobody chooses an item twice; the draws are scaled by a first look at 20,000 users so that about as
many events come out as were asked for. Of some users, ``asked`` of them, the last fifth of the
events is held out.

    python generate.py FOLDER USERS ITEMS EVENTS [ASKED]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLUSTER = 2_000  # items of one, and at most 50 of them
OWN = 0.7
PIECE = 20_000  # users at a time, so that memory stays at one copy of the result
SECONDS = 2 * 365 * 86_400
WIDTH = 0.8  # of the logarithm of a user's number of events


def generate(
    folder: Path, users: int, items: int, events: int, asked: int = 2_000, seed: int = 0
) -> dict[str, int]:
    """Write start, items and times of the training part, and the same of the held-out part."""
    rng = np.random.default_rng(seed)
    weight = 1 / (10 + np.arange(items)) ** 0.9
    number = rng.permutation(items).astype(np.int32)  # place in popularity -> index
    clusters = int(np.clip(items // CLUSTER, 4, 50))
    groups = [np.arange(c, items, clusters) for c in range(clusters)] + [np.arange(items)]
    # one search for all: group g's cumulated weights lie between g and g + 1
    reach = np.concatenate(
        [g + np.cumsum(weight[m]) / weight[m].sum() for g, m in enumerate(groups)]
    )
    places = np.concatenate(groups)

    def draw(n: int, mean: float) -> NDArray[np.int64]:
        """The choices of n users: sorted, different keys user * items + place in popularity."""
        wanted = rng.lognormal(np.log(mean) - WIDTH**2 / 2, WIDTH, n).clip(5, items / 4)
        who = np.repeat(np.arange(n), wanted.astype(int))
        at_home = rng.random(len(who)) < OWN
        group = np.where(at_home, rng.integers(clusters, size=n)[who], clusters)
        aim = group + rng.random(len(who))
        order = np.argsort(aim)  # a search for sorted values is seven times faster
        at = np.empty(len(who), np.int64)
        at[order] = np.searchsorted(reach, aim[order])
        key = np.sort(who * items + places[at.clip(max=len(places) - 1)])
        return key[np.append(True, key[1:] != key[:-1])]

    mean, pilot = events / users, min(users, PIECE)
    for _ in range(4):
        mean *= events / users * pilot / len(draw(pilot, mean))
    tests = np.zeros(users, bool)
    tests[rng.choice(users, min(asked, users), replace=False)] = True
    kept: dict[str, list[NDArray[np.int32]]] = {"items": [], "times": [], "lengths": []}
    held: dict[str, list[NDArray[np.int32]]] = {"items": [], "times": [], "lengths": []}
    for first in range(0, users, PIECE):
        n = min(PIECE, users - first)
        key = draw(n, mean)
        who = key // items
        moment = rng.integers(SECONDS, size=len(key))
        order = np.argsort(who * SECONDS + moment)
        what, moment = number[key % items][order], moment[order].astype(np.int32)
        lengths = np.bincount(who, minlength=n)
        age = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(who))  # 1 is the newest
        out = tests[first : first + n][who] & (age <= lengths[who] // 5)
        for into, keep in ((kept, ~out), (held, out)):
            into["items"].append(what[keep])
            into["times"].append(moment[keep])
            into["lengths"].append(np.bincount(who[keep], minlength=n).astype(np.int32))
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", kept), ("test", held)):
        for column, pieces in part.items():
            np.save(folder / f"{name}_{column}.npy", np.concatenate(pieces))
    about = {
        "users": users,
        "items": items,
        "events": sum(map(len, kept["items"])),
        "asked": int(tests.sum()),
        "held_out": sum(map(len, held["items"])),
        "seed": seed,
    }
    (folder / "about.json").write_text(json.dumps(about))
    return about


if __name__ == "__main__":
    print(json.dumps(generate(Path(sys.argv[1]), *map(int, sys.argv[2:]))))
