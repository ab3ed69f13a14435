"""Real brokers: nodes of Apache Kafka, each in a folder of its own, started, stopped, killed and started again."""
import base64
import hashlib
import os
import random
import signal
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from jars import HERE
from waiting import Failed, until

START_SECONDS = 60
STOP_SECONDS = 120
# Below the ports that the system gives to outgoing connections: while a broker is down, a client that tries to reach it must not be given
# the very port that it calls, and so speak to itself.
PORTS = range(20_000, 32_000)
# Who may use the listener that asks for a name and a password.
USER, PASSWORD = "tests", "of=no worth"
LOGIN = "org.apache.kafka.common.security"
# Any will do: the folder says who belongs together.
CLUSTER = "4L6g3nShT-eMCtK--X86sw"
# Compiled quickly rather than well: a test is over before the other compiler pays.
QUICK = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
JVM = ["-Djava.awt.headless=true", f"-Dlog4j2.configurationFile={HERE}/log4j2.properties"]


def free_ports(count):
    """Ports that nobody listens on."""
    ports = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise Failed(f"fewer than {count} ports of {PORTS} are free")


def joined(listeners):
    return ",".join(f"{name}://{at}" for name, at in listeners.items())


class Seat(NamedTuple):
    """A node's place among those that control a cluster."""

    node: int
    # Where each of them listens, by node.
    controllers: dict

    def founders(self):
        """For the tool that makes the folder."""
        if len(self.controllers) == 1:
            return ["--standalone"]
        return ["--initial-controllers", ",".join(f"{node}@{at}:{directory(node)}" for node, at in self.controllers.items())]


def directory(node):
    """The name of a node's folder, as Kafka writes such names: any will do."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"node {node}".encode()).digest()[:16]).decode().rstrip("=")


class Broker:
    """A broker and its folder. A context: entered, it is ready; left, it is gone, whatever happened."""

    def __init__(self, folder, jars, settings=None, certificate=None, far=None, heap="512m", jvm=QUICK, seat=None):
        """`settings`: further lines of server.properties. `certificate`: a PEM file with key and chain, for a second
        listener with TLS; there is then a third one with SASL, too. `far`: two ports, a listener's and the one where its clients are told to
        come to. `seat`: where it is one of several."""
        self.folder, self.jars, self.heap, self.jvm = Path(folder), jars, heap, jvm
        self.folder.mkdir(parents=True)
        self.log = self.folder / "broker.log"
        self.process = None
        plain, controller, tls, sasl = free_ports(4)
        self.bootstrap = f"127.0.0.1:{plain}"
        # By name, as the certificate says it.
        self.tls_bootstrap = f"localhost:{tls}" if certificate else None
        self.sasl_bootstrap = f"127.0.0.1:{sasl}" if certificate else None
        listeners = {"PLAIN": self.bootstrap} | ({"TLS": self.tls_bootstrap, "SASL": self.sasl_bootstrap} if certificate else {})
        advertised = dict(listeners)
        if far:
            listeners["FAR"], advertised["FAR"] = (f"127.0.0.1:{port}" for port in far)
        self.seat = seat or Seat(1, {1: f"127.0.0.1:{controller}"})
        lines = [
            f"node.id={self.seat.node}",
            *(f"{key}={value}" for key, value in (settings or {}).items()),
            f"log.dirs={self.folder}/data",
            f"controller.quorum.bootstrap.servers={','.join(self.seat.controllers.values())}",
            f"listeners={joined(listeners)},CONTROLLER://{self.seat.controllers[self.seat.node]}",
            f"advertised.listeners={joined(advertised)}",
        ]
        if certificate:
            lines += ["ssl.keystore.type=PEM", f"ssl.keystore.location={certificate}", "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256"]
            lines += [f'listener.name.sasl.plain.sasl.jaas.config={LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";']
            lines += [f"listener.name.sasl.scram-sha-256.sasl.jaas.config={LOGIN}.scram.ScramLoginModule required;"]
        self.properties = self.folder / "server.properties"
        self.properties.write_text((HERE / "server.properties").read_text(encoding="utf-8") + "\n".join(lines) + "\n", encoding="utf-8")

    def java(self, heap, *command):
        return ["java", f"-Xmx{heap}", *self.jvm, *JVM, "-cp", self.jars.kafka, *command]

    def tool(self, name, *args):
        """The command of one of Kafka's tools, for this broker."""
        return ["java", "-Xmx256m", *QUICK, *JVM, "-cp", self.jars.tools, f"org.apache.kafka.tools.{name}", "--bootstrap-server", self.bootstrap, *args]

    def __enter__(self):
        try:
            self.format()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.kill()

    def format(self):
        """Makes its folder."""
        user = ["--add-scram", f'SCRAM-SHA-256=[name="{USER}",password="{PASSWORD}"]']
        format_it = self.java("256m", "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", self.properties, *self.seat.founders(), *user)
        with open(self.log, "ab") as log:
            subprocess.run(format_it, stdout=log, stderr=log, stdin=subprocess.DEVNULL, timeout=START_SECONDS, check=True)

    def start(self):
        """Starts it and waits until it says itself that it is ready."""
        until(f"the broker is ready; see {self.log}", START_SECONDS, self.launch())

    def launch(self):
        """Starts it. Answers what tells whether it is ready."""
        said = self.log.stat().st_size
        with open(self.log, "ab") as log:
            # A session of its own: Ctrl-C at the terminal is for the tests, which end it when they have ended their hosts.
            self.process = subprocess.Popen(
                self.java(self.heap, "kafka.Kafka", self.properties), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )

        def ready():
            if self.process.poll() is not None:
                raise Failed(f"the broker ended with {self.process.returncode}; see {self.log}")
            with open(self.log, "rb") as log:
                log.seek(said)
                return b"Kafka Server started" in log.read()

        return ready

    def stop(self):
        """Stops it in good order, as an operator does."""
        self.process.terminate()
        try:
            self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"the broker did not stop within {STOP_SECONDS} s; see {self.log}") from None

    def kill(self):
        """Kills it, if it is there."""
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def console_consumer(self, topic, records):
        """What Kafka's console consumer prints of so many records of a topic: lines of key, tab, value."""
        what = ["--topic", topic, "--from-beginning", "--isolation-level", "read_committed", "--formatter-property", "print.key=true"]
        end = ["--max-messages", str(records), "--timeout-ms", "20000"]
        command = self.tool("consumer.ConsoleConsumer", *what, *end)
        ran = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        if ran.returncode != 0:
            raise Failed(f"the console consumer ended with {ran.returncode}: {ran.stderr.strip()}")
        return ran.stdout.splitlines()


class Cluster:
    """Several brokers, of which each has a copy of everything: one may be away, and all goes on. A context, as a broker is."""

    # What a write waits for, and what is left when one broker is away.
    IN_STEP = 2
    TOPICS = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")

    def __init__(self, folder, jars, nodes=3):
        folder.mkdir(parents=True)
        controllers = dict(enumerate((f"127.0.0.1:{port}" for port in free_ports(nodes)), start=1))
        copies = {"default.replication.factor": nodes, "min.insync.replicas": self.IN_STEP}
        copies |= {f"{topic}.replication.factor": nodes for topic in self.TOPICS} | {f"{topic}.min.isr": self.IN_STEP for topic in self.TOPICS}
        self.brokers = [Broker(folder / f"node-{node}", jars, copies, seat=Seat(node, controllers)) for node in controllers]
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)
        self.log = folder
        self.stack = ExitStack()

    def __enter__(self):
        try:
            for broker in self.brokers:
                self.stack.callback(broker.kill)
                broker.format()
            # No one of them is ready before the others.
            waits = [broker.launch() for broker in self.brokers]
            for broker, ready in zip(self.brokers, waits):
                until(f"the broker is ready; see {broker.log}", START_SECONDS, ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stack.close()
