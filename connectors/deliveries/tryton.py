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

from connectors.deliveries.delivery import Accepted, Refused, Shipment, Verdict
from connectors.deliveries.halving import in_parts
from connectors.deliveries.settings import TrytonSettings
from connectors.deliveries.tryton_books import OPEN, TrytonBooks, TrytonCompany
from connectors.deliveries.tryton_moves import MoveIds, booking_day, move_values, needs_party
from connectors.deliveries.tryton_rpc import TrytonRefusal, TrytonRpc
from connectors.erp_postings import ErpPosting
from ledger.reasons import Reason

POSTED = "posted"


class TrytonMove(NamedTuple):
    """A move of Tryton that bears a posting id."""

    move_id: int
    state: str
    number: str
    lines: tuple[int, ...]


class Draft(NamedTuple):
    """A posting, what its move must be, and the draft that is to become it."""

    posting: ErpPosting
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
        by_entity: dict[str, list[ErpPosting]] = {}
        for posting in shipment.postings:
            by_entity.setdefault(posting.entity, []).append(posting)
        for entity, postings in by_entity.items():
            company = self.books.company(entity)
            verdicts |= (
                _refused(postings, Reason.ERP_UNKNOWN_ENTITY, f"no company for entity {entity}")
                if company is None
                else self._book(company, postings)
            )
        return verdicts

    def _book(self, company: TrytonCompany, postings: Sequence[ErpPosting]) -> Verdicts:
        verdicts: Verdicts = {}
        found = self._moves(company, postings)
        for posting in postings:
            for move in found.get(posting.posting_id, ()):
                if move.state == POSTED:
                    verdicts[posting.posting_id] = _accepted(move)
        left = [posting for posting in postings if posting.posting_id not in verdicts]
        drafts = list(self._prepare(company, left, found, verdicts))
        drafted = self._draft(company, drafts, verdicts)
        verdicts |= self._post(company, drafted)
        return verdicts

    def _moves(
        self, company: TrytonCompany, postings: Sequence[ErpPosting]
    ) -> dict[str, list[TrytonMove]]:
        """Moves that bear a posting's id, oldest first; drafts come last."""
        wanted = sorted(posting.posting_id for posting in postings)
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
        postings: Sequence[ErpPosting],
        found: Mapping[str, list[TrytonMove]],
        verdicts: Verdicts,
    ) -> Iterator[Draft]:
        """Drafts with Tryton's numbers; what Tryton lacks is refused in `verdicts`."""
        codes = {line.gl_account or "" for posting in postings for line in posting.lines}
        accounts = self.books.accounts(company.company_id, codes)
        bookable = []
        for posting in postings:
            missing = sorted({line.gl_account or "" for line in posting.lines} - accounts.keys())
            if missing:
                words = f"no open account {', '.join(missing)} in {company.name}"
                verdicts |= _refused([posting], Reason.ERP_UNKNOWN_ACCOUNT, words)
            else:
                bookable.append(posting)
        customers = {p.customer_id for p in bookable if needs_party(p, accounts)}
        parties = self.books.parties(customers)
        for posting in bookable:
            refusal = self._lacking(company, posting, parties, customers)
            if refusal is not None:
                verdicts[posting.posting_id] = refusal
                continue
            ids = self._ids(company, posting, accounts, parties)
            values = move_values(posting, ids, send_memo=self._settings.send_memos)
            yield Draft(posting, values, next(iter(found.get(posting.posting_id, ())), None))

    def _lacking(
        self,
        company: TrytonCompany,
        posting: ErpPosting,
        parties: Mapping[str, int],
        customers: set[str],
    ) -> Refused | None:
        """What Tryton does not have for a posting, if anything."""
        day, currency = booking_day(posting), posting.currency
        if company.currency != posting.functional_currency:
            return Refused(
                Reason.ERP_UNKNOWN_ENTITY,
                f"{company.name} keeps its books in {company.currency}, "
                f"not in {posting.functional_currency}",
            )
        if self.books.period(company.company_id, day) is None:
            return Refused(Reason.ERP_PERIOD_MISSING, f"no period for {day} in {company.name}")
        if currency != company.currency and self.books.currency(currency) is None:
            return Refused(Reason.ERP_UNKNOWN_CURRENCY, f"no currency {currency}")
        if posting.customer_id in customers and posting.customer_id not in parties:
            return Refused(Reason.ERP_MISSING_PARTY, f"no party {posting.customer_id}")
        return None

    def _ids(
        self,
        company: TrytonCompany,
        posting: ErpPosting,
        accounts: Mapping[str, Any],
        parties: Mapping[str, int],
    ) -> MoveIds:
        period = self.books.period(company.company_id, booking_day(posting))
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
    ) -> list[tuple[ErpPosting, int]]:
        """Make every draft stand; return which move is to be posted for which posting."""
        old = [draft for draft in drafts if draft.move is not None]
        new = [draft for draft in drafts if draft.move is None]
        ready: dict[str, int] = {}
        for parts, act in ((old, self._write), (new, self._create)):
            for draft, outcome in in_parts(parts, partial(act, company), TrytonRefusal):
                if isinstance(outcome, TrytonRefusal):
                    refusal = self._reason_of(company, draft.posting, outcome)
                    verdicts[draft.posting.posting_id] = refusal
                else:
                    ready[draft.posting.posting_id] = outcome
        standing = [draft.posting for draft in drafts if draft.posting.posting_id in ready]
        self._settle_twins(company, standing, ready, verdicts)
        return [(p, ready[p.posting_id]) for p in standing if p.posting_id in ready]

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
        self,
        company: TrytonCompany,
        postings: Sequence[ErpPosting],
        ready: dict[str, int],
        verdicts: Verdicts,
    ) -> None:
        """Keep one move per posting id: the posted one, else the oldest draft."""
        if not postings:
            return
        superfluous: list[int] = []
        for posting_id, moves in self._moves(company, postings).items():
            kept = moves[0]
            superfluous += [move.move_id for move in moves[1:] if move.state != POSTED]
            if kept.state == POSTED:
                verdicts[posting_id] = _accepted(kept)
                ready.pop(posting_id, None)
            else:
                ready[posting_id] = kept.move_id
        if superfluous:
            self._rpc.call("model.account.move.delete", superfluous, company=company.company_id)

    def _post(self, company: TrytonCompany, drafted: Sequence[tuple[ErpPosting, int]]) -> Verdicts:
        def post(some: Sequence[tuple[ErpPosting, int]]) -> list[int]:
            ids = [move_id for _, move_id in some]
            self._rpc.call("model.account.move.post", ids, company=company.company_id)
            return ids

        verdicts: Verdicts = {}
        posted: list[ErpPosting] = []
        for (posting, _), outcome in in_parts(drafted, post, TrytonRefusal):
            if isinstance(outcome, TrytonRefusal):
                verdicts[posting.posting_id] = self._reason_of(company, posting, outcome)
            else:
                posted.append(posting)
        moves = self._moves(company, posted) if posted else {}
        return verdicts | {posting_id: _accepted(found[0]) for posting_id, found in moves.items()}

    def _reason_of(
        self, company: TrytonCompany, posting: ErpPosting, refusal: TrytonRefusal
    ) -> Refused:
        """Name the reason for a refusal by how Tryton stands now; the words are Tryton's."""
        codes = {line.gl_account or "" for line in posting.lines}
        self.books.forget(company.company_id, codes, posting.customer_id)
        period = self.books.period(company.company_id, booking_day(posting))
        reason = Reason.ERP_REFUSED
        if period is None:
            reason = Reason.ERP_PERIOD_MISSING
        elif period.state != OPEN:
            reason = Reason.ERP_PERIOD_CLOSED
        elif codes - self.books.accounts(company.company_id, codes).keys():
            reason = Reason.ERP_UNKNOWN_ACCOUNT
        return Refused(reason, refusal.words)


def _refused(postings: Sequence[ErpPosting], reason: Reason, words: str) -> Verdicts:
    return {posting.posting_id: Refused(reason, words) for posting in postings}


def _accepted(move: TrytonMove) -> Accepted:
    return Accepted(move.number or str(move.move_id))
