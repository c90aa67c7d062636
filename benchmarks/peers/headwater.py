"""Headwater itself, through its own public types."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from common import World
from headwater import artifact
from headwater.data.toy import world as dataset
from headwater.types import Histories

