"""Forms and the Home tab."""

from collections.abc import Mapping
from typing import Any

from bot.domain.people import Person
from bot.domain.run import Run
from bot.ports import RunSummary
from bot.views import blocks
from bot.views.answers import foreign, history
from bot.views.card import summary
from bot.views.items import Block
from bot.views.text import code

View = dict[str, Any]

# Slack: a select has at most 100 options, a Home tab 100 blocks.
_OPTIONS = _BLOCKS = 100
_RUNS = 20


def deploy_form(
    *,
    applications: tuple[str, ...],
    versions: tuple[str, ...],
    strategies: tuple[str, ...],
    environments: tuple[str, ...],
    channel: str,
) -> View:
    """What `/deploy` alone opens; `channel` is where it was typed, for the answer."""
    version = _select("version", "Version", versions) if versions else _text("version", "Version", "v2.5.0")
    return {
        "type": "modal",
        "callback_id": "deploy_form",
        "private_metadata": channel[:3_000],
        "title": blocks.plain("Deploy", 24),
        "submit": blocks.plain("Start", 24),
        "close": blocks.plain("Cancel", 24),
        "blocks": [
            _select("application", "Application", applications),
            version,
            _select("strategy", "Strategy", strategies),
            _select("environment", "Environment", environments),
            _text("reason", "Reason", "user preferences", optional=True),
            blocks.context("The run begins with its gates. No traffic moves without an approval."),
        ],
    }


def home(
    person: Person,
    active: tuple[Run, ...],
    recent: tuple[RunSummary, ...],
    threads: Mapping[str, str] | None = None,
    unreadable: tuple[RunSummary, ...] = (),
) -> View:
    """What waits for people first, then what runs, then what was.

    `threads`: a run's card by the run's id; `unreadable`: active runs that another version has written.
    """
    waiting = [run for run in active if run.question is not None]
    running = [run for run in active if run.question is None]
    shown: list[Block] = [blocks.header(f"Good to see you, {person.name}")]
    shown += _part("Waiting for an approval", waiting, threads or {})
    shown += _part("Running", running, threads or {})
    shown += [blocks.section(foreign(run)) for run in unreadable[:_RUNS]]
    if not active and not unreadable:
        shown.append(blocks.section("Nothing is being deployed."))
    shown += [blocks.divider(), blocks.section("*Recent runs*"), *history(recent[:_RUNS]).blocks]
    return {"type": "home", "blocks": shown[:_BLOCKS]}


def _part(title: str, runs: list[Run], threads: Mapping[str, str]) -> list[Block]:
    if not runs:
        return []
    shown = [blocks.section(f"*{title}*"), *(_run(run, threads.get(run.id)) for run in runs[:_RUNS])]
    if len(runs) > _RUNS:
        shown.append(blocks.context(f"… and {len(runs) - _RUNS} more"))
    return shown


def _run(run: Run, thread: str | None) -> Block:
    line = blocks.section(f"{code(run.id)} {summary(run)}")
    return line if thread is None else {**line, "accessory": blocks.link("Open thread ↗", thread)}


def _select(block: str, label: str, options: tuple[str, ...]) -> Block:
    choices = [{"text": blocks.plain(option, 75), "value": option[:150]} for option in options[:_OPTIONS]]
    return {
        "type": "input",
        "block_id": block,
        "label": blocks.plain(label, 2_000),
        "element": {
            "type": "static_select",
            "action_id": "value",
            "options": choices,
            "initial_option": choices[0],
        },
    }


def _text(block: str, label: str, placeholder: str, *, optional: bool = False) -> Block:
    return {
        "type": "input",
        "block_id": block,
        "optional": optional,
        "label": blocks.plain(label, 2_000),
        "element": {
            "type": "plain_text_input",
            "action_id": "value",
            "max_length": 200,
            "placeholder": blocks.plain(placeholder, 150),
        },
    }
