"""What runs now, in production and where releases are rehearsed."""

from bot.domain.errors import NotFound, NotUnderstood, UnknownThing
from bot.domain.outcome import Workload
from bot.domain.plan import Staging, Target
from bot.operations.desk import Deployable, Desk


async def running_image(desk: Desk, deployable: Deployable) -> str:
    """What runs there now, with its tag.

    Raises:
        UnknownThing: there is no such Deployment, or its image names no version.
    """
    return (await _running(desk, deployable.target)).image


async def as_it_runs(desk: Desk, deployable: Deployable, staging: Staging) -> Staging:
    """With what runs there now.

    Raises:
        UnknownThing: nothing runs there that could be taken further.
        NotUnderstood: it is what users of some environment are served by, whatever it is called there.
    """
    there = await _running(desk, staging.target)
    for other in desk.deployables:
        if await _is_one_with(desk, there, staging.target, other.target):
            raise NotUnderstood(
                f"Staging of {deployable.application} is {other.application} in {other.environment} itself: "
                f"{there.name} in {staging.target.namespace}.",
                "Let environments.staging name a Deployment of its own: a rehearsal asks nobody.",
            )
    return staging.with_(running_version=tag_of(there.image), running_image=there.image)


async def _is_one_with(desk: Desk, there: Workload, staging: Target, other: Target) -> bool:
    """Whether a run of the other target would change the Deployment that is staging's.

    Only one of the same names can be; whether it is, under another context, its uid tells. What cannot be
    read is no reason to go on.
    """
    names = {f"{other.workload}{ending}" for ending in ("", "-canary", "-blue", "-green")}
    if staging.namespace != other.namespace or staging.workload not in names:
        return False
    try:
        here = await desk.platform(other.with_(workload=staging.workload)).stable()
    except NotFound:
        return False
    return here.is_one_with(there)


async def _running(desk: Desk, target: Target) -> Workload:
    try:
        stable = await desk.platform(target).stable()
    except NotFound as error:
        raise UnknownThing(
            f"There is no Deployment {target.workload} in {target.namespace}, so nothing runs that could be "
            "taken further.",
            "Check platform.namespace and platform.workload in the configuration.",
        ) from error
    if not tag_of(stable.image):
        image = stable.image.partition("@")[0]
        raise UnknownThing(
            f"{target.workload} runs {image or 'no image in that container'}, which names no version.",
            "Deploy it once with a tag, or check platform.container in the configuration.",
        )
    return stable


def tag_of(image: str) -> str:
    """The version that an image names; empty if it names none. A registry's port is no tag."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]
