"""What travels as a trace context is one, or nothing."""

from __future__ import annotations

import pytest

from ledger.trace_context import NO_CONTEXT, NoSpans, context_beside, trace_context

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_a_sound_context_is_taken_with_its_state() -> None:
    found = trace_context(f" {PARENT} ", "acme=1, tenant@other=a b")
    assert found == (PARENT, "acme=1,tenant@other=a b") and found.trace_id == TRACE


@pytest.mark.parametrize(
    "parent",
    [
        None, 7, "", "anna@example.com", PARENT.upper(), PARENT[:-1], f"{PARENT}-more",
        f"ff{PARENT[2:]}", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01",
        f"{PARENT}\nx", f"x{PARENT}",
    ],
)  # fmt: skip
def test_what_is_not_sound_is_no_context(parent: object) -> None:
    assert trace_context(parent) == NO_CONTEXT


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert trace_context(f"cc{PARENT[2:]}-what-the-future-brings").parent == PARENT


@pytest.mark.parametrize(
    "state",
    ["nothing", "A=1", "a=", "a=b=c", "a=\u00fc", "a=" + "x" * 600, None, b"a=1",
     ",".join(f"a{n}=1" for n in range(33))],
)  # fmt: skip
def test_a_state_that_is_not_sound_is_left_out(state: object) -> None:
    assert trace_context(PARENT, state) == (PARENT, "")


def test_beside_an_event_the_transport_s_own_comes_first() -> None:
    other = PARENT.replace("4bf9", "5bf9")
    assert context_beside([("ce_traceparent", other), ("TraceParent", PARENT.encode())]) == (
        PARENT,
        "",
    )
    beside = [("ce-traceparent", other), ("ce-tracestate", "a=1"), ("traceparent", None)]
    assert context_beside(beside) == (other, "a=1")
    assert context_beside([("ce_id", "evt_1"), ("traceparent", b"\xff")]) == NO_CONTEXT


def test_nobody_looks_and_what_is_inside_is_done() -> None:
    with NoSpans().span("anything", links=[trace_context(PARENT)]) as note:
        note("crossfoot.posted", 1)
        assert NoSpans().context() == NO_CONTEXT
