"""Ways to a broker that are not straight: one that takes its time, as over an ocean, and one that loses answers."""
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
            asks, answers = self.filters()
            for hears, says, lets in ((near, far, asks), (far, near, answers)):
                under_way = Queue()
                start(self.hear, hears, under_way, lets)
                start(self.say, says, under_way)

    def filters(self):
        """What becomes of what is said on one connection, in both directions: of each piece as much as goes on."""
        return (lambda said: said), (lambda said: said)

    def hear(self, end, under_way, lets):
        said = b" "
        while said:
            try:
                said = end.recv(CHUNK_BYTES)
            except OSError:
                said = b""
            if goes_on := lets(said):
                under_way.put((time.monotonic() + self.seconds, goes_on))
        under_way.put((0, b""))

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


class Gate(Way):
    """While it is shut, answers to requests of one kind do not arrive; they were asked for all the same."""

    def __init__(self, port, to, kind):
        """`kind`: the number that Kafka's protocol has for the requests."""
        super().__init__(port, to, seconds=0)
        self.kind, self.shut, self.lost = kind, threading.Event(), 0

    def filters(self):
        asked, waited_for, answered = Messages(), set(), Messages()

        def asks(said):
            for message in asked.of(said):
                if int.from_bytes(message[4:6], "big") == self.kind:
                    waited_for.add(message[8:12])
            return said

        def answers(said):
            arrive = []
            for message in answered.of(said):
                if self.shut.is_set() and message[4:8] in waited_for:
                    self.lost += 1
                else:
                    arrive.append(message)
            return b"".join(arrive)

        return asks, answers


class Messages:
    """Kafka's protocol in pieces, put together: a length, then for a request its kind, its version and its number, for an answer the number."""

    def __init__(self):
        self.rest = b""

    def of(self, said):
        """The messages that this piece completes."""
        self.rest += said
        while len(self.rest) >= 4 and len(self.rest) >= (end := 4 + int.from_bytes(self.rest[:4], "big")):
            message, self.rest = self.rest[:end], self.rest[end:]
            yield message


def start(work, *args):
    threading.Thread(target=work, args=args, daemon=True).start()


def hang_up(end):
    """Also wakes whoever waits for it."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
