"""A way to a broker that takes its time, as over an ocean."""
import socket
import threading
import time
from queue import Queue

CHUNK_BYTES = 1 << 16


class Way:
    """Connections to one port, taken to another; what is said arrives later. A context: left, they are cut."""

    def __init__(self, port, to, seconds):
        """`seconds`: in each direction."""
        self.to, self.seconds = to, seconds
        self.listener = socket.create_server(("127.0.0.1", port))
        self.ends, self.cut = [], threading.Event()

    def __enter__(self):
        start(self.listen)
        return self

    def __exit__(self, *_):
        self.cut.set()
        for end in [self.listener, *self.ends]:
            hang_up(end)

    def listen(self):
        while not self.cut.is_set():
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                continue
            self.ends += [near, far]
            for hears, says in ((near, far), (far, near)):
                under_way = Queue()
                start(self.hear, hears, under_way)
                start(self.say, says, under_way)

    def hear(self, end, under_way):
        said = b" "
        while said:
            try:
                said = end.recv(CHUNK_BYTES)
            except OSError:
                said = b""
            under_way.put((time.monotonic() + self.seconds, said))

    def say(self, end, under_way):
        said = b" "
        while said:
            arrives, said = under_way.get()
            self.cut.wait(max(0, arrives - time.monotonic()))
            try:
                end.sendall(said)
            except OSError:
                break
        hang_up(end)


def start(work, *args):
    threading.Thread(target=work, args=args, daemon=True).start()


def hang_up(end):
    """Also wakes whoever waits for it."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
