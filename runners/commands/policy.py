"""`crossfoot policy`: the packs of accounting choices."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
import yaml

from connectors.policy_packs import pack_names
from ledger.policies import PolicyPack
from runners import arguments
from runners.display import print_json, print_lines, print_table
from runners.policy_variants import CHOICES
from runners.reading import policy_pack

app = typer.Typer(no_args_is_help=True, help="Show the packs of accounting choices.")


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
    values = msgspec.structs.asdict(pack)
    named = {name: values[name] for name in ("name", "version", "description", *CHOICES)}
    return yaml.safe_dump(named, sort_keys=False, allow_unicode=True, width=88)
