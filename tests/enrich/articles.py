"""Made-up articles; and a run over them in a process of its own, that may die in the middle.

python articles.py CACHE OUT DIES_AT
"""

import os
import signal
import sys

import polars as pl

from headwater.enrichment import enrich

DAY = 86_400


def articles(n, words=30):
    """Some of them tell the same, all of them name somebody."""
    people = ("Nancy Pelosi", "Kevin McCarthy", "Ann Zorn", "Bob Quill")
    rows = []
    for i in range(n):
        said = " ".join(f"word{(i // 3) * 7 + j % 11}" for j in range(words))
        rows.append(
            {
                "item_id": f"n{i:04d}",
                "title": f"Rep. {people[i % 4]} spoke well",
                "abstract": f"It was {'good' if i % 2 else 'bad'} that {said}. End {i}.",
                "category": "news" if i % 3 else "sports",
                "published": f"2024-03-{1 + (i // 3) % 20:02d} 10:00:00",
            }
        )
    return pl.DataFrame(rows)


def main(cache, out, dies_at):
    told = 0

    def progress(what, done, total):
        nonlocal told
        told += 1
        print(what, done, total, flush=True)
        if told == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    found = enrich(articles(1000), cache=cache, progress=progress, settings=RULES)
    found.table.write_parquet(out)


RULES = {"entities": {"by": "rules"}}

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
