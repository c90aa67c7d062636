"""The parts of the README and the site that are made from the code.

python docs/catalogue.py --readme     writes the tables in README.md
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from headwater import catalogue
from headwater.registry import addresses, resolve

ROOT = Path(__file__).parents[1]
METRIC_NAMES = 60
NAMED = ("losses.", "metrics.")  # folders of which the table has the names alone


def methods_table() -> str:
    """Every method with what it is; losses and metrics in a line each, since there are many."""
    rows = ["| method | what it is | source |", "|---|---|---|"]
    for one in catalogue.entries():
        if one["address"].startswith(NAMED):
            continue
        what = one["what"].split(": ", 1)[-1].rstrip(".")
        rows.append(f"| `{called(one['address'])}` | {what} | {short(one['source'])} |")
    for folder in NAMED:
        names = ", ".join(f"`{w.rsplit('.', 1)[-1]}`" for w in addresses(folder))
        rows += ["", f"{folder.strip('.').capitalize()}: {names}."]
    return "\n".join(rows)


def called(where: str) -> str:
    """As one types it: its last part, or its whole address where that means another method."""
    last = where.rsplit(".", 1)[-1]
    return last if resolve(last) == where else where


def short(source: str) -> str:
    """The first work that a `Source:` names: authors and year."""
    first = source.split(";")[0]
    year = re.search(r"\b(19|20)\d\d\b", first)
    names = first.split(', "')[0].removeprefix("the ")
    return f"{names}, {year.group()}" if year and len(names) < METRIC_NAMES else ""


def numbers_table() -> str:
    """The committed result of Table 2.5."""
    path = ROOT / "papers" / "results" / "thesis-2.5.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    metrics = found["metrics"]
    rows = [
        f"| method | splits | {' | '.join(metrics)} |",
        "|---|---|" + "---|" * len(metrics),
    ]
    for name in found["lines"]:
        mine = [row for row in found["table"] if row["method"] == name]
        cells = [f"{row['ours']:.2f}" + printed(row["paper"]) for row in mine]
        rows.append(f"| {name} | {mine[0]['splits']} | {' | '.join(cells)} |")
    return "\n".join(rows)


def printed(paper: float | None) -> str:
    return "" if paper is None else f" ({paper:.2f})"


def readme(text: str) -> str:
    """``text`` with both tables as they should be."""
    for name, table in (("methods", methods_table()), ("numbers", numbers_table())):
        text = re.sub(
            rf"(<!-- {name}:[^\n]*-->\n).*?(<!-- /{name} -->)",
            lambda m, table=table: f"{m[1]}\n{table}\n\n{m[2]}",
            text,
            flags=re.S,
        )
    return text


def catalogue_page() -> str:
    """Every method in full."""
    lines = []
    folder = None
    for one in catalogue.entries():
        here = one["address"].rsplit(".", 1)[0]
        if here != folder:
            folder = here
            lines += [f"## {here}", ""]
        lines += [f"### {one['name']}", "", f"`{one['address']}`", ""]
        lines += ["```text", catalogue.docstring(one["address"]), "```", ""]
        if one["parameters"]:
            lines += ["| parameter | type | default | meaning |", "|---|---|---|---|"]
            for each in one["parameters"]:
                default = "required" if each["required"] else f"`{each['default']!r}`"
                kind = each["type"].replace("|", "or")
                lines.append(f"| `{each['name']}` | {kind} | {default} | {each['meaning']} |")
            lines.append("")
    return "\n".join(lines)


def page(markdown: str) -> str:
    """A page of the site with its made parts, named in comments, filled in."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = text.replace("](CONTRIBUTING.md)", "](contributing.md)").replace("](docs/", "](")
    text = re.sub(r"\[([^]]+)\]\((papers|benchmarks)/[\w./-]*\)", r"`\1`", text)
    made = {
        "readme": lambda: text,
        "catalogue": catalogue_page,
        "contributing": lambda: (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
        "changelog": lambda: (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    }
    for name, make in made.items():
        if f"<!-- {name} -->" in markdown:
            markdown = markdown.replace(f"<!-- {name} -->", make())
    return markdown


if __name__ == "__main__":
    if sys.argv[1:] != ["--readme"]:
        sys.exit(__doc__)
    path = ROOT / "README.md"
    path.write_text(readme(path.read_text(encoding="utf-8")), encoding="utf-8")
