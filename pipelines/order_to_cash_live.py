"""order_to_cash, unbounded: the same fold, on events as they come.

payloads -> DecodeLive -> ResolveOrphans -> JoinInWindows -> FoldAndTake
               :rejected ─────────────────────────────────> WriteDeadLetters
"""

from __future__ import annotations

from apache_beam.pvalue import PCollection

from connectors.event_files import EventDecoder
from pipelines.books import open_live_books, open_live_letters
from pipelines.order_to_cash import Committed
from pipelines.settings import RunSettings, recorder
from transforms.decode_live import DecodeLive
from transforms.fold_and_take import FoldAndTake
from transforms.join_in_windows import JoinInWindows
from transforms.receipts import NoReceipts, OpenReceipts
from transforms.resolve_orphans import ResolveOrphans
from transforms.take_letters import TakeLetters

WINDOW_SECONDS = 60
EARLY_SECONDS = 2


def order_to_cash_live(
    payloads: PCollection,
    settings: RunSettings,
    *,
    window_seconds: int = WINDOW_SECONDS,
    early_seconds: int | None = EARLY_SECONDS,
    open_receipts: OpenReceipts = NoReceipts,
) -> Committed:
    """Build the live job on PCollection[Payload]; needs a ledger store in the settings.

    `early_seconds` None is for engines without early processing-time triggers; `open_receipts`
    opens where the source is told what is durable.
    """
    events = payloads | "DecodeLive" >> DecodeLive(
        EventDecoder(settings.decoding), recorder(settings)
    )
    contracts = (
        events.accepted
        | "ResolveOrphans" >> ResolveOrphans()
        | "JoinInWindows" >> JoinInWindows(window_seconds, early_seconds)
        | "FoldAndTake"
        >> FoldAndTake(settings.fold, open_live_books(settings), open_receipts, recorder(settings))
    )
    dead_letters = events.rejected | "WriteDeadLetters" >> TakeLetters(
        open_live_letters(settings), open_receipts
    )
    return Committed(contracts, dead_letters)
