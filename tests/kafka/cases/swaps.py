"""Components that change while the app runs: host/tests/swap, on Kafka."""
import os
import re
import subprocess

from app import ROOT
from waiting import expect

SECONDS = 900


def swap_test(case, name, **settings):
    environment = {**os.environ, "COFFERDAM_TEST_BOOTSTRAP": case.broker.bootstrap, **settings}
    command = ["cargo", "test", "--quiet", "--package", "cofferdam", "--test", "swap", name, "--", "--nocapture"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
    expect(ran.returncode == 0, f"{ran.stdout}{ran.stderr}")
    expect("1 passed" in ran.stdout, f"the test was not run:\n{ran.stdout}")
    case.figures.extend(re.findall(r"^(?:\d+ swaps|rolled back).*$", ran.stdout, re.MULTILINE))


def swaps_under_load_lose_and_double_nothing(case):
    swap_test(case, "swaps_under_load_lose_nothing_and_double_nothing")


def a_thousand_swaps_lose_and_double_nothing(case):
    swap_test(case, "swaps_under_load_lose_nothing_and_double_nothing", COFFERDAM_SWAPS="1000")


def a_component_that_traps_is_rolled_back(case):
    swap_test(case, "a_component_that_traps_at_one_record_in_a_hundred_is_rolled_back_and_nobody_notices")
