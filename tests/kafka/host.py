"""A host process: `cofferdam run`, with a state folder and an instance id of its own."""
import json
import os
import shutil
import signal
import subprocess

from waiting import Failed, last_lines, until

START_SECONDS = 30
STOP_SECONDS = 20
STACK_SECONDS = 30
COMMAND_SECONDS = 30


class Host:
    """One instance of an app. It can be started again, in the same state folder."""

    def __init__(self, cofferdam, app, bootstrap, name, *flags, instance=None, what=None):
        """`name`: of its folder and log; also its instance id, unless that is given. `what`: it runs that, not the app's manifest."""
        self.cofferdam, self.app, self.bootstrap, self.name, self.flags = cofferdam, app, bootstrap, name, flags
        self.instance, self.what = instance or name, what or [app.manifest]
        self.state = app.folder / f"state-{name}"
        self.log = app.folder / f"host-{name}.log"
        self.process = None
        self.start()

    def start(self):
        at = ["--bootstrap", self.bootstrap, "--state-dir", self.state, "--instance-id", self.instance]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.cofferdam, "run", *self.what, *at, *self.flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def alive(self):
        return self.process.poll() is None

    def last_words(self):
        return last_lines(self.log.read_text(encoding="utf-8", errors="replace"))

    def line(self, text, last=False):
        """The first line of its log, or the last one, with this text."""
        found = [line for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines() if text in line]
        return found[-1 if last else 0] if found else None

    def must_live(self):
        if not self.alive():
            raise Failed(f"host {self.name} ended with {self.process.returncode}; see {self.log}\n{self.last_words()}")

    def tasks(self):
        """{task: state}, as the host says; nothing while it does not answer."""
        return {task["task"]: task["state"] for task in self.status().get("tasks", [])}

    def status(self):
        """What `status --json` says; nothing while the host does not answer."""
        self.must_live()
        where = [self.app.manifest, "--bootstrap", self.bootstrap, "--state-dir", self.state]
        said = subprocess.run(
            [self.cofferdam, "status", *where, "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SECONDS
        )
        if said.returncode != 0:
            return {}
        return json.loads(said.stdout)

    def wait_for_tasks(self, count, seconds=START_SECONDS):
        """Waits until it has so many tasks, and all of them run. Answers them."""

        def tasks():
            has = self.tasks()
            return has if len(has) == count and set(has.values()) == {"running"} else None

        return set(until(f"host {self.name} runs {count} tasks; see {self.log}", seconds, tasks))

    def stop(self, seconds=STOP_SECONDS):
        """SIGTERM; waits until it has ended, with the exit code 0."""
        os.kill(self.process.pid, signal.SIGTERM)
        self.ended(seconds)

    def sleep(self):
        """SIGSTOP: everything stands still until `wake`."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def wake(self):
        """SIGCONT"""
        os.kill(self.process.pid, signal.SIGCONT)

    def ended(self, seconds=STOP_SECONDS):
        """Waits until it ends by itself, with the exit code 0."""
        try:
            code = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"host {self.name} did not end within {seconds} s; see {self.log}{self.stacks()}") from None
        if code != 0:
            raise Failed(f"host {self.name} ended with {code}; see {self.log}\n{self.last_words()}")

    def stacks(self):
        """What its threads do, written into a file where a debugger is installed; words that name the file."""
        if not shutil.which("gdb"):
            return ""
        file = self.log.with_suffix(".stacks")
        command = ["gdb", "--batch", "--pid", str(self.process.pid), "--eval-command", "thread apply all backtrace"]
        with open(file, "wb") as out:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=STACK_SECONDS)
        return f", and {file}"

    def kill(self):
        """SIGKILL, if it is there."""
        if self.process and self.alive():
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
