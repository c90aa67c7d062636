"""Experiments: who is shown what, and what came of it, to be looked at whenever one likes.

experiment = Experiment.of("rows", {"arms": {"old": {"share": 0.5}, "new": {...}}, ...})
store.put_experiment(experiment.name, experiment.about())
assign(experiment, user_id)                       the arm, the same for good
analyse(store, experiment, now=...).advice        today, tomorrow, every hour
before_launch(store.dataset(), candidate).advice  and before anybody is shown it
"""

from ._analysis import analysed
from ._experiment import METRICS, Arm, Experiment, Guardrail, assign
from ._gather import analyse, analyse_named, measured_lists
from ._launch import BeforeLaunch, before_launch, version_before_launch
from ._result import ArmSoFar, Contrast, Guarded, Point, Result

__all__ = [
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
    "measured_lists",
    "version_before_launch",
]
