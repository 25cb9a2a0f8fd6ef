"""What each process does where several play at the same time; a process finds it here by its name."""

import atexit

from tests.simulation.play import Report, Stage

_STAGES: list[Stage] = []


def enter_stage() -> None:
    """Each process has a stage of its own, for as long as it lives."""
    stage = Stage()
    _STAGES.append(stage)
    atexit.register(stage.close)


def played(seed: int, *, without: tuple[str, ...], whole: bool) -> Report:
    report = _STAGES[0].play(seed, without)
    if not whole:
        report.trace.clear()
    return report
