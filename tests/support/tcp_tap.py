"""A tap on a TCP line: it hands bytes on, and keeps them."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from threading import Lock, Thread

_PIECE = 1 << 16


class Tap:
    """What went through, by direction; `port` is where to knock."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target, self.inward, self.outward = target, bytearray(), bytearray()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lock, self._open = Lock(), [self._listening]
        self.port = self._listening.getsockname()[1]
        self._start(self._accept)

    def close(self) -> None:
        """Hang up."""
        for line in self._open:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _start(self, function, *arguments) -> None:
        Thread(target=function, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self.target)
                self._open += [near, far]
                self._start(self._hand_on, near, far, self.inward)
                self._start(self._hand_on, far, near, self.outward)

    def _hand_on(self, source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
        with suppress(OSError):
            while data := source.recv(_PIECE):
                with self._lock:
                    kept += data
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def tapped(host: str, port: int) -> Iterator[Tap]:
    """A tap before a server."""
    with closing(Tap((host, port))) as tap:
        yield tap
