import pytest

from bot.config.gates import CodeReviewGate
from bot.domain.gates import GateStatus, Severity
from bot.gates.code_review import CodeReviewFacts, judge
from bot.gates.readers.diff import ChangedFile
from bot.gates.readers.ruff import Complaint

SETTINGS = CodeReviewGate(reviews="optional", critical_paths=("src/payments/**",))


def changed(path: str, text: str, *, only: set[int] | None = None) -> ChangedFile:
    """A file whose lines (or `only` some of them) are new."""
    lines = tuple((n, line) for n, line in enumerate(text.splitlines(), 1) if only is None or n in only)
    return ChangedFile(path=path, added=lines, text=text if path.endswith(".py") else None)


def findings(path: str, text: str, *, only: set[int] | None = None) -> list[tuple[str, str, int | None]]:
    result = judge(CodeReviewFacts(files=(changed(path, text, only=only),), style=()), SETTINGS)
    return [(found.severity.value, found.rule, found.line) for found in result.findings]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f():\n    print('here')\n", ("blocker", "debug-output", 2)),
        ("def f():\n    breakpoint()\n", ("blocker", "debug-output", 2)),
        ("import pdb\n", ("blocker", "debug-output", 1)),
        ("try:\n    f()\nexcept Exception:\n    pass\n", ("blocker", "swallowed-error", 3)),
        ("try:\n    f()\nexcept:\n    ...\n", ("blocker", "swallowed-error", 3)),
        ("try:\n    f()\nexcept (OSError, BaseException):\n    pass\n", ("blocker", "swallowed-error", 3)),
        ("try:\n    f()\nexcept KeyError:\n    pass\n", ("warning", "swallowed-error", 3)),
        ("with contextlib.suppress(Exception):\n    f()\n", ("blocker", "swallowed-error", 1)),
        ("API_TOKEN = 'rec-5f2b81c09e'\n", ("blocker", "hard-coded-credential", 1)),
        ("connect(\n    password='hunter2',\n)\n", ("blocker", "hard-coded-credential", 2)),
        ("x = {'apiKey': 'a81b2c3d4e'}\n", ("blocker", "hard-coded-credential", 1)),
        ("f('AKIAABCDEFGHIJKLMNOP')\n", ("blocker", "hard-coded-credential", 1)),
        ("URL = 'http://10.20.0.14:9200/x'\n", ("warning", "hard-coded-host", 1)),
        ("URL = 'https://prices.shop.internal/x'\n", ("warning", "hard-coded-host", 1)),
        ("serve(port=8443)\n", ("warning", "hard-coded-port", 1)),
        ("# result = compute(1)\n# return result\n", ("warning", "commented-out-code", 1)),
        ("# for x in y:\n#     f(x)\n", ("warning", "commented-out-code", 1)),
        ("def f(:\n", ("blocker", "unreadable-code", 1)),
    ],
)
def test_a_defect_in_python_is_found_at_its_line(code: str, expected: tuple[str, str, int]):
    assert findings("src/shop.py", code) == [expected]


@pytest.mark.parametrize(
    "code",
    [
        "text = 'print() and except: pass and breakpoint()'\n",
        "def main():\n    print('done')\n",
        "if __name__ == '__main__':\n    print('done')\n",
        "print('to a file', file=out)\n",
        "try:\n    f()\nexcept Exception:\n    log.exception('f failed')\n    raise\n",
        "token = os.environ['TOKEN']\n",
        "TOKEN_HEADER = 'x-csrf-token-2'\n",
        "password = 'changeme-1'\n",
        "kind = 'password'\n",
        "token = 'bearer'\n",
        "VERSION = '10.20.0.14 and later'\n",
        "URL = 'http://127.0.0.1:8080'\n",
        "URL = 'https://www.python.org'\n",
        "# The total is net + vat.\n",
        "# return early\n# pass\n",
        "# type: ignore\n# noqa: E501\n",
        "# price = net + vat\n",
        "port = int(given)\n",
    ],
)
def test_what_only_looks_like_a_defect_is_left_alone(code: str):
    assert findings("src/shop.py", code) == []


@pytest.mark.parametrize(
    ("path", "line", "rule"),
    [
        ("web/app.ts", "  console.log(user)", "debug-output"),
        ("web/app.js", "debugger;", "debug-output"),
        ("web/app.js", "try { f() } catch (e) {}", "swallowed-error"),
        ("web/app.js", "// return total(cart);", "commented-out-code"),
        ("pkg/shop.go", '\tfmt.Println("here")', "debug-output"),
        ("src/lib.rs", "    dbg!(x);", "debug-output"),
        ("src/Shop.java", '  System.out.println("here");', "debug-output"),
        ("web/app.ts", "const apiKey = 'a81b2c3d4e';", "hard-coded-credential"),
        ("web/app.ts", "fetch('http://10.20.0.14/x')", "hard-coded-host"),
        ("deploy/values.yaml", "token: ghp_0123456789abcdef0123", "hard-coded-credential"),
    ],
)
def test_a_defect_in_another_language_is_found(path: str, line: str, rule: str):
    assert findings(path, f"\n{line}\n") == [(findings(path, f"\n{line}\n")[0][0], rule, 2)]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("web/app.ts", "// console.log is not used here"),
        ("web/app.ts", "logger.debug(user)"),
        ("cmd/shop/main.go", 'fmt.Println("usage")'),
        ("web/app.test.ts", "console.log(user)"),
        ("tests/test_shop.py", "print('x'); password = 'hunter2'"),
        ("web/app.ts", "const token = `${prefix}-1`;"),
    ],
)
def test_other_languages_clean_lines_are_left_alone(path: str, line: str):
    assert findings(path, f"{line}\n") == []


def test_what_was_there_before_is_not_the_releases_fault():
    code = "def f():\n    print('old')\n    return 1\n"

    assert findings("src/shop.py", code, only={3}) == []


def test_a_token_is_found_in_a_test_too():
    assert findings("tests/test_shop.py", "x = 'ghp_0123456789abcdef0123'\n") == [
        ("blocker", "hard-coded-credential", 1)
    ]


def test_a_todo_blocks_on_a_critical_path_only():
    assert findings("src/payments/cards/visa.py", "# TODO: check the sum\n") == [
        ("blocker", "todo-in-critical-path", 1)
    ]
    assert findings("src/wishes.py", "# TODO: check the sum\n") == []


def test_a_credential_is_never_repeated_in_what_people_read():
    facts = CodeReviewFacts(files=(changed("src/shop.py", "API_TOKEN = 'rec-5f2b81c09e'\n"),))

    assert "rec-5f" not in judge(facts, SETTINGS).model_dump_json()


def test_changed_code_without_a_test_blocks_on_a_critical_path_only():
    facts = CodeReviewFacts(untested=("src/payments/visa.py", "src/wishes.py"))

    found = judge(facts, SETTINGS).findings

    assert [(f.severity, f.file) for f in found] == [
        (Severity.BLOCKER, "src/payments/visa.py"),
        (Severity.WARNING, "src/wishes.py"),
    ]


def test_style_counts_on_touched_lines_only():
    facts = CodeReviewFacts(
        files=(changed("a.py", "import os\nx = 1\n", only={2}),),
        style=(
            Complaint(path="a.py", line=1, code="F401", message="unused"),
            Complaint(path="a.py", line=2, code="E741", message="ambiguous"),
        ),
    )

    assert [found.rule for found in judge(facts, SETTINGS).findings] == ["style-E741"]


def test_required_reviews_that_cannot_be_read_fail_the_gate():
    facts = CodeReviewFacts(github="acme/checkout")

    result = judge(facts, CodeReviewGate(reviews="required"))

    assert result.status is GateStatus.FAILED
    assert "not built yet" in result.headline


def test_without_github_the_missing_reviews_are_said_aloud():
    result = judge(CodeReviewFacts(), CodeReviewGate(reviews="required"))

    assert result.status is GateStatus.PASSED
    assert result.findings[0].message == "reviews are not checked: no GitHub repository is configured"


def test_a_file_nested_beyond_reason_is_a_finding_and_no_crash():
    assert findings("src/deep.py", "(" * 5_000 + ")" * 5_000)[0][1] == "unreadable-code"
