"""How the committed offsets of a group move: who stands still, and for how long."""
import threading
import time

from waiting import Failed, until

# Between two looks: finer than the interval of commits, 100 ms.
LOOK_SECONDS = 0.04
# Until two looks have been taken.
LOOK_BOUND_SECONDS = 10


class Watch(threading.Thread):
    """Looks at the offsets and at the members of a group until it is stopped."""

    def __init__(self, client, group, waiting=until):
        """`waiting`: how moves are waited for, see waiting.until."""
        super().__init__(daemon=True)
        self.client, self.group, self.until = client, group, waiting
        self.lock, self.told = threading.Lock(), threading.Event()
        self.offsets, self.moved, self.assignments, self.looks = {}, {}, [], 0
        self.start()

    def run(self):
        while not self.told.is_set():
            try:
                committed = self.client.committed(self.group)
                _, members = self.client.group(self.group)
            except Failed:
                # The broker may be away; the pause is then seen all the same.
                continue
            self.note(time.monotonic(), committed, members)
            self.told.wait(LOOK_SECONDS)

    def note(self, now, committed, members):
        with self.lock:
            for at, offset in committed.items():
                if self.offsets.get(at) != offset:
                    self.offsets[at] = offset
                    self.moved.setdefault(at, []).append(now)
            self.looks += 1
            if not self.assignments or self.assignments[-1][1] != members:
                self.assignments.append((now, members))

    def stop(self):
        self.told.set()
        self.join()

    def look_again(self):
        """Waits until it has seen what stands now: moves that it notes from here on were made from here on."""
        seen = self.looks
        until(f"the offsets of the group {self.group} can be seen", LOOK_BOUND_SECONDS, lambda: self.looks >= seen + 2)

    def moves(self, at):
        """The moments at which the offset of a partition moved."""
        with self.lock:
            return list(self.moved.get(at, []))

    def longest_pause(self, at, since, end=None):
        """The longest time, in seconds, that a partition stood still between two moments."""
        end = end or time.monotonic()
        within = [since, *(moment for moment in self.moves(at) if since < moment < end), end]
        return max(later - earlier for earlier, later in zip(within, within[1:]))

    def first_move(self, at, since):
        """When a partition moved first after a moment; None when it has not."""
        return next((moment for moment in self.moves(at) if moment > since), None)

    def wait_for_moves(self, partitions, since, seconds):
        """Waits until each partition has moved after a moment. Answers after how many seconds the last of them did."""
        self.until(
            f"offsets of the group {self.group} move in {len(partitions)} partitions",
            seconds,
            lambda: all(self.first_move(at, since) for at in partitions),
        )
        return max(self.first_move(at, since) for at in partitions) - since

    def assignments_since(self, moment):
        """Every set of members with their partitions that was seen after a moment, and the one that stood then."""
        with self.lock:
            before = [members for when, members in self.assignments if when <= moment][-1:]
            return before + [members for when, members in self.assignments if when > moment]
