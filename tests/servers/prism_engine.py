"""Prism, Beam's local engine for live jobs: a Go program, built once from its sources."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam

from tests.servers.downloads import ROOT, downloads, go_binary


def prism() -> Path:
    """Path of the program; skips the test when it can neither be found nor built."""
    name = f"prism-{beam.__version__}"
    target = downloads() / "bin"
    command = ["install", f"github.com/apache/beam/sdks/v2/go/cmd/prism@v{beam.__version__}"]
    built = go_binary(name, command, ROOT, {"GOBIN": str(target)})
    if not built.exists():
        (target / "prism").rename(built)
    return built
