"""The command line. Exit status 0, 1 (it failed), 2 (wrong use).

Each command imports what it needs when it runs, so that `--help` is instant and `plan` loads no Slack.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from bot.domain.errors import ConfigError, OutsideError, Refused, SlackwaterError

app = typer.Typer(
    name="slackwater",
    help="A Slack bot that takes software to production safely.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

T = TypeVar("T")

Config = Annotated[Path, typer.Option("--config", help="The team's configuration file.", dir_okay=False)]
Data = Annotated[Path | None, typer.Option("--data", help="A demo's data folder.", file_okay=False)]
MaybeConfig = Annotated[Path | None, typer.Option("--config", help="The team's configuration file.")]
AsJSON = Annotated[bool, typer.Option("--json", help="For programs.")]
Port = Annotated[int, typer.Option("--port", help="On loopback.", min=0, max=65535)]


@app.command()
def demo(
    port: Port = 8765,
    speed: Annotated[float, typer.Option(help="How much faster time runs.", min=1, max=1000)] = 60,
    data: Data = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """A whole world on this machine: workspace, cluster, metrics, and the bot in front of them."""
    from bot.sim.demo import DemoOptions, run

    _configure_logs()
    _finish(run(DemoOptions(port=port, speed=speed, data=data, browser=browser)))


@app.command()
def serve(config: Config) -> None:
    """The bot, in front of any workspace and cluster."""
    from bot.wiring.serving import serve as serve_for_ever

    _configure_logs()
    _finish(serve_for_ever(config))


@app.command()
def plan(
    config: Config,
    words: Annotated[str, typer.Argument(help='What follows /deploy, such as "v2.5.0 canary".')],
    as_json: AsJSON = False,
) -> None:
    """Every step of a deploy, and the way back. Changes nothing."""
    from bot.views.answers import plain
    from bot.wiring.console import plan_of

    made = _finish(plan_of(config, words))
    print(made.model_dump_json(indent=2) if as_json else plain(made))


@app.command()
def check(config: Config) -> None:
    """Whether the configuration is sound, and what it asks for that is not built yet."""
    from bot.wiring.console import check as checked

    for line in _finish(checked(config)):
        print(line)


@app.command()
def doctor(config: Config) -> None:
    """Whether everything outside answers as the configuration expects."""
    from bot.wiring.console import examine

    findings = _finish(examine(config))
    for finding in findings:
        print(f"{'ok  ' if finding.is_well else 'FAIL'}  {finding.what}: {finding.sentence}")
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)


@app.command()
def runs(config: MaybeConfig = None, data: Data = None, as_json: AsJSON = False) -> None:
    """The newest runs, newest first."""
    from bot.wiring.console import recent_runs

    found = _finish(recent_runs(_file(config, data)))
    if as_json:
        print(json.dumps([run.model_dump(mode="json") for run in found], indent=2))
        return
    for run in found:
        who = run.asked_by.name if run.asked_by else "nobody"
        print(f"{run.id:20} {run.version:12} {run.state.value:22} {run.started_at:%Y-%m-%d %H:%M} {who}")


@app.command()
def journal(
    run: Annotated[str, typer.Argument(help="Such as checkout-12.")],
    config: MaybeConfig = None,
    data: Data = None,
    as_json: AsJSON = False,
) -> None:
    """Everything that was intended and what came of it."""
    from bot.wiring.console import journal_of

    for entry in _finish(journal_of(_file(config, data), run)):
        if as_json:
            print(json.dumps(entry.as_json(), ensure_ascii=False))
        else:
            who = entry.person.name if entry.person else ""
            print(f"{entry.seq:4} {entry.at:%Y-%m-%d %H:%M:%S} {entry.kind:12} {entry.step or '':24} {who}")


@app.command()
def audit(config: MaybeConfig = None, data: Data = None, as_json: AsJSON = False) -> None:
    """Who tried what, refusals included, newest first."""
    from bot.wiring.console import audit_trail

    for line in _finish(audit_trail(_file(config, data))):
        if as_json:
            print(json.dumps(line.model_dump(mode="json"), ensure_ascii=False))
        else:
            who = line.person.name if line.person else ""
            print(f"{line.at:%Y-%m-%d %H:%M:%S} {who:16} {line.what:24} {line.result}")


@app.command()
def workspace(
    port: Port = 8765,
    people: Annotated[Path | None, typer.Option(help="Who is there, as YAML or JSON.")] = None,
    request_url: Annotated[str | None, typer.Option(help="Deliver signed requests there.")] = None,
) -> None:
    """The workspace that stands in for Slack, alone."""
    from bot.sim.standalone import workspace as stand_in

    _configure_logs()
    _finish(stand_in(port, people, request_url))


@app.command()
def cluster(
    port: Port = 8766,
    kubeconfig: Annotated[Path | None, typer.Option(help="Write a kubeconfig there.")] = None,
    apply: Annotated[Path | None, typer.Option(help="A folder of manifests to begin with.")] = None,
    rps: Annotated[float, typer.Option(help="Simulated requests a second.", min=0, max=10_000)] = 50,
) -> None:
    """The simulated cluster and its metrics, alone."""
    from bot.sim.standalone import cluster as stand_in

    _configure_logs()
    _finish(stand_in(port, kubeconfig, apply, rps))


def _file(config: Path | None, data: Path | None) -> Path:
    if (config is None) == (data is None):
        raise typer.BadParameter("give either --config FILE or --data DIR")
    if config is not None:
        return config
    assert data is not None, "one of the two was given"
    return data / "slackwater.yaml"


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """The work's result; what it refuses or fails at goes to stderr in words."""
    try:
        return asyncio.run(work)
    except (ConfigError, Refused, OutsideError, SlackwaterError) as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    raise typer.Exit(1)


def _configure_logs() -> None:
    """Events with fields on stderr, one JSON object a line; secrets are taken out on the way."""
    import structlog

    from bot.clients.redaction import redact

    def redacted(_logger: Any, _name: str, event: Any) -> Any:
        return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}

    logging.basicConfig(level=os.environ.get("SLACKWATER_LOG", "WARNING"), stream=sys.stderr)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redacted,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
