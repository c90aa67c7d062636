"""User Satisfaction Simulation: dialogues with assistants, and how satisfied those who read them
took the person to be.

A session is a dialogue; its time is counted in utterances, for nobody wrote down the seconds. Its
satisfaction is the median of what three or more annotators said of the whole, half a level up. What
they came for is the corpus that the dialogue is of, and in MultiWOZ the domains of what they did.

Source: Sun, Zhang, Balog, Ren, Ren, Chen, de Rijke, "Simulating User Satisfaction for the
        Evaluation of Task-oriented Dialogue Systems", SIGIR 2021. arXiv:2105.03748
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from ..types import Sessions
from .sources import Layout, Remote, Source, Tables

__all__ = ["SOURCES"]

CORPORA = {"ReDial": "film_recommendation", "CCPE": "film_preferences", "SGD": "other_task"}
MULTIWOZ = "MWOZ"
DOMAINS = ("restaurant", "hotel", "attraction", "train", "taxi")
INTENTS = (*CORPORA.values(), *DOMAINS)
WHOLE = "OVERALL"  # the text of the line that is about the dialogue
NAMES = (
    "num_user_turns",
    "num_user_words",
    "num_system_words",
    "num_user_questions",
    "num_system_questions",
    "time_to_first_question",
    "session_length",
)
CENSORED = ("time_to_first_question",)


def _read(base: Path) -> Tables:
    """A file a corpus; a line an utterance, with tabs; a blank line between dialogues."""
    found = []
    for corpus in (*CORPORA, MULTIWOZ):
        dialogue, turn = 0, 0
        text = (base / f"{corpus}.txt").read_text(encoding="utf-8")
        for line in text.split("\n"):
            if not line.strip():
                dialogue, turn = dialogue + (turn > 0), 0
                continue
            parts = line.rstrip("\r").split("\t")
            if len(parts) < 4 or parts[0] not in ("USER", "SYSTEM"):
                raise ValueError(f"{corpus}.txt has the line {line[:60]!r}")
            turn += 1
            said = [int(level) for level in parts[3].split(",") if level.strip()]
            found.append((corpus, dialogue, turn, *parts[:3], said))
    levels = {"satisfaction": pl.List(pl.Int8)}
    schema = ["source", "dialogue_id", "turn", "speaker", "text", "action", "satisfaction"]
    return _tables(pl.DataFrame(found, schema, schema_overrides=levels, orient="row"))


def _parquet(base: Path) -> Tables:
    return _tables(pl.read_parquet(base / "turns.parquet"))


def _tables(turns: pl.DataFrame) -> Tables:
    dialogue = ["source", "dialogue_id"]
    rated = turns.filter(text=WHOLE).select(*dialogue, level=pl.col("satisfaction").list.median())
    said = turns.filter(pl.col("text") != WHOLE).sort(*dialogue, "turn")
    user, words = pl.col("speaker") == "USER", pl.col("text").str.count_matches(r"\S+")
    asks = pl.col("text").str.contains("?", literal=True)
    nth = pl.int_range(pl.len()).over(dialogue)
    domains = [
        (user & pl.col("action").str.to_lowercase().str.starts_with(f"{name}-")).any().alias(name)
        for name in DOMAINS
    ]
    each = (
        said.with_columns(nth=nth)
        .group_by(dialogue, maintain_order=True)
        .agg(
            user.sum().alias("num_user_turns"),
            words.filter(user).sum().alias("num_user_words"),
            words.filter(~user).sum().alias("num_system_words"),
            (user & asks).sum().alias("num_user_questions"),
            (~user & asks).sum().alias("num_system_questions"),
            pl.col("nth").filter(user & asks).first().alias("time_to_first_question"),
            pl.len().alias("session_length"),
            *domains,
        )
        .join(rated, on=dialogue, how="left", maintain_order="left")
    )
    corpus = [(pl.col("source") == name).alias(intent) for name, intent in CORPORA.items()]
    behaviours = each.select(pl.col(NAMES).cast(pl.Float32)).to_numpy().copy()
    level = np.floor(each["level"].fill_null(0).to_numpy() + 0.5).astype(np.int8)
    sessions = Sessions(
        ids=each.select(pl.format("{} {}", *dialogue)).to_series(),
        user=np.arange(len(each), dtype=np.int32),
        start=np.zeros(len(each), np.int64),
        seconds=behaviours[:, NAMES.index("session_length")],
        behaviours=behaviours,
        names=NAMES,
        censored=CENSORED,
        intents=each.select(*corpus, *DOMAINS).to_numpy(),
        intent_names=INTENTS,
        satisfaction=level,
        shown=level > 0,
        weights=np.ones(len(each), np.float32),
    )
    return Tables(sessions=sessions)


HOME = "https://github.com/sunnweiwei/user-satisfaction-simulation"
SITE = "https://raw.githubusercontent.com/sunnweiwei/user-satisfaction-simulation/master/dataset"
SOURCES = (
    Source(
        name="user-satisfaction",
        title="User Satisfaction Simulation",
        home=HOME,
        files=tuple(Remote(url=f"{SITE}/{corpus}.txt") for corpus in (*CORPORA, MULTIWOZ)),
        terms="No licence is given: for research. The dialogues are those of ReDial, CCPE-M, SGD "
        "and MultiWOZ, which are open. Cite Sun et al. 2021.",
        terms_url=HOME,
        citation="Weiwei Sun, Shuo Zhang, Krisztian Balog, Zhaochun Ren, Pengjie Ren, Zhumin Chen, "
        "and Maarten de Rijke. 2021. Simulating User Satisfaction for the Evaluation of "
        "Task-oriented Dialogue Systems. In SIGIR 2021. doi:10.1145/3404835.3463241",
        sizes={"users": 3_500},
        layouts=(
            Layout(
                kind="parquet",
                folders=("uss-satisfaction",),
                needs=("turns.parquet",),
                read=_parquet,
            ),
            Layout(
                kind="official",
                needs=tuple(f"{corpus}.txt" for corpus in (*CORPORA, MULTIWOZ)),
                read=_read,
            ),
        ),
        also="Sessions are dialogues, and their time is counted in utterances. The Chinese corpus, "
        "JDDC, is left out.",
    ),
)
