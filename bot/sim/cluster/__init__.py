"""The simulated cluster: the Kubernetes API on loopback, with pods that roll, fail and count what users do.

`serve` starts it; what listens there is what the official client and kubectl talk to, with Prometheus'
HTTP API under `/prometheus`, real requests routed by their `Host` header, `PUT /faults` to break a version
and `GET /audit` to see what clients changed. `Simulation` is the same without HTTP, moved on by whoever
holds it.

Inside, from the ground up: `store` holds objects; `requests` is what a client may do to them (`patches`,
`ownership`, `validation`, `defaults`); `controllers` and `kubelet` do what a cluster does with them;
`routing`, `traffic` and `application` are its users and its software; `scrape` hands figures to
`bot.sim.metrics`; `api`, `router` and `server` are the door. Nothing here knows the bot.
"""

from pathlib import Path

from bot.ports import Clock
from bot.sim.cluster.kubelet import Pace
from bot.sim.cluster.refusals import Refusal
from bot.sim.cluster.server import ClusterServer, write_kubeconfig
from bot.sim.cluster.simulation import Settings, Simulation

__all__ = ["STARTER", "ClusterServer", "Pace", "Refusal", "Settings", "Simulation", "serve"]

# The demo's production namespace: `checkout` at v2.4.0.
STARTER = Path(__file__).parent / "starter"


async def serve(
    port: int = 0,
    *,
    clock: Clock,
    rps: float = 50.0,
    seed: int = 1,
    apply: Path | None = None,
    kubeconfig: Path | None = None,
    images: frozenset[str] | None = None,
    pace: Pace | None = None,
    headed: float = 0.0,
    ticking: bool = True,
) -> ClusterServer:
    """Start a simulated cluster on loopback.

    `apply` is a folder of manifests to begin with (`STARTER` is one), `kubeconfig` a file to be written,
    `images` the only images that exist, `headed` the share of users who send `canary: true`. With
    `ticking=False` time stands still until `server.simulation.advance` is called.

    Raises:
        Refusal: a manifest is wrong.
        OSError: the port is taken.
    """
    settings = Settings(rps=rps, seed=seed, pace=pace or Pace(), images=images, headed=headed)
    simulation = Simulation(clock, settings)
    if apply is not None:
        simulation.load(apply)
    server = ClusterServer(simulation, settings)
    await server.start(port, ticking=ticking)
    if kubeconfig is not None:
        write_kubeconfig(kubeconfig, server.kubeconfig())
    return server
