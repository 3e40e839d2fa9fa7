"""What holds for every command: an example that parses, --json, a table of exit codes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from runners.crossfoot import app
from runners.exit_codes import MEANING, ExitCode

ROOT: Any = get_command(app)


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(_commands(ROOT))


def _examples(command: Any) -> list[list[str]]:
    """The words of every command line below `Example:` in a command's help."""
    text = command.help.partition("Example:")[2].replace("\\\n", " ")
    lines = (line.strip() for line in text.splitlines())
    return [shlex.split(line) for line in lines if line.startswith("crossfoot ")]


def _parse(words: list[str]) -> tuple[str, ...]:
    """Parse a command line as the program would; returns the path of the command."""
    words = words[1 : words.index(">") if ">" in words else None]
    words = words[: words.index("|") if "|" in words else None]
    group, path = ROOT, ()
    while hasattr(group, "commands"):
        name = words.pop(0)
        group, path = group.commands[name], (*path, name)
    group.make_context(path[-1], words)
    return path


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_an_example_of_itself_that_parses(path: tuple[str, ...]) -> None:
    examples = _examples(COMMANDS[path])
    assert examples, f"crossfoot {' '.join(path)} --help shows no example"
    assert path in [_parse(words) for words in examples]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_speaks_json(path: tuple[str, ...]) -> None:
    assert any("--json" in option.opts for option in COMMANDS[path].params)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    silent = [option.name for option in COMMANDS[path].params if not option.help]
    assert silent == []


def test_the_help_of_the_command_tells_every_exit_code() -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    for code in ExitCode:
        assert f"{code.value}  {MEANING[code]}" in shown


def test_an_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(app, ["reconcil"]).exit_code == ExitCode.USAGE
