"""The greedy loop, compiled: what `_greedy.greedy` does with a gain, far faster.

Each kernel writes ``order`` (B, K) as `greedy` gives it: the picks, then the rest as it was, then
PAD. Vectors ``x`` (B, K, D) are float32. Of equals the earlier slot. What is compiled is kept on
disk until this file changes, so touch it when one of the constants that it imports does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiled import kernel
from ..types import PAD
from ._greedy import LEVEL, LOWEST
from ._residual import EPS, NOTHING_NEW

__all__ = ["mixes", "nearest", "volume"]


@kernel
def arrange(order: Any, taken: Any, filled: Any, r: int, picked: int) -> None:
    """Behind the first ``picked`` slots the rest as it was."""
    place = picked
    for i in range(filled.shape[1]):
        if filled[r, i] and not taken[i]:
            order[r, place] = i
            place += 1
    for slot in range(place, filled.shape[1]):
        order[r, slot] = PAD


@kernel
def count(filled: Any, taken: Any, r: int) -> int:
    number = 0
    for i in range(filled.shape[1]):
        taken[i] = not filled[r, i]
        number += filled[r, i]
    return number


@kernel
def lengths(x: Any, r: int, square: Any, own: Any) -> None:
    """Squared lengths, and what brings float32 vectors to them: a whole number, 1 or with a
    coordinate of one 2, is meant where it is near."""
    for i in range(x.shape[1]):
        total = 0.0
        for c in range(x.shape[2]):
            total += np.float64(x[r, i, c]) * np.float64(x[r, i, c])
        whole = np.rint(total)
        own[i] = np.sqrt(whole / total) if abs(total - whole) < 1e-4 * total else 1.0
        square[i] = total * own[i] ** 2


@kernel
def nearest(x: Any, good: Any, weight: float, soft: bool, filled: Any, k: int, order: Any) -> None:
    """argmax  good_i - weight s(max_{j picked} x_i'x_j),  s the sigmoid if ``soft``.

    A gain never grows, so an item is looked at again only where its last one beats the best so far.
    """
    b, n, d = x.shape
    near, own, bound, taken = np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.bool_)
    seen = np.empty(n, np.int64)  # picks that ``near`` knows of
    for r in range(b):
        picked = min(k, count(filled, taken, r))
        if soft:
            own[:] = 1.0
        else:
            lengths(x, r, near, own)
        near[:], bound[:], seen[:] = -np.inf, np.inf, 0
        for slot in range(picked):
            best, at = -np.inf, -1
            for i in range(n):
                if taken[i] or bound[i] <= best:
                    continue
                for j in range(seen[i], slot):
                    other = order[r, j]
                    product = 0.0
                    for c in range(d):
                        product += np.float64(x[r, i, c]) * np.float64(x[r, other, c])
                    near[i] = max(near[i], product * own[i] * own[other])
                seen[i] = slot
                gain = good[r, i]
                if slot:
                    likeness = 1 / (1 + np.exp(-near[i])) if soft else near[i]
                    gain -= weight * likeness
                gain = max(gain, LOWEST) - LEVEL * i
                bound[i] = gain if slot else np.inf  # the first knows of no likeness yet
                if at < 0 or gain > best:
                    best, at = gain, i
            taken[at] = True
            order[r, slot] = at
        arrange(order, taken, filled, r, picked)


@kernel
def forget(along: Any, left: Any, norm: Any, chosen: Any, m: int, exact: bool) -> None:
    """Take the oldest of ``m`` picks out of the basis, as `_residual.Residual.forget` does."""
    n = len(left)
    if exact:
        for j in range(m - 1):
            slot = chosen[j + 1]
            p, q = along[slot, j], along[slot, j + 1]
            length = np.hypot(p, q)
            flat = length <= EPS**0.5
            cos = 0.0 if flat else p / length
            sin = 1.0 if flat else q / length
            for i in range(n):
                one, two = along[i, j], along[i, j + 1]
                along[i, j] = cos * one + sin * two
                along[i, j + 1] = cos * two - sin * one
        for i in range(n):
            left[i] += along[i, m - 1] ** 2
    else:
        for i in range(n):
            left[i] += along[i, 0] ** 2
            for j in range(m - 1):
                along[i, j] = along[i, j + 1]
    for j in range(m - 1):
        chosen[j], norm[j] = chosen[j + 1], norm[j + 1]


@kernel
def volume(
    x: Any,
    good: Any,
    relevance: Any,
    form: int,
    gamma: float,
    window: int,
    exact: bool,
    filled: Any,
    k: int,
    order: Any,
) -> None:
    """What is left of each vector beside the last ``window`` - 1 picks, by ``form``:

    0   argmax  good_i + log left_i, and by ``relevance`` where nothing is left
    1   argmax  good_i + gamma sqrt(left_i)
    2   argmax  good_i + gamma (product of the lengths of the picks) sqrt(left_i)

    The first pick of 1 and 2 is that of ``relevance``. ``left`` is a squared length. Without a
    window it never grows, so that an item of 0 and 1 is looked at again only where its last gain
    beats the best so far.
    """
    b, n, d = x.shape
    room = max(min(window - 1, k, n), 1)
    left, own, bound, taken = np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.bool_)
    along, norm = np.empty((n, room)), np.empty(room)
    chosen, seen = np.empty(room, np.int64), np.empty(n, np.int64)
    shrinks = window > k and form != 2
    for r in range(b):
        picked = min(k, count(filled, taken, r))
        lengths(x, r, left, own)
        bound[:], seen[:] = np.inf, 0
        m = 0
        for slot in range(picked):
            size = gamma
            if form == 2:
                for j in range(m):
                    size *= norm[j]
            best, at = -np.inf, -1
            for i in range(n):
                if bound[i] <= best or (taken[i] and shrinks):
                    continue
                for j in range(seen[i], m):
                    other = chosen[j]
                    product = 0.0
                    for c in range(d):
                        product += np.float64(x[r, i, c]) * np.float64(x[r, other, c])
                    product *= own[i] * own[other]
                    for l in range(j):  # noqa: E741
                        product -= along[i, l] * along[other, l]
                    product = product / norm[j] if norm[j] > EPS**0.5 else 0.0
                    along[i, j] = product
                    left[i] = max(left[i] - product * product, 0.0)
                seen[i] = m
                if taken[i]:
                    continue
                if form == 0:
                    if left[i] > EPS:
                        gain = good[r, i] + np.log(left[i])
                    else:
                        gain = NOTHING_NEW + relevance[r, i]
                elif slot == 0:
                    gain = relevance[r, i]
                else:
                    gain = good[r, i] + size * (np.sqrt(left[i]) if left[i] > EPS else 0.0)
                gain = max(gain, LOWEST) - LEVEL * i
                bound[i] = gain if shrinks and (slot or form == 0) else np.inf
                if at < 0 or gain > best:
                    best, at = gain, i
            taken[at] = True
            order[r, slot] = at
            if slot + 1 == picked or window == 1:
                continue
            if m == window - 1:
                forget(along, left, norm, chosen, m, exact)
                m -= 1
                seen[:] = m
            chosen[m], norm[m] = at, np.sqrt(left[at])
            m += 1
        arrange(order, taken, filled, r, picked)


@kernel
def cell(how: int, alpha: float, p: float, q: float) -> Any:
    """What one kind adds to the divergence that is number ``how`` of `divergence.DIVERGENCES`."""
    a = (1 - alpha) * p + alpha * q
    b = (1 - alpha) * q + alpha * p
    if how == 0:
        if a + b <= 0:
            return 0.0
        off = (a - b) / (a + b)
        found = 0.0
        if 1 + off > 0:
            found += (1 + off) * np.log1p(off)
        if 1 - off > 0:
            found += (1 - off) * np.log1p(-off)
        return (a + b) / 2 * found / (2 * np.log(2.0))
    if how == 1:
        if a <= 0:
            return 0.0
        return a * np.log(a / b) / np.log(2.0) if b > 0 else np.inf
    if how == 2:
        return (np.sqrt(a) - np.sqrt(b)) ** 2 / 2
    return abs(a - b) / 2


@kernel
def mixes(
    p: Any,
    codes: Any,
    parts: Any,
    shown: Any,
    counted: Any,
    defined: Any,
    number: Any,
    weights: Any,
    how: int,
    rooted: bool,
    alpha: float,
    trade: float,
    low: float,
    high: float,
    relevance: Any,
    filled: Any,
    k: int,
    order: Any,
) -> None:
    """argmax  (1 - trade) relevance_i - trade number off( divergence( p, mix with i ) )

    as `radio._State` computes it, which says what the arrays are; ``weights`` are of the places.
    """
    b, n, m = codes.shape
    c = p.shape[1]
    taken, known = np.empty(n, np.bool_), np.empty(n, np.bool_)
    total, each, far = np.empty(c), np.empty(c), np.empty(n)
    for r in range(b):
        picked = min(k, count(filled, taken, r))
        total[:] = shown[r]
        familiar = 0
        for i in range(n):
            known[i] = False
            for j in range(m):
                known[i] = known[i] or parts[r, i, j] > 0
            familiar += known[i]
        rank = 0
        for slot in range(picked):
            weight = weights[rank]
            size = total.sum()
            grown = size + weight
            base = 0.0
            for j in range(c):
                each[j] = cell(how, alpha, p[r, j], total[j] / grown)
                base += each[j]
            usual = 0.0
            for i in range(n):
                if not known[i] or (taken[i] and familiar == n):
                    continue
                found = base
                for j in range(m):
                    part = parts[r, i, j]
                    if part > 0:
                        at = codes[r, i, j]
                        with_it = (total[at] + weight * part) / grown
                        found += cell(how, alpha, p[r, at], with_it) - each[at]
                far[i] = found
                usual += found
            alone = usual / max(familiar, 1)
            if size > 0 and familiar < n:
                alone = 0.0
                for j in range(c):
                    alone += cell(how, alpha, p[r, j], total[j] / size)
            best, at = -np.inf, -1
            for i in range(n):
                if taken[i]:
                    continue
                gain = LOWEST
                if relevance[r, i] > LOWEST:
                    off = 0.0
                    if defined[r]:
                        found = max(far[i] if known[i] else alone, 0.0)
                        found = np.sqrt(found) if rooted else found
                        off = max(low - found, 0.0) + max(found - high, 0.0)
                    gain = (1 - trade) * relevance[r, i] - trade * number[r] * off
                gain = max(gain, LOWEST) - LEVEL * i
                if at < 0 or gain > best:
                    best, at = gain, i
            taken[at] = True
            order[r, slot] = at
            for j in range(m):
                total[codes[r, at, j]] += weight * parts[r, at, j]
            rank += counted[r, at]
        arrange(order, taken, filled, r, picked)
