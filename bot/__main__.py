"""The command line. Exit status 0, 1 (it failed), 2 (wrong use).

Each command imports what it needs when it runs, so that `--help` is instant and `plan` loads no Slack.
"""

import asyncio
import os
import sys
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeVar

import typer

from bot.domain.errors import ConfigError, OutsideError, Refused, SlackwaterError

if TYPE_CHECKING:
    from storage import Verified

app = typer.Typer(
    name="slackwater",
    help="A Slack bot that takes software to production safely.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

T = TypeVar("T")


class Audit(StrEnum):
    """What can be done with the audit besides reading it."""

    VERIFY = "verify"


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

    _finish(run(DemoOptions(port=port, speed=speed, data=data, browser=browser)))


@app.command()
def serve(config: Config) -> None:
    """The bot, in front of any workspace and cluster."""
    from bot.wiring.serving import serve as serve_for_ever

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
    if as_json:
        _print_json(made.model_dump(mode="json"), indent=2)
    else:
        _print_lines(plain(made))


@app.command()
def check(config: Config) -> None:
    """Whether the configuration is sound, and what it asks for that is not built yet."""
    from bot.wiring.console import check as checked

    for line in _finish(checked(config)):
        _print(line)


@app.command()
def doctor(config: Config) -> None:
    """Whether everything outside answers as the configuration expects."""
    from bot.wiring.console import examine

    findings = _finish(examine(config))
    for finding in findings:
        _print(f"{'ok  ' if finding.is_well else 'FAIL'}  {finding.what}: {finding.sentence}")
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)


@app.command()
def runs(config: MaybeConfig = None, data: Data = None, as_json: AsJSON = False) -> None:
    """The newest runs, newest first."""
    from bot.wiring.console import recent_runs

    found = _finish(recent_runs(_file(config, data)))
    if as_json:
        _print_json([run.model_dump(mode="json") for run in found], indent=2)
        return
    for run in found:
        who = run.asked_by.name if run.asked_by else "nobody"
        _print(f"{run.id:20} {run.version:12} {run.state.value:22} {run.started_at:%Y-%m-%d %H:%M} {who}")


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
            _print_json(entry.as_json())
        else:
            who = entry.person.name if entry.person else ""
            _print(f"{entry.seq:4} {entry.at:%Y-%m-%d %H:%M:%S} {entry.kind:12} {entry.step or '':24} {who}")


@app.command()
def audit(
    what: Annotated[Audit | None, typer.Argument(help="verify: is every line as it was written?")] = None,
    config: MaybeConfig = None,
    data: Data = None,
    as_json: AsJSON = False,
    noted: Annotated[
        str | None, typer.Option(help="With verify: a hash that an earlier verify gave; it has to be there.")
    ] = None,
) -> None:
    """Who tried what, refusals included, newest first; or whether that trail is as it was written."""
    from bot.wiring.console import audit_trail, verify_audit

    if what is Audit.VERIFY:
        _tell_verified(_finish(verify_audit(_file(config, data), noted)), as_json=as_json)
        return
    if noted is not None:
        raise typer.BadParameter("--noted belongs to `audit verify`")
    for line in _finish(audit_trail(_file(config, data))):
        if as_json:
            _print_json(line.model_dump(mode="json"))
        else:
            who = line.person.name if line.person else ""
            _print(f"{line.at:%Y-%m-%d %H:%M:%S} {who:16} {line.what:24} {line.result}")


def _tell_verified(found: "Verified", *, as_json: bool) -> None:
    """Exit status 1 for a trail that is not as it was written."""
    from bot.views.text import plural

    if as_json:
        _print_json(found.as_json())
    elif found.flaw is None:
        _print_lines(f"{plural(found.lines, 'line')}, all as written\nthe last one's hash: {found.hash}")
    else:
        _print_lines(f"{found.flaw.sentence}\n{found.remedy}")
    if found.flaw is not None:
        raise typer.Exit(1)


@app.command()
def backup(
    to: Annotated[Path, typer.Argument(help="A file that does not exist yet.", dir_okay=False)],
    config: MaybeConfig = None,
    data: Data = None,
) -> None:
    """Everything the bot knows, in one file. The bot may run meanwhile."""
    from bot.wiring.keeping import back_up

    for line in _finish(back_up(_file(config, data), to)):
        _print(line)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="A backup.", dir_okay=False)],
    config: MaybeConfig = None,
    data: Data = None,
    nothing_since: Annotated[
        bool, typer.Option("--nothing-since", help="The bot has not run since: hold nothing.")
    ] = False,
) -> None:
    """A backup into an empty database, of either kind."""
    from bot.wiring.keeping import restore as bring_back

    for line in _finish(bring_back(_file(config, data), source, nothing_since=nothing_since)):
        _print(line)


@app.command()
def workspace(
    port: Port = 8765,
    people: Annotated[Path | None, typer.Option(help="Who is there, as YAML or JSON.")] = None,
    request_url: Annotated[str | None, typer.Option(help="Deliver signed requests there.")] = None,
) -> None:
    """The workspace that stands in for Slack, alone."""
    from bot.sim.standalone import workspace as stand_in

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
    from bot.clients.redaction import redact

    try:
        return asyncio.run(work)
    except (ConfigError, Refused, OutsideError, SlackwaterError) as error:
        _print_lines(redact(str(error)), to=sys.stderr)
    except OSError as error:
        _print_lines(redact(f"{error.strerror or error}"), to=sys.stderr)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    raise typer.Exit(1)


def _print(text: str) -> None:
    """Names, reasons and versions come from outside, and a terminal obeys what it is sent."""
    from bot.views.terminal import line

    print(line(text))


def _print_lines(text: str, to: TextIO | None = None) -> None:
    from bot.views.terminal import lines

    print(lines(text), file=to)


def _print_json(value: Any, indent: int | None = None) -> None:
    from bot.views.terminal import as_json

    print(as_json(value, indent=indent))


def main() -> None:
    """The console script."""
    if "--help" not in sys.argv:
        from bot.wiring.logs import configure

        try:
            configure(os.environ)
        except ConfigError as error:
            sys.exit(str(error))
    app()


if __name__ == "__main__":
    main()
