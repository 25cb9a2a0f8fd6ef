"""Moves runs on and holds the invariants: driver, interrupts, timers, leases, triggers.

One driver per active run. The journal is written before anything outside is touched and again after, under
a lease whose number fences every write. There is no second path for recovery: a run that was cut off is
claimed, folded and driven exactly as a new one is. The engine knows actions and ports, but no strategy, no
platform and no Slack.
"""

from bot.engine.engine import Engine
from bot.engine.triggers import TriggerWatch

__all__ = ["Engine", "TriggerWatch"]
