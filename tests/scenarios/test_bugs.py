"""A bug in the bot: nobody's secret gets into the thread by it, and nothing is left without a driver."""

import asyncio

from tests.support.scenario import Scenario, When, minutes, seconds

CANARY = "xoxb-1234567890-canary"


async def test_what_a_bug_says_in_the_thread_is_short_and_bears_no_secret(
    when: When, scenario: Scenario
) -> None:
    consume = scenario.journal.consume

    async def broken(*args: object) -> object:
        scenario.journal.consume = consume
        raise RuntimeError(f"token={CANARY} {'x' * 2_000}\n[parameters: ('{CANARY}',)]")

    scenario.journal.consume = broken
    await when.started()
    await when.passes(seconds(1))

    (said,) = scenario.process.heard
    assert said.startswith("RuntimeError: ")
    assert CANARY not in said
    assert "parameters" not in said
    assert len(said) < 400


async def test_a_bug_in_claiming_does_not_end_claiming(when: When, scenario: Scenario) -> None:
    claim = scenario.journal.claim

    async def broken(*args: object, **kwargs: object) -> object:
        scenario.journal.claim = claim
        raise ZeroDivisionError("a bug, or a database error of a kind that nobody thought of")

    scenario.journal.claim = broken
    await when.started()
    await asyncio.sleep(0)
    await when.passes(minutes(1))

    await when.asked_for(5)
