"""The totals in SQL: what of the job can be said in DuckDB, on one thread.

Issue, payment, payout and recognition per entity, currency, month and role. It joins and adds, but
validates nothing beyond types, removes no duplicates, and gives no postings, no lifecycle updates
and no reason for anything; the largest-remainder split over months is done with windows.

    python -m benchmarks.in_duckdb INPUT_DIR OUTPUT_DIR AS_OF_SECONDS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb

_READ = """
create temp view events as
select column0 as body from read_csv(
    '{pattern}', columns = {{'column0': 'JSON'}}, delim = '\\x01', quote = '', escape = '',
    header = false, auto_detect = false, max_line_size = 1000000
);
"""

_TABLES = """
create temp table invoices as
select distinct on (invoice_id)
    body->>'$.data.object.id' as invoice_id,
    upper(body->>'$.data.object.currency') as currency,
    coalesce(
        body->>'$.data.object.parent.subscription_details.metadata.legal_entity',
        body->>'$.data.object.lines.data[0].metadata.legal_entity'
    ) as entity,
    (body->>'$.data.object.total')::bigint as total,
    (body->>'$.data.object.status_transitions.finalized_at')::bigint // 86400 as day,
    body->'$.data.object.lines.data' as lines
from events where body->>'$.type' = 'invoice.finalized';

create temp table lines as
select invoice_id, currency, entity, day,
    (line->>'$.amount')::bigint
      - coalesce(list_sum((line->'$.discount_amounts[*].amount')::bigint[]), 0)
      - case when coalesce(line->>'$.taxes[0].tax_behavior' = 'inclusive',
                           line->>'$.tax_amounts[0].inclusive' = 'true', false)
             then coalesce((line->>'$.taxes[0].amount')::bigint,
                           (line->>'$.tax_amounts[0].amount')::bigint, 0) else 0 end as net,
    coalesce((line->>'$.taxes[0].amount')::bigint,
             (line->>'$.tax_amounts[0].amount')::bigint, 0) as tax,
    (line->>'$.period.start')::bigint // 86400 as first,
    greatest((line->>'$.period.end')::bigint // 86400,
             (line->>'$.period.start')::bigint // 86400 + 1) as after,
    line->>'$.id' as line_id
from (select *, unnest(lines::json[]) as line from invoices);

create temp table charges as
select distinct on (intent)
    body->>'$.data.object.payment_intent' as intent,
    (body->>'$.data.object.amount')::bigint as amount,
    coalesce((body->>'$.data.object.balance_transaction.fee')::bigint, 0) as fee,
    body->>'$.data.object.invoice' as invoice_id,
    (body->>'$.created')::bigint // 86400 as day
from events where body->>'$.type' = 'charge.succeeded';

create temp table links as
select distinct on (intent)
    body->>'$.data.object.payment.payment_intent' as intent,
    body->>'$.data.object.invoice' as invoice_id
from events where body->>'$.type' = 'invoice_payment.paid';

create temp table payouts as
select distinct on (payout)
    body->>'$.data.object.id' as payout,
    body->>'$.data.object.metadata.legal_entity' as entity,
    upper(body->>'$.data.object.currency') as currency,
    (body->>'$.data.object.amount')::bigint as amount,
    (body->>'$.created')::bigint // 86400 as day
from events where body->>'$.type' = 'payout.paid';
"""

_TOTALS = """
with payments as (
    select i.entity, i.currency, c.day, c.amount, c.fee
    from charges c left join links l using (intent)
    join invoices i on i.invoice_id = coalesce(c.invoice_id, l.invoice_id)
), months as (
    select *, unnest(generate_series(
        date_trunc('month', date '1970-01-01' + first::int),
        date '1970-01-01' + (after - 1)::int, interval 1 month)) as month
    from lines
), cut as (
    select *, greatest(first, month::date - date '1970-01-01') as from_day,
        least(after, (month + interval 1 month)::date - date '1970-01-01') as to_day
    from months
), shares as (
    select *, (net * (to_day - from_day)) // (after - first) as part,
        (net * (to_day - from_day)) % (after - first) as rest
    from cut
), ranked as (
    select *, net - sum(part) over lines_of as short,
        row_number() over (lines_of order by rest desc, month) as place
    from shares window lines_of as (partition by invoice_id, line_id)
), recognised as (
    select entity, currency, greatest(day, to_day - 1) as day,
        part + case when place <= short then 1 else 0 end as amount
    from ranked where to_day * 86400 <= {as_of}
), booked as (
    select entity, currency, day, 'accounts_receivable' as role, total as amount from invoices
    union all select entity, currency, day, 'deferred_revenue', -net from lines
    union all select entity, currency, day, 'tax_payable', -tax from lines
    union all select entity, currency, day, 'deferred_revenue', amount from recognised
    union all select entity, currency, day, 'revenue', -amount from recognised
    union all select entity, currency, day, 'accounts_receivable', -amount from payments
    union all select entity, currency, day, 'cash_clearing', amount - fee from payments
    union all select entity, currency, day, 'processing_fees', fee from payments
    union all select entity, currency, day, 'bank', amount from payouts
    union all select entity, currency, day, 'cash_clearing', -amount from payouts
)
select entity, currency, strftime(date '1970-01-01' + day::int, '%Y-%m') as period, role,
    sum(amount)::bigint as net
from booked group by all order by all
"""


def main(arguments: list[str]) -> None:
    """Run the SQL and write `totals.json`."""
    source, target, as_of = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    target.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(_READ.format(pattern=source / "stripe-*.jsonl*"))
        connection.execute(_TABLES)
        rows = connection.execute(_TOTALS.format(as_of=as_of)).fetchall()
    (target / "totals.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
