"""Slack in: commands, buttons, forms, the Home tab. Parse, call one operation, acknowledge.

A handler says nothing of its own about a run: the card, drawn anew from the journal, is the proof that
something happened. Refusals go to the person who asked and to nobody else.
"""
