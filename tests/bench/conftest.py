"""The stage of the live tests, for figures from real parts."""

from tests.live.conftest import stage, traffic

__all__ = ["stage", "traffic"]
