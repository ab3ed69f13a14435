"""Waiting for what can be seen, with a bound in real time."""
import time

# Between two looks.
LOOK_SECONDS = 0.02


# Lines of a log that an error shows.
LINES_SHOWN = 12


def last_lines(text):
    return "\n".join(f"    {line}" for line in text.splitlines()[-LINES_SHOWN:])


class Failed(Exception):
    """A test found what must not be. The text says what."""


class Skipped(Exception):
    """A test cannot be done on this machine. The text says why."""


def expect(holds, otherwise):
    if not holds:
        raise Failed(otherwise)


def until(what, seconds, look):
    """The first answer of `look` that is true. Failed names `what` when none has come after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"waited {seconds} s in vain: {what}")
        time.sleep(LOOK_SECONDS)
