"""Delivery to Tryton: search by posting id, create drafts, look again, post.

Create and post are two calls, and Tryton takes the same description twice, so nothing but this
order of steps keeps a posting from being booked twice:

1. Moves with the posting id are looked for. Posted: done. A draft, left by a call that was refused,
   lost or cut off, is written anew and used.
2. What has no move gets a draft.
3. They are looked for once more: when a call whose answer was lost had made a draft meanwhile, the
   older draft is kept and the other deleted.
4. Only drafts whose ids this delivery has seen are posted, so a call that still runs on the server
   can at most leave a draft behind, which step 1 or 3 finds.

A batch that is refused is halved until the refused postings stand alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from connectors.deliveries.delivery import (
    Accepted,
    ErpAway,
    Parcel,
    Refused,
    Shipment,
    Verdict,
)
from connectors.deliveries.halving import in_parts
from connectors.deliveries.settings import TrytonSettings
from connectors.deliveries.tryton_books import OPEN, TrytonBooks, TrytonCompany
from connectors.deliveries.tryton_moves import (
    MoveIds,
    TrytonAccount,
    move_values,
    needs_party,
)
from connectors.deliveries.tryton_rpc import TrytonRefusal, TrytonRpc
from ledger.reasons import Reason

POSTED = "posted"


class TrytonMove(NamedTuple):
    """A move of Tryton that bears a posting id."""

    move_id: int
    state: str
    number: str
    lines: tuple[int, ...]


class Draft(NamedTuple):
    """A parcel, what its move must be, and the draft that is to become it."""

    parcel: Parcel
    values: dict[str, Any]
    move: TrytonMove | None


Verdicts = dict[str, Verdict]


class TrytonDelivery:
    """One Tryton database as ERP."""

    def __init__(self, settings: TrytonSettings, rpc: TrytonRpc) -> None:
        self._settings = settings
        self._rpc = rpc
        self.books = TrytonBooks(rpc, settings)

    @property
    def name(self) -> str:
        """Server and database."""
        return f"tryton:{self._settings.url.partition('://')[2]}/{self._settings.database}"

    def deliver(self, shipment: Shipment) -> Mapping[str, Verdict]:
        """Book the shipment, one legal entity after the other; each in the order given."""
        verdicts: Verdicts = {}
        by_entity: dict[str, list[Parcel]] = {}
        for parcel in shipment.parcels:
            by_entity.setdefault(parcel.posting.entity, []).append(parcel)
        for entity, parcels in by_entity.items():
            company = self.books.company(entity)
            verdicts |= (
                _refused(parcels, Reason.ERP_UNKNOWN_ENTITY, f"no company for entity {entity}")
                if company is None
                else self._book(company, parcels)
            )
        return verdicts

    def _book(self, company: TrytonCompany, parcels: Sequence[Parcel]) -> Verdicts:
        verdicts: Verdicts = {}
        found = self._moves(company, parcels)
        for posting_id, moves in found.items():
            if moves[0].state == POSTED:
                verdicts[posting_id] = _accepted(moves[0])
        left = [parcel for parcel in parcels if parcel.posting_id not in verdicts]
        drafts = list(self._prepare(company, left, found, verdicts))
        drafted = self._draft(company, drafts, verdicts)
        return verdicts | self._post(company, drafted)

    def _moves(
        self, company: TrytonCompany, parcels: Sequence[Parcel]
    ) -> dict[str, list[TrytonMove]]:
        """Moves that bear a posting's id: posted ones first, then the oldest."""
        wanted = sorted(parcel.posting_id for parcel in parcels)
        domain = [["company", "=", company.company_id], ["description", "in", wanted]]
        fields = ["description", "state", "number", "lines"]
        found: dict[str, list[TrytonMove]] = {}
        for row in self.books.search("account.move", domain, fields, company.company_id):
            move = TrytonMove(row["id"], row["state"], row["number"] or "", tuple(row["lines"]))
            found.setdefault(row["description"], []).append(move)
        for moves in found.values():
            moves.sort(key=lambda move: (move.state != POSTED, move.move_id))
        return found

    # --- what a move needs ---------------------------------------------------------------

    def _prepare(
        self,
        company: TrytonCompany,
        parcels: Sequence[Parcel],
        found: Mapping[str, list[TrytonMove]],
        verdicts: Verdicts,
    ) -> Iterator[Draft]:
        """Drafts with Tryton's numbers; what Tryton lacks is refused in `verdicts`."""
        codes = {code for parcel in parcels for code in _codes(parcel)}
        accounts = self.books.accounts(company.company_id, codes)
        bookable = []
        for parcel in parcels:
            if missing := sorted(_codes(parcel) - accounts.keys()):
                words = f"no open account {', '.join(missing)} in {company.name}"
                verdicts |= _refused([parcel], Reason.ERP_UNKNOWN_ACCOUNT, words)
            else:
                bookable.append(parcel)
        customers = {p.posting.customer_id for p in bookable if needs_party(p.posting, accounts)}
        parties = self.books.parties(customers)
        for parcel in bookable:
            refusal = self._lacking(company, parcel, customers - parties.keys())
            if refusal is not None:
                verdicts[parcel.posting_id] = refusal
                continue
            ids = self._ids(company, parcel, accounts, parties)
            values = move_values(parcel, ids, send_memo=self._settings.send_memos)
            yield Draft(parcel, values, next(iter(found.get(parcel.posting_id, ())), None))

    def _lacking(
        self, company: TrytonCompany, parcel: Parcel, unknown_customers: set[str]
    ) -> Refused | None:
        """What Tryton does not have for a posting, if anything."""
        posting, day = parcel.posting, parcel.booked_on
        if company.currency != posting.functional_currency:
            return Refused(
                Reason.ERP_UNKNOWN_ENTITY,
                f"{company.name} keeps its books in {company.currency}, "
                f"not in {posting.functional_currency}",
            )
        if self.books.period(company.company_id, day) is None:
            return Refused(Reason.ERP_PERIOD_MISSING, f"no period for {day} in {company.name}")
        if self.books.currency(posting.currency) is None:
            return Refused(Reason.ERP_UNKNOWN_CURRENCY, f"no currency {posting.currency}")
        if posting.customer_id in unknown_customers:
            return Refused(Reason.ERP_MISSING_PARTY, f"no party {posting.customer_id}")
        return None

    def _ids(
        self,
        company: TrytonCompany,
        parcel: Parcel,
        accounts: Mapping[str, TrytonAccount],
        parties: Mapping[str, int],
    ) -> MoveIds:
        posting = parcel.posting
        period = self.books.period(company.company_id, parcel.booked_on)
        assert period is not None, "checked before"
        foreign = posting.currency != company.currency
        return MoveIds(
            company=company.company_id,
            journal=self.books.journal(),
            period=period.period_id,
            accounts=accounts,
            party=parties.get(posting.customer_id),
            second_currency=self.books.currency(posting.currency) if foreign else None,
        )

    # --- the two calls -------------------------------------------------------------------

    def _draft(
        self, company: TrytonCompany, drafts: Sequence[Draft], verdicts: Verdicts
    ) -> list[tuple[Parcel, int]]:
        """Make every draft stand; return which move is to be posted for which parcel."""
        old = [draft for draft in drafts if draft.move is not None]
        new = [draft for draft in drafts if draft.move is None]
        standing: dict[str, int] = {}
        for some, act in ((old, self._write), (new, self._create)):
            for draft, outcome in in_parts(some, partial(act, company), TrytonRefusal):
                if isinstance(outcome, TrytonRefusal):
                    refusal = self._reason_of(company, draft.parcel, outcome)
                    verdicts[draft.parcel.posting_id] = refusal
                else:
                    standing[draft.parcel.posting_id] = outcome
        parcels = [draft.parcel for draft in drafts if draft.parcel.posting_id in standing]
        kept = self._settle_twins(company, parcels)
        verdicts |= {key: _accepted(move) for key, move in kept.items() if move.state == POSTED}
        return [
            (parcel, kept[parcel.posting_id].move_id)
            for parcel in parcels
            if kept[parcel.posting_id].state != POSTED
        ]

    def _write(self, company: TrytonCompany, drafts: Sequence[Draft]) -> list[int]:
        pairs: list[Any] = []
        ids: list[int] = []
        for draft in drafts:
            assert draft.move is not None, "only drafts that exist are written anew"
            lines = [["delete", list(draft.move.lines)], *draft.values["lines"]]
            pairs += [[draft.move.move_id], {**draft.values, "lines": lines}]
            ids.append(draft.move.move_id)
        self._rpc.call("model.account.move.write", *pairs, company=company.company_id)
        return ids

    def _create(self, company: TrytonCompany, drafts: Sequence[Draft]) -> list[int]:
        values = [draft.values for draft in drafts]
        created = self._rpc.call("model.account.move.create", values, company=company.company_id)
        return list(created)

    def _settle_twins(
        self, company: TrytonCompany, parcels: Sequence[Parcel]
    ) -> dict[str, TrytonMove]:
        """Keep one move per posting: the posted one, else the oldest draft; delete other drafts."""
        if not parcels:
            return {}
        found = self._moves(company, parcels)
        twins = [
            move.move_id for moves in found.values() for move in moves[1:] if move.state != POSTED
        ]
        if twins:
            self._rpc.call("model.account.move.delete", twins, company=company.company_id)
        if len(found) < len(parcels):
            raise ErpAway("drafts were deleted in Tryton while they were being posted")
        return {posting_id: moves[0] for posting_id, moves in found.items()}

    def _post(self, company: TrytonCompany, drafted: Sequence[tuple[Parcel, int]]) -> Verdicts:
        def post(some: Sequence[tuple[Parcel, int]]) -> list[int]:
            ids = [move_id for _, move_id in some]
            self._rpc.call("model.account.move.post", ids, company=company.company_id)
            return ids

        verdicts: Verdicts = {}
        posted: list[Parcel] = []
        for (parcel, _), outcome in in_parts(drafted, post, TrytonRefusal):
            if isinstance(outcome, TrytonRefusal):
                verdicts[parcel.posting_id] = self._reason_of(company, parcel, outcome)
            else:
                posted.append(parcel)
        moves = self._moves(company, posted) if posted else {}
        return verdicts | {posting_id: _accepted(found[0]) for posting_id, found in moves.items()}

    def _reason_of(self, company: TrytonCompany, parcel: Parcel, refusal: TrytonRefusal) -> Refused:
        """Name the reason for a refusal by how Tryton stands now; the words are Tryton's."""
        codes = _codes(parcel)
        self.books.forget(company.company_id, codes, parcel.posting.customer_id)
        period = self.books.period(company.company_id, parcel.booked_on)
        reason = Reason.ERP_REFUSED
        if period is None:
            reason = Reason.ERP_PERIOD_MISSING
        elif period.state != OPEN or period.period_id in self.books.periods_without_journal(
            company.company_id
        ):
            reason = Reason.ERP_PERIOD_CLOSED
        elif codes - self.books.accounts(company.company_id, codes).keys():
            reason = Reason.ERP_UNKNOWN_ACCOUNT
        return Refused(reason, refusal.words)


def _codes(parcel: Parcel) -> set[str]:
    """Accounts that a posting books on."""
    return {line.gl_account or "" for line in parcel.posting.lines}


def _refused(parcels: Sequence[Parcel], reason: Reason, words: str) -> Verdicts:
    return {parcel.posting_id: Refused(reason, words) for parcel in parcels}


def _accepted(move: TrytonMove) -> Accepted:
    return Accepted(move.number or str(move.move_id))
