"""`crossfoot migrate`: bring a ledger store to the schema of this release."""

from __future__ import annotations

import msgspec

from connectors.store import LedgerStore
from connectors.store.migrating import HEAD
from runners import arguments
from runners.display import print_json, print_lines
from runners.stores import store_problems


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """What a migration did; versions are those of the store's schema."""

    version_before: str | None
    """None: there was no store."""
    version: str
    changed: bool


def migrate(store: arguments.Store, as_json: arguments.AsJson = False) -> None:
    """Make a ledger store, or bring an older one up to date. Running it again changes nothing.

    Example:

      crossfoot migrate --store postgresql://books@db.example/books
    """
    with store_problems(store), LedgerStore(store) as books:
        before = books.migrate()
    done = Migration(version_before=before, version=HEAD, changed=before != HEAD)
    if as_json:
        print_json(done)
    elif before is None:
        print_lines(f"made a store of schema version {HEAD}")
    elif done.changed:
        print_lines(f"brought the store from schema version {before} to {HEAD}")
    else:
        print_lines(f"the store already has schema version {HEAD}")
