"""Events that one CRM record gives by itself: account changes and won opportunities."""

from __future__ import annotations

from ledger import events
from ledger.crm_records import Record, Values
from ledger.events import Event, RecordChanged, subject_of
from ledger.money import MAX_MINOR, major_to_minor
from ledger.reasons import Reason
from ledger.results import Refusal

ACCOUNT_ATTRIBUTES = (
    "name", "email", "country", "city", "state", "postal_code", "street", "tax_id", "currency",
)  # fmt: skip
"""Attributes of a customer account whose system of record is the CRM."""


class Unpayable(Exception):
    """A change states an amount that its currency cannot have."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


def event_caused_by(kind: type[Event], cause: RecordChanged, **fields: object) -> Event:
    """An event of `kind` caused by a change of `record`."""
    subject = kind.__struct_config__.tag
    changed = subject_of(cause)
    return kind(
        event_id=(
            cause.event_id.replace(f"/{changed}", f"/{subject}", 1)
            if f"/{changed}" in cause.event_id
            else f"{cause.event_id}/{subject}"
        ),
        source_event_id=cause.source_event_id,
        source=cause.source,
        tenant=cause.tenant,
        occurred_at_micros=cause.occurred_at_micros,
        **fields,  # type: ignore[arg-type]
    )


def account_changed(account: Record, delta: RecordChanged) -> Event:
    """The attributes that one change of an account set."""
    changed = tuple(name for name in ACCOUNT_ATTRIBUTES if name in delta.values)
    return event_caused_by(
        events.CustomerAccountChanged,
        delta,
        customer_id=account.record_id,
        account_id=account.record_id,
        entity=account.values.get("entity"),
        attributes_set=changed,
        deleted=delta.change_type in ("DELETE", "GAP_DELETE"),
        **{name: delta.values[name] for name in changed},
    )


def opportunity_events(opportunity: Record) -> list[Event]:
    """The deal, when it stands as won. Raises Unpayable for an amount its currency cannot have."""
    if not _is_won(opportunity.values, opportunity.deleted):
        return []
    won = opportunity.turned(_is_won)[-1]
    currency = opportunity.values.get("currency")
    account_id = opportunity.id_in("account_id")
    return [
        event_caused_by(
            events.OpportunityWon,
            won,
            customer_id=account_id,
            account_id=account_id,
            opportunity_id=opportunity.record_id,
            amount_minor=_amount_minor(opportunity, won, currency),
            currency=currency,
        )
    ]


def _amount_minor(opportunity: Record, won: RecordChanged, currency: str | None) -> int | None:
    amount = opportunity.number_in("amount")
    if amount is None or currency is None:
        return None
    try:
        minor = major_to_minor(amount, currency)
    except ValueError as error:
        raise Unpayable(_refusal(won, Reason.AMOUNT_PRECISION, str(error))) from error
    if abs(minor) > MAX_MINOR:
        raise Unpayable(_refusal(won, Reason.AMOUNT_OUT_OF_RANGE, "amount beyond any ledger"))
    return minor


def _refusal(delta: RecordChanged, reason: Reason, detail: str) -> Refusal:
    return Refusal(
        source_event_id=delta.source_event_id,
        event_id=delta.event_id,
        reason=reason.value,
        detail=detail,
    )


def _is_won(values: Values, deleted: bool) -> bool:
    if deleted:
        return False
    if values.get("is_won") is not None:
        return values["is_won"] == "true" and values.get("is_closed") != "false"
    return (values.get("stage") or "").casefold() == "closed won"
