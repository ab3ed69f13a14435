"""State on disk: what a crash costs of it."""
import re

from case import moment
from load import lines
from waiting import expect

KEYS = 1_000_000
# Words that come once more, all of them at a time.
UPDATES = 50_000
WORDS_IN_A_LINE = 100
# A million keys, on a small machine.
SETTLE_SECONDS = 180
# The state flushes after 500,000 changelog records: sooner than after so many portions of updates.
MOST_PORTIONS = 20


def a_crash_costs_what_was_not_flushed(case):
    app = case.app("word-count")
    watch, host = case.watch(app), case.host(app, "a")
    host.wait_for_tasks(1)
    changelog = next(name for name in case.client.topics() if name.startswith(f"{app.id}-") and name.endswith("counts-changelog"))
    produce(case, app, KEYS)
    portions, flushes = 0, said(host, "flushed")
    # So that the next flush of itself is far away.
    while said(host, "flushed") == flushes:
        expect(portions < MOST_PORTIONS, f"no flush after {portions * UPDATES} updates; see {host.log}")
        before = end(case, changelog)
        produce(case, app, UPDATES)
        portions += 1
    flushes = said(host, "flushed")
    produce(case, app, UPDATES)
    written = end(case, changelog) - before
    host.kill()
    expect(said(host, "flushed") == flushes, "it was not killed between two flushes")
    case.client.produce(app.topic("lines"), [{"value": "zzz"}])
    watch.look_again()
    began = moment()
    host.start()
    back = watch.wait_for_moves({(app.topic("lines"), 0)}, began, 30)
    [records] = said(host, r"restored task=\S+ records=(\d+)")[-1:]
    expect(0 < int(records) <= written, f"{records} changelog records read, {written} written since the last flush")
    case.note(f"{records} changelog records read of {written} written around and after the flush; processing again after {back:.2f} s")
    file = case.folder / "counts.jsonl"
    case.settle(app)
    case.client.read(app.topic("counts"), file)
    counts = {record["key"]: int(record["value"]) for record in lines(file)}
    expected = {word(n): 1 + (portions + 1 if n < UPDATES else 0) for n in range(KEYS)} | {"zzz": 1}
    wrong = {key: (counts.get(key), count) for key, count in expected.items() if counts.get(key) != count}
    expect(not wrong, f"{len(wrong)} words are counted wrong, such as {dict(list(wrong.items())[:3])}")


def word(number):
    """Of letters alone: anything else ends a word."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def produce(case, app, count):
    """The first words, each once; waits until they are counted."""
    words = [word(n) for n in range(count)]
    texts = (" ".join(words[at : at + WORDS_IN_A_LINE]) for at in range(0, count, WORDS_IN_A_LINE))
    case.client.produce(app.topic("lines"), [{"value": text} for text in texts])
    case.settle(app, SETTLE_SECONDS)


def end(case, topic):
    [(_, behind)] = case.client.bounds([topic]).values()
    return behind


def said(host, what):
    """What its log says so far."""
    return re.findall(what, host.log.read_text(encoding="utf-8", errors="replace"))
