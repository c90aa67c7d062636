"""News recommenders piece by piece in numpy, and a small world in which something is missing."""

from dataclasses import replace

import numpy as np
import polars as pl
import torch

from headwater.registry import build
from headwater.retrieve.content._samples import Sample
from headwater.types import Catalog, Dataset, Histories, Ids, Impressions, Queries, Slate

N, USERS = 9, 5
SILENT = 3  # the one item of which nothing is known
STRANGER, IDLE = -1, 4  # nobody, and somebody who is in nothing that is learned from
TITLES = (
    "markets fall again",
    "markets rise",
    "the cup final again and again and again",
    None,
    "",
    "rise of the cup",
    "zebra",  # a word that no other title has
    "the markets the cup the final",
    "fall",
)
TABLE = pl.DataFrame(
    {
        "title": TITLES,
        "abstract": ["rise and fall", None, "the final", None, "again", "", "markets", "cup", None],
        "category": ["money", "money", "sport", None, "sport", "sport", None, "money", None],
        "subcategory": ["a", "b", "c", None, "c", None, "d", "a", None],
    }
)
SIZES = {
    "nrms": {"heads": 2, "head_size": 3, "query_size": 4},
    "naml": {"filters": 6, "kind_size": 3, "query_size": 4},
    "lstur": {"filters": 5, "kind_size": 2, "query_size": 4},
    "npa": {"filters": 6, "user_size": 3, "query_size": 4},
}


def small(**more):
    """Five people, the last of whom did nothing."""
    pairs = [(0, 0), (0, 1), (0, 2), (1, 3), (1, 2), (2, 6), (2, 0), (2, 3), (3, 5), (3, 7)]
    at = np.array(pairs)
    log = Histories.of(at[:, 0], at[:, 1], n_rows=USERS, n_items=N, times=np.arange(len(at)) + 1)
    vectors = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
    vectors[SILENT] = 0
    return Dataset(
        users=Ids(pl.Series(range(USERS))),
        items=Ids(pl.Series(range(N))),
        log=log,
        catalog=Catalog(TABLE, {"text": vectors}),
        **more,
    )


def made(name, data=None, *, std=0.5, **parameters):
    """A model whose net has learned nothing, with weights far from 0, in float64."""
    given = {"dropout": 0.0, "word_size": 4, "min_count": 2, "history": 4, **SIZES[name]}
    model = build(name, **given | parameters)
    model = replace(model, how=replace(model.how, n_epochs=1))
    model.fit(small() if data is None else data)  # for the arrays of the data
    torch.manual_seed(0)
    with torch.no_grad():
        for p in model.net_.parameters():
            p.normal_(std=std)
        for module in model.net_.modules():
            if isinstance(module, torch.nn.Embedding) and module.padding_idx == 0:
                module.weight[0] = 0
    model.net_.double().eval()
    return model


def batch():
    """Histories of all lengths; news of which nothing is known on both sides; somebody new, and
    candidates that are not there."""
    past = [[-1, 0, 1, 2], [-1, -1, -1, -1], [-1, -1, 3, 6], [5, 7, 0, 4], [-1, -1, -1, -1]]
    items = [[3, 4, 5], [1, 3, 0], [8, 2, -1], [6, 3, 7], [2, 1, 3]]
    return Sample.of(np.array([0, 1, STRANGER, 3, IDLE]), np.array(past), np.array(items), "cpu")


def weights(net):
    return {name: p.detach().numpy() for name, p in net.named_parameters()}


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def additive(w, name, rows):
    x = np.stack(rows)
    inner = np.tanh(x @ w[f"{name}.project.weight"].T + w[f"{name}.project.bias"])
    return softmax(inner @ w[f"{name}.query.weight"][0]) @ x


def heads_of(w, name, rows, heads):
    x = np.stack(rows)
    q, k, v = (x @ each.T for each in w[f"{name}.weight"])
    size = q.shape[1] // heads
    out = np.zeros_like(q)
    for h in range(heads):
        at = slice(h * size, (h + 1) * size)
        for i in range(len(x)):
            out[i, at] = softmax(k[:, at] @ q[i, at] / np.sqrt(size)) @ v[:, at]
    return list(out)


def convolved(w, name, words, drop):
    """ReLU of a filter over three words, each with its neighbours in the same text."""
    x = [np.zeros(words.shape[1]), *drop(words), np.zeros(words.shape[1])]
    out = []
    for i in range(1, len(x) - 1):
        around = np.stack([x[i - 1], x[i], x[i + 1]], 1)  # (E, 3)
        state = (w[f"{name}.weight"] * around).sum((1, 2)) + w[f"{name}.bias"]
        out.append(drop(np.maximum(state, 0)))
    return out


def words_of(net, w, item, part="title"):
    ids = getattr(net, part)[item].numpy()
    return w["embed.weight"][ids[ids > 0]]


def thinned(x):
    """What `columns` makes of dropout, in numpy."""
    return x * (np.arange(x.shape[-1]) % 3 > 0) * 1.5


def columns(x, p, training):
    """In place of dropout: every third column is left out."""
    if not (training and p):
        return x
    return x * torch.as_tensor((np.arange(x.shape[-1]) % 3 > 0) * 1.5, dtype=x.dtype)


def no_drop(x):
    return x


def scored(asked, read, reader):
    """(B, C) by `read` of an item and `reader` of (row, vectors of the past)."""
    out = np.full(asked.items.shape, np.nan)
    for b in range(len(asked)):
        past = [read(i, b) for i in asked.past[b].tolist() if i >= 0]
        who = reader(b, past)
        for c, item in enumerate(asked.items[b].tolist()):
            if item >= 0:
                out[b, c] = read(item, b) @ who
    return out


def nce(scores):
    """The mean of - log softmax of the first, of what is there."""
    each = [-np.log(softmax(row[~np.isnan(row)])[0]) for row in scores]
    return np.mean(each)


def stepped(model, asked, steps):
    """Some steps of gradient descent, to weights that nobody chose."""
    optimizer = torch.optim.SGD(model.net_.parameters(), lr=0.1)
    for step in range(steps):
        optimizer.zero_grad()
        model.loss(model.net_, asked, step).backward()
        optimizer.step()
    return model


def requests(n=600, *, seed=0):
    """People with a taste for one of three topics, shown eight articles each time, of whom four in
    five click on one of their topic; two words in three of a title are of its topic."""
    rng = np.random.default_rng(seed)
    items, users = 90, 60
    topic, taste = np.arange(items) % 3, np.arange(users) % 3
    titles = [
        " ".join(
            f"w{topic[i]}{rng.integers(12)}" if rng.random() < 2 / 3 else f"x{rng.integers(12)}"
            for _ in range(6)
        )
        for i in range(items)
    ]
    user = rng.integers(users, size=n).astype(np.int32)
    shown = np.stack([rng.choice(items, 8, replace=False) for _ in range(n)]).astype(np.int32)
    clicks = np.zeros((n, 8), np.float32)
    past: list[list[int]] = [[] for _ in range(users)]
    rows, read = [], []
    for r in range(n):
        mine = topic[shown[r]] == taste[user[r]]
        wanted = mine if mine.any() and rng.random() < 0.8 else np.ones(8, bool)
        slot = rng.choice(np.flatnonzero(wanted))
        clicks[r, slot] = 1
        rows += [r] * len(past[user[r]])
        read += past[user[r]]
        past[user[r]].append(int(shown[r, slot]))
    history = Histories.of(np.array(rows), np.array(read), n_rows=n, n_items=items)
    places = -np.arange(8, dtype=np.float32)
    slate = Slate(shown, np.broadcast_to(places, shown.shape).copy())
    at = np.repeat(np.arange(users), [len(each) for each in past])
    log = Histories.of(at, np.concatenate(past).astype(int), n_rows=users, n_items=items)
    table = pl.DataFrame({"title": titles, "category": [f"c{t}" for t in topic]})
    return Dataset(
        users=Ids(pl.Series(range(users))),
        items=Ids(pl.Series(range(items))),
        log=log,
        catalog=Catalog(table),
        impressions=Impressions(Queries(history, user, np.arange(n)), slate, clicks),
    )
