"""What Tryton has: companies, accounts, periods, currencies, journals, parties, by our names.

Numbers are remembered once found. What is not found is asked for again on every delivery, so that
an account that was created meanwhile is used without a restart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from connectors.deliveries.delivery import ErpUnusable
from connectors.deliveries.settings import TrytonSettings
from connectors.deliveries.tryton_moves import TrytonAccount
from connectors.deliveries.tryton_rpc import TrytonRefusal, TrytonRpc, plain_date

OPEN = "open"


class TrytonCompany(NamedTuple):
    """A company of Tryton."""

    company_id: int
    name: str
    currency: str
    """ISO code of its books."""


class TrytonPeriod(NamedTuple):
    """A standard accounting period of a company."""

    period_id: int
    name: str
    first_day: str
    last_day: str
    state: str
    """open, closed or locked."""


class TrytonBooks:
    """Finds Tryton's numbers for the names that postings use."""

    def __init__(self, rpc: TrytonRpc, settings: TrytonSettings) -> None:
        self._rpc = rpc
        self._settings = settings
        self._companies: dict[str, TrytonCompany] = {}
        self._accounts: dict[int, dict[str, TrytonAccount]] = {}
        self._periods: dict[int, list[TrytonPeriod]] = {}
        self._currencies: dict[str, int] = {}
        self._parties: dict[str, int] = {}
        self._journal: int | None = None

    def search(self, model: str, domain: list[Any], fields: list[str], company: int | None) -> Any:
        """Every record that matches, by id, with the fields named."""
        order = [["id", "ASC"]]
        return self._rpc.call(
            f"model.{model}.search_read", domain, 0, None, order, fields, company=company
        )

    def company(self, entity: str) -> TrytonCompany | None:
        """The company of a legal entity; None when the settings or Tryton have none.

        Raises ErpUnusable when the user is not shown its records.
        """
        wanted = self._settings.companies.get(entity)
        if wanted is None:
            return None
        if entity not in self._companies:
            by_name = ["OR", ["party.code", "=", wanted], ["party.name", "=", wanted]]
            fields = ["party.name", "currency.code"]
            rows = self.search("company.company", by_name, fields, None)
            if len(rows) != 1:
                return None
            name, currency = rows[0]["party."]["name"], rows[0]["currency."]["code"]
            self._assert_shown(rows[0]["id"], name)
            self._companies[entity] = TrytonCompany(rows[0]["id"], name, currency)
        return self._companies[entity]

    def _assert_shown(self, company: int, name: str) -> None:
        if self._rpc.shown_company not in (None, company):
            raise ErpUnusable(
                f"Tryton shows its user {self._settings.user!r} one company only, not {name}",
                "let the user's preferences show all companies (Company Filter: All)",
            )

    def journal(self) -> int:
        """The journal all moves belong to. Raises ErpUnusable when there is none."""
        if self._journal is None:
            code = self._settings.journal
            rows = self.search("account.journal", [["code", "=", code]], ["code"], None)
            if not rows:
                raise ErpUnusable(
                    f"Tryton has no journal with the code {code!r}",
                    "create it, or name another under `tryton.journal`",
                )
            self._journal = rows[0]["id"]
        return self._journal

    def periods_without_journal(self, company: int) -> set[int]:
        """Periods in which the journal is closed; reopening a period does not reopen it there."""
        domain = [
            ["journal", "=", self.journal()],
            ["period.company", "=", company],
            ["state", "!=", OPEN],
        ]
        rows = self.search("account.journal.period", domain, ["period"], company)
        return {row["period"] for row in rows}

    def accounts(self, company: int, codes: Iterable[str]) -> dict[str, TrytonAccount]:
        """Accounts that may be booked on, by code; codes that have none are left out."""
        known = self._accounts.setdefault(company, {})
        wanted = set(codes)
        if unknown := sorted(wanted - known.keys()):
            domain = [
                ["company", "=", company],
                ["code", "in", unknown],
                ["type", "!=", None],
                ["closed", "!=", True],
            ]
            for row in self.search("account.account", domain, ["code", "party_required"], company):
                account = TrytonAccount(row["id"], bool(row["party_required"]))
                known.setdefault(row["code"], account)
        return {code: known[code] for code in wanted if code in known}

    def period(self, company: int, day: str) -> TrytonPeriod | None:
        """The standard period of a day, as it stood when it was read; None when there is none."""
        if company not in self._periods or _on(self._periods[company], day) is None:
            self.read_periods(company)
        return _on(self._periods[company], day)

    def read_periods(self, company: int) -> None:
        """Look up the periods of a company anew, and with them which are closed."""
        domain = [["company", "=", company], ["type", "=", "standard"]]
        fields = ["name", "start_date", "end_date", "state"]
        self._periods[company] = [
            TrytonPeriod(
                row["id"],
                row["name"],
                plain_date(row["start_date"]),
                plain_date(row["end_date"]),
                row["state"],
            )
            for row in self.search("account.period", domain, fields, company)
        ]

    def currency(self, code: str) -> int | None:
        """The currency with an ISO code; None when Tryton has none."""
        if code not in self._currencies:
            rows = self.search("currency.currency", [["code", "=", code]], ["code"], None)
            if not rows:
                return None
            self._currencies[code] = rows[0]["id"]
        return self._currencies[code]

    def parties(self, customers: Iterable[str]) -> dict[str, int]:
        """Parties by customer id, made where the settings allow it; others are left out.

        A party's code is the customer's id, its name too until somebody gives it another.
        """
        wanted = set(customers)
        self._find_parties(wanted - self._parties.keys())
        missing = sorted(wanted - self._parties.keys())
        if missing and self._settings.create_parties:
            values = [{"code": code, "name": code, "addresses": []} for code in missing]
            try:
                self._rpc.call("model.party.party.create", values)
            except TrytonRefusal:
                # One of them cannot be made, or was made meanwhile: each by itself.
                self._make_one_by_one(values)
            self._find_parties(set(missing))
        return {code: self._parties[code] for code in wanted if code in self._parties}

    def known_parties(self, customers: Iterable[str]) -> set[str]:
        """Customers that have a party; none is made."""
        wanted = set(customers)
        self._find_parties(wanted - self._parties.keys())
        return wanted & self._parties.keys()

    def _make_one_by_one(self, values: list[dict[str, Any]]) -> None:
        for one in values:
            try:
                self._rpc.call("model.party.party.create", [one])
            except TrytonRefusal:
                continue  # it is not found below, and its postings are refused for that

    def _find_parties(self, codes: set[str]) -> None:
        if not codes:
            return
        domain = [["code", "in", sorted(codes)]]
        for row in self.search("party.party", domain, ["code"], None):
            self._parties.setdefault(row["code"], row["id"])

    def forget(self, company: int, codes: Iterable[str], customer: str) -> None:
        """Look these up again next time: something about them was refused."""
        self._parties.pop(customer, None)
        self._periods.pop(company, None)
        for code in codes:
            self._accounts.get(company, {}).pop(code, None)


def _on(periods: list[TrytonPeriod], day: str) -> TrytonPeriod | None:
    for period in periods:
        if period.first_day <= day <= period.last_day:
            return period
    return None
