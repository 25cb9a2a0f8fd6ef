"""Fixtures that several rooms share."""

from tests.support.load import load
from tests.support.postgresql import postgresql_server, postgresql_url
from tests.support.real_prometheus import real_prometheus
from tests.support.testcluster import testcluster

__all__ = ["load", "postgresql_server", "postgresql_url", "real_prometheus", "testcluster"]
