"""Where the parts lie that are too large for the repository: control plane, Slack's schemas, tools."""

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[2]


def shared(*parts: str) -> Path:
    """A path among the shared parts, whether it exists or not."""
    told = os.environ.get("SLACKWATER_SHARED", "../shared")
    return (_REPOSITORY / told).joinpath(*parts)


def shared_or_skip(*parts: str) -> Path:
    """A path among the shared parts; without it the test is skipped, saying so."""
    found = shared(*parts)
    if not found.exists():
        pytest.skip(f"{found} is not there; SLACKWATER_SHARED says where the shared parts are")
    return found
