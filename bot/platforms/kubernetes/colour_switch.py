"""All traffic from one colour to the other, by the selector of a Service.

Read back is not what the Service says but what it leads to: its EndpointSlices. The preview's Service plays
the part that the header has elsewhere: it leads to the new version before anybody else does.
"""

import asyncio
from typing import Literal

from bot.clients.kube import KubeClient, Object
from bot.domain.actions import Side
from bot.domain.errors import Conflict, Permanent
from bot.domain.outcome import TrafficSplit
from bot.domain.plan import Target
from bot.domain.traffic import ByColour, Colour
from bot.platforms.kubernetes import colours, paths, shapes
from bot.platforms.kubernetes.marks import mark_of, mark_operations, revision_of

_ALL = 100


class ColourSwitch:
    """`TrafficRouter` for two colours: the weight is 0 or 100, and nothing lies between."""

    def __init__(self, kube: KubeClient, target: Target, traffic: ByColour) -> None:
        self._kube = kube
        self._target = target
        self._traffic = traffic
        self._path = paths.service(target.namespace, traffic.service)
        preview = traffic.preview.service if traffic.preview is not None else None
        self._preview_path = None if preview is None else paths.service(target.namespace, preview)

    async def split(self) -> TrafficSplit:
        main, preview = await self._services()
        is_switched = colours.selected(main, self._traffic) == self._traffic.other
        wanted = self._target.canary_workload if is_switched else self._target.workload
        return TrafficSplit(
            canary=_ALL if is_switched else 0,
            header_to=self._side(preview),
            revision=_revision(main, preview),
            mark=mark_of(main) if preview is None or mark_of(preview) == mark_of(main) else None,
            lagging=colours.lagging(await self._slices(), self._target, wanted),
        )

    async def check(self) -> None:
        """Both Services are there, and can be led to the other colour as they are."""
        if self._preview_path == self._path:
            message = f"the {self._traffic.object_name} cannot be its own preview: users would be led there"
            raise Permanent(message)
        main, preview = await self._services()
        colours.selected(main, self._traffic)
        if self._preview_path is not None:
            colours.selected(preview or await self._kube.get(self._preview_path), self._traffic)

    async def shift(self, weight: int, *, on: TrafficSplit) -> None:
        if weight not in {0, _ALL}:
            raise Permanent(
                f"the {self._traffic.object_name} gives all traffic to one colour, not {weight} %"
            )
        main, preview = await self._services()
        _check_unchanged(self._traffic, main, preview, on)
        await self._lead(self._path, main, self._traffic.other if weight else self._traffic.serving)

    async def route_header(self, to: Side, *, on: TrafficSplit) -> None:
        main, preview = await self._services()
        _check_unchanged(self._traffic, main, preview, on)
        if self._preview_path is None or preview is None:
            raise Permanent("the preview's Service is not there, so it leads nowhere")
        colour = self._traffic.other if to is Side.CANARY else self._traffic.serving
        await self._lead(self._preview_path, preview, colour)

    async def all_to_stable(self, *, on: TrafficSplit | None, mark: str | None = None) -> None:
        """The users first; the preview's turn comes then."""
        main, preview = await self._services()
        if on is not None:
            _check_unchanged(self._traffic, main, preview, on)
        await self._lead(self._path, main, self._traffic.serving, mark)
        if self._preview_path is not None and preview is not None:
            await self._lead(self._preview_path, preview, self._traffic.serving, mark)

    async def _services(self) -> tuple[Object, Object | None]:
        if self._preview_path is None:
            return shapes.service(await self._kube.get(self._path)), None
        main, preview = await asyncio.gather(self._kube.get(self._path), self._kube.find(self._preview_path))
        # Whatever has become of the preview, it keeps nobody's traffic from going home.
        return shapes.service(main), None if preview is None else shapes.service(preview)

    async def _slices(self) -> list[Object]:
        path = paths.endpoint_slices(self._target.namespace)
        query = {"labelSelector": f"kubernetes.io/service-name={self._traffic.service}"}
        return shapes.endpoint_slices(await self._kube.get(path, query))

    async def _lead(self, path: str, found: Object, colour: Colour, mark: str | None = None) -> None:
        operations = [
            # A selector that names no colour at all is mended, not left.
            *(
                []
                if colours.colour_of(found, self._traffic.label) == colour
                else [colours.selector_operation(self._traffic, colour)]
            ),
            *([] if mark is None else mark_operations(found, mark)),
        ]
        if operations:
            same = {"op": "replace", "path": "/metadata/resourceVersion", "value": revision_of(found)}
            await self._kube.patch(path, [same, *operations])

    def _side(self, preview: Object | None) -> Literal["stable", "canary"] | None:
        """Where the preview leads; None if it is not there, or leads to neither."""
        colour = None if preview is None else colours.colour_of(preview, self._traffic.label)
        if colour is None:
            return None
        return "canary" if colour == self._traffic.other else "stable"


def _revision(main: Object, preview: Object | None) -> str:
    """Of both; a change of either is a change."""
    return revision_of(main) if preview is None else f"{revision_of(main)} {revision_of(preview)}"


def _check_unchanged(traffic: ByColour, main: Object, preview: Object | None, on: TrafficSplit) -> None:
    if _revision(main, preview) != on.revision:
        raise Conflict("Kubernetes", f"the {traffic.object_name} was changed since it was looked at")
