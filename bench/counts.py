"""How many instructions the functions of bench/micro take, beside a baseline: bench/counts.py COUNTS-BINARY [--write] [--only TEXT]

callgrind counts what one function (`counted_rounds`) and all below it execute, in a process for each case. The counts hang on the compiler
and a little on the processor, so the baseline names both; they do not hang on what else the machine does.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

BASELINE = pathlib.Path(__file__).parent / "counts.tsv"
ROUNDS = 5
# More than so much above the baseline fails.
MOST = 1.05


def made_with():
    version = subprocess.run(["rustc", "-V"], check=True, capture_output=True, text=True).stdout.strip()
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return f"{version}, {cpu.group(1) if cpu else 'unknown processor'}"


def count(binary, name, elements, folder):
    """Instructions for each element."""
    out = pathlib.Path(folder) / "callgrind.out"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=*counted_rounds*", binary, name, str(ROUNDS)]
    # Sources of chance that can be turned off: the folder's name, the addresses.
    run = subprocess.run(["setarch", "-R", *command], capture_output=True, text=True, env=os.environ | {"TMPDIR": folder})
    if run.returncode != 0:
        sys.exit(f"error: {' '.join(command)}\n{run.stderr}")
    found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    if not found or int(found.group(1)) == 0:
        sys.exit(f"error: callgrind has counted nothing in '{name}': is there a function counted_rounds in {binary}?")
    return int(found.group(1)) / ROUNDS / elements


def cases(binary):
    listed = subprocess.run([binary], check=True, capture_output=True, text=True).stdout
    return [(name, int(elements)) for elements, name in (line.split("\t") for line in listed.splitlines())]


def read_baseline():
    if not BASELINE.exists():
        sys.exit(f"error: there is no baseline {BASELINE}. hint: make one with --write")
    head, *lines = BASELINE.read_text().splitlines()
    return head.removeprefix("# "), {name: float(count) for count, name in (line.split("\t") for line in lines)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("binary")
    arguments.add_argument("--write", action="store_true", help="make what is counted now the baseline")
    arguments.add_argument("--only", default="", metavar="TEXT", help="cases whose name has this")
    given = arguments.parse_args()
    wanted = [(name, elements) for name, elements in cases(given.binary) if given.only in name]
    with tempfile.TemporaryDirectory() as folder:
        now = {name: count(given.binary, name, elements, folder) for name, elements in wanted}
    if given.write:
        if given.only:
            sys.exit("error: a baseline has all cases. hint: leave --only away")
        BASELINE.write_text(f"# {made_with()}\n" + "".join(f"{count:.1f}\t{name}\n" for name, count in now.items()))
        print(f"wrote {BASELINE}: {len(now)} functions")
        return 0
    return compare(now, *read_baseline(), whole=not given.only)


def compare(now, made, baseline, whole):
    if made != made_with():
        print(f"the baseline is of another machine or compiler, so small differences say little:\n  {made}\n  {made_with()}")
    width = max(len(name) for name in now)
    print(f"{'instructions an element':<{width}}  {'baseline':>10} {'now':>10} {'ratio':>7}")
    failed = []
    for name, count in now.items():
        before = baseline.get(name)
        ratio = count / before if before else None
        over = ratio is None or ratio > MOST
        print(f"{name:<{width}}  {before or '-':>10} {count:>10.1f} {f'{ratio:.3f}' if ratio else '-':>7}{'  <--' if over else ''}")
        if over:
            failed.append(name)
    gone = [name for name in baseline if whole and name not in now]
    if failed or gone:
        print(f"FAILED: {len(failed)} over the baseline by more than {MOST - 1:.0%} or not in it, {len(gone)} gone: {', '.join(failed + gone)}")
        print("hint: if it is meant to be so, make a new baseline: make bench-counts WRITE=1")
        return 1
    print(f"{len(now)} functions, none over its baseline by more than {MOST - 1:.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
