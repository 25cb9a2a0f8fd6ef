"""One version against a fixed share of failing requests, while nothing else is there to compare it with.

The evidence is that of `evidence`: looking often raises no false alarm, trouble that begins in the middle is
not diluted by what was well before, and one bad scrape alone shows nothing.
"""

from bot.analysis import wording
from bot.analysis.evidence import ALPHA_ERRORS, log_evidence_above, log_stake
from bot.analysis.spans import Span, decided, errors_of, shows, spans, without_worst
from bot.domain.figures import Tally


def above(tally: Tally, share: float) -> str | None:
    """What shows that more than this share of the version's requests fail; None if nothing does."""
    found: list[tuple[float, Span]] = []
    for span in spans(tally, Tally(), None):
        errors = span.canary.errors
        if errors.rate > share and shows(span, without_worst(span, errors, errors_of), share):
            found.append((log_stake(span.first) + log_evidence_above(errors, share), span))
    worst = decided(found, ALPHA_ERRORS)
    if worst is None:
        return None
    errors = worst.canary.errors
    return (
        f"{wording.percent(errors.rate)} errors, more than the {wording.percent(share)} that are"
        f" allowed ({wording.number(errors.hits)} of {wording.number(errors.of)} requests in"
        f" {wording.span(worst.length)})"
    )
