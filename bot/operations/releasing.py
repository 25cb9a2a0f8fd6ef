"""Letting a quarantined version in again."""

from bot.domain.errors import NotUnderstood, UnknownThing
from bot.domain.people import Person, Role
from bot.operations.desk import Desk, audited, record, require


async def release(desk: Desk, by: Person, version: str, application: str | None = None) -> str:
    """The application whose version may be deployed again.

    Raises:
        NotAllowed: not an admin.
        NotUnderstood: several applications could be meant.
        UnknownThing: the version is not quarantined.
    """
    async with audited(desk, by, f"release {version[:128]}", None):
        await require(desk, by, (Role.ADMIN,))
        applications = sorted({d.application for d in desk.deployables})
        if application is None and len(applications) > 1:
            raise NotUnderstood("Which application?", f"There are {', '.join(applications)}.")
        name = application or applications[0]
        if not await desk.runs.release_quarantine(name, version, by):
            raise UnknownThing("That version is not quarantined.", "A version that was rolled back is.")
    await record(desk, by, f"release {version[:128]}", None, "released")
    return name
