"""The stores that a worker process has open: one per URL, with one pool of connections.

Every step of a job that needs the books asks here when a worker sets it up. Nothing is opened on
import or while a graph is built, and a forked process opens its own: connections must not be
shared between processes.
"""

from __future__ import annotations

import os
from threading import Lock
from weakref import WeakValueDictionary

from connectors.store.store import LedgerStore, open_store

_lock = Lock()
_open: WeakValueDictionary[tuple[int, str, float], LedgerStore] = WeakValueDictionary()


def open_for_worker(url: str, wait_seconds: float) -> LedgerStore:
    """Return this process's store; steps on PostgreSQL share it, and with it the connections.

    `wait_seconds`: how long it waits for a database that is away. Raises StoreError.
    """
    if url.startswith("sqlite"):
        # A file has no limit of connections, and another may come to lie under its name.
        return open_store(url, wait_seconds=wait_seconds)
    key = (os.getpid(), url, wait_seconds)
    with _lock:
        store = _open.get(key)
        if store is None:
            store = _open[key] = open_store(url, wait_seconds=wait_seconds)
        return store
