"""The stores of the store's tests, for what is delivered out of them."""

from __future__ import annotations

from tests.connectors.store.conftest import new_postgres_url, store, store_url

__all__ = ["new_postgres_url", "store", "store_url"]
