"""Charts, drawn on the server: Vega-Lite to SVG, in colours that the style sheet knows.

A chart is drawn once in the colours of paper; style.css puts others in their place where it is
dark, which is why only the colours below may be used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

from ..errors import BadParameter, MissingExtra

__all__ = ["INK", "LINE", "SERIES", "SOFT", "chart", "svg"]

INK, SOFT, LINE = "#1b1f24", "#59636e", "#d1d9e0"
SERIES = ("#0b62c4", "#b35900", "#1a7f37", "#a40e6b", "#6639ba", "#57606a")
TEXT = {"labelColor": SOFT, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12}
CONFIG = {
    "background": "transparent",
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {**TEXT, "titleFontWeight": 500, "gridColor": LINE, "domainColor": LINE}
    | {"tickColor": LINE, "labelLimit": 220},
    "legend": {**TEXT, "titleFontWeight": 500, "orient": "top", "labelLimit": 220},
    "header": TEXT,
    "title": {
        "color": INK,
        "subtitleColor": SOFT,
        "fontSize": 13,
        "fontWeight": 500,
        "anchor": "start",
    },
    "range": {"category": list(SERIES), "ordinal": list(SERIES)},
    "mark": {"color": SERIES[0]},
    "text": {"color": INK},
    "rule": {"color": SOFT},
}
NAMED = re.compile(r'(id="|url\(#)((?:clip|gradient)_?\d+)')


def chart(title: str, says: str, drawn: Any, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A chart for a page: the macro ``chart`` of parts.html shows it.

    ``says`` is what there is to see, for those who do not see it; ``drawn`` an Altair chart or a
    Vega-Lite specification with its data inside, ``rows`` the numbers, for the table below it.
    """
    spec = drawn if isinstance(drawn, Mapping) else drawn.to_dict()
    return {"title": title, "says": says, "spec": dict(spec), "rows": [dict(r) for r in rows]}


def svg(spec: Mapping[str, Any]) -> str:
    """The specification as SVG, which has no scripts, styles or links in it; `BadParameter` where
    it asks for links, `MissingExtra` without the extra "report"."""
    text = json.dumps({name: each for name, each in spec.items() if name != "config"})
    if '"href":' in text:
        raise BadParameter("a chart leads nowhere: take href out of its specification")
    return _svg(text, sha256(text.encode()).hexdigest()[:8])


@lru_cache(maxsize=256)
def _svg(text: str, mark: str) -> str:
    try:
        import vl_convert
    except ModuleNotFoundError:
        raise MissingExtra("a chart", "vl_convert", "report") from None
    drawn: str = vl_convert.vegalite_to_svg(text, config=CONFIG, allowed_base_urls=[])
    drawn = NAMED.sub(rf"\1c{mark}-\2", drawn)  # several charts stand on one page
    return drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
