"""Strategies: pure functions from a request to a plan that reads aloud as the runbook it is.

They know the domain and nothing else. What they describe, the engine does.
"""
