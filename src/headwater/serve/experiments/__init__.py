"""Experiments: who is shown what, and what came of it, to be looked at whenever one likes.

about = {"arms": {"old": {"share": 0.5}, "new": {...}}, ...}
experiment = begin(store, "rows", about, now=...)
assign(experiment, user_id)                       the arm, the same for good
analyse(store, experiment, now=...).advice        today, tomorrow, every hour
version_before_launch(store, folder).advice       and before anybody is shown it
"""

from ._analysis import analysed
from ._experiment import CURRENT, METRICS, Arm, Experiment, Guardrail, assign
from ._gather import analyse, analyse_named, list_metrics, measured_lists
from ._keeping import begin, end, named
from ._launch import BeforeLaunch, before_launch, version_before_launch
from ._result import ArmSoFar, Contrast, Guarded, Point, Result

__all__ = [
    "CURRENT",
    "METRICS",
    "Arm",
    "ArmSoFar",
    "BeforeLaunch",
    "Contrast",
    "Experiment",
    "Guarded",
    "Guardrail",
    "Point",
    "Result",
    "analyse",
    "analyse_named",
    "analysed",
    "assign",
    "before_launch",
    "begin",
    "end",
    "list_metrics",
    "measured_lists",
    "named",
    "version_before_launch",
]
