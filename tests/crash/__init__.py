"""The real bot, killed -9 at every crash point in turn, started again, and judged from the outside.

`python -m tests.crash` visits the points; docs/crashes.md tells how to read what it prints. A *direction* is
one way that a run can go (forward, taken back by a person, …), a *world* is the processes that it is played
with, a *visit* is one run in one world with the bot killed at one point. Nothing here looks into the bot:
what is checked is what the API server, the workspace and the journal say afterwards.
"""
