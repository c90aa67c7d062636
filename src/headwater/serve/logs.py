"""Lines of the log of a server: JSON for machines, or text for people."""

from __future__ import annotations

import logging
from typing import Literal

from ..extras import needs

with needs("the server", "serve"):
    from pythonjsonlogger.core import RESERVED_ATTRS
    from pythonjsonlogger.json import JsonFormatter

__all__ = ["set_up"]


def set_up(kind: Literal["json", "text"], level: int = logging.INFO) -> None:
    """Everything that Headwater and its server say, to standard error."""
    handler = logging.StreamHandler()
    if kind == "json":
        names = ["asctime", "levelname", "name", "message"]
        formatter: logging.Formatter = JsonFormatter(
            names,
            rename_fields={"asctime": "time", "levelname": "level"},
            reserved_attrs=[*RESERVED_ATTRS, "color_message"],  # the same, for terminals
        )
    else:
        formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("headwater", "uvicorn"):
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).propagate = True
        logging.getLogger(name).handlers[:] = []
