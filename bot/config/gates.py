"""What each gate runs or reads. A gate whose section is left out is not part of the plan."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bot.config.quantities import Bytes, Duration, Share, hours, minutes, percent
from bot.config.section import Section, wrong
from bot.config.words import Line, Name, Run, matching

# A place in the commit under test, not beside this file: it stays text, and cannot leave the checkout.
CheckoutPath = Annotated[
    str,
    matching(
        r"(?!/)(?!(.*/)?\.\.(/|$))[^\r\n]+", "write a path inside the repository, such as reports/junit.xml"
    ),
]


class Runner(Section):
    """Where the gates' commands run."""

    kind: Literal["local", "kubernetes-job"] = "local"
    image: Line | None = None


class CodeReviewGate(Section):
    reviews: Literal["required", "optional"] = "required"
    critical_paths: tuple[Line, ...] = ()


class K6(Section):
    """A k6 script of the repository, at this many requests per second."""

    script: CheckoutPath
    rps: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    duration: Duration = minutes(1)


class Suite(Section):
    """One kind of tests: a command, or CI's own result for the commit (`checks`), or a k6 script."""

    run: Run | None = None
    junit: CheckoutPath | None = None
    coverage: CheckoutPath | None = None
    minimum: Share = percent("80")  # holds where `coverage` names a file
    timeout: Duration = minutes(10)
    checks: tuple[Line, ...] = ()  # patterns for the names of CI's check runs
    max_age: Duration = hours(24)
    k6: K6 | None = None
    skip: Line | None = None  # the reason why it is skipped

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [key for key in ("run", "checks", "k6") if getattr(self, key)]
        if len(ways) > 1:
            raise wrong(f"{' and '.join(ways)} exclude each other: keep one of them", ways[1])
        if not ways and self.skip is None:
            raise wrong("says nothing to do: give run, checks or k6, or skip with the reason")
        for key in ("junit", "coverage", "minimum"):
            if key in self.model_fields_set and self.run is None:
                raise wrong("holds for a command only: give run", key)
        if "minimum" in self.model_fields_set and self.coverage is None:
            raise wrong("needs the file to read it from: give coverage", "minimum")
        return self


class Semgrep(Section):
    rules: Line = "auto"


class Gitleaks(Section):
    pass


class ImageScan(Section):
    trivy: bool = True


class AuditLevel(Section):
    level: Literal["low", "moderate", "high", "critical"] = "moderate"


class Dependencies(Section):
    npm_audit: AuditLevel | None = Field(default=None, alias="npm-audit")
    pip_audit: AuditLevel | None = Field(default=None, alias="pip-audit")


class SecurityGate(Section):
    semgrep: Semgrep | None = None
    gitleaks: Gitleaks | None = None
    image: ImageScan | None = None
    dependencies: Dependencies = Dependencies()


class BuildGate(Section):
    run: Run
    budget: Mapping[CheckoutPath, Bytes] = {}
    timeout: Duration = minutes(30)


class MigrationsGate(Section):
    tool: Literal["alembic", "flyway", "npm", "sql"]
    database: Literal["postgresql"] = "postgresql"
    server_url_env: Annotated[str, matching(r"[A-Z_][A-Z0-9_]*", "write an environment variable's name")] = (
        "MIGRATION_TEST_URL"
    )


class InfrastructureGate(Section):
    terraform: CheckoutPath | None = None
    manifests: CheckoutPath | None = None


class GateSettings(Section):
    concurrency: Annotated[int, Field(ge=1, le=32)] = 2
    runner: Runner = Runner()
    code_review: CodeReviewGate | None = Field(default=None, alias="code-review")
    tests: Mapping[Name, Suite] | None = None
    security: SecurityGate | None = None
    build: BuildGate | None = None
    migrations: MigrationsGate | None = None
    infrastructure: InfrastructureGate | None = None

    @property
    def configured(self) -> tuple[str, ...]:
        """The names of the gates that are part of a plan, in the order of the specification."""
        fields = ("code_review", "tests", "security", "build", "migrations", "infrastructure")
        return tuple(name.replace("_", "-") for name in fields if getattr(self, name) is not None)
