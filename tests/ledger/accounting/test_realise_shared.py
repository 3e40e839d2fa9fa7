"""What entities owe each other leaves nothing behind, also where nothing was owed."""

from __future__ import annotations

from ledger.accounting.exchange import realise_shared
from ledger.accounts import AccountRole
from ledger.journal import JournalEntry, JournalLine


def test_an_entry_that_comes_to_nothing_is_left_out() -> None:
    """A refund of 0.00 EUR that settled as 0.01 USD: -1 owed and +1 lost are one and the same."""
    entry = JournalEntry(
        entry_key="re_1:refund:MAIN",
        tenant="acme",
        entity="MAIN",
        currency="EUR",
        functional_currency="USD",
        accounting_date="2024-01-01",
        rule="refund_issued",
        policy="stripe-contra@1",
        source_event_id="test:evt_1",
        event_id="test:evt_1/payments.refund_issued",
        customer_id="cus_1",
        contract_id="direct",
        lines=(
            JournalLine(
                role=AccountRole.DUE_TO, amount_minor=0, functional_minor=-1, counterparty="US"
            ),
            JournalLine(role=AccountRole.FX_GAIN_LOSS, amount_minor=0, functional_minor=1),
        ),
    )
    assert realise_shared([entry]) == []
