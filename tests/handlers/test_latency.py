"""How long fifty people who type at once wait to be acknowledged. Prints; asserts that all are answered."""

import asyncio
import statistics
import time

import pytest

PEOPLE = [f"dev{number}" for number in range(50)]


async def timed(work):
    started = time.perf_counter()
    answer = await work
    return (time.perf_counter() - started) * 1_000, answer


def told(what, milliseconds):
    ordered = sorted(milliseconds)
    median, p95 = statistics.median(ordered), ordered[int(len(ordered) * 0.95) - 1]
    print(f"\n{what}: median {median:.0f} ms, p95 {p95:.0f} ms, slowest {ordered[-1]:.0f} ms (aim: 300 ms)")


@pytest.mark.bench
@pytest.mark.parametrize("cold", [True, False], ids=["cold", "warm"])
@pytest.mark.parametrize("text", ["status", "v2.5.0 canary"])
async def test_fifty_people_at_once_are_acknowledged(town, text, cold):
    town.configure(applications=tuple(f"app{number}" for number in range(50)))
    if not cold:
        await asyncio.gather(*(town.types(person, "status") for person in PEOPLE))
    commands = [text if text == "status" else f"app{number} {text}" for number in range(50)]

    answers = await asyncio.gather(
        *(timed(town.types(person, command)) for person, command in zip(PEOPLE, commands, strict=True))
    )

    told(f"50 × /deploy {text}, {'just started' if cold else 'people known'}", [took for took, _ in answers])
    assert all(answer["ok"] and answer["ephemeral"] for _, answer in answers)
    if text != "status":
        assert len(town.runs()) == 50
