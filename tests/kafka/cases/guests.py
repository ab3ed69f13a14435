"""Guests that want to harm: host/tests/hostile, on Kafka."""
import os
import subprocess

from app import ROOT
from waiting import expect

SECONDS = 600


def hostile_guests_hurt_nobody(case):
    environment = {**os.environ, "COFFERDAM_TEST_BOOTSTRAP": case.broker.bootstrap}
    command = ["cargo", "test", "--quiet", "--package", "cofferdam", "--test", "hostile", "no_guest_hurts_the_host_or_its_neighbours"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
    expect(ran.returncode == 0, f"{ran.stdout}{ran.stderr}")
    expect("1 passed" in ran.stdout, f"the test was not run:\n{ran.stdout}")
