#!/usr/bin/env python3
"""Hosts on a real Kafka are killed, put to sleep, stopped and robbed of their state, and the brokers with them; then every output and the state are
right, to the last record: none lost, none doubled.

    chaos.py COFFERDAM [--minutes M] [--seed N] [--hosts N] [--guarantee exactly-once|at-least-once]

The seed decides what happens to whom, and after which pause. At least once, what is doubled is told and is no failure.

There are three brokers, each with a copy of everything, and one of them is away at a time. One alone would not do: Kafka 4.4.0 takes a partition
without a leader for one that was deleted (KRaftMetadataCache.getPartitionLeaderEndpoint has no answer, and TransactionMarkerChannelManager then
passes it by). A commit that is decided while the only broker stops, or before it has come back wholly, is told as complete and its markers are
never written; what was committed there is hidden from every reader until an operator ends the transaction, and no client can help it.

A broker that was killed comes back when the others lead what it led. Kafka 4.4.0 that is back within its session (broker.session.timeout.ms)
takes itself for the leader still: as the coordinator of transactions it reads its own copy to the end, beyond what the others have, and writes
the markers of a commit that it had only just written down when it was killed. Then the cluster gives its partitions to others, whose copies know
of no commit, and the same transaction is aborted in all partitions that have no marker yet: half of it stands.
"""
import argparse
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

# Nothing is written into the checkout.
sys.dont_write_bytecode = True

import jars
import ticks
import weeks
from app import ROOT
from case import Case
from jars import NoKafka
from run import World
from waiting import Failed, until

RATE = 500
# Shorter than a host's own, so that what sleeps beyond them wakes within the run.
SETTINGS = {"session.timeout.ms": 6000, "transaction.timeout.ms": 6000}
# Beyond both: another host has the tasks when the sleeper wakes, and the cluster has aborted its transaction.
SLEEP_SECONDS = (8, 18)
NAP_SECONDS = (0.5, 5)
AWAY_SECONDS = (0, 3)
BROKER_AWAY_SECONDS = (0, 8)
HOST_PAUSE_SECONDS = (2, 12)
BROKER_PAUSE_SECONDS = (15, 40)
JOIN_SECONDS = 120
UP_SECONDS = 60
SETTLE_SECONDS = 180
WHOLE_SECONDS = 90
# A broker's session is 9 seconds.
FENCED_SECONDS = 60
# A host that starts while no broker answers gives up, and whoever watches over it starts it again. One that runs never ends by itself.
EXCUSED_SECONDS = 30


class Chaos:
    """What happens to the hosts and to the brokers until the time is over: each host has a thread and a chance of its own, the brokers one."""

    def __init__(self, hosts, cluster, client, seconds, seed):
        self.hosts, self.client, self.began, self.seconds = hosts, client, time.monotonic(), seconds
        self.over, self.failures, self.counts = threading.Event(), [], {}
        self.broker_away = None
        named = [(f"host {host.name}", self.torment_host, host) for host in hosts] + [("broker", self.torment_broker, cluster)]
        self.threads = [
            threading.Thread(target=self.run, args=(name, work, whom, random.Random(f"{seed} {name}")), daemon=True) for name, work, whom in named
        ]

    def run_all(self):
        """Returns when everything is up again. Failed when a host has ended by itself."""
        for thread in self.threads:
            thread.start()
        self.over.wait(self.seconds)
        self.over.set()
        for thread in self.threads:
            thread.join(JOIN_SECONDS)
        if self.failures:
            raise Failed("; ".join(self.failures))
        until("every host is there again", UP_SECONDS, lambda: all([self.is_up(host) for host in self.hosts]))

    def is_up(self, host):
        """Whether it has come so far that nothing excuses its end any more."""
        return not self.watch_over(host) and host.state.joinpath("control.sock").exists() and bool(host.tasks())

    def watch_over(self, host):
        """Starts a host again that could not start because the broker was away. Says whether it did."""
        if host.alive():
            return False
        excused = self.broker_away and time.monotonic() - self.broker_away < EXCUSED_SECONDS and "error[B002]" in host.last_words()
        if not excused:
            host.must_live()
        self.tell(f"host {host.name}", "started in vain", 0)
        host.start()
        return True

    def run(self, name, torment, whom, chance):
        try:
            while torment(name, whom, chance):
                pass
        except Exception as why:
            self.failures.append(f"{name}: {why}")
            self.over.set()

    def pause(self, chance, between):
        """False when the time is over."""
        return not self.over.wait(chance.uniform(*between))

    def tell(self, name, fault, seconds):
        kind = f"{name.split()[0]} {fault}"
        self.counts[kind] = self.counts.get(kind, 0) + 1
        print(f"{time.monotonic() - self.began:6.1f} s  {name}: {fault}, {seconds:.1f} s", flush=True)

    def torment_host(self, name, host, chance):
        fault = chance.choice(["killed", "killed", "killed", "asleep", "napping", "stopped", "robbed"])
        seconds = chance.uniform(*{"asleep": SLEEP_SECONDS, "napping": NAP_SECONDS}.get(fault, AWAY_SECONDS))
        if not self.pause(chance, HOST_PAUSE_SECONDS):
            return False
        if self.watch_over(host):
            return True
        self.tell(name, fault, seconds)
        match fault:
            case "asleep" | "napping":
                host.sleep()
                time.sleep(seconds)
                host.wake()
                return True
            case "stopped":
                host.stop(JOIN_SECONDS)
            case "killed" | "robbed":
                host.kill()
        if fault == "robbed":
            shutil.rmtree(host.state)
        time.sleep(seconds)
        host.start()
        return True

    def torment_broker(self, name, cluster, chance):
        fault, broker = chance.choice(["killed", "stopped"]), chance.choice(cluster.brokers)
        seconds = chance.uniform(*BROKER_AWAY_SECONDS)
        if not self.pause(chance, BROKER_PAUSE_SECONDS):
            return False
        self.tell(f"{name} {broker.seat.node}", fault, seconds)
        self.broker_away = time.monotonic()
        broker.kill() if fault == "killed" else broker.stop()
        time.sleep(seconds)
        if fault == "killed":
            until("others lead what it led", FENCED_SECONDS, lambda: not self.client.leads(broker.seat.node))
        broker.start()
        # Whoever takes the next one away before this one has caught up takes the last copy away.
        until("all copies are in step again", WHOLE_SECONDS, self.client.whole)
        self.broker_away = time.monotonic()
        return True


def manifest():
    """The flights example, and what else hosts do with state."""
    return (ROOT / "examples/flights/kafka.toml").read_text(encoding="utf-8") + weeks.PART + ticks.PART


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cofferdam", type=Path)
    parser.add_argument("--minutes", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--hosts", type=int, default=3)
    parser.add_argument("--guarantee", choices=["exactly-once", "at-least-once"], default="exactly-once")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="cofferdam-kafka-chaos-"))
    try:
        with World(str(args.cofferdam.resolve()), jars.find(), folder, cluster=True) as world, Case("chaos", world, folder / "case-chaos") as case:
            app = case.flights(client_settings=SETTINGS, guarantee=args.guarantee, manifest=manifest())
            hosts = [case.host(app, chr(ord("a") + number)) for number in range(args.hosts)]
            load = case.load(app, RATE)
            chaos = Chaos(hosts, case.broker, case.client, args.minutes * 60, args.seed)
            chaos.run_all()
            sent = load.stop()
            case.settle(app, SETTLE_SECONDS)
            more = weeks.questions(sent)
            case.produce_at(app, more, sent)
            outcome = case.outcome(app, sent, more)
            told = ", ".join(f"{count} times {fault}" for fault, count in sorted(chaos.counts.items()))
            print(outcome, flush=True)
            if app.exactly_once:
                print(f"{weeks.check(case, app, sent, more)}\n{ticks.check(case, app, args.minutes * 60)}", flush=True)
            print(told, flush=True)
    except NoKafka as why:
        if os.environ.get("COFFERDAM_REQUIRE_KAFKA") == "1":
            sys.exit(f"error: {why}")
        print(f"skipped chaos: {why}")
    except Failed as why:
        sys.exit(f"FAILED with seed {args.seed}: {why}\n  logs: {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
