"""The house keeps its shape: who imports whom, how long things may get, what every door says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("ledger", "schemas", "connectors", "transforms", "pipelines", "runners", "generator")

MAY_IMPORT = {
    "ledger": set(),
    "schemas": set(),
    "connectors": {"ledger", "schemas"},
    "transforms": {"ledger", "schemas"},
    "pipelines": {"ledger", "schemas", "connectors", "transforms"},
    "runners": {"ledger", "schemas", "connectors", "transforms", "pipelines", "generator"},
    "generator": {"ledger"},
}

PURE = {"ledger": {"msgspec"}, "generator": {"msgspec"}}
"""Third-party packages that the rooms without an outside may use."""

MAX_FUNCTION_LINES = 70
MAX_FILE_LINES = 400

FORBIDDEN_IN_NAMES = ("Transform", "Source", "Sink", "Handler", "Manager", "Utils", "Helper")


def python_files(room: str) -> Iterator[Path]:
    yield from sorted((ROOT / room).rglob("*.py"))


def all_files() -> list[Path]:
    return [path for room in ROOMS for path in python_files(room)]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported_tops(tree: ast.AST) -> set[str]:
    tops: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            tops.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            tops.add(node.module.partition(".")[0])
    return tops


@pytest.mark.parametrize("path", all_files(), ids=name_of)
def test_a_room_imports_only_the_rooms_below_it(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    imported = imported_tops(ast.parse(path.read_text())) & set(ROOMS)
    assert imported - {room} <= MAY_IMPORT[room]


@pytest.mark.parametrize("room", sorted(PURE))
def test_a_pure_room_uses_the_standard_library_and_msgspec_only(room: str) -> None:
    import sys

    for path in python_files(room):
        foreign = imported_tops(ast.parse(path.read_text())) - set(sys.stdlib_module_names)
        assert foreign - set(ROOMS) <= PURE[room], name_of(path)


def test_the_ledger_never_asks_what_time_it_is() -> None:
    clocks = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns"}
    for path in python_files("ledger"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                is_clock = node.func.attr in clocks and isinstance(node.func.value, ast.Name)
                owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
                assert not (is_clock and owner in {"datetime", "date", "time"}), name_of(path)


@pytest.mark.parametrize("path", all_files(), ids=name_of)
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", all_files(), ids=name_of)
def test_every_module_and_public_class_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "a module without a docstring"
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize("path", all_files(), ids=name_of)
def test_class_names_say_what_and_not_which_drawer(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            assert not any(word in node.name for word in FORBIDDEN_IN_NAMES), node.name


@pytest.mark.parametrize("path", all_files(), ids=name_of)
def test_nobody_catches_everything(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            caught = (
                {item.id for item in ast.walk(node.type) if isinstance(item, ast.Name)}
                if (node.type)
                else {"BaseException"}
            )
            reraises = any(isinstance(item, ast.Raise) for item in ast.walk(node))
            assert not caught & {"Exception", "BaseException"} or reraises, f"line {node.lineno}"
