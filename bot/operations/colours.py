"""Where two Deployments take turns: which of them serves, and what a run between them changes."""

from collections.abc import Callable

from bot.domain.errors import NotFound, UnknownThing
from bot.domain.plan import Target
from bot.operations.desk import Deployable
from bot.ports import Platform


async def as_it_stands(platform: Callable[[Target], Platform], deployable: Deployable) -> Deployable:
    """With the Deployment that serves now, where two of them take turns.

    Raises:
        UnknownThing: the Service that leads to one of them is not there.
    """
    colours, target = deployable.colours, deployable.target
    if colours is None:
        return deployable
    try:
        serving = await platform(target).serving(colours)
    except NotFound as error:
        raise UnknownThing(
            f"There is no Service {colours.service} in {target.namespace}, so no colour serves.",
            "Check blue_green.service and platform.namespace in the configuration.",
        ) from error
    if serving is None:
        return deployable
    return deployable.with_(
        target=target.with_(workload=f"{target.workload}-{serving}"),
        colours=colours.with_(serving=serving),
    )


def in_colours(found: Deployable) -> Deployable:
    """For a run that switches from one colour to the other.

    Raises:
        UnknownThing: no colour serves.
    """
    colours, target = found.colours, found.target
    if colours is None or not target.workload.endswith(f"-{colours.serving}"):
        service = colours.service if colours is not None else target.main_service
        label = colours.label if colours is not None else "its label"
        raise UnknownThing(
            f"The Service {service} selects neither {label}=blue nor {label}=green, so no colour serves.",
            f"Let {target.workload}-blue serve, with pods that bear {label}=blue, and let {service} select "
            "them by it; docs/blue-green.md has the steps.",
        )
    service = colours.service
    return found.with_(
        target=target.with_(
            traffic=colours, main_service=service, stable_service=service, canary_service=service
        )
    )
