"""The door: generate a company, or write it to a directory.

Files: `stripe-YYYY-MM.jsonl[.gz]`, `salesforce-YYYY-MM.jsonl`, with `depth_rounds` in the plan also
`canonical-YYYY-MM.jsonl`, `company.yaml` (the books' configuration), `rates.csv` (exchange rates on
file) and `faults.json` (what was made to go wrong, and what should become of it).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import msgspec

from generator.books import books_yaml
from generator.deal import draw_deal
from generator.delivery import Courier, GeneratedFile, Spool
from generator.depth.books import DAYS_AFTER, draw_all_rates
from generator.depth.books import ENTITIES as DEPTH_ENTITIES
from generator.depth.stories import tell_rounds
from generator.faults import (
    Fault,
    add_events,
    choose_faults,
    fate_of,
    fault_of,
    lost_events,
    suited_deal,
)
from generator.ids import Mint, seed_tag
from generator.life import Life, Told
from generator.malformed import malformed_kinds, malformed_lines
from generator.months import DAY, add_months, seconds
from generator.payouts import Balance
from generator.plan import CompanyPlan, Habits, no_faults
from generator.rates import RateTable, draw_rates, rates_csv
from generator.story import tell_story

Progress = Callable[[int], None]
"""Called with the number of contracts told so far."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`faults.json`: everything a test needs to know what should come out."""

    plan: CompanyPlan
    events: int
    """Lines delivered, redeliveries and malformed ones included."""
    faults: tuple[Fault, ...]


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What `write_company` wrote."""

    directory: Path
    files: tuple[Path, ...]
    events: int
    faults: int


def generate_company(
    plan: CompanyPlan, spool_directory: Path, progress: Progress | None = None
) -> Iterator[GeneratedFile]:
    """Yield every file of the company, one at a time; the same plan gives the same bytes.

    `spool_directory` is an empty directory for lines in waiting; it is empty again at the end.
    """
    start = seconds(plan.start)
    with Spool(spool_directory, start, plan.months) as spool:
        company = _Company(plan, spool)
        company.tell(progress)
        events = 0
        for file in spool.files():
            events += file.lines
            yield file
    yield _text("company.yaml", books_yaml(company.further_entities))
    yield _text("rates.csv", rates_csv(company.rates))
    manifest = Manifest(plan=plan, events=events, faults=tuple(company.faults))
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    yield GeneratedFile(name="faults.json", content=content + b"\n", lines=0)


def write_company(directory: Path, plan: CompanyPlan, progress: Progress | None = None) -> Written:
    """Write the files of the company into `directory`, which is made if need be."""
    directory.mkdir(parents=True, exist_ok=True)
    files, events = [], 0
    with TemporaryDirectory(prefix=".spool-", dir=directory) as spool_directory:
        for file in generate_company(plan, Path(spool_directory), progress):
            path = directory / file.name
            path.write_bytes(file.content)
            files.append(path)
            events += file.lines
    manifest = msgspec.json.decode((directory / "faults.json").read_bytes(), type=Manifest)
    return Written(
        directory=directory, files=tuple(files), events=events, faults=len(manifest.faults)
    )


class _Company:
    """Tells the lives of all contracts into the spool."""

    def __init__(self, plan: CompanyPlan, spool: Spool) -> None:
        self.plan = plan
        self.faults: list[Fault] = []
        self.start = seconds(plan.start)
        self.end = add_months(self.start, plan.months)
        self.days = (self.end - self.start) // DAY
        self._rounds = plan.depth_rounds or 0
        self.further_entities = DEPTH_ENTITIES if self._rounds else {}
        days = self.days + 1 + (DAYS_AFTER if self._rounds else 0)
        self.rates: RateTable = draw_rates(plan.seed, plan.start, days)
        if self._rounds:
            self.rates = draw_all_rates(plan.seed, plan.start, days, self.rates)
        self._spool = spool
        self._tag = seed_tag(plan.seed)
        self._balance = Balance(self.start)
        self._faulty = plan.faults != no_faults()

    def tell(self, progress: Progress | None) -> None:
        """All contracts, then what belongs to none of them."""
        chosen = choose_faults(self.plan.seed, self.plan.contracts, self.plan.faults)
        for index in range(1, self.plan.contracts + 1):
            self._tell_contract(index, chosen.get(index))
            if progress is not None and index % 100 == 0:
                progress(index)
        courier = self._courier("payouts")
        for told in self._balance.payouts(self._tag, self.end):
            courier.deliver(told)
        self._note_deliveries(courier)
        self._tell_depth()
        self._add_malformed()

    def _tell_contract(self, index: int, fault: str | None) -> None:
        plan = self.plan
        rng = Random(plan.seed * 1_000_003 + index)
        mint = Mint(self._tag, index)
        habits = plan.habits if fault is None else _billed_monthly(plan.habits)
        days_to_start = max(1, self.days * 2 // 3)
        deal = draw_deal(rng, habits, mint, index, self.start, days_to_start)
        deal = suited_deal(deal, fault, mint, self.start, self.end)
        courier = self._courier(index)
        lost = lost_events(fault, deal)

        def tell(told: Told) -> None:
            if fault is None or not lost(told):
                courier.deliver(told)

        life = Life(
            deal, rng, mint, habits, self.rates, plan.seed, self.end, fate_of(fault), tell,
            self._balance.move,
        )  # fmt: skip
        tell_story(life, self.start)
        if fault is not None:
            self.faults.append(fault_of(fault, deal, add_events(fault, life)))
        self._note_deliveries(courier)

    def _tell_depth(self) -> None:
        courier = self._courier("depth")
        tell_rounds(self.plan.seed, self._rounds, self.start, self.end, self.rates, courier.deliver)
        self._note_deliveries(courier)

    def _courier(self, of: int | str) -> Courier:
        rng = Random(f"{self.plan.seed}/{of}/delivery") if self._faulty else None
        return Courier(self._spool, self.plan.faults, rng)

    def _note_deliveries(self, courier: Courier) -> None:
        self.faults += [
            Fault(kind="duplicates", expected_outcome="duplicate", message_ids=(message_id,))
            for message_id in courier.repeated
        ]
        self.faults += [
            Fault(kind="late", expected_outcome="as_if_on_time", message_ids=(message_id,))
            for message_id in courier.late
        ]

    def _add_malformed(self) -> None:
        rate = self.plan.faults.malformed
        if not rate:
            return
        count = max(malformed_kinds(), int(rate * self.plan.contracts))
        lines = malformed_lines(self.plan.seed, self._tag, 1_000_000, self.start, self.days, count)
        for kind, source, reason, at_micros, line in lines:
            file = self._spool.delivered_name(self._spool.put(source, at_micros, line))
            self.faults.append(
                Fault(
                    kind=f"malformed_{kind}",
                    expected_outcome="dead_lettered",
                    expected_reason=reason,
                    file=file,
                    body_sha256=hashlib.sha256(line).hexdigest(),
                )
            )


def _billed_monthly(habits: Habits) -> Habits:
    return msgspec.structs.replace(habits, annual=0.0)


def _text(name: str, text: str) -> GeneratedFile:
    return GeneratedFile(name=name, content=text.encode(), lines=0)
