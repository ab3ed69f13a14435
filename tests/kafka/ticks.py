"""Tasks that count their seconds by the wall clock and never get a record: a part of an app in which only the group can tell whose a task is."""
from load import lines
from waiting import expect

PARTITIONS = 4
PART = f"""
[topics.ticks]
partitions = {PARTITIONS}

[topics.ticked]
partitions = {PARTITIONS}

[sources.ticks]
topic = "ticks"

[processors.ticker]
component = "guests/ticker.wasm"
from = ["ticks"]
stores = ["numbers"]

[stores.numbers]

[sinks.ticked]
topic = "ticked"
from = ["ticker"]
"""
# Of the seconds of a run, those in which a task is somewhere at work.
SOME = 0.1


def check(case, app, seconds):
    """Each task has counted 1, 2, 3 and so on, without a gap and nothing twice."""
    file = app.folder / "ticked.jsonl"
    case.client.read(app.topic("ticked"), file)
    last, wrong = {}, []
    for record in lines(file):
        task, number, before = record["key"], int(record["value"]), last.get(record["key"], 0)
        if number != before + 1:
            wrong.append(f"{task} said {number} after {before}")
        last[task] = number
    expect(not wrong, f"{len(wrong)} numbers of seconds are wrong: {'; '.join(wrong[:5])}")
    expect(len(last) == PARTITIONS and min(last.values()) > SOME * seconds, f"in {seconds:.0f} s the tasks came to {last}")
    return f"{sum(last.values())} seconds counted by {len(last)} tasks, none lost, none doubled"
