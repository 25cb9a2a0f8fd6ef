"""A fleet of applications, each with a canary run in flight: its settings, its objects, its journals.

The journals are written through the store as the engine would write them; what they tell is true of the
objects in the cluster, so a bot that is started on them finds the world as it left it.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bot.clients.clock import RealClock
from bot.config import Settings, load
from bot.domain.events import Draft, Entry, Planned, Timer
from bot.domain.folding import begin, fold
from bot.domain.people import Person
from bot.domain.plan import DeployRequest, Plan, Target
from bot.domain.run import Run
from bot.domain.traffic import ByVirtualService
from bot.engine.ledger import timers_of
from bot.operations import Deployable
from bot.platforms.kubernetes.derive import canary_of
from bot.ports import Claim
from bot.sim.cluster import STARTER
from bot.sim.cluster.images import image_named
from bot.sim.workspace.ids import id_of
from bot.wiring.deployables import deployables, plan_writers
from storage import Database, SQLJournal, SQLRuns
from tests.support.stand_ins import settings_for
from tests.support.story import Story

Object = dict[str, Any]

RUNNING, NEW = "v2.4.0", "v2.5.0"
WEIGHT = 25
# A simulated cluster looks at all its Deployments after each change, so a large fleet has several clusters.
_IN_A_CLUSTER = 50
ADA, BO = (Person(id=id_of("U", name), name=name) for name in ("ada", "bo"))


@dataclass(frozen=True)
class Fleet:
    """`size` applications; the first `baking` runs are in the middle of a bake, the others ask people."""

    size: int
    baking: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"shop-{number:03}" for number in range(1, self.size + 1))

    @property
    def runs(self) -> tuple[str, ...]:
        return tuple(f"{name}-1" for name in self.names)

    @property
    def clusters(self) -> dict[str, tuple[str, ...]]:
        """The applications of each cluster, by the cluster's context."""
        names, each = self.names, _IN_A_CLUSTER
        return {f"cluster-{at // each + 1}": names[at : at + each] for at in range(0, self.size, each)}

    def settings(self, urls: Mapping[str, str], repository: Path) -> dict[str, Any]:
        """The team's file, without the database's URL; `urls` are the clusters' by context."""
        applications: dict[str, Any] = {}
        for context, names in self.clusters.items():
            whole = settings_for(urls[context], repository, {}, {})
            (like,) = whole["applications"].values()
            applications |= {name: _application(like, name, context) for name in names}
        return {**whole, "applications": applications}

    def write_objects(self, folder: Path, context: str) -> None:
        """A file of manifests per application of one cluster, as `slackwater cluster --apply` takes them."""
        for name in self.clusters[context]:
            (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(_objects(name)))

    async def write_journals(self, url: str, config: Path) -> None:
        """Every run, as far as it is; nobody drives them yet."""
        settings = load(config)
        database = Database(url)
        await database.migrate()
        runs, journal = SQLRuns(database, RealClock()), SQLJournal(database, RealClock())
        for deployable in deployables(settings):
            await runs.create(_plan(settings, deployable), ADA)
        claims = await journal.claim("the process before", ttl=timedelta(0))
        for claim in claims:
            is_baking = claim.run in self.runs[: self.baking]
            await _tell(journal, claim, await runs.load(claim.run), is_baking=is_baking)
        await journal.release(claims)
        await database.close()


def _application(like: Object, name: str, context: str) -> Object:
    """The same settings for an application in a namespace of its own."""
    production = copy.deepcopy(like["environments"]["production"])
    production["host_header"] = f"{name}.example.com"
    production["platform"] |= {
        "context": context,
        "namespace": name,
        "workload": name,
        "container": name,
        "services": {"main": name, "stable": f"{name}-stable", "canary": f"{name}-canary"},
        "traffic": {"kind": "istio", "virtual_service": name},
    }
    return {
        "repository": dict(like["repository"]),
        "image": f"registry.example.com/{name}",
        "environments": {"production": production},
        "metrics": dict(like["metrics"]),
    }


def _objects(name: str) -> Iterator[Object]:
    """What is in the cluster in the middle of a canary: both versions, and the weights between them."""
    found = {}
    for file in sorted(STARTER.glob("*.yaml")):
        for obj in yaml.safe_load_all(file.read_text().replace("checkout", name)):
            if obj["metadata"].get("namespace") == "staging":
                continue
            obj["metadata"]["namespace"] = name
            found[obj["kind"], obj["metadata"]["name"]] = obj
    stable = found["Deployment", name]
    stable["spec"]["replicas"] = 1
    header, weighted = found["VirtualService", name]["spec"]["http"]
    header["route"][0]["destination"]["host"] = f"{name}-canary"
    weighted["route"][0]["weight"], weighted["route"][1]["weight"] = 100 - WEIGHT, WEIGHT
    services = found["Service", f"{name}-stable"], found["Service", f"{name}-canary"]
    target = Target(
        namespace=name,
        workload=name,
        container=name,
        main_service=name,
        stable_service=f"{name}-stable",
        canary_service=f"{name}-canary",
        traffic=ByVirtualService(virtual_service=name),
    )
    yield from found.values()
    yield canary_of(stable, services, target, _image(name, NEW), NEW)


def _image(name: str, version: str) -> str:
    return f"registry.example.com/{name}:{version}"


def _plan(settings: Settings, deployable: Deployable) -> Plan:
    name = deployable.application
    request = DeployRequest(
        application=name,
        environment=deployable.environment,
        version=NEW,
        strategy="canary",
        image=_image(name, NEW),
        commit="c0ffee1",
        running_version=RUNNING,
        running_image=_image(name, RUNNING),
        changes=("Round totals half to even", "Add user preferences"),
        by=ADA,
        reason="user preferences",
        at=datetime.now(UTC),
    )
    return plan_writers(settings)["canary"](request, deployable)


async def _tell(journal: SQLJournal, claim: Claim, run: Run, *, is_baking: bool) -> None:
    """The run so far, behind the plan that its journal begins with."""
    story = Story(
        run.plan,
        ADA,
        run=run.id,
        # The last question was asked a moment ago, so nobody has to be reminded soon.
        since=datetime.now(UTC) - timedelta(hours=2),
        digest=image_named(run.plan.request.image).digest,
    )
    story.up().stage(5, BO).stage(10, BO)
    story.asked(WEIGHT).approved(BO).shifted(WEIGHT)
    story.now = datetime.now(UTC)
    if is_baking:
        story.begins(f"canary/{WEIGHT}/bake")
    else:
        story.baked(WEIGHT)
        story.now = datetime.now(UTC)
        story.asked(50)
    drafts = tuple(_draft(entry) for entry in story.entries[1:])
    await journal.append(claim, run.seq, drafts, tuple(_timers(run, story.entries)))


def _draft(entry: Entry) -> Draft:
    return Draft(event=_own(entry), step=entry.step, attempt=entry.attempt, person=entry.person)


def _own(entry: Entry) -> Any:
    """A question's id is unique among all runs."""
    question = getattr(entry.event, "question", None)
    return entry.event.with_(question=f"{entry.run}-{question}") if question else entry.event


def _timers(run: Run, entries: list[Entry]) -> Iterator[Timer]:
    """As the engine would set them; those of questions that were answered find nothing to do."""
    folded = None
    for entry in entries:
        told = entry.with_(event=_own(entry))
        folded = begin(told) if isinstance(told.event, Planned) or folded is None else fold(folded, told)
        yield from timers_of(folded, _draft(entry))
