"""What people read: a run becomes cards, thread items, answers and pictures. Pure.

Everything here is a function of the folded run and a `Setting`; no clock, no Slack, no memory. Times are
written as Slack's own date tokens, so a message changes only when the run does. Outside text (versions,
reasons, findings, errors) is escaped here and nowhere else.
"""
