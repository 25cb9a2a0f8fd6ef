"""Deterministic simulation: a whole bot and its whole world in one process, in an order that a seed decides.

The real engine, publisher, storage, platform adapters and handlers run on one virtual event loop (`loop`),
in front of a simulated Slack (`slack`), cluster (`cluster`, `kubernetes`), users (`figures`) and `people`.
`bot` is the only file that knows how a process is put together. `forecast`, `weather` and `storm` decide
what goes wrong, `witness` records what was committed, `judgement` says what is not as it has to be, and
`play` plays one seed. `docs/simulation.md` tells how to use it.
"""
