# SPDX-License-Identifier: GPL-2.0
"""scripts/e2e without qemu: its data, what it makes of a log, a guest that is played by a program."""
import gzip
import re
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import MiniStack, write  # noqa: E402

from stacklib.host import term  # noqa: E402
from stacklib.suites import guest, scenario  # noqa: E402

REPO = ministack.LIB.parents[1]
MACHINES = "[m]\ndevices = rp,id=rp x\nhot = igb,bus=rp\nguest = DRIVER=igb\n"
SCENARIO = "[a against b]\nmachines = m\nbegin = fresh\nsteps = 0 a $X; 110 b\nruns = 2\n"
# plays qemu: says what its first argument is, and reads the lines that come
FAKE = r'''
import os, re, socket, sys, time
fds = [int(n) for n in re.findall(r",fd=(\d+)", " ".join(sys.argv))]
line, monitor = (socket.socket(fileno=fd) for fd in fds)
console = open("console", "wb", buffering=0)
line.sendall(b"ready\n")
number = 0
for text in line.makefile():
    number, _, words = text.strip().partition(" ")
    if words == "oops":
        console.write(b"[    1.0] Oops: 0000 [#1] SMP\n")
    elif words == "blocked":
        console.write(b"[    1.0] INFO: task sh:1 blocked for more than 30 seconds.\n")
    elif words == "flood":
        console.write(b"x" * (guest_limit + 1))
    elif words == "line":
        line.sendall(b"y" * (2 << 20))
    elif words == "die":
        sys.exit(1)
    elif words == "cycle":
        line.sendall(b"@del\n@add\n")
        time.sleep(0.3)
        monitor.sendall(b'{"event": "DEVICE_DELETED", "data": {"device": "hot"}}\n')
        time.sleep(0.5)
        said = monitor.recv(65536).decode()
        line.sendall((" ".join(re.findall(r'"execute": "(\w+)"', said)) + f"\nend {number} 0\n").encode())
    elif words == "junk":
        monitor.sendall(b"no json\n")
    else:
        line.sendall(f"{words}\nend {number} 3\n".encode())
'''.replace("guest_limit", str(guest.LOG_LIMIT))


class Data(unittest.TestCase):
    """The files of a topic's folder e2e."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)

    def read(self, text, machines=MACHINES):
        write(self.top / "machines", machines)
        write(self.top / "scenarios", text)
        found = scenario.read_machines(self.top / "machines")
        return found, scenario.read_scenarios(self.top / "scenarios", list(found))

    def test_read(self):
        machines, scenarios = self.read(SCENARIO)
        self.assertEqual(scenarios, [scenario.Scenario("a against b", ["m"], "fresh", 2,
                                                       [(0, "a $X"), (110, "b")], 0, 120)])
        self.assertEqual(machines["m"].hot, {"driver": "igb", "bus": "rp", "id": "hot"})
        words = guest.arguments(machines["m"], Path("/k"), Path("/i"), [3, 4])
        self.assertEqual(words[-4:], ["-device", "x", "-device", "igb,bus=rp,id=hot"])
        self.assertEqual(words[words.index("-accel") + 1], "tcg")

    def test_bad_input(self):
        for text, said in ((SCENARIO.replace("= m", "= n"), "no machine 'n'"),
                           (SCENARIO.replace("= m", "="), "machines: none named"),
                           (SCENARIO.replace("runs = 2", "runs = two"), "runs: 'two' is no number from 1 to 1000"),
                           (SCENARIO.replace("runs = 2", "loop = 601"), "loop: '601' is no number from 0 to 600"),
                           (SCENARIO.replace("runs = 2", "rusn = 2"), "unknown key 'rusn', did you mean 'runs'?"),
                           (SCENARIO.replace("110 b", "b"), "'b' is not MILLISECONDS COMMAND"),
                           (SCENARIO.replace("0 a $X; 110 b", ""), "has 0 steps"),
                           (SCENARIO + SCENARIO, "already exists"),
                           (SCENARIO.replace("[a", "[\x1b[31ma"), "is no name for a section"),
                           ("nonsense\n", "no section headers")):
            with self.subTest(said), self.assertRaises(term.StackError) as caught:
                self.read(text)
            self.assertIn(said, caught.exception.msg)
            self.assertIn("scenarios", caught.exception.msg)

    def test_bad_machines(self):
        for text, said in ((MACHINES.replace("hot = igb,bus=rp", ""), "has no hot"),
                           (MACHINES.replace("DRIVER=igb", "DRIVER=$(reboot)"), "is not NAME=VALUE"),
                           (MACHINES.replace("DRIVER=igb", "DRIVER='"), "No closing quotation"),
                           (MACHINES.replace("guest", "args"), "unknown key 'args'")):
            with self.subTest(said), self.assertRaises(term.StackError) as caught:
                self.read(SCENARIO, text)
            self.assertIn(said, caught.exception.msg)

    def test_shipped(self):
        """Each command of a scenario, and each state, is one of guest.sh; its shell is one."""
        folders = [path.parent for path in REPO.glob("patches/*/*/e2e/scenarios")]
        self.assertTrue(folders)
        for folder in folders:
            machines = scenario.read_machines(folder / "machines")
            text = (folder / "guest.sh").read_text(encoding="utf-8")
            known = set(re.findall(r"^(\w+)\(\) ?\{", text, re.M))
            self.assertLessEqual({"begin", "left", "again"}, known)
            for one in scenario.read_scenarios(folder / "scenarios", list(machines)):
                for _, command in one.steps:
                    self.assertIn(command.split()[0], known, one.name)
                self.assertRegex(text, rf"(?m)^\t{one.begin}\) ")
            write(self.top / "init.sh", guest.INIT.replace("#!/bin/busybox sh", "# shellcheck shell=sh"))
            self.assertEqual(ministack.sh("shellcheck", "-e", "SC1091,SC3043,SC2086", self.top / "init.sh",
                                          folder / "guest.sh", cwd=self.top), "")


class Verdicts(unittest.TestCase):
    """What is made of a run, and the table."""

    def words(self, *kinds, begun=True, ended=True, again=True, said=()):
        outcome = scenario.Outcome("s", "m", 1)
        scenario.judge(outcome, begun, kinds, said, ended, again)
        return outcome.words

    def test_judge(self):
        self.assertEqual(self.words(said=["left 0"]), [])
        self.assertEqual(self.words(ended=False), ["hung"])
        self.assertEqual(self.words("hung-task"), ["hung"])
        self.assertEqual(self.words("panic", ended=False), ["hung", "oops"])
        self.assertEqual(self.words("lockdep", "sysfs"), ["lockdep", "report"])
        self.assertEqual(self.words("made-up"), ["report"])
        self.assertEqual(self.words(said=["left 4"], again=False), ["left 4", "stays"])
        self.assertEqual(self.words(said=["left 4 x", "left -1"]), [])
        self.assertEqual(self.words(said=["fail io"]), ["wrong"])
        self.assertEqual(self.words("bug", begun=False, ended=False), ["unbegun", "oops"])

    def test_table(self):
        ones = [scenario.Scenario("s", ["m", "n"], "", 1, [(0, "a")], 0, 9),
                scenario.Scenario("never", ["m"], "", 1, [(0, "a")], 0, 9)]
        runs = [scenario.Outcome("s", "m", 1), scenario.Outcome("s", "m", 2, ["hung", "oops"]),
                scenario.Outcome("s", "m", 3, ["left 2"])]
        self.assertEqual(scenario.table(ones, {"base": runs, "stack": [scenario.Outcome("s", "n", 1)]}),
                         [["scenario", "machine", "base", "stack"],
                          ["s", "m", "2 of 3 (1 hung, 1 oops, 1 left)", "-"], ["s", "n", "-", "1 of 1"]])


class Guests(unittest.TestCase):
    """A guest, played by a program."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)
        write(self.top / "fake.py", FAKE)
        machine = scenario.Machine("m", [], {"driver": "igb", "bus": "rp", "id": "hot"}, [], "", [])
        self.guest = guest.Guest([sys.executable, str(self.top / "fake.py")], machine, self.top, self.top, self.top,
                                 self.top / ".running")
        self.addCleanup(self.guest.__exit__, None, None, None)
        self.guest.start()

    def test_commands(self):
        self.assertEqual(self.guest.run("some words", 30), (["some words"], 3))
        self.assertEqual(self.guest.run("cycle", 30), (["qmp_capabilities device_del device_add"], 0))

    def test_what_does_not_end(self):
        for words in ("oops", "blocked"):
            with unittest.mock.patch.dict(guest.GRACE, {"hung": 0.1, "fatal": 0.1}):
                self.assertEqual(self.guest.run(words, 600), ([], None))

    def test_gone(self):
        for words, said in (("flood", "more than 16 MiB"), ):
            with self.assertRaisesRegex(guest.Gone, said):
                self.guest.run(words, 60)

    def test_no_end_of_a_line(self):
        with self.assertRaisesRegex(guest.Gone, "a line without an end"):
            self.guest.run("line", 60)

    def test_ended(self):
        with self.assertRaisesRegex(guest.Gone, "qemu has ended"):
            self.guest.run("die", 60)

    def test_no_json(self):
        with self.assertRaisesRegex(guest.Gone, "no JSON"):
            self.guest.run("junk", 60)

    def test_archive(self):
        data = gzip.decompress(guest.archive([("bin/x", b"abc", 0o755), ("bin/y", b"", 0o644)]))
        names = re.findall(rb"070701.{104}([^\0]+)\0", data, re.S)
        self.assertEqual(names, [b"bin", b"bin/x", b"bin/y", b"TRAILER!!!"])
        self.assertFalse(len(data) % 4)


class Command(unittest.TestCase):
    """scripts/e2e."""

    def run_it(self, mini, *words):
        return subprocess.run([sys.executable, str(REPO / "scripts/e2e"), *words], capture_output=True, text=True,
                              env=ministack.environment(**mini.env), check=False)

    def test_wrong_use(self):
        mini = MiniStack(self)
        done = self.run_it(mini, "alpha")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("topic alpha has no folder e2e", done.stderr)
        folder = mini.repo / "patches/v1/alpha/e2e"
        write(folder / "machines", MACHINES)
        write(folder / "scenarios", SCENARIO)
        for words, said in ((["--kernel", "4"], "--kernel base, stack, or a boundary, 0 to 3"),
                            (["--with", "none.diff"], "no such file: none.diff"),
                            (["--runs", "0"], "'0' is no number from 1 to 9999"),
                            (["--only", "zzz"], "no scenario or machine has 'zzz' in its name")):
            done = self.run_it(mini, "alpha", *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            self.assertIn(said, done.stderr)

    def test_stored(self):
        mini = MiniStack(self)
        folder, runs = mini.repo / "patches/v1/alpha/e2e", mini.out / "e2e/alpha/stack/runs.json"
        write(folder / "machines", MACHINES)
        write(folder / "scenarios", SCENARIO)
        write(runs, '[{"scenario": "a against b", "machine": "m", "number": 1}]')
        done = self.run_it(mini, "alpha", "--table", "--kernel", "stack")
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1].split()[-3:]), (0, ["1", "of", "1"]),
                         done.stderr)
        for text in ('[{"scenarios": "a against b"}]', "[1]", "1", '[{"words": 1}]', "[["):
            write(runs, text)
            done = self.run_it(mini, "alpha", "--table", "--kernel", "stack")
            self.assertEqual(done.returncode, 2)
            self.assertIn("runs.json", done.stderr)


if __name__ == "__main__":
    unittest.main()
