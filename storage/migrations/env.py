"""What Alembic runs: always inside the transaction that `storage.schema.upgrade` has begun."""

from alembic import context
from sqlmodel import SQLModel

import storage.tables  # noqa: F401 - fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,  # on SQLite too: `storage.database` begins transactions itself
    render_as_batch=True,  # SQLite changes a table by building it anew
)
context.run_migrations()
