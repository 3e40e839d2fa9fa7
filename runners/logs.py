"""Logs: structured, on stderr, without personal data; stdout carries results only."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logs(*, verbose: bool) -> None:
    """Send structlog and standard logging to stderr; warnings only, unless `verbose`.

    Tracebacks are printed without local variables: those could hold personal data.
    """
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(
        stream=sys.stderr, level=level, format="%(levelname)s %(name)s %(message)s", force=True
    )
    if not verbose:
        # Beam warns about cloud libraries that are not installed, through the root logger too, and
        # logs every failure that it raises as well, with whatever its message holds.
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        logging.getLogger().handlers[0].addFilter(_not_of_the_root)
    # It logs addresses, which may hold keys.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # To what stderr is when a line is written, which in a long life may change.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _not_of_the_root(record: logging.LogRecord) -> bool:
    return record.name != "root"
