"""A trail on each database, before and after its tables are made."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.security.trail import Trail


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return f"sqlite:///{tmp_path}/slackwater.db"


@pytest.fixture
async def trail(database_url: str) -> AsyncIterator[Trail]:
    trail = Trail(database_url)
    await trail.database.migrate()
    yield trail
    await trail.database.close()
