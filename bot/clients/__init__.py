"""Thin wrappers on clocks, processes and SDKs: time-outs, bounds, redaction, and errors in our own words.

Each one translates its library's exceptions into `bot.domain.errors.OutsideError` once, at the edge. Nothing
here knows what a run is.
"""
