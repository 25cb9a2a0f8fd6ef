"""What the command line asks of a bot that need not be running: plans, checks, journals."""

import os
from collections.abc import Awaitable
from pathlib import Path

from slack_sdk.web.async_client import AsyncWebClient

from bot import operations
from bot.clients.clock import VARIABLE, clock_from
from bot.clients.kube import KubeClient, connect
from bot.clients.redaction import conceal
from bot.config import Secrets, Settings, load, not_built_yet
from bot.domain.actions import Side
from bot.domain.errors import NotUnderstood, OutsideError, Permanent, Refused
from bot.domain.events import Entry
from bot.domain.figures import Subject
from bot.domain.people import Person, Role
from bot.domain.plan import Plan, Target
from bot.domain.record import Record
from bot.operations import Deployable, Desk
from bot.operations.colours import as_it_stands, in_colours
from bot.platforms.kubernetes import KubernetesPlatform, router
from bot.ports import RunSummary, TrafficRouter
from bot.slack import Directory, SlackCalls, SlackRoles
from bot.sources.health import HTTPHealth
from bot.wiring.deployables import deployables, granted, plan_writers
from bot.wiring.identity import at_the_console
from bot.wiring.worlds import Worlds, connect_clusters
from handlers import grammar
from storage import AuditEntry, Database, SQLJournal, SQLRuns, Verified


class Finding(Record):
    """One thing that `doctor` looked at."""

    what: str
    is_well: bool
    sentence: str


class _AtTheConsole:
    """Whoever has the configuration and the cluster's credentials at hand may read what they can read."""

    async def has(self, person: Person, role: Role) -> bool:  # noqa: ARG002
        return True

    async def names(self, role: Role) -> tuple[str, ...]:  # noqa: ARG002
        return ()


async def plan_of(config: Path, words: str) -> Plan:
    """The plan that `/deploy <words>` would carry out.

    Raises:
        SlackwaterError: it cannot be planned.
    """
    settings, clock = load(config), clock_from(os.environ.get(VARIABLE))
    known = deployables(settings)
    command = grammar.parse(words, tuple(sorted({d.application for d in known})))
    if not isinstance(command, grammar.Start | grammar.Preview):
        raise NotUnderstood("That is no deploy.", 'Try: slackwater plan --config FILE "v2.5.0 canary"')
    kubeconfig = Secrets.from_environ(os.environ).kubeconfig
    clusters = await connect_clusters(tuple(target for d in known for target in d.targets), kubeconfig)
    worlds, database = Worlds(settings, clock, clusters), Database(settings.storage.url)
    desk = Desk(
        deployables=known,
        strategies=plan_writers(settings),
        versions=worlds.versions,
        platform=worlds.platform,
        runs=SQLRuns(database, clock),
        journal=SQLJournal(database, clock),
        roles=_AtTheConsole(),
        clock=clock,
        nudge=lambda _: None,
    )
    try:
        return await operations.draw_up(desk, command.wish, at_the_console())
    finally:
        await worlds.close()
        await database.close()


async def check(config: Path) -> list[str]:
    """What to say of a sound configuration.

    Raises:
        ConfigErrors: it is not sound; every problem is in it.
    """
    settings = load(config)
    found = deployables(settings)
    lines = [f"{config.name} is sound."]
    lines += [
        f"{d.application} can be deployed to {d.environment} by {' or '.join(d.strategies)}." for d in found
    ]
    if not found:
        lines.append("No application can be deployed with this version of Slackwater.")
    lines += [f"{n.where}: {n.path}: {n.sentence}" for n in not_built_yet(settings)]
    return lines


async def examine(config: Path) -> list[Finding]:
    """Look at everything outside: the database, each declared object, metrics, repository, health paths."""
    settings = load(config)
    secrets = Secrets.from_environ(os.environ)
    conceal(*secrets.plain())
    findings = [await _database(settings)]
    for deployable in deployables(settings):
        findings += await _of(deployable, settings, secrets)
    staging = {d.application: d.staging.target for d in deployables(settings) if d.staging is not None}
    for application, target in staging.items():
        findings += await _of_staging(f"{application} in staging", target, secrets)
    findings += await _slack(settings, secrets)
    return findings


async def recent_runs(config: Path) -> tuple[RunSummary, ...]:
    settings, clock = load(config), clock_from(os.environ.get(VARIABLE))
    database = Database(settings.storage.url)
    try:
        return await SQLRuns(database, clock).recent()
    finally:
        await database.close()


async def journal_of(config: Path, run: str) -> tuple[Entry, ...]:
    """Raises `UnknownRun`."""
    settings, clock = load(config), clock_from(os.environ.get(VARIABLE))
    database = Database(settings.storage.url)
    try:
        return await SQLJournal(database, clock).entries(run)
    finally:
        await database.close()


async def audit_trail(config: Path) -> tuple[AuditEntry, ...]:
    settings, clock = load(config), clock_from(os.environ.get(VARIABLE))
    database = Database(settings.storage.url)
    try:
        return tuple(await SQLRuns(database, clock).audit_entries(limit=200))
    finally:
        await database.close()


async def verify_audit(config: Path, noted: str | None) -> Verified:
    """Whether the trail is as it was written, `noted` (a hash) included.

    Raises:
        ConfigError: the database is of another version.
        OutsideError: the database does not answer.
    """
    settings, clock = load(config), clock_from(os.environ.get(VARIABLE))
    database = Database(settings.storage.url)
    try:
        return await SQLRuns(database, clock).verify_audit(noted)
    finally:
        await database.close()


async def _database(settings: Settings) -> Finding:
    database = Database(settings.storage.url)
    try:
        await database.migrate()
    except (OutsideError, Refused) as error:
        return Finding(what="database", is_well=False, sentence=str(error))
    finally:
        await database.close()
    return Finding(what="database", is_well=True, sentence="it answers, and its tables are up to date")


async def _of(deployable: Deployable, settings: Settings, secrets: Secrets) -> list[Finding]:
    name, target = f"{deployable.application} in {deployable.environment}", deployable.target
    clock = clock_from(os.environ.get(VARIABLE))
    try:
        kube = await connect(Path(secrets.kubeconfig) if secrets.kubeconfig else None, target.context)
    except OutsideError as error:
        return [Finding(what=f"{name}: cluster", is_well=False, sentence=str(error))]
    worlds = Worlds(settings, clock, {target.context: kube})
    try:
        where = await as_it_stands(worlds.platform, deployable)
    except (OutsideError, Refused) as error:
        await worlds.close()
        return [Finding(what=f"{name}: colours", is_well=False, sentence=str(error))]
    target = where.target
    platform, traffic = KubernetesPlatform(kube, target), router(kube, target)
    found = []
    try:
        found.append(await _look(f"{name}: Deployment {target.workload}", _stable(platform)))
        if "canary" in deployable.strategies:
            found.append(await _look(f"{name}: {target.traffic.object_name}", _split(traffic)))
        versions = worlds.versions(deployable.application)
        found.append(await _look(f"{name}: repository", _newest(versions.newest())))
        if found[0].is_well:
            if "canary" in deployable.strategies:
                found.append(await _look(f"{name}: canary", _canary(platform)))
            if "blue-green" in deployable.strategies:
                found.append(await _look(f"{name}: blue-green", _colours(kube, where)))
            found.append(await _look(f"{name}: rolling", _rolling(platform)))
            found.append(await _metrics(name, worlds, settings, where))
    finally:
        await worlds.close()
    return found


async def _of_staging(name: str, target: Target, secrets: Secrets) -> list[Finding]:
    try:
        kube = await connect(Path(secrets.kubeconfig) if secrets.kubeconfig else None, target.context)
    except OutsideError as error:
        return [Finding(what=f"{name}: cluster", is_well=False, sentence=str(error))]
    platform = KubernetesPlatform(kube, target)
    try:
        found = [await _look(f"{name}: Deployment {target.workload}", _stable(platform))]
        if found[0].is_well:
            found.append(await _look(f"{name}: rolling", _rolling(platform)))
        if target.url is not None:
            found.append(await _health(name, HTTPHealth(target)))
    finally:
        await kube.close()
    return found


async def _health(name: str, health: HTTPHealth) -> Finding:
    readings = await health.ask(Side.STABLE)
    ill = [f"{one.path}: {one.detail or one.status}" for one in readings if not one.ok]
    said = "; ".join(ill) or f"{', '.join(one.path for one in readings)} answer well"
    return Finding(what=f"{name}: health", is_well=not ill, sentence=said)


async def _look(what: str, work: Awaitable[str]) -> Finding:
    try:
        return Finding(what=what, is_well=True, sentence=await work)
    except (OutsideError, Refused, Permanent) as error:
        return Finding(what=what, is_well=False, sentence=str(error))


async def _stable(platform: KubernetesPlatform) -> str:
    stable = await platform.stable()
    return f"runs {stable.image}, {stable.ready} of {stable.replicas} pods are ready"


async def _canary(platform: KubernetesPlatform) -> str:
    stable = await platform.stable()
    await platform.check_canary(stable.image, stable.version or "", run=None)
    return "could be made, and promoted"


async def _rolling(platform: KubernetesPlatform) -> str:
    await platform.check_rollout(run=None)
    return "could be rolled out"


async def _colours(kube: KubeClient, where: Deployable) -> str:
    target = in_colours(where).target
    platform = KubernetesPlatform(kube, target)
    await _canary(platform)
    await router(kube, target).check()
    idle = await platform.canary()
    runs = f"runs {idle.image} without traffic" if idle is not None else "is not there yet"
    return f"{target.workload} serves; {target.canary_workload} {runs}"


async def _split(router: TrafficRouter) -> str:
    await router.check()
    split = await router.split()
    header = (
        f"the canary header leads to {split.header_to}" if split.header_to else "no canary header route yet"
    )
    return f"gives {split.canary} % to the canary; {header}"


async def _newest(newest: Awaitable[tuple[str, ...]]) -> str:
    versions = await newest
    return f"newest version {versions[0]}" if versions else "it has no tags that name a version"


async def _metrics(name: str, worlds: Worlds, settings: Settings, deployable: Deployable) -> Finding:
    what = f"{name}: metrics"
    application = settings.application(deployable.application)
    stable = await worlds.platform(deployable.target).stable()
    subject = Subject(
        namespace=deployable.target.namespace,
        version=stable.version or "",
        pods=deployable.target.pods(Side.STABLE),
    )
    sample = await worlds.metrics(deployable.application, application).sample(subject)
    figures = {"requests_total": sample.requests_total, "errors_total": sample.errors_total, **sample.figures}
    gaps = [f"{key}: {f.gap.value} {f.detail}".strip() for key, f in figures.items() if f.gap is not None]
    if gaps:
        return Finding(what=what, is_well=False, sentence="; ".join(gaps))
    return Finding(what=what, is_well=True, sentence=f"all {len(figures)} queries give a number")


async def _slack(settings: Settings, keys: Secrets) -> list[Finding]:
    token = keys.slack_bot_token
    if token is None:
        return [Finding(what="Slack", is_well=False, sentence="SLACK_BOT_TOKEN is not set")]
    client = AsyncWebClient(token=token.get_secret_value(), base_url=keys.slack_api_url, timeout=10)
    directory = Directory(SlackCalls(client))
    channels = (settings.slack.channels.deploys, *settings.slack.channels.stakeholders)
    found = [await _look(f"Slack: {channel}", _channel(directory, str(channel))) for channel in channels]
    for role, grantees in granted(settings).items():
        roles = SlackRoles(directory, {role: grantees})
        names = await roles.names(role)
        sentence = ", ".join(names) if names else "nobody"
        is_well = bool(names) or role in {Role.VIEWER, Role.ADMIN}
        found.append(Finding(what=f"Slack: {role.value}", is_well=is_well, sentence=sentence))
    return found


async def _channel(directory: Directory, name: str) -> str:
    return f"is {await directory.channel(name)}"
