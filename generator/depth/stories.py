"""All stories, told round after round."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from generator.depth import changes, credit, currencies, group, takebacks, usage
from generator.depth.telling import Telling
from generator.ids import seed_tag
from generator.life import Told
from generator.rates import RateTable

STORIES: tuple[Callable[[Telling], None], ...] = (
    usage.corrected,
    usage.late,
    usage.peaks,
    usage.tiers,
    usage.unbilled,
    credit.expired,
    credit.refunded,
    credit.given_back,
    credit.promotional,
    changes.agreed,
    changes.drifted,
    changes.cancelled,
    changes.paused,
    changes.reconsidered,
    currencies.yen_in_euros,
    currencies.dinars_in_yen,
    currencies.dinar_books,
    currencies.open_for_long,
    currencies.stated_rate,
    currencies.disputed_at_another_rate,
    group.sold_billed_collected,
    group.billed_elsewhere_and_credited,
    group.collected_and_disputed,
    group.paid_out,
    group.known_late,
    takebacks.several_taxes,
    takebacks.included_tax,
    takebacks.reverse_charge,
    takebacks.twice_taken_back,
    takebacks.undone,
    takebacks.written_off,
)
"""One customer each; the order is part of the ids."""


def tell_rounds(
    seed: int,
    rounds: int,
    opening: int,
    end: int,
    rates: RateTable,
    tell: Callable[[Told], None],
) -> None:
    """Tell every story `rounds` times, all from the first month on, each for a new customer.

    `opening` and `end` in seconds; what would happen at or after `end` is not told. Raises
    KeyError when `rates` lacks a day of the story.
    """
    for number in range(rounds):
        for index, story in enumerate(STORIES):
            name = f"{seed_tag(seed)}{number:02d}{index:02d}"
            rng = Random(f"{seed}/depth/{number}/{story.__name__}")
            story(Telling(name, opening, end, rng, rates, tell))
