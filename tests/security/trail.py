"""A bot's audit, and the hands of somebody who owns the database."""

from sqlalchemy import text

from bot.clients.clock import RealClock
from storage import Database, Flaw, FlawKind, SQLRuns
from storage.chain import hash_of, moment
from tests.support.builders import ADA, BO, MORNING

LINES = 12
COLUMNS = ("at", "person", "what", "run", "result", "previous", "hash")
# Another value for each column, of the column's own type.
OTHERS = {
    "at": "2026-11-23 09:00:01.000000+00:00",
    "person": '{"id": "U0", "name": "eve"}',
    "what": "start v6.6.6",
    "run": "checkout-66",
    "result": "decided",
    "previous": "ab" * 32,
    "hash": "cd" * 32,
}
_GUARDS = {
    "sqlite": (
        *("audit_refuses_update", "audit_refuses_delete", "audit_is_written_in_order"),
        *("audit_head_goes_on", "audit_head_refuses_delete", "audit_head_refuses_another"),
    ),
    "postgresql": ("audit_refuses_changes", "audit_head_goes_on", "audit_head_refuses_changes"),
}


class Trail:
    """A bot's audit, and the hands of somebody who owns the database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.kind = url.partition(":")[0].partition("+")[0]
        self.database = Database(url)
        self.runs = SQLRuns(self.database, RealClock())

    async def writes(self, count: int = LINES) -> None:
        for number in range(count):
            run = f"checkout-{number}" if number % 2 else None
            await self.runs.audit(
                at=MORNING,
                person=ADA if number % 3 else BO,
                what=f"hold “ü” {number}",
                run=run,
                result="done",
            )

    async def tampers(self, statement: str, **values: object) -> None:
        """With the guards off, as only the database's owner can."""

        def work(session):
            for guard in _GUARDS[self.kind]:
                table = "audit_head" if guard.startswith("audit_head") else "audit"
                on = f" ON {table}" if self.kind == "postgresql" else ""
                session.execute(text(f"DROP TRIGGER IF EXISTS {guard}{on}"))
            session.execute(text(statement), values)

        await self.database.run(work, "test")

    async def hashes(self, number: int, **changes: object) -> str:
        """The hash of a line as it stands, or as it would be."""

        def work(session):
            query = text(f"SELECT {', '.join(COLUMNS[:-1])} FROM audit WHERE id = :id")
            row = session.execute(query, {"id": number}).one()._asdict()
            return {**row, "at": moment(MORNING), "id": number, **changes}

        return hash_of(**await self.database.read(work))

    async def flaw(self, noted: str | None = None) -> Flaw:
        found = await self.runs.verify_audit(noted)
        assert found.flaw is not None, f"{found.lines} lines, all as written"
        return found.flaw

    async def says(self) -> tuple[FlawKind, int | None]:
        flaw = await self.flaw()
        return flaw.kind, flaw.line
