"""Logs go to stderr as it is when a line is written."""

from __future__ import annotations

import io

import pytest
import structlog

from runners.logs import configure_logs


def test_a_line_goes_to_what_stderr_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stderr", first)
    configure_logs(verbose=False)
    log = structlog.get_logger()
    log.warning("store_away")
    first.close()
    monkeypatch.setattr("sys.stderr", second)
    log.warning("store_back")
    assert "store_back" in second.getvalue()
