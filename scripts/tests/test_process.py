# SPDX-License-Identifier: GPL-2.0
"""Programs that the tool starts: limits, and what becomes of them when the tool is killed."""
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

import ministack    # noqa: E402
from stacklib.host import process  # noqa: E402

# Leaves its id and that of its child in PIDS and stays; once PIDS is there it only says so.
SLOW = '[ -e "{0}" ] || {{ sleep 60 & echo $$ $! > "{0}.new"; mv "{0}.new" "{0}"; wait; }}\n'
CHECK = ("#!/bin/sh\n#\n# slow: stays\n# kind: patch\n"
         "[ \"$1\" = --version ] && echo 1 && exit\n")
# Starts a program of its own, as the check kunit does.
NESTED = ("#!/usr/bin/env python3\n#\n# slow: stays\n# kind: patch\n"
          "import os, sys\nsys.path.insert(0, {lib!r})\nfrom stacklib.host import process\n"
          "if sys.argv[1:] == ['--version']:\n    print(1)\n    sys.exit()\n"
          "process.run(['/bin/sh', {script!r}], os.environ[process.VARIABLE], 90)\n")
KUNIT_PY = ("import os, subprocess, sys, time\n"
            "if sys.argv[1] == 'build':\n"
            "    subprocess.run(['/bin/sh', {script!r}])\n"
            "    print('x.c:1:1: error: over')\n    sys.exit(1)\n")


class Scratch(unittest.TestCase):
    """A folder, and waiting with an end."""

    def setUp(self):
        self.top = Path(tempfile.mkdtemp(prefix="stack-test-"))
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
        self.pids = self.top / "pids"
        self.script = self.top / "slow.sh"
        self.script.write_text(SLOW.format(self.pids), encoding="utf-8")

    def wait_for(self, true, what):
        """Wait until true() is."""
        deadline = time.monotonic() + 60
        while not true():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)

    def ids(self):
        """The processes that slow.sh named; ended with the test, whatever becomes of it."""
        self.wait_for(self.pids.exists, "nothing was started")
        found = [int(word) for word in self.pids.read_text(encoding="utf-8").split()]
        for pid in found:
            self.addCleanup(end, pid, process.birth(pid))
        return found


def end(pid, born):
    """Kill a process that a failed test left."""
    if born != "0" and process.birth(pid) == born:
        os.kill(pid, signal.SIGKILL)


class Run(Scratch):
    """process.run and end_leftover."""

    def test_limit(self):
        """When the limit is over the whole group is gone, and so is the note."""
        with self.assertRaisesRegex(process.Expired, "no end after 1 s"):
            process.run(["/bin/sh", str(self.script)], process.notes(self.top), 1,
                        stdout=subprocess.PIPE)
        self.assertEqual([process.birth(pid) for pid in self.ids()], ["0", "0"])
        self.assertEqual(list(process.notes(self.top).iterdir()), [])

    def test_limit_ends_what_a_check_started(self):
        """A program that has a session of its own below the one that is ended goes too."""
        check = self.top / "check"
        check.write_text(NESTED.format(lib=str(HERE.parent),
                                       script=str(self.script)), encoding="utf-8")
        notes = process.notes(self.top)
        with self.assertRaises(process.Expired):
            process.run([sys.executable, str(check)], notes, 5,
                        env=dict(os.environ, **{process.VARIABLE: str(notes)}))
        self.assertEqual([process.birth(pid) for pid in self.ids()], ["0", "0"])

    def test_another_process_with_the_id(self):
        """Only the process that was noted is ended, not who has its id by now."""
        other = subprocess.Popen(["sleep", "60"], start_new_session=True)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        born = process.birth(other.pid)
        note = process.notes(self.top) / str(other.pid)
        note.parent.mkdir()
        for text in ("%d %d 1\n" % (other.pid, int(born) + 1), "%d 0 1\n" % other.pid, "", "x"):
            note.write_text(text, encoding="utf-8")
            process.end_leftover(self.top)
            self.assertIsNone(other.poll())
            self.assertFalse(note.exists())
        note.write_text("%d %s 1\n" % (other.pid, born), encoding="utf-8")
        process.end_leftover(self.top)
        self.assertEqual(other.wait(10), -signal.SIGTERM)


class Killed(Scratch):
    """kill -9 of the tool alone; what it had started is ended by the next run."""

    def killed_and_again(self, mini, *words):
        """Kill a run with these words; returns the CompletedProcess of the next one."""
        first = mini.start(*words)
        self.addCleanup(first.wait)
        self.addCleanup(first.kill)
        pids = self.ids()
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        self.assertNotIn("0", [process.birth(pid) for pid in pids], "nothing was left behind")
        proc = mini.stack(*words)
        self.assertEqual([process.birth(pid) for pid in pids], ["0", "0"], proc.stderr)
        return proc

    def check(self, text):
        mini = ministack.MiniStack(self)
        path = mini.repo / "scripts" / "checks" / "slow"
        ministack.write(path, text)
        path.chmod(0o755)
        proc = self.killed_and_again(mini, "check")
        self.assertEqual(proc.returncode, 0, proc.stdout + proc.stderr)

    def test_check(self):
        """A check that goes on."""
        self.check(CHECK + SLOW.format(self.pids))

    def test_check_with_programs_of_its_own(self):
        """A check that waits for what it has started itself."""
        self.check(NESTED.format(lib=str(HERE.parent), script=str(self.script)))

    def test_kunit(self):
        """A build of kunit.py that goes on."""
        mini = ministack.MiniStack(self)
        ministack.write(mini.kernel / "tools/testing/kunit/kunit.py",
                        KUNIT_PY.format(script=str(self.script)))
        mini.git("add", "-f", ".", cwd=mini.kernel)
        mini.git("commit", "-q", "-m", "kunit.py", cwd=mini.kernel)
        proc = self.killed_and_again(mini, "kunit", "--tree", "%s:main" % mini.kernel)
        self.assertEqual(proc.returncode, 1, proc.stdout + proc.stderr)
        self.assertIn("x.c:1:1: error: over", proc.stdout)


if __name__ == "__main__":
    unittest.main()
