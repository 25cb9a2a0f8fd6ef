from pathlib import Path

import pytest

from bot.domain.errors import NotFound, Unreadable
from bot.gates.readers.cobertura import read_cobertura
from bot.gates.readers.diff import is_test, read_diff
from bot.gates.readers.files import matches, read
from bot.gates.readers.junit import Ending, read_junit
from bot.gates.readers.ruff import read_ruff

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><testsuites>&b;</testsuites>"""


def test_pytests_report_is_read_with_places_from_the_trace():
    cases = read_junit(
        b"""<testsuites><testsuite tests="4">
        <testcase classname="tests.test_a" name="ok" time="0.1"/>
        <testcase classname="tests.test_a" name="bad"><failure message="assert 1 == 2&#10; more">def f():
>       assert 1 == 2
/usr/lib/python3/site-packages/x.py:3: in g
tests/test_a.py:24: AssertionError</failure></testcase>
        <testcase classname="tests.test_a" name="off"><skipped/></testcase>
        <testcase name="setup" file="tests/test_b.py" line="5"><error message="no fixture"/></testcase>
        </testsuite></testsuites>"""
    )

    assert [case.ending for case in cases] == [Ending.PASSED, Ending.FAILED, Ending.SKIPPED, Ending.BROKEN]
    assert (cases[1].message, cases[1].file, cases[1].line) == ("assert 1 == 2", "tests/test_a.py", 24)
    assert (cases[3].name, cases[3].file, cases[3].line) == ("setup", "tests/test_b.py", 5)


def test_nested_suites_and_a_lone_suite_are_read():
    nested = b"<testsuites><testsuite><testsuite><testcase name='a'/></testsuite></testsuite></testsuites>"

    assert len(read_junit(nested)) == 1
    assert len(read_junit(b"<testsuite><testcase name='a'/><testcase name='b'/></testsuite>")) == 2


@pytest.mark.parametrize(
    "content", [b"", b"ok", b"<testsuites>", b"<html/>", BOMB, b"\xff\xfe\x00", b"<a>\x00</a>"]
)
def test_what_is_no_junit_report_is_not_read(content: bytes):
    with pytest.raises(Unreadable):
        read_junit(content)


def test_coverage_is_read_with_its_files_and_its_document_type():
    coverage = read_cobertura(
        b"""<?xml version="1.0"?><!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
        <coverage line-rate="0.75" lines-valid="4"><packages><package><classes>
        <class filename="a.py"><lines><line number="1" hits="1"/><line number="2" hits="0"/></lines></class>
        </classes></package></packages></coverage>"""
    )

    assert coverage.rate == 0.75
    assert [(file.path, file.lines, file.missed) for file in coverage.files] == [("a.py", 2, 1)]


@pytest.mark.parametrize(
    "attributes", ["", 'line-rate="nan"', 'line-rate="81"', 'line-rate="-1"', 'line-rate="1" lines-valid="0"']
)
def test_coverage_that_says_nothing_is_not_read(attributes: str):
    with pytest.raises(Unreadable):
        read_cobertura(f"<coverage {attributes}/>".encode())


@pytest.mark.parametrize("output", ["", "All checks passed!", "{}", '[{"code": 1}]'])
def test_what_is_no_json_of_ruff_is_not_read(output: str):
    with pytest.raises(Unreadable):
        read_ruff(output, Path("/x"))


def test_ruffs_complaints_have_paths_inside_the_checkout():
    entry = '{"filename": "/x/src/a.py", "location": {"row": 3}, "code": null, "message": "m"}'

    [complaint] = read_ruff(f"[{entry}]", Path("/x"))

    assert (complaint.path, complaint.line, complaint.code) == ("src/a.py", 3, "invalid-syntax")


def test_a_diff_is_read_into_added_lines():
    files = read_diff(
        "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,3 @@\n one\n-two\n+zwei\n+drei\n"
        "diff --git a/gone.py b/gone.py\ndeleted file mode 100644\n--- a/gone.py\n+++ /dev/null\n"
        "@@ -1 +0,0 @@\n-x\n"
        "diff --git a/a.png b/a.png\nnew file mode 100644\nBinary files /dev/null and b/a.png differ\n"
        "diff --git a/old.py b/new.py\nsimilarity index 100%\nrename from old.py\nrename to new.py\n"
    )

    assert files[0].added == ((2, "zwei"), (3, "drei"))
    assert [file.path for file in files] == ["a.py", "gone.py", "a.png", "new.py"]
    assert files[1].is_removed
    assert files[2].is_binary


def test_an_empty_diff_has_no_files():
    assert read_diff("") == ()


def test_a_diff_that_was_misread_is_said_to_be():
    with pytest.raises(Unreadable):
        read_diff("diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,9 +1,9 @@\n one\n")


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("dist/a.js", "dist/*.js", True),
        ("dist/x/a.js", "dist/*.js", False),
        ("src/payments/a/b.py", "src/payments/**", True),
        ("src/paymentsx/b.py", "src/payments/**", False),
        ("a/b/junit.xml", "**/junit.xml", True),
        ("junit.xml", "**/junit.xml", True),
        ("junit-xml", "junit.xml", False),
    ],
)
def test_a_star_stays_in_its_folder_and_two_do_not(path: str, pattern: str, fits: bool):
    assert matches(path, pattern) is fits


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/a.py", True),
        ("src/test_a.py", True),
        ("a_test.go", True),
        ("a.spec.ts", True),
        ("contest.py", False),
    ],
)
def test_tests_are_known_by_their_paths(path: str, expected: bool):
    assert is_test(path) is expected


def test_a_file_outside_the_checkout_is_never_read(tmp_path: Path):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tmp_path / "secret").write_text("x")
    (tree / "link").symlink_to(tmp_path / "secret")
    (tree / "circle").symlink_to(tree / "circle")
    (tree / "large").write_bytes(b"12345")

    for name in ("link", "circle", "large"):
        with pytest.raises((Unreadable, NotFound)):
            read(tree, tree / name, 4)
    with pytest.raises(NotFound):
        read(tree, tree / "missing", 4)
