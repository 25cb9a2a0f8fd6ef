"""One file per kind of step: how an action is observed, applied and verified.

A step kind holds no state of its own and never sleeps: what it must remember goes into its outcome, and when
to look again too. It sees the world through ports only, and raises what they raise. `catalogue` lists them
all.
"""

from bot.steps.catalogue import catalogue

__all__ = ["catalogue"]
