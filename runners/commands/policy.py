"""`crossfoot policy`: the packs of accounting choices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
import yaml

from connectors.policy_packs import ConfigurationError, load_policy_pack, pack_names
from ledger.policies import PolicyPack
from ledger.policy_meanings import Answer, answers_of
from runners import arguments
from runners.display import print_json, print_lines, print_table
from runners.problems import Findings
from runners.reading import policy_pack

app = typer.Typer(no_args_is_help=True, help="Show, check and compare packs of accounting choices.")


@app.command("list")
def list_packs(as_json: arguments.AsJson = False) -> None:
    """List the policy packs that come with the product.

    Example:

      crossfoot policy list
    """
    packs = [policy_pack(name) for name in pack_names()]
    if as_json:
        print_json(packs)
        return
    print_table(
        "policy packs",
        ["name", "version", "description"],
        [[pack.name, str(pack.version), pack.description] for pack in packs],
    )


@app.command("show")
def show_pack(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Name, or path of a YAML file.")],
    as_json: arguments.AsJson = False,
) -> None:
    """Print every choice of a pack, as the YAML of a pack of your own would have it.

    Example:

      crossfoot policy show stripe-contra > ours.yaml
    """
    found = policy_pack(pack)
    if as_json:
        print_json(found)
    else:
        print_lines(*_as_yaml(found).splitlines())


def _as_yaml(pack: PolicyPack) -> str:
    """A file that reads as the pack, with every choice in words above it."""
    head = {name: getattr(pack, name) for name in ("name", "version", "description")}
    text = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=88)
    for one in answers_of(pack):
        text += f"# {one.question} {one.answer[0].upper()}{one.answer[1:]}.\n"
        text += yaml.safe_dump({one.choice: getattr(pack, one.choice)})
    return text


class PolicyCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a pack, or what it decides; field names are the JSON output."""

    policy: str | None
    """`name@version`; None when the pack cannot be used."""
    problems: list[str]
    choices: list[Answer]


@app.command("check")
def check_pack(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Name, or path of a YAML file.")],
    as_json: arguments.AsJson = False,
) -> None:
    """Find every mistake in a pack; say each choice of a good one in words.

    Mistakes give exit code 3.

    Example:

      crossfoot policy check ours.yaml
    """
    try:
        found = load_policy_pack(pack)
    except ConfigurationError as error:
        if not Path(pack).is_file():
            policy_pack(pack)
        problems = str(error).removeprefix(f"{pack}: ").split("; ")
        checked = PolicyCheck(policy=None, problems=problems, choices=[])
    else:
        checked = PolicyCheck(policy=found.label, problems=[], choices=answers_of(found))
    if as_json:
        print_json(checked)
    elif checked.problems:
        print_lines(f"{pack} cannot be used:", *(f"- {text}" for text in checked.problems))
    else:
        print_table(
            f"policy {checked.policy}: no mistakes",
            ["choice", "value", "means"],
            [[one.choice, one.value, one.answer] for one in checked.choices],
        )
    if checked.problems:
        raise Findings


class ChoiceChange(msgspec.Struct, frozen=True, kw_only=True):
    """A choice in which two packs differ; field names are the JSON output."""

    choice: str
    question: str
    before: str
    before_means: str
    after: str
    after_means: str


@app.command("diff")
def diff_packs(
    before: Annotated[str, typer.Argument(metavar="OLD", help="Name, or path of a YAML file.")],
    after: Annotated[str, typer.Argument(metavar="NEW", help="Name, or path of a YAML file.")],
    as_json: arguments.AsJson = False,
) -> None:
    """Say where two packs book otherwise, and what that means.

    `crossfoot preview --policy` shows what it means in money.

    Example:

      crossfoot policy diff stripe-contra receivable
    """
    old, new = policy_pack(before), policy_pack(after)
    changes = [
        ChoiceChange(
            choice=was.choice,
            question=was.question,
            before=was.value,
            before_means=was.answer,
            after=now.value,
            after_means=now.answer,
        )
        for was, now in zip(answers_of(old), answers_of(new), strict=True)
        if was.value != now.value
    ]
    if as_json:
        print_json(changes)
        return
    print_lines(f"{old.label} to {new.label}" + ("" if changes else ": every choice is the same"))
    for change in changes:
        print_lines(
            "",
            f"{change.choice}: {change.question}",
            f"  {change.before}: {change.before_means}",
            f"  {change.after}: {change.after_means}",
        )
