"""Questions about a release, answered from facts before it goes on.

One file per gate: `gather` collects facts through `tools`; `judge`, a pure function, makes a result of them.
`readers/` reads the output of the field's tools, `review/` holds the rules of the code review, `catalogue`
lists the gates, and `runner` is what the engine's port gets.

A gate never passes by silence: a missing tool, a time limit, an unreadable answer are FAILED with the reason
and what to do. Nothing here starts a process itself; `tools.Tools` does, and tests give it what they like.
"""
