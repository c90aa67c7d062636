"""What a newcomer sees: the main job on real films, then a platform of these films that runs.

films.py      read, fit, recommend, measure, save
platform.py   a store, a server and simulated people, day after day
"""

from .films import Films
from .films import run as films
from .platform import Day, Platform

__all__ = ["Day", "Films", "Platform", "films"]
