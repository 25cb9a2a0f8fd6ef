"""Fixtures that several rooms share, and the rule that nothing is skipped where everything is installed."""

import os

import hypothesis
import pytest

from tests.support.load import load
from tests.support.postgresql import postgresql_server, postgresql_url
from tests.support.real_prometheus import real_prometheus
from tests.support.testcluster import testcluster

__all__ = ["load", "postgresql_server", "postgresql_url", "real_prometheus", "testcluster"]

# A slow machine is no bug; timings are benchmarks here, never asserted.
hypothesis.settings.register_profile("slackwater", deadline=None)
hypothesis.settings.load_profile("slackwater")

# On a user's machine a test whose server is missing is skipped, with the reason; `.ci/run` sets this.
NOTHING_SKIPPED = "SLACKWATER_NOTHING_SKIPPED"


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", [])) if reporter is not None else 0
    if os.environ.get(NOTHING_SKIPPED) and skipped:
        reporter.write_line(f"{skipped} skipped, and {NOTHING_SKIPPED} is set", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
