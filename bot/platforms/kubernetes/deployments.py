"""The two Deployments of a run: the team's own, which serves now, and Slackwater's canary beside it."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from bot.clients.kube import FIELD_MANAGER, KubeClient
from bot.domain.actions import RollOut, Side
from bot.domain.errors import Conflict, NotFound, Permanent
from bot.domain.outcome import Recorded, Workload
from bot.domain.plan import Target
from bot.domain.traffic import ByColour, Colour
from bot.platforms.kubernetes import paths, rollouts, shapes, status
from bot.platforms.kubernetes.colours import check_selects, colour_of, kept, left, other_colour, take_over
from bot.platforms.kubernetes.derive import MANAGED_BY, canary_of, is_ours, template_for
from bot.platforms.kubernetes.marks import ANNOTATION, OWNER, generation_of, owner_of

Object = dict[str, Any]

# Pods of one template fail alike; the events of a few tell why.
_EXPLAINED = 3
# How often a controller may write the status between our reading and our change; while pods start, it does.
_STATUS_WRITES = 10


class KubernetesPlatform:
    """`Platform` for one run's target."""

    def __init__(self, kube: KubeClient, target: Target) -> None:
        self._kube = kube
        self._target = target
        self._stable_path = paths.deployment(target.namespace, target.workload)
        self._canary_path = paths.deployment(target.namespace, target.canary_workload)

    async def stable(self) -> Workload:
        return await self._described(await self._read_stable())

    async def canary(self) -> Workload | None:
        deployment = await self._read_canary()
        return None if deployment is None else await self._described(deployment)

    async def serving(self, colours: ByColour) -> Colour | None:
        path = paths.service(self._target.namespace, colours.service)
        return colour_of(shapes.service(await self._kube.get(path)), colours.label)

    async def recorded_stable(self) -> Recorded:
        deployment = await self._read_stable()
        own = template_for(deployment, self._target.container, None, None)
        return Recorded(
            workload=await self._described(deployment),
            manifest=json.dumps(own),
            settings=rollouts.settings_of(deployment),
        )

    async def deploy_canary(self, image: str, version: str, *, run: str, on: Workload | None) -> None:
        existing = await self._own_canary(run)
        if existing is not None and _is_leaving(existing):
            raise Conflict("Kubernetes", f"{self._target.canary_workload} is still being removed")
        self._check_unchanged(existing, on, self._target.canary_workload)
        manifest = await self._derived(await self._read_stable(), image, version)
        manifest["metadata"]["annotations"][OWNER] = run
        if existing is not None and self._target.is_switched:
            await self._patch(self._canary_path, lambda found: take_over(found, manifest, run), on)
            return
        if existing is not None:
            manifest["metadata"]["uid"] = existing["metadata"]["uid"]
        # Without force, an object that somebody makes at this very moment is a conflict, not ours; and under
        # a manager of the run's own, so is the canary of another run, if this request was late.
        await self._kube.apply(
            self._canary_path, manifest, force=existing is not None, manager=_manager_of(run, image)
        )

    async def check_canary(self, image: str, version: str, *, run: str | None) -> None:
        existing = await self._own_canary(run)
        stable = await self._read_stable()
        self._refuse_anothers(stable, run)
        if not self._target.is_switched:
            for why in status.paused(stable):
                message = f"{self._target.workload} could not take the version at the end: {why}"
                raise Permanent(message)
        manifest = await self._derived(stable, image, version)
        if existing is not None and self._target.is_switched:
            for why in status.paused(existing):
                raise Permanent(f"{self._target.canary_workload} could not take the version: {why}")
            take_over(existing, manifest, run or "")

    async def keep_canary(self, *, run: str, on: Workload, serves: bool) -> None:
        await self._patch(self._canary_path, lambda found: kept(found, run, serves=serves), on)

    async def leave_stable(self, *, run: str, on: Workload) -> None:
        await self._patch_stable(lambda found: left(found, run), on)

    async def remove_stable(self, *, on: Workload) -> None:
        found = await self._kube.find(self._stable_path)
        if found is None:
            return
        stable = shapes.deployment(found)
        self._check_unchanged(stable, on, self._target.workload)
        # Not tried again here, not even if only the status has changed: the traffic has to be looked at anew.
        metadata = stable["metadata"]
        await self._kube.delete(self._stable_path, uid=metadata["uid"], revision=metadata["resourceVersion"])

    async def remove_canary(self, *, on: Workload) -> None:
        existing = await self._read_canary()
        if existing is None:
            return
        self._check_unchanged(existing, on, self._target.canary_workload)
        if not is_ours(existing) and not self._target.is_switched:
            message = f"{self._target.canary_workload} is not Slackwater's own, so it is left alone"
            raise Permanent(message)
        await self._kube.delete(self._canary_path, uid=existing["metadata"]["uid"])

    async def promote_stable(self, image: str, version: str, *, on: Workload) -> None:
        def promoted(deployment: Object) -> Object:
            return template_for(deployment, self._target.container, image, version)

        await self._change_stable(promoted, on)

    async def restore_stable(self, recorded: Recorded, *, on: Workload, mark: str) -> None:
        if recorded.manifest is None:
            message = f"nothing was recorded of {self._target.workload}, so it cannot be restored"
            raise Permanent(message)
        template, settings = json.loads(recorded.manifest), recorded.settings
        if settings is None or self._target.is_beside:
            await self._change_stable(lambda _: template, on, {ANNOTATION: mark})
        else:
            container = self._target.container
            await self._patch_stable(
                lambda found: rollouts.restore(found, container, template, settings, mark), on
            )

    async def check_rollout(self, *, run: str | None) -> None:
        stable = await self._read_stable()
        self._refuse_anothers(stable, run)
        for why in status.paused(stable):
            raise Permanent(f"{self._target.workload} cannot be rolled out: {why}")
        if not status.container_of(stable, self._target.container):
            raise Permanent(f"{self._target.workload} has no container called {self._target.container}")

    async def roll_out(self, action: RollOut, *, run: str, on: Workload) -> None:
        container = self._target.container
        await self._patch_stable(lambda found: rollouts.roll_out(found, container, action, run), on)

    async def pause(self, *, run: str, on: Workload) -> None:
        await self._patch_stable(lambda found: rollouts.pause(found, run), on)

    async def go_on(self, *, on: Workload) -> None:
        await self._patch_stable(rollouts.go_on, on)

    async def keep_rollout(self, settings: str, *, run: str, on: Workload) -> None:
        await self._patch_stable(lambda found: rollouts.keep(found, settings, run), on)

    async def _own_canary(self, run: str | None) -> Object | None:
        """The canary's Deployment, if there is one; somebody else's or another run's is refused."""
        existing = await self._read_canary()
        if existing is None:
            return None
        # Either colour is the place of the next version, whoever made it first.
        if not is_ours(existing) and not self._target.is_switched:
            message = (
                f"{self._target.canary_workload} exists and does not bear {MANAGED_BY}, so it is somebody "
                "else's; delete or rename it"
            )
            raise Permanent(message)
        owner = owner_of(existing)
        if owner is not None and run is not None and owner != run and not _is_leaving(existing):
            message = (
                f"{self._target.canary_workload} belongs to run {owner}. If another Slackwater drives it, "
                "end it there; if nobody does, it was left behind: delete the Deployment"
            )
            raise Permanent(message)
        return existing

    def _refuse_anothers(self, stable: Object, run: str | None) -> None:
        owner = owner_of(stable)
        if owner is not None and run is not None and owner != run:
            message = (
                f"{self._target.workload} is rolled out by run {owner}. If another Slackwater drives it, end "
                f"it there; if nobody does, it was left behind: take the annotation {OWNER} away, and resume "
                "the rollout if it is paused"
            )
            raise Permanent(message)

    async def _derived(self, stable: Object, image: str, version: str) -> Object:
        if isinstance(self._target.traffic, ByColour):
            return await self._in_other_colour(stable, self._target.traffic, image, version)
        services = await self._service_of(Side.STABLE), await self._service_of(Side.CANARY)
        return canary_of(stable, services, self._target, image, version)

    async def _in_other_colour(self, stable: Object, traffic: ByColour, image: str, version: str) -> Object:
        manifest = other_colour(stable, self._target, traffic, image, version)
        preview = traffic.preview.service if traffic.preview is not None else None
        for name in (traffic.service, *([] if preview is None else [preview])):
            found = await self._kube.find(paths.service(self._target.namespace, name))
            if found is not None:
                check_selects(shapes.service(found), traffic, manifest)
        return manifest

    async def _change_stable(
        self, template: Callable[[Object], Object], on: Workload, annotations: Object | None = None
    ) -> None:
        async def change(deployment: Object, revision: str) -> None:
            await self._apply_template(template(deployment), revision, annotations or {})

        await self._on_what_was_seen(self._stable_path, on, change)

    async def _patch_stable(self, operations: Callable[[Object], list[Object]], on: Workload) -> None:
        await self._patch(self._stable_path, operations, on)

    async def _patch(
        self, path: str, operations: Callable[[Object], list[Object]], on: Workload | None
    ) -> None:
        async def change(deployment: Object, revision: str) -> None:
            same = {"op": "replace", "path": "/metadata/resourceVersion", "value": revision}
            if wanted := operations(deployment):
                await self._kube.patch(path, [same, *wanted])

        await self._on_what_was_seen(path, on, change)

    async def _on_what_was_seen(
        self, path: str, on: Workload | None, change: Callable[[Object, str], Awaitable[None]]
    ) -> None:
        """The status alone may be another one by now, and it changes while pods start."""
        for _ in range(_STATUS_WRITES):
            deployment = shapes.deployment(await self._kube.get(path))
            name = deployment["metadata"]["name"]
            self._check_unchanged(deployment, on, name)
            with suppress(Conflict):
                return await change(deployment, deployment["metadata"]["resourceVersion"])
        raise Conflict("Kubernetes", f"the status of {name} changes faster than it is read")

    def _check_unchanged(self, found: Object | None, on: Workload | None, name: str) -> None:
        if (generation_of(found) if found else None) != (on.revision if on else None):
            raise Conflict("Kubernetes", f"{name} was changed since it was looked at")

    async def _apply_template(self, template: Object, revision: str, annotations: Object) -> None:
        """Image, version label and mark only: the rest belongs to the team."""
        metadata: Object = {
            "name": self._target.workload,
            "namespace": self._target.namespace,
            "resourceVersion": revision,
            **({"annotations": annotations} if annotations else {}),
        }
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"template": template},
        }
        # The image belongs to whoever deployed last; taking it over is what a deploy is.
        await self._kube.apply(self._stable_path, body, force=True)

    async def _read_stable(self) -> Object:
        return shapes.deployment(await self._kube.get(self._stable_path))

    async def _read_canary(self) -> Object | None:
        found = await self._kube.find(self._canary_path)
        return None if found is None else shapes.deployment(found)

    async def _service_of(self, side: Side) -> Object:
        name = self._target.stable_service if side is Side.STABLE else self._target.canary_service
        try:
            return shapes.service(await self._kube.get(paths.service(self._target.namespace, name)))
        except NotFound as error:
            message = f"the Service {name} for the {side.value} pods is not there"
            raise Permanent(message) from error

    async def _described(self, deployment: Object) -> Workload:
        namespace = self._target.namespace
        query = paths.selector(deployment["spec"]["selector"])
        pods = shapes.pods(await self._kube.get(paths.pods(namespace), query))
        events = await self._events_of(status.unready(pods)[:_EXPLAINED])
        return status.workload(deployment, pods, events, self._target.container)

    async def _events_of(self, pods: list[str]) -> list[Object]:
        """The warnings about these pods; a healthy workload costs no request."""
        path = paths.events(self._target.namespace)
        select = "type=Warning,involvedObject.kind=Pod,involvedObject.name={}"
        answers = await asyncio.gather(
            *(self._kube.get(path, {"fieldSelector": select.format(name), "limit": "20"}) for name in pods)
        )
        return [event for answer in answers for event in shapes.events(answer)]


def _is_leaving(deployment: Object) -> bool:
    return "deletionTimestamp" in deployment["metadata"]


def _manager_of(run: str, image: str) -> str:
    return f"{FIELD_MANAGER}-{hashlib.sha256(f'{run} {image}'.encode()).hexdigest()[:12]}"
