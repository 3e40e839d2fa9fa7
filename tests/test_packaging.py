"""What is installed and staged is what is in the tree."""

from __future__ import annotations

import ast
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("connectors", "generator", "ledger", "pipelines", "runners", "schemas", "transforms")


def listed(keyword: str) -> ast.expr:
    tree = ast.parse((ROOT / "setup.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == keyword:
            return node.value
    raise AssertionError(f"setup.py lists no {keyword}")


def packages_in_tree() -> list[str]:
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    return sorted(".".join(folder.relative_to(ROOT).parts) for folder in folders)


def test_setup_lists_every_package_of_the_tree_and_no_other() -> None:
    assert ast.literal_eval(listed("packages")) == packages_in_tree()


def test_every_package_has_a_door_plate() -> None:
    for package in packages_in_tree():
        init = ROOT / package.replace(".", "/") / "__init__.py"
        assert init.exists(), package
        assert ast.get_docstring(ast.parse(init.read_text())), package


def data_files_in_tree() -> set[str]:
    kinds = {".avsc", ".yaml", ".lock", ".json", ".mako", ".ini", ".md"}
    files = (path for room in ROOMS for path in (ROOT / room).rglob("*"))
    return {str(p.relative_to(ROOT)) for p in files if p.is_file() and p.suffix in kinds}


@pytest.fixture(scope="module")
def sdist_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    out = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (archive,) = out.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        return {name.partition("/")[2] for name in tar.getnames()}


def test_the_sdist_that_beam_stages_holds_every_module_and_data_file(
    sdist_names: set[str],
) -> None:
    modules = {str(p.relative_to(ROOT)) for room in ROOMS for p in (ROOT / room).rglob("*.py")}
    assert modules - sdist_names == set()
    assert data_files_in_tree() - sdist_names == set()
