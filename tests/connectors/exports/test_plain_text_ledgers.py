"""bean-check and hledger, two programs of others, must accept the books and agree on balances."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from beancount import loader
from beancount.core import data

from connectors.exports import EXPORTS
from connectors.exports.chart import FUNCTIONAL, ROOT, account_name, entity_name
from connectors.exports.postings import booking_date
from connectors.store.postings import PostedEntry
from ledger.accounts import AccountRole
from ledger.journal import net_by_account
from ledger.money import format_major

BuildBooks = Callable[[int, int], list[PostedEntry]]
Balances = dict[tuple[str, str, str], str]
"""(account, currency, period) -> net debit in major units."""

needs_hledger = pytest.mark.skipif(
    shutil.which("hledger") is None,
    reason="hledger is not installed here; Debian and Homebrew have it",
)

COUNT = 3000


@pytest.fixture(scope="module")
def postings(books: BuildBooks) -> list[PostedEntry]:
    return books(20260115, COUNT)


def _write(directory: Path, name: str, postings: list[PostedEntry]) -> Path:
    path = directory / f"books.{name}"
    path.write_text("".join(EXPORTS[name](postings)), encoding="utf-8", newline="")
    return path


def _expected(postings: list[PostedEntry]) -> Balances:
    """The ledger's own balances, by the account names and periods of the export."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for posting in postings:
        dated = msgspec.structs.replace(posting.entry, accounting_date=booking_date(posting))
        functional = dated.functional_currency
        for key, (amount, translated) in net_by_account([dated]).items():
            _, entity, currency, period, role = key
            account = account_name(entity, AccountRole(role))
            found[account, currency, period] += amount
            if functional != currency:
                found[f"{account}:{FUNCTIONAL}", functional, period] += translated
    return {key: format_major(minor, key[1]) for key, minor in sorted(found.items()) if minor != 0}


def test_bean_check_accepts_the_books(tmp_path: Path, postings: list[PostedEntry]) -> None:
    path = _write(tmp_path, "beancount", postings)
    checker = Path(sys.executable).with_name("bean-check")
    done = subprocess.run([checker, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_beancount_s_balances_are_the_ledger_s(tmp_path: Path, postings: list[PostedEntry]) -> None:
    entries, errors, _ = loader.load_file(str(_write(tmp_path, "beancount", postings)))
    assert errors == []
    found: dict[tuple[str, str, str], object] = {}
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for line in entry.postings:
                key = (line.account, line.units.currency, f"{entry.date:%Y-%m}")
                found[key] = found.get(key, 0) + line.units.number
    assert {key: str(total) for key, total in sorted(found.items()) if total} == _expected(postings)


def test_beancount_reads_back_every_name_as_it_was(
    tmp_path: Path, postings: list[PostedEntry]
) -> None:
    entries, _, _ = loader.load_file(str(_write(tmp_path, "beancount", postings)))
    read = {e.meta["posting-id"]: e for e in entries if isinstance(e, data.Transaction)}
    assert len(read) == len(postings)
    for posting in postings:
        transaction = read[posting.posting_id]
        memo = posting.entry.memo or posting.entry.rule
        shown = "".join(c if (c >= " " and c != "\x7f") or c == "\n" else " " for c in memo)
        assert transaction.narration == shown
        assert transaction.meta["entry-key"] == posting.entry.entry_key
        assert transaction.meta.get("reverses") == posting.reverses


def test_beancount_would_notice(tmp_path: Path, books: BuildBooks) -> None:
    text = "".join(EXPORTS["beancount"](books(1, 20)))
    head, _, tail = text.partition("\n  Assets:")
    line, _, rest = tail.partition("\n")
    account, amount, currency = line.split()
    raised = f"{head}\n  Assets:{account}  9{amount.strip('-')} {currency}\n{rest}"
    unknown = text.replace("  Assets:", "  Assets:Unknown:", 1)
    for spoilt, complaint in ((raised, "does not balance"), (unknown, "Invalid reference")):
        path = tmp_path / "spoilt.beancount"
        path.write_text(spoilt, encoding="utf-8")
        _, errors, _ = loader.load_file(str(path))
        assert any(complaint in error.message for error in errors)


def _hledger(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    return subprocess.run(
        ["hledger", "-f", str(path), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


@needs_hledger
def test_hledger_accepts_the_books_strictly(tmp_path: Path, postings: list[PostedEntry]) -> None:
    done = _hledger(_write(tmp_path, "hledger", postings), "check", "--strict", "ordereddates")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_hledger
def test_hledger_s_balances_are_the_ledger_s(tmp_path: Path, postings: list[PostedEntry]) -> None:
    path = _write(tmp_path, "hledger", postings)
    done = _hledger(path, "balance", "--monthly", "--flat", "--layout=bare", "-O", "csv", "-N")
    assert done.returncode == 0, done.stderr
    header, *rows = csv.reader(io.StringIO(done.stdout))
    found = {
        (row[0], row[1], period): amount
        for row in rows
        for period, amount in zip(header[2:], row[2:], strict=True)
        if amount.strip("-0.")
    }
    assert found == _expected(postings)


@needs_hledger
def test_hledger_would_notice(tmp_path: Path, books: BuildBooks) -> None:
    text = "".join(EXPORTS["hledger"](books(1, 20)))
    lines = text.split("\n")
    undeclared = [line for line in lines if not line.startswith("account Assets")]
    at = next(i for i, line in enumerate(lines) if line.startswith("    Assets"))
    account, amount, *rest = lines[at].split()
    raised = [
        *lines[:at],
        f"    {account}  9{amount.strip('-')} {' '.join(rest)}",
        *lines[at + 1 :],
    ]
    for spoilt in (undeclared, raised, [*lines, "2001-01-01 * early"]):
        path = tmp_path / "spoilt.journal"
        path.write_text("\n".join(spoilt), encoding="utf-8")
        assert _hledger(path, "check", "--strict", "ordereddates").returncode != 0


@needs_hledger
def test_hledger_shows_the_whole_name(tmp_path: Path, books: BuildBooks) -> None:
    (posting, *_) = books(3, 1)
    entry = msgspec.structs.replace(posting.entry, customer_id="c", memo='a; b\n  c, "d" [e]')
    path = _write(tmp_path, "hledger", [msgspec.structs.replace(posting, entry=entry)])
    done = _hledger(path, "print", "-O", "json")
    assert json.loads(done.stdout)[0]["tdescription"] == 'c | a, b c, "d" [e]'


@needs_hledger
def test_hledger_finds_a_posting_by_its_id(tmp_path: Path, books: BuildBooks) -> None:
    postings = books(3, 40)
    path = _write(tmp_path, "hledger", postings)
    wanted = postings[7]
    done = _hledger(path, "print", f"tag:^posting-id$={wanted.posting_id}", "-O", "json")
    assert done.stdout.count('"tcode"') == 1
    assert wanted.entry.entry_key in done.stdout


def test_every_role_has_an_account_of_its_own() -> None:
    assert set(ROOT) == set(AccountRole)
    assert len({account_name("MAIN", role) for role in AccountRole}) == len(AccountRole)
    assert account_name("DE01", AccountRole.ACCOUNTS_RECEIVABLE) == "Assets:DE01:AccountsReceivable"


def test_two_entities_never_share_a_name() -> None:
    codes = ["us west", "us-west", "X-us-20-west", "Us-west", "US-WEST", "É", "x", "X", "X-x", "-"]
    assert len({entity_name(code) for code in codes}) == len(codes)
    assert entity_name("us west") == "X-us-20-west"
    assert entity_name("US-WEST") == "US-WEST"
