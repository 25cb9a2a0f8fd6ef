"""A process that is told to end does end, whatever it is just being told besides."""

import asyncio

from tests.support.scenario import Scenario, When


async def test_news_at_the_very_moment_of_the_stop_does_not_keep_the_engine_going(
    scenario: Scenario, when: When
) -> None:
    await when.started()
    await when.asked_for(5)
    engine = scenario.process.engine

    async with asyncio.timeout(60):
        engine.nudge("another-run")
        await engine.stop()

    assert all(task.done() for task in engine._looking)
