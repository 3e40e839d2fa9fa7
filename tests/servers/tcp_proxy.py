"""A network that can fail: it stands between a program and a server and cuts what it is told to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from enum import Enum

from tests.servers.downloads import free_port

_CHUNK = 65_536


class Network(Enum):
    """What becomes of bytes and connections."""

    OPEN = "open"
    """They pass."""
    REFUSED = "refused"
    """Nobody listens; connections that were open are cut."""
    SILENT = "silent"
    """Connections are taken and stay open; nothing passes in either direction."""


Cut = Callable[[bytes], bool]
"""Tells of some bytes whether the connection is to be cut instead of passing them on."""


class TcpProxy:
    """Passes connections on to a server at a TCP address or a Unix socket."""

    def __init__(self, target: tuple[str, int] | str) -> None:
        self._target = target
        self.port = free_port()
        self.cut_request: Cut | None = None
        """Looked at before bytes go to the server; used once."""
        self.cut_answer: Cut | None = None
        """Looked at before bytes go to the client; used once."""
        self.cuts = 0
        self._state = threading.Condition()
        self._network = Network.REFUSED
        self._pairs: list[tuple[socket.socket, socket.socket | None]] = []
        self._listener: socket.socket | None = None
        self.turn(Network.OPEN)

    @property
    def address(self) -> str:
        """Where programs connect to."""
        return f"127.0.0.1:{self.port}"

    def turn(self, network: Network) -> None:
        """Let the network behave so from now on; connections that were swallowed are cut."""
        with self._state:
            before, self._network = self._network, network
            self._state.notify_all()
        if network is Network.REFUSED or before is Network.SILENT:
            self._cut_all()
        if network is Network.REFUSED and self._listener is not None:
            # Closing alone does not wake the thread that accepts.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        elif network is not Network.REFUSED and self._listener is None:
            self._listen()

    def close(self) -> None:
        """End it and every connection."""
        self.turn(Network.REFUSED)

    def connections(self) -> int:
        """How many connections were made so far."""
        with self._state:
            return len(self._pairs)

    def _listen(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._wait_while_silent()
        try:
            server = self._connect()
        except OSError:
            client.close()
            return
        with self._state:
            self._pairs.append((client, server))
            refused = self._network is Network.REFUSED
        if refused:
            _cut(client, server)
            return
        back = threading.Thread(target=self._pass, args=(server, client, "cut_answer"), daemon=True)
        back.start()
        self._pass(client, server, "cut_request")

    def _connect(self) -> socket.socket:
        if isinstance(self._target, tuple):
            return socket.create_connection(self._target)
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._target)
        return server

    def _pass(self, source: socket.socket, target: socket.socket, cut: str) -> None:
        try:
            while data := source.recv(_CHUNK):
                self._wait_while_silent()
                if self._is_cut(data, cut):
                    break
                target.sendall(data)
        except OSError:
            pass  # one of both is gone, which is what is passed on
        _cut(source, target)

    def _is_cut(self, data: bytes, name: str) -> bool:
        with self._state:
            asked: Cut | None = getattr(self, name)
            if asked is None or not asked(data):
                return False
            setattr(self, name, None)
            self.cuts += 1
            return True

    def _wait_while_silent(self) -> None:
        with self._state:
            self._state.wait_for(lambda: self._network is not Network.SILENT)

    def _cut_all(self) -> None:
        with self._state:
            pairs = list(self._pairs)
        for client, server in pairs:
            _cut(client, server)


def _cut(*ends: socket.socket | None) -> None:
    for end in ends:
        if end is not None:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
