"""Judging figures: what was counted, whether the canary is worse than stable, when a trigger fires.

Pure: records in, records out, no clock, no metrics source. The steps that bake and the engine's triggers
call it and keep its records (`Tally`, `TriggerState`) between two looks. `counting` turns counters into
disjoint windows, `evidence` and `intervals` hold the statistics, `comparison` makes the verdict, `ceiling`
holds one version against a fixed share, `growth` tells a leak from noise, `triggers` watch spec §9's
conditions.
"""

from bot.analysis.ceiling import above
from bot.analysis.comparison import compare
from bot.analysis.counting import count, restart
from bot.analysis.growth import LEAST_READINGS, Growth, growth
from bot.analysis.limits import Limits, Names, TriggerLimits
from bot.analysis.triggers import BASELINE_FIGURES, CANARY_FIGURES, Fired, watch
from bot.domain.triggers import TriggerState

__all__ = [
    "BASELINE_FIGURES",
    "CANARY_FIGURES",
    "LEAST_READINGS",
    "Fired",
    "Growth",
    "Limits",
    "Names",
    "TriggerLimits",
    "TriggerState",
    "above",
    "compare",
    "count",
    "growth",
    "restart",
    "watch",
]
