"""A road to the server that can be cut: a small TCP proxy on this machine."""

import contextlib
import socket
import threading
from collections.abc import Callable


class Road:
    """Passes TCP connections on to a server until it is closed, and again when it is opened."""

    def __init__(self, address: str) -> None:
        """Begins to pass connections on to this host and port."""
        host, port = address.rsplit(":", 1)
        self._server = (host.strip("[]"), int(port))
        self._open = True
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        """The host and port at which the server is reached through here."""
        _beside(self._accept)

    def close(self) -> None:
        """Cuts all connections, in the middle of whatever they carry, and new ones too."""
        with self._lock:
            self._open = False
            for cut in self._sockets:
                _cut(cut)
            self._sockets.clear()

    def open(self) -> None:
        """Lets new connections pass again."""
        with self._lock:
            self._open = True

    def _accept(self) -> None:
        """Passes on whoever comes, as long as the program runs."""
        while True:
            client, _ = self._listener.accept()
            with self._lock:
                if not self._open:
                    _cut(client)
                    continue
                server = socket.create_connection(self._server)
                self._sockets |= {client, server}
            _beside(self._pass, client, server)
            _beside(self._pass, server, client)

    def _pass(self, origin: socket.socket, target: socket.socket) -> None:
        """Passes bytes in one direction until either end is gone."""
        with contextlib.suppress(OSError):
            while received := origin.recv(64 * 1024):
                target.sendall(received)
        with self._lock:
            for end in (origin, target):
                self._sockets.discard(end)
                _cut(end)


def _cut(end: socket.socket) -> None:
    """Ends a connection both ways, which also wakes whoever reads from it."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def _beside(work: Callable[..., None], *arguments: object) -> None:
    """Runs this beside everything else; it ends with the program."""
    threading.Thread(target=work, args=arguments, daemon=True).start()
