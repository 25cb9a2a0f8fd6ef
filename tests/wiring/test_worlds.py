"""What a bot connects to, and how often."""

from pathlib import Path

import pytest
import yaml

from bot.clients.clock import RealClock
from bot.config import loads
from bot.wiring import worlds
from tests.support.builders import a_target
from tests.support.stand_ins import settings_for


async def test_a_cluster_is_connected_to_once_however_many_applications_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str | None] = []

    async def connect(_file: Path | None, context: str | None) -> str:
        asked.append(context)
        return f"client of {context}"

    monkeypatch.setattr(worlds, "connect", connect)
    targets = [a_target(name).with_(context=context) for name in "abc" for context in ("eu", None)]

    clusters = await worlds.connect_clusters(tuple(targets), "kubeconfig")

    assert clusters == {"eu": "client of eu", None: "client of None"}
    assert asked == ["eu", None]


def test_applications_with_their_figures_in_one_place_share_its_threads(tmp_path: Path) -> None:
    there, elsewhere = "http://127.0.0.1:1", "http://127.0.0.1:2"
    settings = settings_for(there, tmp_path, {}, {})
    (like,) = settings["applications"].values()
    places = {"one": there, "two": there, "three": elsewhere}
    settings["applications"] = {
        name: {**like, "metrics": {"kind": "prometheus", "url": url}} for name, url in places.items()
    }
    loaded = loads(yaml.safe_dump(settings), folder=tmp_path)
    world = worlds.Worlds(loaded, RealClock(), {})

    servers = [world.metrics(name, loaded.application(name))._server for name in places]

    assert servers[0] is servers[1]
    assert servers[2] is not servers[0]
