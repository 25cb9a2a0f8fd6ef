from collections.abc import Iterator

import pytest

from tests.simulation.play import Stage


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()
