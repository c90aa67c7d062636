"""Experiments: who is shown what, and what came of it, to be looked at whenever one likes."""

from ._experiment import METRICS, Arm, Experiment, Guardrail, assign

__all__ = ["METRICS", "Arm", "Experiment", "Guardrail", "assign"]
