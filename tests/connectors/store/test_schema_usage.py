"""Who still sends which version."""

from __future__ import annotations

from store_builders import DAY, JANUARY, folded, message

from connectors.store import LedgerStore
from connectors.store.schema_usage import SchemaUse


def use(subject: str, version: int, source: str, count: int, first: int, last: int) -> SchemaUse:
    return SchemaUse(
        subject=subject,
        version=version,
        source=source,
        messages=count,
        first_micros=JANUARY + first * DAY,
        last_micros=JANUARY + last * DAY,
    )


def fill(store: LedgerStore) -> None:
    """Two versions from Stripe, one from the CRM, a message with three events, one with none."""
    day = [JANUARY + number * DAY for number in range(6)]
    several = "x.a@1,x.b@2,x.a@1"
    told = [
        message("1", schema_version="x.a@1", occurred_at_micros=day[0]),
        message("2", schema_version=several, occurred_at_micros=day[3]),
        message("3", schema_version="x.a@2", occurred_at_micros=day[4]),
        message("4", schema_version="-", occurred_at_micros=day[5]),
        message("5", schema_version="x.a@1", occurred_at_micros=day[1], source="crm"),
    ]
    store.commit([folded(told)])


def test_every_version_is_counted_by_source_and_a_message_once_per_version(
    store: LedgerStore,
) -> None:
    fill(store)
    assert store.schema_usage() == [
        use("x.a", 1, "crm", 1, 1, 1),
        use("x.a", 1, "stripe", 2, 0, 3),
        use("x.a", 2, "stripe", 1, 4, 4),
        use("x.b", 2, "stripe", 1, 3, 3),
    ]


def test_only_what_happened_since_counts(store: LedgerStore) -> None:
    fill(store)
    assert store.schema_usage(since_micros=JANUARY + 3 * DAY) == [
        use("x.a", 1, "stripe", 1, 3, 3),
        use("x.a", 2, "stripe", 1, 4, 4),
        use("x.b", 2, "stripe", 1, 3, 3),
    ]


def test_another_tenant_s_messages_do_not_count(store: LedgerStore) -> None:
    fill(store)
    assert store.schema_usage("other") == []
    assert len(store.schema_usage("acme")) == 4
