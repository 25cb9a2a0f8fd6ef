"""Reads what the field's tools print, one file per format: bounded, and `Unreadable` when in doubt."""
