"""A page of somebody else, open in the same browser, moves nothing here."""

import aiohttp
import pytest

from bot.sim.cluster import ClusterServer, Settings, Simulation
from tests.sim.cluster.conftest import HandClock

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
FOREIGN = {"Origin": "https://elsewhere.example"}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("PUT", "/faults", FOREIGN),
        ("POST", CONFIG_MAPS, FOREIGN),
        ("POST", CONFIG_MAPS, {"Origin": "null"}),
        ("POST", CONFIG_MAPS, {"Sec-Fetch-Site": "cross-site"}),
        ("GET", "/audit", FOREIGN),
        ("GET", "/audit", {"Host": "rebound.example:80"}),
        ("PUT", "/faults", {"Host": "rebound.example"}),
    ],
)
async def test_a_foreign_page_is_refused(method: str, path: str, headers: dict[str, str]) -> None:
    async with _served() as server, aiohttp.ClientSession(server.url) as session:
        body = '{"metadata": {"name": "planted"}, "v9": {"error_rate": 1}}'
        async with session.request(method, path, data=body, headers=headers) as answer:
            assert answer.status == 403
        assert server.simulation.faults.told == {}


async def test_clients_that_are_no_pages_are_served() -> None:
    async with _served() as server, aiohttp.ClientSession(server.url) as session:
        for headers in ({}, {"Origin": server.url}, {"Host": f"localhost:{server.port}"}):
            async with session.get("/faults", headers=headers) as answer:
                assert answer.status == 200


class _served:  # noqa: N801 - read as a verb
    async def __aenter__(self) -> ClusterServer:
        self._server = ClusterServer(Simulation(HandClock(), Settings()), Settings())
        await self._server.start(0, ticking=False)
        return self._server

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()
