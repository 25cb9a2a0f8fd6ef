"""What happens at each edge of the bot when something is wrong there: the real adapter meets the real fault.

Each test bears `@fault(edge, what)` and says by its `observed` fixture what it saw. `python -m tests.faults`
runs them all and prints the table that `docs/faults.md` holds.
"""
