"""The words: what a plan, a step, a run, a verdict, an approval *is*; how a run follows from its events.

Frozen records and pure functions only; the standard library and pydantic, no clock, no `await`, nothing of
the outside. Everybody may import this room, and it imports nobody.
"""
