"""Slack's Web API: one function per method, one file per family, one table that names them all.

A method gets the workspace and the call's arguments and answers with the body of a success; `ok` is added by
`door.py`, which also reads tokens and bodies, keeps rates, plays faults and writes the log. Refusals are
raised.
"""
