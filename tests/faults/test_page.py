"""The page tells of every fault that has a test, and of no other."""

from pathlib import Path

from tests.faults.registry import Edge, faults
from tests.faults.table import Seen, table, told_by

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"


def test_the_page_tells_of_every_fault_and_of_no_other() -> None:
    told = told_by(PAGE.read_text())

    assert told == {(one.edge.value, one.what, one.sentence) for one in faults()}, (
        "print it again: python -m tests.faults > docs/faults.md"
    )


def test_every_edge_has_its_faults() -> None:
    assert {one.edge for one in faults()} == set(Edge)


def test_the_page_tells_of_no_fault_that_went_unseen() -> None:
    page = PAGE.read_text()

    assert "| FAIL |" not in page
    assert "not run" not in page


def test_a_table_is_read_as_it_was_written() -> None:
    rows = faults()
    seen = {(rows[0].module, rows[0].test): Seen(observed=["a | b\nc"], outcomes=["ok"])}

    told = told_by(table(rows, seen))

    assert told == {(one.edge.value, one.what, one.sentence) for one in rows}
