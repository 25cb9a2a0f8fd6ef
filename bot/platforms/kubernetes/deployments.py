"""The two Deployments of a run: the team's own, which serves now, and Slackwater's canary beside it."""

import asyncio
import json
from typing import Any

from bot.clients.kube import KubeClient
from bot.domain.actions import Side
from bot.domain.errors import Conflict, NotFound, Permanent
from bot.domain.outcome import Recorded, Workload
from bot.domain.plan import Target
from bot.platforms.kubernetes import paths, status
from bot.platforms.kubernetes.derive import MANAGED_BY, canary_of, is_ours, template_for

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
        return await self._described(await self._kube.get(self._stable_path))

    async def canary(self) -> Workload | None:
        deployment = await self._kube.find(self._canary_path)
        return None if deployment is None else await self._described(deployment)

    async def recorded_stable(self) -> Recorded:
        deployment = await self._kube.get(self._stable_path)
        own = template_for(deployment, self._target.container, None, None)
        return Recorded(workload=await self._described(deployment), manifest=json.dumps(own))

    async def deploy_canary(self, image: str, version: str) -> None:
        existing = await self._kube.find(self._canary_path)
        if existing is not None and not is_ours(existing):
            message = (
                f"{self._target.canary_workload} exists and does not bear {MANAGED_BY}, so it is somebody "
                "else's; delete or rename it"
            )
            raise Permanent(message)
        if existing is not None and "deletionTimestamp" in existing["metadata"]:
            raise Conflict("Kubernetes", f"{self._target.canary_workload} is still being removed")
        stable = await self._kube.get(self._stable_path)
        services = await self._service_of(Side.STABLE), await self._service_of(Side.CANARY)
        manifest = canary_of(stable, services, self._target, image, version)
        # Without force, an object that somebody else makes at this very moment is a conflict, not ours.
        await self._kube.apply(self._canary_path, manifest, force=existing is not None)

    async def remove_canary(self) -> None:
        existing = await self._kube.find(self._canary_path)
        if existing is None:
            return
        if not is_ours(existing):
            message = f"{self._target.canary_workload} is not Slackwater's own, so it is left alone"
            raise Permanent(message)
        await self._kube.delete(self._canary_path, uid=existing["metadata"]["uid"])

    async def promote_stable(self, image: str, version: str) -> None:
        await self._set_template(image, version)

    async def restore_stable(self, recorded: Recorded) -> None:
        if recorded.manifest is None:
            message = f"nothing was recorded of {self._target.workload}, so it cannot be restored"
            raise Permanent(message)
        await self._apply_template(json.loads(recorded.manifest))

    async def _set_template(self, image: str, version: str) -> None:
        deployment = await self._kube.get(self._stable_path)
        generation = deployment["metadata"]["generation"]
        for _ in range(_STATUS_WRITES):
            template = template_for(deployment, self._target.container, image, version)
            try:
                return await self._apply_template(template, deployment["metadata"]["resourceVersion"])
            except Conflict:
                # The revision counts status too; only another specification is somebody else's change.
                deployment = await self._kube.get(self._stable_path)
                if deployment["metadata"]["generation"] != generation:
                    raise
        raise Conflict("Kubernetes", f"the status of {self._target.workload} changes faster than it is read")

    async def _apply_template(self, template: Object, revision: str | None = None) -> None:
        """Image and version label only: the rest of the template belongs to the team."""
        metadata: Object = {"name": self._target.workload, "namespace": self._target.namespace}
        if revision is not None:
            metadata["resourceVersion"] = revision
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"template": template},
        }
        # The image belongs to whoever deployed last; taking it over is what a deploy is.
        await self._kube.apply(self._stable_path, body, force=True)

    async def _service_of(self, side: Side) -> Object:
        name = self._target.stable_service if side is Side.STABLE else self._target.canary_service
        try:
            return await self._kube.get(paths.service(self._target.namespace, name))
        except NotFound as error:
            message = f"the Service {name} for the {side.value} pods is not there"
            raise Permanent(message) from error

    async def _described(self, deployment: Object) -> Workload:
        namespace = self._target.namespace
        query = paths.selector(deployment["spec"]["selector"])
        pods = (await self._kube.get(paths.pods(namespace), query)).get("items") or []
        events = await self._events_of(status.unready(pods)[:_EXPLAINED])
        return status.workload(deployment, pods, events, self._target.container)

    async def _events_of(self, pods: list[str]) -> list[Object]:
        """The warnings about these pods; a healthy workload costs no request."""
        path = paths.events(self._target.namespace)
        select = "type=Warning,involvedObject.kind=Pod,involvedObject.name={}"
        answers = await asyncio.gather(
            *(self._kube.get(path, {"fieldSelector": select.format(name), "limit": "20"}) for name in pods)
        )
        return [event for answer in answers for event in answer.get("items") or []]
