"""What a change event says about a record, as canonical values.

An update states changes only, but not every client shows it that way: the Pub/Sub API delivers
every field, unchanged ones as null, and says in `changedFields` which to look at; CometD
delivers the changed fields alone. Source: *Change Event Body Fields* in the Change Data Capture
guide.
"""

from __future__ import annotations

from typing import Any

from connectors.decoding import Rejected, SalesforceNames
from connectors.providers.salesforce.canonical_text import canonical_text
from connectors.providers.salesforce.envelope import ChangeEvent
from connectors.providers.salesforce.field_names import (
    FIELDS,
    MONEY_ENTITIES,
    Field,
    FieldNames,
    field_names,
)
from ledger.reasons import Reason

_ADDRESS = "BillingAddress"
_WHOLE_RECORD = frozenset({"CREATE", "UNDELETE"})


def changed_values(event: ChangeEvent, config: SalesforceNames) -> dict[str, str | None]:
    """Return canonical key -> text, None for a value that was taken away; sorted by key.

    Fields without a meaning are left out; a deletion has none. Raises Rejected: wrong_type,
    invalid_value, missing_field (named as changed and not there), unknown_currency,
    timestamp_out_of_range, amount_out_of_range.
    """
    if event.change_type == "DELETE":
        return {}
    names = field_names(config)
    stated = _stated(event.fields, names)
    creation = event.change_type == "CREATE"
    values: dict[str, str | None] = {}
    for field, raw in _changes(event, names, stated):
        text = canonical_text(field, raw)
        # Two fields may give one key (Country, CountryCode): the later wins unless it is empty.
        if text is not None or (field.key not in values and not creation):
            values[field.key] = text
    return dict(sorted({**_implied(event, values, config), **values}.items()))


def _stated(fields: dict[str, Any], names: FieldNames) -> dict[str, Any]:
    """Fields by their known dotted names; the parts of an address become fields."""
    stated: dict[str, Any] = {}
    for name, value in fields.items():
        known = names.known(name)
        if known is not None:
            stated[known] = value
    for part, value in _address_of(fields).items():
        known = names.known(f"{_ADDRESS}.{part}")
        if known is not None:
            stated[known] = value
    return stated


def _address_of(fields: dict[str, Any]) -> dict[str, Any]:
    address = fields.get(_ADDRESS)
    if address is not None and not isinstance(address, dict):
        raise Rejected(Reason.WRONG_TYPE, f"{_ADDRESS} is not an object")
    return address or {}


def _changes(
    event: ChangeEvent, names: FieldNames, stated: dict[str, Any]
) -> list[tuple[Field, Any]]:
    """The meaningful fields that changed, with their new raw values, in the table's order."""
    nulled = _known(event.nulled_fields, names)
    changed = _known(event.changed_fields, names)
    different = _known(event.diff_fields, names)
    found: list[tuple[Field, Any]] = []
    for field in FIELDS[event.entity_name]:
        if field.path == "Name" and isinstance(stated.get("Name"), dict):
            continue  # A person's name, see `_person_name`.
        if different and _names_field(different, field):
            raise Rejected(
                Reason.INVALID_VALUE, f"{field.path} is delivered as a difference, not as a value"
            )
        if nulled and _names_field(nulled, field):
            found.append((field, None))
        elif event.change_type in _WHOLE_RECORD or not event.changed_fields:
            if field.path in stated:
                found.append((field, stated[field.path]))
        elif _names_field(changed, field):
            found.append((field, _new_value(field, changed, stated)))
    return found


def _new_value(field: Field, changed: frozenset[str], stated: dict[str, Any]) -> Any:
    """The value of a field that is named as changed; it must be there.

    When a compound field is named as a whole, the parts it does not state are empty.
    """
    if field.path in stated:
        return stated[field.path]
    if field.path in changed:
        raise Rejected(
            Reason.MISSING_FIELD, f"changedFields names {field.path}, and the event has it not"
        )
    return None


def _known(delivered: tuple[str, ...], names: FieldNames) -> frozenset[str]:
    return frozenset(known for name in delivered if (known := names.known(name)) is not None)


def _names_field(listed: frozenset[str], field: Field) -> bool:
    """Tell whether the list names the field or the compound field it is a part of."""
    path = field.path
    return path in listed or ("." in path and path.partition(".")[0] in listed)


def _person_name(event: ChangeEvent) -> str | None:
    """A person's name put together from its parts; None unless first and last are both told.

    The part that is not told is not known here, and half a name is worse than the one on file.
    """
    parts = event.fields.get("Name")
    if not isinstance(parts, dict):
        return None
    told: list[Any] = [parts.get("FirstName"), parts.get("LastName")]
    if not all(isinstance(part, str) for part in told):
        return None
    changed = {name.partition(".")[0] for name in event.changed_fields}
    return " ".join(told) if "Name" in changed or not changed else None


def _implied(
    event: ChangeEvent, values: dict[str, str | None], config: SalesforceNames
) -> dict[str, str | None]:
    """What follows from the stated values and the organisation's set-up; stated values win."""
    implied: dict[str, str | None] = {}
    stage = values.get("stage")
    if stage is not None:
        won = stage in config.won_stages
        implied["is_won"] = "true" if won else "false"
        if won:
            implied["is_closed"] = "true"
    name = _person_name(event)
    if name is not None:
        implied["name"] = name
    created = event.change_type == "CREATE" and event.entity_name in MONEY_ENTITIES
    if created and config.default_currency is not None:
        implied["currency"] = config.default_currency
    return implied
