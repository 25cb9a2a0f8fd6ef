"""No outside call and no write without its crash points, found by reading the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_ROOMS = ("bot", "handlers", "storage", "strategies")

# What calls the outside, by the name under which libraries offer it. `session` is an `aiohttp.ClientSession`.
_CALLS = frozenset(
    {
        *("api_call", "call_api", "connect_async", "custom_query", "respond"),
        *("session.get", "session.post", "session.put", "session.request"),
        *("subprocess.run", "subprocess.Popen", "create_subprocess_exec", "subprocess_exec"),
    }
)


def test_every_call_to_the_outside_stands_between_crash_points():
    found = {(file, name): is_covered for file, name, is_covered in _calls()}

    assert [place for place, is_covered in found.items() if not is_covered] == []
    assert set(found) == {
        ("bot/clients/kube.py", "call_api"),
        ("bot/clients/process.py", "subprocess_exec"),
        ("bot/slack/calls.py", "api_call"),
        ("bot/slack/calls.py", "session.post"),
        ("bot/sources/health.py", "session.get"),
        ("bot/sources/journeys.py", "session.request"),
        ("bot/sources/server.py", "custom_query"),
        ("bot/wiring/socket.py", "connect_async"),
        ("bot/wiring/pictures.py", "subprocess.run"),
        ("handlers/office.py", "respond"),
    }


def test_every_write_is_made_where_its_crash_points_are():
    """Only `Database.run` and the migrations begin a transaction that writes, and both name their points."""
    writing = {
        (file, function.name)
        for file, tree in _trees()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _mentions_writes(function)
    }

    assert writing == {
        ("storage/database.py", "__init__"),
        ("storage/database.py", "run"),
        ("storage/database.py", "_migrate"),
    }


def test_a_call_without_its_points_would_be_found():
    bare = ast.parse("async def ask(self):\n    return await self._client.api_call('auth.test')\n")
    covered = ast.parse(
        "async def ask(self):\n    with around('slack/auth.test'):\n"
        "        return await self._client.api_call('auth.test')\n"
    )

    assert list(_calls_in(bare)) == [("api_call", False)]
    assert list(_calls_in(covered)) == [("api_call", True)]


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for room in _ROOMS:
        for file in sorted((_ROOT / room).rglob("*.py")):
            name = file.relative_to(_ROOT).as_posix()
            # The stand-ins are the outside.
            if not name.startswith("bot/sim/"):
                yield name, ast.parse(file.read_text())


def _calls() -> Iterator[tuple[str, str, bool]]:
    for file, tree in _trees():
        for name, is_covered in _calls_in(tree):
            yield file, name, is_covered


def _calls_in(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Each call to the outside; covered if it, or every call of its own function, is within `around`."""
    safe = {id(node) for within in ast.walk(tree) if _is_around(within) for node in ast.walk(within)}
    called = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        callers = [node for node in called if _name(node.func) == function.name]
        is_covered = bool(callers) and all(id(node) in safe for node in callers)
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and (name := _outside(node)) is not None:
                yield name, id(node) in safe or is_covered


def _outside(call: ast.Call) -> str | None:
    name = _name(call.func)
    return next((known for known in _CALLS if name == known or name.endswith(f".{known}")), None)


def _is_around(node: ast.AST) -> bool:
    return isinstance(node, ast.With | ast.AsyncWith) and any(
        isinstance(item.context_expr, ast.Call) and _name(item.context_expr.func) == "around"
        for item in node.items
    )


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _mentions_writes(function: ast.AST) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == "_writes" for node in ast.walk(function))
