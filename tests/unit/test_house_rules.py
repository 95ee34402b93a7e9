"""The rules of the house that a machine can hold: locks, names, docstrings, sizes, layers, acceptance."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice_common.kit import errors

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("libs", "services")
# Alembic finds its environment by path; the registry is read by the golden messages and the documents.
NOT_IMPORTED = {"sluice_common.db.env", "sluice_common.contracts.registry"}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def python_files() -> list[Path]:
    return tracked("libs/*.py", "services/*.py")


def test_locks_carry_hashes_and_no_addresses() -> None:
    """A lock works from any registry, and a changed package does not install."""
    for lock in tracked("requirements/*.txt"):
        text = lock.read_text()
        assert not re.search(r"https?://|--index-url|--extra-index-url|--find-links", text), lock.name
        pins = len(re.findall(r"^[a-z0-9][^ ]*==", text, re.M | re.I))
        assert pins > 0
        assert text.count("--hash=sha256:") >= pins, lock.name


def test_the_stack_is_the_one_that_was_asked_for() -> None:
    """FastStream, nats-py, Litestar, httpx, asyncpg, alembic, prometheus-client: locked, and used where they belong."""
    locked = (ROOT / "requirements/main.txt").read_text()
    sources = "\n".join(path.read_text() for path in python_files())
    for package, module in {
        "faststream": "faststream",
        "nats-py": "nats",
        "litestar": "litestar",
        "httpx": "httpx",
        "asyncpg": "asyncpg",
        "alembic": "alembic",
        "prometheus-client": "prometheus_client",
    }.items():
        assert re.search(rf"^{package}(\[|==)", locked, re.M), package
        assert re.search(rf"^\s*(from {module}[. ]|import {module}\b)", sources, re.M), package
    tools = (ROOT / "requirements/dev.txt").read_text()
    assert "\npytest==" in tools
    assert "\ntestcontainers==" in tools


def test_modules_stay_small() -> None:
    """Past 500 lines there is a seam."""
    large = {
        str(path.relative_to(ROOT)): n for path in python_files() if (n := len(path.read_text().splitlines())) > 500
    }
    assert large == {}


def test_functions_stay_small() -> None:
    """A function past 50 lines does two things."""
    large = {
        f"{path.relative_to(ROOT)}:{node.name}": length
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > 50
    }
    assert large == {}


def test_every_module_says_what_room_it_is() -> None:
    """A reader learns from the first line what a module is for."""
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if path.read_text().strip() and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []


def test_every_test_names_its_promise() -> None:
    """A failing test says which promise is broken."""
    silent = [
        f"{path.relative_to(ROOT)}::{node.name}"
        for path in tracked("tests/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and ast.get_docstring(node) is None
    ]
    assert silent == []


def test_the_exception_tree_is_the_one_that_is_drawn() -> None:
    """The tree in the module's docstring is the tree."""
    drawn = ["SluiceError", *re.findall(r"── ([A-Z]\w+)", errors.__doc__ or "")]
    real = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)]
    assert sorted(drawn) == sorted(real)


def imports_of_common(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sluice_common"):
            yield node.module
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def test_common_holds_nothing_that_nobody_uses() -> None:
    """What died is deleted."""
    users: dict[str, set[str]] = {}
    for path in python_files():
        package = next(part for part in path.parts if part.startswith("sluice_"))
        room = package if package != "sluice_common" else f"common/{path.parent.name}/{path.stem}"
        for module in imports_of_common(path):
            users.setdefault(module, set()).add(room)
    modules = {
        f"sluice_common.{path.parent.name}.{path.stem}"
        for path in python_files()
        if "sluice_common" in path.parts and path.stem != "__init__" and path.parent.name != "sluice_common"
    }
    lonely = {module for module in modules if not users.get(module)} - NOT_IMPORTED
    assert lonely == set()


@pytest.mark.parametrize("row", re.findall(r"^\| ([A-Z]\d+) \|", (ROOT / "docs/acceptance.md").read_text(), re.M))
def test_the_acceptance_table_names_tests_that_exist(row: str) -> None:
    """A row is proved by tests that are there, or says that it is not done yet; what such a row names is there too."""
    line = next(
        line for line in (ROOT / "docs/acceptance.md").read_text().splitlines() if line.startswith(f"| {row} |")
    )
    proof = line.split(" | ")[-1].rstrip(" |")
    named = re.findall(r"`(tests/[^`:]+)(?:::(\w+))?`", proof)
    assert named or proof.startswith("not done yet"), f"{row} names no test"
    for file, test in named:
        path = ROOT / file
        assert path.exists(), f"{row}: {file} does not exist"
        if test:
            assert f"def {test}(" in path.read_text(), f"{row}: {file} has no {test}"
