#!/usr/bin/env python3
"""Holds README.md and docs/*.md against what is there: shown files are the files, shown commands run.

    readme.py COFFERDAM

A comment before a fenced block says what it is: `<!-- file: PATH -->`, text that stands in that file, line for line; `<!-- run in: PLACE -->`,
commands: `an empty folder`, `another empty folder`, or `a copy`, which has examples/ (built) and LICENSE. Blocks of one place are one session,
in order.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARKED = re.compile(r"<!-- (file|run in): (.+?) -->\n+```\w*\n(.*?)```\n", re.DOTALL)


def copy_of_the_examples(folder):
    leave = shutil.ignore_patterns(".cofferdam", "node_modules", "target")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=leave)
    shutil.copy(ROOT / "LICENSE", folder)


def run(place, commands, cofferdam):
    with tempfile.TemporaryDirectory(prefix="cofferdam-readme-") as name:
        folder = Path(name)
        if place == "a copy":
            copy_of_the_examples(folder)
        elif not place.endswith("empty folder"):
            return f"there is no place '{place}'"
        env = {**os.environ, "PATH": f"{cofferdam.parent}:{os.environ['PATH']}"}
        print(f"in {place}:", flush=True)
        ended = subprocess.run(["bash", "-euxo", "pipefail", "-c", commands], cwd=folder, env=env, stdin=subprocess.DEVNULL)
        return None if ended.returncode == 0 else f"in {place}: the commands ended with {ended.returncode}"


def main():
    cofferdam = Path(sys.argv[1]).resolve()
    problems, sessions, files = [], {}, 0
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for kind, what, text in MARKED.findall("\n".join(page.read_text(encoding="utf-8") for page in pages)):
        if kind == "run in":
            sessions[what] = sessions.get(what, "") + text
            continue
        files += 1
        if text not in (ROOT / what).read_text(encoding="utf-8"):
            problems.append(f"{what} is not what is shown of it")
    if not sessions or not files:
        problems.append("no file is shown, or no command")
    problems += filter(None, (run(place, commands, cofferdam) for place, commands in sessions.items()))
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
