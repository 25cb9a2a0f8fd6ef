"""A model of the protocol in Promela, searched through by spin: `python -m tests.model.run`.

It holds what can be said without Python: journal, lease, approval, interrupts, crash, take-over, and requests
that land late. `docs/protocol.md` says what it covers and what it found.
"""
