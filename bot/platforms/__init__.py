"""Platforms: how each one rolls out a version and shares out its traffic, behind the ports `Platform` and
`TrafficRouter`. What a platform finds peculiar stays in its own folder, and no SDK type leaves it.
"""
