"""The table of rights in docs/security.md is what the operations do, and leaves none of them out."""

import inspect
from pathlib import Path

from bot import operations
from tests.security.rights import DEEDS, INNER, table

PAGE = Path(__file__).parents[2] / "docs" / "security.md"


def test_the_page_tells_who_may_do_what() -> None:
    assert table() in PAGE.read_text(), "print it again: python -m tests.security.rights"


def test_no_operation_is_left_out() -> None:
    every = {name for name in operations.__all__ if inspect.isfunction(getattr(operations, name))}

    assert every - INNER == {deed.operation.__name__ for deed in DEEDS}
