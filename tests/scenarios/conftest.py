"""Every scenario runs in virtual time, and what always holds is checked after each."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from structlog.testing import capture_logs

from tests.support.scenario import Given, Scenario, Then, When
from tests.support.virtual import VirtualLoop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], VirtualLoop]]:
    return {"virtual": VirtualLoop}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Drivers that fail on purpose log tracebacks, and drawing those takes longer than the scenarios."""
    with capture_logs():
        yield


@pytest.fixture
async def scenario() -> AsyncIterator[Scenario]:
    one = Scenario()
    yield one
    await one.close()
    one.invariants()


@pytest.fixture
def given(scenario: Scenario) -> Given:
    return Given(scenario)


@pytest.fixture
def when(scenario: Scenario) -> When:
    return When(scenario)


@pytest.fixture
def then(scenario: Scenario) -> Then:
    return Then(scenario)
