"""The documents tell the truth: reasons, commands, paths, pictures and numbers are compared."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import typer

from connectors.decoding import CompanyConfig
from connectors.policy_packs import load_books_config, load_policy_pack, pack_names
from ledger.accounting.wallets import RULES
from ledger.mending import MENDING
from ledger.policies import PendingDays, PolicyPack
from ledger.reasons import Reason
from runners.crossfoot import app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
DEAD_LETTERS = (ROOT / "docs/dead-letters.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
POLICIES = (ROOT / "docs/policies.md").read_text()

JOBS = ("pipelines/order_to_cash.py", "pipelines/order_to_cash_live.py")
ROOMS = ("ledger", "schemas", "connectors", "transforms", "pipelines", "runners", "generator")
_PATH = re.compile(rf"`((?:docs|tests|examples|{'|'.join(ROOMS)})/[\w./-]+)`")


def documents() -> list[Path]:
    """Every text a reader is given."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    return sorted([*found, *ROOT.glob("schemas/subjects/*/CHANGELOG.md")])


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def sources(*rooms: str) -> Iterator[tuple[Path, ast.Module]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path, ast.parse(path.read_text())


def rows(text: str) -> list[list[str]]:
    """Cells of every table row of a Markdown text."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def section(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def blocks(text: str, language: str = "") -> list[str]:
    """Contents of the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


# --- reasons ------------------------------------------------------------------------------


def documented_reasons() -> dict[str, list[str]]:
    """Code -> its row in docs/dead-letters.md."""
    found = [(row[0].strip("`"), row) for row in rows(DEAD_LETTERS) if row[0].startswith("`")]
    assert len(found) == len(dict(found)), "a reason is documented twice"
    return dict(found)


def test_every_reason_is_documented_and_none_too_many() -> None:
    assert set(documented_reasons()) == {reason.value for reason in Reason}


@pytest.mark.parametrize("reason", Reason)
def test_the_page_gives_the_advice_that_commands_print(reason: Reason) -> None:
    advice = documented_reasons()[reason.value][-1]
    assert advice[1:] == MENDING[reason][1:] and advice[0] == MENDING[reason][0].upper()


@pytest.mark.parametrize("reason", PendingDays.__struct_fields__)
def test_the_page_gives_the_days_that_an_event_may_wait(reason: str) -> None:
    assert documented_reasons()[reason][3] == str(getattr(PendingDays(), reason))


def given_reasons() -> set[str]:
    """Reasons that code outside their own tables names, as member or by value."""
    given: set[str] = set()
    tables = {ROOT / "ledger/reasons.py", ROOT / "ledger/mending.py"}
    for path, tree in sources("ledger", "schemas", "connectors", "transforms", "pipelines"):
        if path in tables:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id == "Reason":
                    given.add(Reason[node.attr].value)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                given.add(node.value)
    return given


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_can_happen(reason: Reason) -> None:
    assert reason.value in given_reasons()


# --- policies -----------------------------------------------------------------------------


def choices() -> dict[str, tuple[str, ...]]:
    """Fields of a policy pack -> the words they may have; none for numbers."""
    hints = typing.get_type_hints(PolicyPack)
    named = {"name", "version", "description", "variant"}
    return {field: typing.get_args(hints[field]) for field in hints if field not in named}


@pytest.mark.parametrize("field", sorted(choices()))
def test_every_choice_of_a_pack_is_documented_with_its_values(field: str) -> None:
    (row,) = [row for row in rows(POLICIES) if row[0] == f"`{field}`"]
    for word in choices()[field]:
        assert f"`{word}`" in row[1]
    header = next(row for row in rows(POLICIES) if row[0] == "Field")
    assert header[2:] == sorted(pack_names(), reverse=True)
    for name, stated in zip(header[2:], row[2:], strict=True):
        assert stated == str(msgspec.to_builtins(load_policy_pack(name))[field])


def posting_rules() -> set[str]:
    """Names of rules as the accounting gives them: text of the form noun_verb."""
    words = {"rule", "add"} | {"post", "post_money", "_book"}
    found: set[str] = set(RULES.values())
    for _, tree in sources("ledger/accounting"):
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            called = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            called = call.func.id if isinstance(call.func, ast.Name) else called
            if called in words:
                found |= {
                    argument.value
                    for argument in call.args
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                }
    return found


def test_every_posting_rule_is_documented_and_none_too_many() -> None:
    table = section(POLICIES, "Posting rules")
    documented = {row[0].strip("`") for row in rows(table) if row[0].startswith("`")}
    assert documented == posting_rules()


# --- the picture, the map, the commands ---------------------------------------------------


def transforms_used() -> set[str]:
    """PTransforms that the two jobs import: classes of the transforms room."""
    used: set[str] = set()
    for job in JOBS:
        for node in ast.walk(ast.parse((ROOT / job).read_text())):
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            # Receipts are told what steps have done; they are no step.
            if module.startswith("transforms.") and module != "transforms.receipts":
                used |= {alias.name for alias in node.names}
    return used


def test_the_picture_shows_exactly_the_transforms_of_the_jobs() -> None:
    (picture,) = blocks(README, "mermaid")
    assert set(re.findall(r'\["(\w+)"\]', picture)) == transforms_used()


@pytest.mark.parametrize("job", JOBS)
def test_architecture_names_the_steps_of_a_job_in_their_order(job: str) -> None:
    text = section(ARCHITECTURE, "Flow").split(f"(`{job}`)")[1]
    told = re.findall(r"^\d\. `(\w+)`", text.split("**Unbounded**")[0], re.MULTILINE)
    applied = re.findall(r'\| "(\w+)"\s*>>', (ROOT / job).read_text())
    assert told == [step for step in applied if step in told]
    assert set(applied) - set(told) <= {"WriteDeadLetters"}


def test_the_map_leads_to_paths_that_exist() -> None:
    entries = rows(section(README, "To change something"))[2:]
    assert len(entries) > 10
    for task, where in entries:
        paths = re.findall(r"`([^`]+)`", where)
        assert paths, task
        for path in paths:
            assert (ROOT / path).exists(), f"{task}: {path}"


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_what_a_document_points_at_exists(path: Path) -> None:
    text = path.read_text()
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert target.startswith("https://") or (path.parent / target).exists(), target
    for quoted in re.findall(_PATH, text):
        assert (ROOT / quoted).exists(), quoted


@pytest.mark.parametrize("room", [*ROOMS, "benchmarks"])
def test_every_room_has_a_line_in_architecture(room: str) -> None:
    described = {row[0].strip("`/"): row for row in rows(section(ARCHITECTURE, "Rooms"))}
    assert all(described[room][1:])


def test_no_room_is_missing_from_architecture() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    described = {row[0].strip("`/") for row in rows(section(ARCHITECTURE, "Rooms"))[2:]}
    assert described == rooms


def commands(group: object = None, before: str = "crossfoot") -> Iterator[str]:
    """Every command as it is typed."""
    group = typer.main.get_command(app) if group is None else group
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}"


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_has_an_example_in_the_readme(command: str) -> None:
    examples = section(README, "Commands")
    assert re.search(rf"^{command}(\s|$)", examples, re.MULTILINE)


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    known = set(commands())
    for text in (README, *(path.read_text() for path in documents())):
        for typed in re.findall(r"^(crossfoot [^\n]*)", text, re.MULTILINE):
            assert any(re.match(rf"{command}(\s|$)", typed) for command in known), typed


def test_the_two_commands_of_the_readme_are_in_the_makefile() -> None:
    typed = re.findall(r"^make (\w+)", README, re.MULTILINE)
    assert typed[:2] == ["demo", "test"]
    makefile = (ROOT / "Makefile").read_text()
    for target in typed:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("number", range(1, 11))
def test_every_invariant_says_where_it_is_enforced_and_tested(number: int) -> None:
    (row,) = [row for row in rows(section(ARCHITECTURE, "Invariants")) if row[0] == f"I{number}"]
    _, guarantee, enforced, tested = row
    assert re.search(r"\b([Nn]o|Nothing)\b", guarantee), "phrased as an absence"
    assert "`" in enforced and re.search(r"`tests/[\w/]+\.py`", tested)


def test_every_table_of_the_store_is_described() -> None:
    from connectors.store.tables import metadata

    first_cells = [row[0] for row in rows(section(ARCHITECTURE, "What is in the store"))]
    described = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert described == set(metadata.tables)


# --- numbers ------------------------------------------------------------------------------


def printed_by(arguments: list[str], directory: Path) -> list[str]:
    """Lines that the command prints when it is started as a user would, without padding."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-m", "runners.crossfoot", *arguments],
        cwd=directory, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [line.rstrip() for line in done.stdout.splitlines()]


def promised(text: str, beginning: str) -> list[str]:
    """Lines of the block that begins so, up to where it is cut short."""
    (block,) = [block for block in blocks(text) if block.startswith(beginning)]
    return [line.rstrip() for line in block.split("…")[0].strip().splitlines()]


def test_the_example_prints_what_its_page_says(tmp_path: Path) -> None:
    arguments = [
        "run", "order-to-cash", "--input", str(ROOT / "examples/quickstart/events/*.jsonl"),
        "--store", f"sqlite:///{tmp_path}/books.db",
        "--books", str(ROOT / "examples/quickstart/books.yaml"), "--as-of", "2026-02-28",
    ]  # fmt: skip
    page = (ROOT / "examples/README.md").read_text()
    lines = printed_by(arguments, tmp_path)
    expected = promised(page, "14 read")
    start = lines.index(expected[0])
    assert lines[start : start + len(expected)] == expected


def test_the_demo_prints_what_the_readme_says(tmp_path: Path) -> None:
    expected = promised(README, "example company")
    assert len(expected) > 20
    assert printed_by(["demo", "--out", "demo"], tmp_path)[: len(expected)] == expected


# --- manners ------------------------------------------------------------------------------

_FOREIGN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(work|root|home|tmp|Users|mnt)\b"),
    "how the text was made": re.compile(
        r"\b(sessions?|agents?|helpers?|assistants?|prompts?)\b", re.IGNORECASE
    ),
    "a package index": re.compile(
        r"\b(pypi\.org|pythonhosted\.org|test\.pypi|artifactory|index-url)\b"
    ),
}


@pytest.mark.parametrize("fault", sorted(_FOREIGN))
@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_a_document_speaks_of_the_product_alone(path: Path, fault: str) -> None:
    prose = re.sub(r"`[^`\n]+`", "", path.read_text())  # a provider's event type may say anything
    found = _FOREIGN[fault].search(prose if "text" in fault else path.read_text())
    assert found is None, f"{fault}: {found.group(0) if found else ''}"


def test_the_documents_are_found() -> None:
    names = {name_of(path) for path in documents()}
    assert {"README.md", "CHANGELOG.md", "docs/policies.md", "examples/README.md"} <= names


def configuration_keys(struct: type[msgspec.Struct], prefix: str = "") -> set[str]:
    """Every key of the books file as a dotted path; `*` for names the company chooses."""
    found: set[str] = set()
    hints = typing.get_type_hints(struct)
    for name in struct.__struct_fields__:
        found.add(f"{prefix}{name}")
        if name == "pending_days":
            continue  # by reason, in dead-letters.md
        for hint in (hints[name], *typing.get_args(hints[name])):
            if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
                named = ".*" if typing.get_origin(hints[name]) is dict else ""
                found |= configuration_keys(hint, f"{prefix}{name}{named}.")
    return found


def test_every_key_of_the_books_file_is_described_and_no_other() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    described = re.findall(
        r"^\| `([a-z_.*]+)` \|", page.split("## Contract drift")[0], re.MULTILINE
    )
    assert set(described) == configuration_keys(CompanyConfig)
    assert len(described) == len(set(described))


def test_the_books_file_on_the_page_can_be_read(tmp_path: Path) -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    path = tmp_path / "books.yaml"
    path.write_text(page.split("```yaml\n")[1].split("```")[0])
    books = load_books_config(str(path))
    assert books.drift.products == {"prod_QK2v": "PRO-SEAT"}
    assert books.pending_days.contract_drift == 10
