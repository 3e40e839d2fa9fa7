"""What CRM records of a contract: account, deal, contract, orders, renewal, end."""

from __future__ import annotations

from decimal import Decimal

from generator.billing import rounded
from generator.catalogue import COUNTRY_NAMES, Product
from generator.deal import Deal, Sold, contract_end
from generator.ids import salesforce_id
from generator.life import Life, Object
from generator.months import DAY, HOUR
from generator.salesforce import account_fields, billing_address
from ledger.money import minor_to_major


def tell_deal(life: Life, opening: int) -> None:
    """From the account to the activated contract and its order, in the order they happen."""
    deal = life.deal
    found_at = max(opening + HOUR, deal.signed_at - 10 * DAY)
    account = account_fields(deal, COUNTRY_NAMES[deal.address.country])
    life.crm(found_at, "Account", deal.account_id, "CREATE", account)
    if not life.habits.full_crm:
        contract = _contract(life) | {
            "Status": "Activated",
            "ActivatedDate": _millis(deal.signed_at),
        }
        life.crm(deal.signed_at, "Contract", deal.contract_id, "CREATE", contract)
        return
    _tell_opportunity(life, found_at + HOUR // 2)
    life.crm(deal.signed_at - 1_800, "Contract", deal.contract_id, "CREATE", _contract(life))
    activation = {"Status": "Activated", "ActivatedDate": _millis(deal.signed_at)}
    life.crm(deal.signed_at, "Contract", deal.contract_id, "UPDATE", activation)
    _tell_order(life, 1, deal.signed_at + 60, "New", deal.start, contract_end(deal), deal.sold)


def tell_amendment(life: Life, at: int, product: Product, quantity: int, unit_minor: int) -> None:
    """Seats added in a running term."""
    sold = (Sold(product=product, quantity=quantity, unit_minor=unit_minor),)
    number = 10 + life.invoices
    _tell_order(life, number, at - 900, "Amendment", at, _end_of_term(life.deal, at), sold)


def _end_of_term(deal: Deal, at: int) -> int:
    """End of the term that runs at a moment."""
    terms = 1
    while contract_end(deal, terms) <= at:
        terms += 1
    return contract_end(deal, terms)


def tell_renewal(life: Life, at: int, terms: int) -> None:
    """The contract runs for one more term: a renewal order, or a longer term where CRM is thin."""
    deal = life.deal
    if not life.habits.full_crm:
        longer = {"ContractTerm": deal.term_months * (terms + 1)}
        life.crm(at, "Contract", deal.contract_id, "UPDATE", longer)
        return
    start, end = contract_end(deal, terms), contract_end(deal, terms + 1)
    _tell_order(life, 100 + terms, at, "Renewal", start, end, _as_sold(life))


def tell_end(life: Life, at: int, effective_at: int) -> None:
    """The customer does not go on: the contract ends on the day of `effective_at`."""
    end_day = effective_at // DAY * DAY
    fields: Object = {"Status": "Terminated", "EndDate": _millis(end_day)}
    life.crm(at, "Contract", life.deal.contract_id, "UPDATE", fields)


def tell_new_address(life: Life, at: int) -> None:
    """The customer moved: a compound field changes in part."""
    moved = billing_address(life.deal.address, COUNTRY_NAMES[life.deal.address.country])
    fields = {"BillingAddress": {"Street": "1 New Quay", "City": moved["City"]}}
    life.crm(at, "Account", life.deal.account_id, "UPDATE", fields)


def tell_case(life: Life, at: int) -> None:
    """A support case: of no interest to the books."""
    case = {"AccountId": life.deal.account_id, "Status": "New", "Subject": "How do I add a seat?"}
    life.crm(at, "Case", salesforce_id("500", life.deal.index), "CREATE", case)


def _tell_opportunity(life: Life, at: int) -> None:
    deal = life.deal
    record = salesforce_id("006", deal.index * 1_000)
    created = {
        "AccountId": deal.account_id,
        "Name": f"{deal.name} - {deal.sold[0].quantity} seats",
        "StageName": "Negotiation",
        "Amount": _major(_contract_value(life), deal.currency),
        "CurrencyIsoCode": deal.currency,
        "CloseDate": _millis(deal.signed_at // DAY * DAY),
        "Type": "New Business",
    }
    life.crm(at, "Opportunity", record, "CREATE", created)
    won = {"StageName": "Closed Won", "IsWon": True, "IsClosed": True}
    life.crm(deal.signed_at - HOUR, "Opportunity", record, "UPDATE", won)


def _contract(life: Life) -> Object:
    deal = life.deal
    return {
        "AccountId": deal.account_id,
        "ContractNumber": f"{deal.index:08d}",
        "Status": "Draft",
        "StartDate": _millis(deal.start // DAY * DAY),
        "ContractTerm": deal.term_months,
        "Opportunity__c": salesforce_id("006", deal.index * 1_000),
        "Legal_Entity__c": deal.entity.code,
        "CurrencyIsoCode": deal.currency,
    }


def _tell_order(
    life: Life, number: int, at: int, kind: str, start: int, end: int, sold: tuple[Sold, ...]
) -> None:
    deal = life.deal
    order = salesforce_id("801", deal.index * 1_000 + number)
    start_day = start // DAY * DAY
    fields: Object = {
        "AccountId": deal.account_id,
        "ContractId": deal.contract_id,
        "EffectiveDate": _millis(start_day),
        "Status": "Activated",
        "Type": kind,
    }
    if kind == "Renewal":
        fields["EndDate"] = _millis(end - DAY)
    life.crm(at, "Order", order, "CREATE", fields)
    for position, line in enumerate(sold):
        item = {
            "OrderId": order,
            "Product2Id": line.product.crm_product_id,
            "ProductCode": line.product.code,
            "Quantity": line.quantity,
            "UnitPrice": _price_agreed(deal, line),
            "ServiceDate": _millis(start_day),
            "EndDate": _millis(end - DAY),
        }
        record = salesforce_id("802", deal.index * 1_000 + number * 5 + position)
        life.crm(at, "OrderItem", record, "CREATE", item, sequence=position + 2)


def _price_agreed(deal: Deal, line: Sold) -> Decimal:
    """What a unit costs with the discount that was agreed; billing takes it off by a coupon."""
    agreed = _major(line.unit_minor * (100 - deal.coupon_percent), deal.currency) / 100
    return agreed.normalize() if agreed != agreed.to_integral_value() else agreed.quantize(1)


def _as_sold(life: Life) -> tuple[Sold, ...]:
    quantities = {item.price.product_id: item.quantity for item in life.items}
    return tuple(
        Sold(
            product=line.product,
            quantity=quantities[line.product.product_id],
            unit_minor=line.unit_minor,
        )
        for line in life.deal.sold
    )


def _contract_value(life: Life) -> int:
    deal = life.deal
    per_interval = sum(line.quantity * line.unit_minor for line in deal.sold)
    return rounded(per_interval * deal.term_months, deal.interval_months)


def _major(amount_minor: int, currency: str) -> Decimal:
    return minor_to_major(amount_minor, currency)


def _millis(at: int) -> int:
    return at * 1_000
