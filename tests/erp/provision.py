"""Sets a Tryton database up for tests: companies, charts of accounts, fiscal years, currencies.

Runs in Tryton's own environment, through proteus, Tryton's client library:

    TRYTOND_DATABASE_URI=postgresql:///erp DB_NAME=erp python provision.py SPEC.json

SPEC: {"currencies": {CODE: decimals}, "years": [2026], "companies": [{"name", "currency",
"accounts": [{"code", "name", "kind"}]}]}; kinds: receivable (a party is required), asset,
liability, revenue, expense.
"""

import datetime
import json
import sys
from decimal import Decimal
from pathlib import Path

from proteus import Model, config

KINDS = {
    "receivable": {"statement": "balance", "assets": True, "receivable": True},
    "asset": {"statement": "balance", "assets": True},
    "liability": {"statement": "balance"},
    "revenue": {"statement": "income", "revenue": True},
    "expense": {"statement": "income", "expense": True},
}


def currency(code, decimals):
    Currency = Model.get("currency.currency")
    found = Currency.find([("code", "=", code)])
    one = found[0] if found else Currency(name=code, code=code, symbol=code)
    one.digits, one.rounding = decimals, Decimal(1).scaleb(-decimals)
    if not one.rates:
        one.rates.new(date=datetime.date(2020, 1, 1), rate=Decimal(1))
    one.save()
    return one


def company(spec, currencies, years):
    party = Model.get("party.party")(name=spec["name"])
    party.save()
    one = Model.get("company.company")(party=party, currency=currencies[spec["currency"]])
    one.save()
    User = Model.get("res.user")
    user = User(config.get_config().user)
    user.companies.append(Model.get("company.company")(one.id))
    user.company = Model.get("company.company")(one.id)
    user.company_filter = "all"
    user.save()
    config.get_config()._context = User.get_preferences(True, {})
    accounts(one, spec["accounts"])
    for year in years:
        fiscal_year(one, year)


def accounts(of, wanted):
    Type, Account = Model.get("account.account.type"), Model.get("account.account")
    types = {}
    for kind, values in KINDS.items():
        types[kind] = Type(name=kind, company=of, **values)
        types[kind].save()
    Account.save(
        [
            Account(
                name=one["name"],
                code=one["code"],
                company=of,
                type=types[one["kind"]],
                party_required=one["kind"] == "receivable",
                deferral=KINDS[one["kind"]]["statement"] == "balance",
            )
            for one in wanted
        ]
    )


def fiscal_year(of, year):
    Sequence, SequenceType = Model.get("ir.sequence.strict"), Model.get("ir.sequence.type")
    (move_type,) = SequenceType.find([("name", "=", "Account Move")], limit=1)
    sequence = Sequence(name=str(year), sequence_type=move_type, company=of)
    sequence.save()
    one = Model.get("account.fiscalyear")(name=str(year), company=of, move_sequence=sequence)
    one.start_date, one.end_date = datetime.date(year, 1, 1), datetime.date(year, 12, 31)
    one.save()
    one.click("create_period")


def main(path):
    spec = json.loads(Path(path).read_text())
    config.set_trytond()
    currencies = {code: currency(code, digits) for code, digits in spec["currencies"].items()}
    for one in spec["companies"]:
        company(one, currencies, spec["years"])


if __name__ == "__main__":
    main(sys.argv[1])
