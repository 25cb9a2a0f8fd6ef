"""Python, by its syntax tree. A rule speaks up only where the release touched the lines it is about."""

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator

from bot.domain.gates import Finding
from bot.gates.readers.diff import ChangedFile
from bot.gates.results import blocker, warning
from bot.gates.review.secrets import host_in, is_credential, is_port

# Printing is what these are for.
_MAY_PRINT = ("__main__.py", "cli.py", "setup.py", "build.py", "manage.py", "noxfile.py")
_MAY_PRINT_IN = ("scripts/", "tools/", "examples/", "bin/", "docs/")
_DEBUGGERS = {"pdb", "ipdb", "pudb", "pydevd"}
_BROAD = {"Exception", "BaseException"}


def review(file: ChangedFile) -> tuple[Finding, ...]:
    """What the rules say of the added lines of one Python file outside the tests."""
    assert file.text is not None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the team's code, not ours
            tree = ast.parse(file.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        return (
            blocker(
                "unreadable-code",
                "Python cannot read this file",
                "Mend the syntax",
                file=file.path,
                line=line,
            ),
        )
    found = [*_tree_findings(file, tree), *_commented_out(file)]
    return tuple(sorted(set(found), key=lambda finding: finding.line or 0))


def _tree_findings(file: ChangedFile, tree: ast.Module) -> Iterator[Finding]:
    may_print = _may_print(file.path, tree)
    for node in ast.walk(tree):
        yield from _named_values(file, node)
        if isinstance(node, ast.ExceptHandler):
            yield from _swallowed(file, node)
        elif isinstance(node, ast.With | ast.AsyncWith):
            yield from _suppressed(file, node)
        elif not _touched(file, node):
            continue
        elif isinstance(node, ast.Call):
            yield from _debug_call(file, node, may_print=may_print)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from _debugger(file, node)
        elif isinstance(node, ast.Constant):
            yield from _value(file, node)


def _touched(file: ChangedFile, node: ast.AST) -> bool:
    return getattr(node, "lineno", 0) in file.lines


def _swallowed(file: ChangedFile, node: ast.ExceptHandler) -> Iterator[Finding]:
    if not _says_nothing(node.body) or file.lines.isdisjoint(range(node.lineno, (node.end_lineno or 0) + 1)):
        return
    if node.type is None or _names(node.type) & _BROAD:
        yield blocker(
            "swallowed-error",
            "Every error is swallowed here",
            "Catch what is expected, and log or raise the rest",
            file=file.path,
            line=node.lineno,
        )
    else:
        yield warning(
            "swallowed-error",
            f"{ast.unparse(node.type)[:80]} is ignored without a word",
            "Handle or log it, or say it with contextlib.suppress",
            file=file.path,
            line=node.lineno,
        )


def _suppressed(file: ChangedFile, node: ast.With | ast.AsyncWith) -> Iterator[Finding]:
    for item in node.items:
        call = item.context_expr
        if not (
            isinstance(call, ast.Call) and _name(call.func).endswith("suppress") and _touched(file, call)
        ):
            continue
        if any(_names(argument) & _BROAD for argument in call.args):
            yield blocker(
                "swallowed-error",
                "Every error is suppressed here",
                "Suppress what is expected",
                file=file.path,
                line=call.lineno,
            )


def _says_nothing(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(line, ast.Pass)
        or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))  # `...` or a lone string
        for line in body
    )


def _debug_call(file: ChangedFile, node: ast.Call, *, may_print: set[int] | None) -> Iterator[Finding]:
    name = _name(node.func)
    printed = name in {"print", "pprint", "pprint.pprint"} and not any(
        kw.arg == "file" for kw in node.keywords
    )
    if printed and (may_print is None or node.lineno in may_print):
        return
    if printed or name == "breakpoint" or name.endswith(".set_trace"):
        yield blocker(
            "debug-output",
            f"{name}() was left in",
            "Remove it, or log it" if printed else "Remove it",
            file=file.path,
            line=node.lineno,
        )


def _debugger(file: ChangedFile, node: ast.Import | ast.ImportFrom) -> Iterator[Finding]:
    names = {node.module or ""} if isinstance(node, ast.ImportFrom) else {alias.name for alias in node.names}
    for name in sorted(names & _DEBUGGERS):
        yield blocker(
            "debug-output", f"the debugger {name} was left in", "Remove it", file=file.path, line=node.lineno
        )


def _named(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The values that a node gives names to."""
    match node:
        case ast.Assign():
            yield from ((_name(target), node.value) for target in node.targets)
        case ast.AnnAssign(value=ast.expr() as value):
            yield _name(node.target), value
        case ast.Call():
            yield from ((kw.arg or "", kw.value) for kw in node.keywords)
        case ast.Dict():
            yield from ((_text(key) or "", value) for key, value in zip(node.keys, node.values, strict=True))


def _named_values(file: ChangedFile, node: ast.AST) -> Iterator[Finding]:
    for name, value in _named(node):
        if not _touched(file, value):
            continue
        text = _text(value)
        if text is not None and is_credential(name, text):
            yield _credential(file, value.lineno)
        number = value.value if isinstance(value, ast.Constant) else None
        if type(number) is int and is_port(name, number):
            yield warning(
                "hard-coded-port",
                f"port {number} is written into the code",
                "Read it from the configuration",
                file=file.path,
                line=value.lineno,
            )


def _value(file: ChangedFile, node: ast.Constant) -> Iterator[Finding]:
    if not isinstance(node.value, str) or len(node.value) > 10_000:
        return
    if is_credential("", node.value):
        yield _credential(file, node.lineno)
    elif (host := host_in(node.value)) is not None:
        yield warning(
            "hard-coded-host",
            f"the host {host} is written into the code",
            "Read it from the configuration",
            file=file.path,
            line=node.lineno,
        )


def _credential(file: ChangedFile, line: int) -> Finding:
    # The value itself is never repeated: findings go to a channel.
    return blocker(
        "hard-coded-credential",
        "a credential is written into the code",
        "Revoke it, and read the new one from the environment",
        file=file.path,
        line=line,
    )


def _commented_out(file: ChangedFile) -> Iterator[Finding]:
    """Runs of comment lines that are code beyond doubt; prose that happens to parse is left alone."""
    run: list[tuple[int, str]] = []
    for line, text in [*_own_line_comments(file.text or ""), (-1, "")]:
        if run and line != run[-1][0] + 1:
            if any(number in file.lines for number, _ in run) and _is_code([said for _, said in run]):
                yield warning(
                    "commented-out-code",
                    f"{len(run)} lines of code are commented out"
                    if len(run) > 1
                    else "code is commented out",
                    "Delete it; git keeps it",
                    file=file.path,
                    line=run[0][0],
                )
            run = []
        run.append((line, text))


def _own_line_comments(text: str) -> list[tuple[int, str]]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    return [
        (token.start[0], token.string[1:].removeprefix(" "))
        for token in tokens
        if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip()
    ]


def _is_code(lines: list[str]) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    sure = sum(1 for statement in body if _is_surely_code(statement))
    likely = sum(1 for statement in body if isinstance(statement, ast.Assign | ast.AugAssign | ast.Return))
    return sure > 0 or likely > 1


def _is_surely_code(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr | ast.Assign | ast.Return | ast.Raise):
        value = statement.exc if isinstance(statement, ast.Raise) else statement.value
        return isinstance(value.value if isinstance(value, ast.Await) else value, ast.Call)
    compound = (
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.If,
        ast.For,
        ast.While,
        ast.With,
        ast.Try,
    )
    return isinstance(statement, (*compound, ast.ImportFrom))


def _may_print(path: str, tree: ast.Module) -> set[int] | None:
    """The lines that belong to a program's main part; None where the whole file does."""
    if path.endswith(_MAY_PRINT) or any(f"/{folder}" in f"/{path}" for folder in _MAY_PRINT_IN):
        return None
    lines: set[int] = set()
    for node in tree.body:
        is_main = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "main"
        if is_main or (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}".removeprefix(".")
    return node.id if isinstance(node, ast.Name) else ""


def _names(node: ast.expr) -> set[str]:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return {_name(part).rsplit(".", 1)[-1] for part in parts}
