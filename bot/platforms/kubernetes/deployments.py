"""The two Deployments of a run: the team's own, which serves now, and Slackwater's canary beside it."""

import asyncio
import json
from typing import Any

from bot.clients.kube import KubeClient
from bot.domain.errors import NotFound, Permanent
from bot.domain.outcome import Recorded, Workload
from bot.domain.plan import Target
from bot.platforms.kubernetes import paths, status
from bot.platforms.kubernetes.derive import MANAGED_BY, canary_of, is_ours, template_for

Object = dict[str, Any]


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
        stable = await self._kube.get(self._stable_path)
        service = await self._canary_service()
        manifest = canary_of(stable, service, self._target, image, version)
        await self._kube.apply(self._canary_path, manifest, force=True)

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
        template = template_for(deployment, self._target.container, image, version)
        await self._apply_template(template, deployment["metadata"]["resourceVersion"])

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

    async def _canary_service(self) -> Object:
        try:
            return await self._kube.get(paths.service(self._target.namespace, self._target.canary_service))
        except NotFound as error:
            message = f"the Service {self._target.canary_service} for the canary's pods is not there"
            raise Permanent(message) from error

    async def _described(self, deployment: Object) -> Workload:
        namespace = self._target.namespace
        labels = deployment["spec"]["selector"].get("matchLabels") or {}
        pods, events = await asyncio.gather(
            self._kube.get(paths.pods(namespace), paths.selector(labels)), self._events()
        )
        return status.workload(deployment, pods.get("items") or [], events, self._target.container)

    async def _events(self) -> list[Object]:
        query = {"fieldSelector": "type=Warning,involvedObject.kind=Pod", "limit": "100"}
        answer = await self._kube.get(paths.events(self._target.namespace), query)
        return answer.get("items") or []
