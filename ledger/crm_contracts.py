"""Contract events out of CRM records: what was sold, amended, renewed and cancelled, by whom.

An event is caused by the change that made it true (`…/crm.record_changed` becomes
`…/crm.contract_signed`), so its id is the same in every fold. What it says is what is known now:
an order item that arrives after the activation still belongs to the contract.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from ledger import events
from ledger.crm_events import Unpayable, account_changed, event_caused_by, opportunity_events
from ledger.crm_records import Record, Values, build_records
from ledger.events import Event, RecordChanged
from ledger.policies import BooksConfig
from ledger.reasons import Reason
from ledger.results import Pending, Refusal
from ledger.terms import add_months, day_after
from ledger.waiting import pending_of

ACTIVE = "activated"
"""Status of a contract or order that counts."""
ENDED = frozenset({"cancelled", "canceled", "terminated", "expired"})
"""Status of a contract or order that counts no longer."""

_OF_INTEREST = frozenset({"Account", "Contract", "Order", "OrderItem", "Opportunity"})


class CrmContract(msgspec.Struct, frozen=True, kw_only=True):
    """A contract as CRM knows it, signed or not."""

    contract_id: str
    source: str
    entity: str | None = None
    """Legal entity that sold it: stated on the contract, else on its orders."""


class CrmAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A customer account as CRM knows it."""

    account_id: str
    source: str
    entity: str | None = None


class CrmView(msgspec.Struct, frozen=True, kw_only=True):
    """What the CRM changes of a party say."""

    events: tuple[Event, ...] = ()
    """Account, contract and opportunity events, by (time, event id)."""
    contracts: dict[str, CrmContract] = {}
    aliases: dict[str, str] = {}
    """Other names of a contract -> its id: the contract number, the id without its prefix."""
    accounts: dict[str, CrmAccount] = {}
    pending: tuple[Pending, ...] = ()
    refusals: tuple[Refusal, ...] = ()


class Unfit(Exception):
    """A record lacks something; carries the id that is waited for."""


def assemble_crm(
    changes: Iterable[RecordChanged], config: BooksConfig, as_of_micros: int
) -> CrmView:
    """Read contract events out of the changes of a party's CRM records; order is immaterial."""
    records, refusals = build_records(changes)
    if not records:
        return CrmView(refusals=refusals)
    crm = _Crm(records)
    found: list[Event] = []
    waiting: list[tuple[RecordChanged, str]] = []
    refused = list(refusals)
    for record_id in sorted(records):
        record = records[record_id]
        try:
            found.extend(crm.events_of(record))
            waiting.extend((gap, record_id) for gap in record.gaps)
        except Unfit as unfit:
            waiting.extend((delta, str(unfit)) for delta in record.deltas)
        except Unpayable as unpayable:
            refused.append(unpayable.refusal)
    return CrmView(
        events=tuple(sorted(found, key=lambda event: (event.occurred_at_micros, event.event_id))),
        contracts=crm.contracts,
        aliases=_aliases(crm),
        accounts=crm.accounts,
        pending=tuple(
            pending_of(delta, Reason.INCOMPLETE_RECORD, waits_for, config, as_of_micros)
            for delta, waits_for in waiting
        ),
        refusals=tuple(refused),
    )


def _aliases(crm: _Crm) -> dict[str, str]:
    """Names other than the id; a number that two contracts claim names neither."""
    names: dict[str, str] = {}
    twice: set[str] = set()
    for contract_id, contract in crm.contracts.items():
        own = [contract_id.removeprefix(f"{contract.source}:")]
        number = crm.records[contract_id].values.get("contract_number")
        if number:
            own += [number, f"{contract.source}:{number}"]
        for name in own:
            if names.setdefault(name, contract_id) != contract_id:
                twice.add(name)
    return {name: names[name] for name in names if name not in twice} if twice else names


class _Crm:
    """The records of a party with their relations."""

    def __init__(self, records: dict[str, Record]) -> None:
        self.records = records
        self.orders_of: dict[str, list[Record]] = defaultdict(list)
        self.items_of: dict[str, list[Record]] = defaultdict(list)
        for record_id in sorted(records):
            record = records[record_id]
            parent = record.id_in(_PARENT_FIELD.get(record.entity_name, ""))
            if record.entity_name == "Order" and parent is not None:
                self.orders_of[parent].append(record)
            elif record.entity_name == "OrderItem" and parent is not None:
                self.items_of[parent].append(record)
        self.contracts = {
            record.record_id: CrmContract(
                contract_id=record.record_id,
                source=record.deltas[0].source,
                entity=self._first_of("entity", record),
            )
            for record in records.values()
            if record.entity_name == "Contract" and record.complete
        }
        self.accounts = {
            record.record_id: CrmAccount(
                account_id=record.record_id,
                source=record.deltas[0].source,
                entity=record.values.get("entity"),
            )
            for record in records.values()
            if record.entity_name == "Account"
        }

    def events_of(self, record: Record) -> list[Event]:
        """The events a record gives. Raises Unfit while something is missing."""
        if record.entity_name not in _OF_INTEREST:
            return []
        if not record.complete:
            raise Unfit(record.record_id)
        if record.entity_name == "Account":
            return [account_changed(record, delta) for delta in record.deltas]
        if record.entity_name == "Contract":
            return self._contract_events(record)
        if record.entity_name == "Order":
            return self._order_events(record)
        if record.entity_name == "OrderItem":
            self._check_item(record)
            return []
        return opportunity_events(record)

    # --- contracts -----------------------------------------------------------------------

    def _contract_events(self, contract: Record) -> list[Event]:
        signed = contract.turned(_is_active)
        if not signed:
            return []
        terms = event_caused_by(
            events.ContractSigned,
            signed[0],
            **self._parties_to(contract),
            term_start_micros=self._term_start(contract),
            term_end_micros=self._term_end(contract),
            lines=self._lines_of(order for order in self._live_orders(contract, "new")),
        )
        if not _is_over(contract.values, contract.deleted):
            return [terms]
        return [terms, self._cancelled(contract)]

    def _cancelled(self, contract: Record) -> Event:
        """It ends when CRM says so, or on the end date that the same change states."""
        ending = contract.turned(_is_over)[-1]
        last_day = ending.values.get("end_date")
        return event_caused_by(
            events.ContractCancelled,
            ending,
            customer_id=contract.id_in("account_id"),
            account_id=contract.id_in("account_id"),
            contract_id=contract.record_id,
            entity=self.contracts[contract.record_id].entity,
            effective_at_micros=day_after(int(last_day)) if last_day else ending.occurred_at_micros,
            reason="deleted" if contract.deleted else contract.values.get("status"),
        )

    def _order_events(self, order: Record) -> list[Event]:
        contract_id = order.id_in("contract_id")
        if contract_id is None or order.deleted:
            return []
        contract = self._parent(contract_id)
        kind = _kind_of(order)
        activated = order.turned(_is_active)
        if kind not in _ORDER_EVENTS or not activated or _is_over(order.values, order.deleted):
            return []
        start, end = self._order_term(order, contract, kind)
        return [
            event_caused_by(
                _ORDER_EVENTS[kind],
                activated[0],
                **self._parties_to(contract),
                term_start_micros=start,
                term_end_micros=end,
                lines=self._lines_of([order]),
            )
        ]

    def _order_term(self, order: Record, contract: Record, kind: str) -> tuple[int, int | None]:
        """An amendment runs to the end of its contract, a renewal for a term of its own."""
        start = order.micros_in("effective_date")
        if start is None:
            raise Unfit(order.record_id)
        last_day = order.micros_in("end_date")
        if last_day is not None:
            return start, day_after(last_day)
        if kind == "amendment":
            return start, self._term_end(contract)
        months = order.number_in("term_months") or contract.number_in("term_months")
        return start, None if months is None else add_months(start, int(months))

    def _parties_to(self, contract: Record) -> dict[str, Any]:
        account_id = contract.id_in("account_id")
        account = self.records.get(account_id) if account_id else None
        currency = self._first_of("currency", contract)
        if currency is None and account is not None:
            currency = account.values.get("currency")
        if currency is None:
            raise Unfit(contract.record_id if account else account_id or contract.record_id)
        return {
            "customer_id": account_id,
            "account_id": account_id,
            "contract_id": contract.record_id,
            "entity": self._first_of("entity", contract),
            "currency": currency,
            "region": account.values.get("country") if account else None,
        }

    def _first_of(self, field: str, contract: Record) -> str | None:
        """What the contract states, else the first of its orders that states it."""
        own = contract.values.get(field)
        if own:
            return own
        orders = self.orders_of.get(contract.record_id, ())
        return next((found for order in orders if (found := order.values.get(field))), None)

    def _term_start(self, contract: Record) -> int:
        start = contract.micros_in("start_date")
        if start is not None:
            return start
        orders = self._live_orders(contract, "new")
        starts = [found for order in orders if (found := order.micros_in("effective_date"))]
        if not starts:
            raise Unfit(contract.record_id)
        return min(starts)

    def _term_end(self, contract: Record) -> int | None:
        months = contract.number_in("term_months")
        if months is not None:
            return add_months(self._term_start(contract), int(months))
        last_day = contract.micros_in("end_date")
        return None if last_day is None else day_after(last_day)

    # --- orders and items ----------------------------------------------------------------

    def _live_orders(self, contract: Record, kind: str) -> list[Record]:
        return [
            order
            for order in self.orders_of[contract.record_id]
            if order.complete
            and _kind_of(order) == kind
            and order.turned(_is_active)
            and not _is_over(order.values, order.deleted)
        ]

    def _lines_of(self, orders: Iterable[Record]) -> tuple[events.ContractLine, ...]:
        items = [(item, order) for order in orders for item in self.items_of[order.record_id]]
        return tuple(
            _line(item, order)
            for item, order in items
            if item.complete and not item.deleted and not _missing_in(item)
        )

    def _check_item(self, item: Record) -> None:
        """An item needs its order, its order's contract, and what was sold at what price."""
        if item.deleted:
            return
        order_id = item.id_in("order_id")
        if order_id is None or _missing_in(item):
            raise Unfit(item.record_id)
        order = self._parent(order_id)
        contract_id = order.id_in("contract_id")
        if contract_id is not None and not order.deleted:
            self._parent(contract_id)

    def _parent(self, record_id: str) -> Record:
        parent = self.records.get(record_id)
        if parent is None or not parent.complete:
            raise Unfit(record_id)
        return parent


_PARENT_FIELD = {"Order": "contract_id", "OrderItem": "order_id"}
_ORDER_EVENTS: dict[str, type[events.ContractTerms]] = {
    "amendment": events.ContractAmended,
    "renewal": events.ContractRenewed,
}


def _is_active(values: Values, deleted: bool) -> bool:
    return not deleted and (values.get("status") or "").casefold() == ACTIVE


def _is_over(values: Values, deleted: bool) -> bool:
    return deleted or (values.get("status") or "").casefold() in ENDED


def _kind_of(order: Record) -> str:
    """The type of an order in lower case; an order without a type is a new one."""
    return (order.values.get("type") or "new").casefold()


def _missing_in(item: Record) -> bool:
    return any(item.values.get(field) is None for field in ("product", "quantity", "unit_price"))


def _line(item: Record, order: Record) -> events.ContractLine:
    """A line sold; where the item states no dates, it runs as its order does."""
    quantity, unit_price = item.number_in("quantity"), item.number_in("unit_price")
    assert quantity is not None and unit_price is not None, item.record_id
    start, last_day = item.micros_in("service_date"), item.micros_in("end_date")
    start = order.micros_in("effective_date") if start is None else start
    last_day = order.micros_in("end_date") if last_day is None else last_day
    return events.ContractLine(
        line_id=item.record_id,
        product=item.values["product"] or "",
        quantity=quantity,
        unit_amount=unit_price,
        service_start_micros=start,
        service_end_micros=None if last_day is None else day_after(last_day),
    )
