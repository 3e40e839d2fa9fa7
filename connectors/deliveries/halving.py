"""Finds the few items for which a whole batch was refused, by halving it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Refusal = TypeVar("Refusal", bound=Exception)


def in_parts(
    items: Sequence[Item],
    act: Callable[[Sequence[Item]], Sequence[Result]],
    refusal: type[Refusal],
) -> Iterator[tuple[Item, Result | Refusal]]:
    """Act on all items at once; when that is refused, on halves, down to single items.

    `act` does all or nothing and gives one result per item, or raises `refusal`; other exceptions
    pass. Yields every item with its result or the refusal it met alone, in order.
    """
    if not items:
        return
    try:
        results = act(items)
    except refusal as refused:
        if len(items) == 1:
            yield items[0], refused
            return
    else:
        yield from zip(items, results, strict=True)
        return
    middle = len(items) // 2
    yield from in_parts(items[:middle], act, refusal)
    yield from in_parts(items[middle:], act, refusal)
