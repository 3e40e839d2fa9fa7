"""No float comes near money: not as a literal, not by name, not by true division."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ledger

FILES = sorted(Path(ledger.__file__).parent.rglob("*.py"))


def floats_in(source: str) -> list[str]:
    """What in a module makes or names a float, with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(f"{node.lineno}: {node.value!r}")
        elif isinstance(node, ast.Name) and node.id == "float":
            found.append(f"{node.lineno}: float")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append(f"{node.lineno}: /")
    return found


EXACT = {"money.py": 1}
"""`allocate` divides by a Fraction, which is exact."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_ledger_has_no_floats(file: Path) -> None:
    assert len(floats_in(file.read_text())) == EXACT.get(file.name, 0)


def test_the_check_sees_floats() -> None:
    found = floats_in("a = 1.5\nb = float(a)\nc = a / b\nc /= 2\n")
    assert sorted(found) == ["1: 1.5", "2: float", "3: /", "4: /"]


def test_there_are_files_to_check() -> None:
    assert len(FILES) > 20
