"""Which roles a policy may book: never one that it is said not to."""

from __future__ import annotations

from hypothesis import given

from connectors.policy_packs import load_policy_pack
from ledger.accounts import AccountRole
from ledger.events import Event
from ledger.gl_review import roles_of
from ledger.policies import BooksConfig, PolicyPack
from tests.ledger.accounting.histories import CONFIGS, histories, policies
from tests.ledger.accounting.test_properties import fold, often


@often
@given(history=histories(), policy=policies(), config=CONFIGS)
def test_no_entry_has_a_role_that_its_policy_never_books(
    history: list[Event], policy: PolicyPack, config: BooksConfig
) -> None:
    possible = set(roles_of(policy))
    booked = {line.role for entry in fold(history, policy, config).entries for line in entry.lines}
    assert booked <= possible


def test_what_no_shipped_policy_books_needs_another_choice() -> None:
    packs = [load_policy_pack(name) for name in ("stripe-contra", "receivable")]
    both = {role for pack in packs for role in roles_of(pack)}
    assert set(AccountRole) - both == {
        AccountRole.DEFERRED_FEES,
        AccountRole.EXCLUSION,
        AccountRole.FX_UNREALISED,
        AccountRole.ROUNDING,
    }
