"""Fixtures that several rooms share."""

from tests.support.postgresql import postgresql_server, postgresql_url

__all__ = ["postgresql_server", "postgresql_url"]
