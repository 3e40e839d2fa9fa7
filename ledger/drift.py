"""Contract drift: what CRM sold and what billing bills disagree, with both sides and the money.

Compared are the recurring lines of both sides, moment by moment (`ledger.sold`, `ledger.billed`),
from the first line to the end of the billing period that runs at the as-of time. For every product:

| Attribute | The sides disagree on |
|---|---|
| `quantity`, `price` | units, or the price of one per month; the money is shared between the two |
| `dates` | when the same thing begins, changes or ends |
| `sold_not_billed`, `billed_not_sold` | one side has never heard of the product |
| `entity` | which legal entity bills; the money is what is billed in the wrong one |
| `currency` | the currency; no money is compared |

The difference is what was sold less what is billed, over the service time in which they disagree,
in minor units of the contract's currency: months begin on the day on which billing's do, and parts
of one count by its days.

No drift are: another billing interval of the same price, prorations of a change that both sides
know, a discount that is in CRM's price, usage, one-off lines, trials, pauses, rounding, and changes
no more than `tolerance_days` apart. Products are matched by name (`drift.products` translates);
where the two sides have no name in common at all, their totals are compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from ledger import events
from ledger.billed import Billed, BilledView, billed_on
from ledger.contract_facts import ContractFacts
from ledger.drift_windows import Window, windows_of
from ledger.legal_entities import Disputed
from ledger.money import divide
from ledger.periods import calendar_of
from ledger.policies import DAY_MICROS, BooksConfig
from ledger.readings import ALL, Priced, as_priced
from ledger.results import ContractDrift
from ledger.sold import SoldLine, lines_sold
from ledger.spans import end_of_period


class Deal(NamedTuple):
    """Both sides of a contract, read once."""

    sold: tuple[SoldLine, ...]
    billed: BilledView
    priced: tuple[Priced, ...]
    """Both in the same words; billing alone where they speak of different currencies."""


def deal_of(facts: ContractFacts, config: BooksConfig) -> Deal:
    """Read what was sold and what is billed on a contract."""
    sold = lines_sold(facts.terms, facts.cancelled)
    billed = billed_on(facts)
    if facts.terms and _other_currency(facts.terms[0].currency, billed) is not None:
        return Deal(sold, billed, tuple(as_priced((), billed, config.drift)))
    return Deal(sold, billed, tuple(as_priced(sold, billed, config.drift)))


def _other_currency(currency: str, billed: BilledView) -> Billed | None:
    return next((one for one in billed.charges if one.currency not in (None, currency)), None)


def drifts_of(
    facts: ContractFacts,
    deal: Deal,
    disputed: Sequence[Disputed],
    config: BooksConfig,
    as_of_micros: int,
) -> tuple[ContractDrift, ...]:
    """All disagreements about a contract as of a moment, by (attribute, product)."""
    if not facts.terms:
        return ()
    found = [*_of_lines(facts, deal, config, as_of_micros)]
    entity = _of_entity(facts, disputed, config, as_of_micros)
    if entity is not None:
        found.append(entity)
    return tuple(sorted(found, key=lambda drift: (drift.attribute, drift.product or "")))


# --- lines --------------------------------------------------------------------------------


def _of_lines(
    facts: ContractFacts, deal: Deal, config: BooksConfig, as_of: int
) -> Iterable[ContractDrift]:
    sold, billed, priced = deal
    if not sold:
        return
    currency = facts.terms[0].currency
    other = _other_currency(currency, billed)
    if other is not None:
        yield _drift(
            facts, config, as_of, "currency", None, None, (currency, other.currency or ""),
            (sold[0].cause, other.cause), (other.start, other.start),
        )  # fmt: skip
        return
    horizon = _horizon(priced, billed, as_of)
    for product in sorted({one.product for one in priced}):
        of_product = [one for one in priced if one.product == product]
        windows = windows_of(of_product, horizon, as_of, config.drift)
        for attribute in sorted({window.attribute for window in windows}):
            same = [window for window in windows if window.attribute == attribute]
            yield _of_windows(facts, config, as_of, product, same)


def _horizon(priced: Sequence[Priced], billed: BilledView, as_of: int) -> int:
    """End of the billing period that runs at the as-of time; what invoices do not tell yet is open.

    Where only invoices tell what is billed, and they bill in arrears, the running period is not
    judged before one more has passed.
    """
    begun = [one for one in billed.charges if one.start < as_of]
    if billed.told_until is not None and begun:
        longest = max(one.months for one in begun)
        waits = as_of - int(longest * 31 * DAY_MICROS)
        return max(billed.told_until, waits)
    if begun:
        last = max(begun, key=lambda one: (one.start, one.product))
        return end_of_period(last.start, last.months, as_of)
    starts = [one.start for one in priced]
    return end_of_period(min(starts), Fraction(1), as_of)


def _of_windows(
    facts: ContractFacts, config: BooksConfig, as_of: int, product: str, windows: Sequence[Window]
) -> ContractDrift:
    """One drift of all times in which a product disagrees in the same way."""
    first, last = windows[0], windows[-1]
    difference = sum((window.difference for window in windows), Fraction(0))
    currency = facts.terms[0].currency
    return _drift(
        facts,
        config,
        as_of,
        last.attribute,
        None if product == ALL else product,
        divide(difference.numerator, difference.denominator),
        (last.sold.words(currency), last.billed.words(currency)),
        (first.sold.cause, first.billed.cause),
        (first.start, last.end),
    )


# --- entity -------------------------------------------------------------------------------


def _of_entity(
    facts: ContractFacts, disputed: Sequence[Disputed], config: BooksConfig, as_of: int
) -> ContractDrift | None:
    counted = {invoice.invoice_id for invoice in facts.billing.invoices}
    invoices = {
        one.event.invoice_id: one.event
        for one in disputed
        if isinstance(one.event, events.InvoiceIssued)
        and one.event.invoice_id in counted
        and one.event.occurred_at_micros < as_of
    }
    stating = [one for one in disputed if _still_says(one, facts, invoices.keys())]
    if not stating:
        return None
    last = stating[-1]
    money = sum(invoice.total_minor for invoice in invoices.values())
    span = (stating[0].event.occurred_at_micros, last.event.occurred_at_micros)
    return _drift(
        facts, config, as_of, "entity", None, money, (last.owner, last.stated),
        (facts.terms[0], last.event), span,
    )  # fmt: skip


def _still_says(one: Disputed, facts: ContractFacts, invoices: Iterable[str]) -> bool:
    """Invoices stand; of a subscription only the latest state does."""
    if isinstance(one.event, events.InvoiceIssued):
        return one.event.invoice_id in invoices
    return any(sub.latest.event_id == one.event.event_id for sub in facts.subscriptions)


# --- making -------------------------------------------------------------------------------


def _drift(
    facts: ContractFacts,
    config: BooksConfig,
    as_of: int,
    attribute: str,
    product: str | None,
    difference_minor: int | None,
    words: tuple[str, str],
    causes: tuple[events.Event | None, events.Event | None],
    span: tuple[int, int],
) -> ContractDrift:
    """`words` and `causes` are CRM's and billing's; `span` the service in which they differ."""
    known = [cause for cause in causes if cause is not None]
    since = max(span[0], *(cause.occurred_at_micros for cause in known))
    deadline = since + config.pending_days.contract_drift * DAY_MICROS
    crm, billing = causes
    entity = facts.entity or config.default_entity
    return ContractDrift(
        drift_id=_drift_id(facts, attribute, product),
        tenant=facts.tenant,
        customer_id=facts.customer_id,
        contract_id=facts.contract_id,
        entity=entity,
        attribute=attribute,
        product=product,
        currency=facts.terms[0].currency,
        sold=words[0],
        billed=words[1],
        difference_minor=difference_minor,
        from_micros=span[0],
        to_micros=span[1],
        since_micros=since,
        deadline_micros=deadline,
        period=calendar_of(config, entity).label_at(span[0]),
        expired=as_of > deadline,
        crm_event_id=crm.event_id if crm else None,
        billing_event_id=billing.event_id if billing else None,
        source_event_id=(crm or known[0]).source_event_id,
    )


def _drift_id(facts: ContractFacts, attribute: str, product: str | None) -> str:
    """The same for as long as the two sides disagree in this way."""
    name = "\n".join((facts.tenant, facts.customer_id, facts.contract_id, attribute, product or ""))
    return f"drift_{hashlib.sha256(name.encode()).hexdigest()[:32]}"
