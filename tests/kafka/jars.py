"""Kafka's jars, fetched by Maven once into the user's cache folder; nothing is written into the checkout."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
# Folders of jars, and what fills them: 45 jars, 43 MB, and the tools with nearly twice as many.
POMS = {"lib": HERE / "pom.xml", "tools-lib": HERE / "tools-pom.xml"}
FETCH_SECONDS = 600
# Commands, and Debian's packages of them.
NEEDED = {"java": "default-jdk-headless", "javac": "default-jdk-headless", "openssl": "openssl"}


class NoKafka(Exception):
    """Kafka cannot be run on this machine. The text says why, and what helps."""


class Jars(NamedTuple):
    """Jars, as Java's `-cp` takes them."""

    kafka: str
    tools: str


def find():
    """Kafka's jars, fetched where they are not there yet. Raises NoKafka where a command is missing, or Maven and the jars are."""
    for command, package in NEEDED.items():
        if not shutil.which(command):
            raise NoKafka(f"{command} is missing; hint: apt-get install {package}")
    home = cache() / f"kafka-{version(POMS['lib'])}"
    return Jars(*(fetched(home / folder, pom) for folder, pom in POMS.items()))


def cache():
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "cofferdam"


def version(pom):
    """Kafka's."""
    return re.search(r"<kafka.version>(.+?)</kafka.version>", pom.read_text(encoding="utf-8")).group(1)


def fetched(folder, pom):
    """The jars of a pom, in a folder, fetched where they are not there yet. Raises NoKafka where that cannot be."""
    # The pom among the jars is the one that they were fetched by, and comes last.
    fetched_by = folder / "pom.xml"
    if not fetched_by.exists() or fetched_by.read_bytes() != pom.read_bytes():
        fetch(folder, pom)
    return f"{folder}/*"


def fetch(folder, pom):
    if not shutil.which("mvn"):
        raise NoKafka("mvn is missing, which fetches Kafka; hint: apt-get install maven")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=folder.parent) as scratch:
        jars = Path(scratch) / "jars"
        print(f"fetching Kafka's jars to {folder}", flush=True)
        fetched = subprocess.run(
            ["mvn", "-B", "-q", "-f", pom, "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=FETCH_SECONDS,
        )
        if fetched.returncode != 0 or not any(jars.glob("kafka-clients-*.jar")):
            said = next((line for line in fetched.stdout.splitlines() if "ERROR" in line), "no jars came")
            raise NoKafka(f"Maven cannot fetch Kafka: {said}")
        shutil.copy(pom, jars / "pom.xml")
        shutil.rmtree(folder, ignore_errors=True)
        jars.rename(folder)
