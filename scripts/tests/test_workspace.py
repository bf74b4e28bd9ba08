# SPDX-License-Identifier: GPL-2.0
"""Golden cases of one run at a time, and of runs that are cut short anywhere."""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import MiniStack  # noqa: E402

from stacklib.host.workspace import Workspace  # noqa: E402


class Lock(unittest.TestCase):
    """The lock of the work folder."""

    def setUp(self):
        self.mini = MiniStack(self)

    def test_second_run_names_the_first(self):
        args = type("A", (), {"out": str(self.mini.out), "verb": "check"})
        with Workspace(args).lock():
            proc = self.mini.stack("apply")
        self.assertEqual(proc.returncode, 2, proc.stdout)
        self.assertRegex(proc.stderr, r"is in use by pid %d \(stack check, since 2\d{3}-\d\d-\d\d \d\d:"
                         % os.getpid())
        self.assertIn("kill %d" % os.getpid(), proc.stderr)
        self.assertEqual(self.mini.stack("apply").returncode, 0)

    def test_lock_of_a_killed_run_is_free(self):
        self.mini.out.mkdir()
        (self.mini.out / ".lock").write_text("99999 check 2026-01-01 00:00:00\n")
        self.assertEqual(self.mini.stack("apply").returncode, 0)

    def test_the_same_run_may_take_it_again(self):
        ws = Workspace(type("A", (), {"out": str(self.mini.out), "verb": "x"}))
        with ws.lock(), ws.lock():
            pass
        with ws.lock():
            pass

    def test_folder_that_cannot_be_made(self):
        ministack.write(self.mini.top / "file", "x")
        proc = self.mini.stack("apply", "--out", self.mini.top / "file/out")
        self.assertEqual(proc.returncode, 2)
        self.assertIn("cannot write to the work folder", proc.stderr)
        self.assertIn("mend: choose another folder: --out DIR", proc.stderr)


class Killed(unittest.TestCase):
    """A run that is ended at any point leaves a state from which the next goes on."""

    def setUp(self):
        self.mini = MiniStack(self)

    def expected(self):
        """The id that an undisturbed run gives."""
        proc = self.mini.stack("apply", "--out", self.mini.top / "quiet")
        self.assertEqual(proc.returncode, 0, proc.stderr)
        return self.mini.git("rev-parse", "stack", cwd=self.mini.top / "quiet/linux")

    def slow_git(self, word):
        """Return a PATH whose git waits, before and then after it does `word`."""
        folder = self.mini.top / ("slow-" + word)
        ministack.write(folder / "git", "#!/bin/sh\nfor a; do\n\tif [ \"$a\" = %s ]; then\n"
                        "\t\ttouch %s/reached\n\t\tsleep 0.3\n\t\t/usr/bin/git \"$@\"\n"
                        "\t\tstatus=$?\n\t\ttouch %s/done\n\t\tsleep 30\n\t\texit $status\n\tfi\n"
                        "done\nexec /usr/bin/git \"$@\"\n" % (word, folder, folder))
        (folder / "git").chmod(0o755)
        return folder

    def kill_at(self, word, mark, signum, *verb):
        """Start apply (or verb), end it when git has reached (or done) word."""
        folder = self.slow_git(word)
        proc = self.mini.start(*(verb or ("apply",)), PATH="%s:%s" % (folder, os.environ["PATH"]))
        deadline = time.monotonic() + 60
        while not (folder / mark).exists():
            self.assertIsNone(proc.poll(), "ended before git %s" % word)
            self.assertLess(time.monotonic(), deadline, "never came to git %s" % word)
            time.sleep(0.02)
        os.killpg(proc.pid, signum)
        proc.wait()

    def test_kill_at_every_step(self):
        want = self.expected()
        for word, base in (("fast-import", False), ("fast-import", True), ("init", True), ("read-tree", True),
                           ("commit-tree", True), ("update-ref", True), ("checkout", True)):
            for mark in ("reached", "done"):
                with self.subTest(word=word, mark=mark, base=base):
                    if not base:
                        ministack.sh("rm", "-rf", self.mini.cache, cwd=self.mini.top)
                    ministack.sh("rm", "-rf", self.mini.out, self.mini.top / ("slow-" + word),
                                 cwd=self.mini.top)
                    self.kill_at(word, mark, signal.SIGKILL)
                    proc = self.mini.stack("apply")
                    self.assertEqual(proc.returncode, 0, proc.stderr)
                    self.assertEqual(self.mini.git("rev-parse", "HEAD"), want)
                    self.assertEqual(self.mini.git("status", "--porcelain"), "")

    def half_checkout(self, *verb):
        """Kill a run in its checkout and leave the files as if one of two had been written."""
        self.kill_at("checkout", "reached", signal.SIGKILL, *verb)
        a = self.mini.out / "linux/drivers/pci/a.c"
        a.write_text(a.read_text().replace("return 15;", "return 1515;"))
        ministack.sh("rm", "-rf", self.mini.top / "slow-checkout", cwd=self.mini.top)

    def test_edit_killed_in_its_checkout(self):
        for verb in (("edit", "alpha"), ("apply",)):
            for then in ("edit", "refresh"):
                with self.subTest(verb=verb, then=then):
                    ministack.sh("rm", "-rf", self.mini.out, cwd=self.mini.top)
                    self.assertEqual(self.mini.stack("apply", "beta").returncode, 0)
                    self.half_checkout(*verb)
                    proc = self.mini.stack(then, "alpha")
                    self.assertEqual(proc.returncode, 0, proc.stderr)
                    self.assertEqual(self.mini.git("status", "--porcelain"), "")
                    proc = self.mini.stack("edit", "alpha")
                    self.assertNotIn("work of yours", proc.stdout)
                    self.assertEqual(self.mini.git("symbolic-ref", "--short", "HEAD"), "edit/alpha")
                    self.mini.git("switch", "-q", "stack")
                    proc = self.mini.stack("apply")
                    self.assertEqual(proc.returncode, 0, proc.stderr)

    def test_edit_killed_at_its_refs(self):
        for word, mark in (("update-ref", "reached"), ("update-ref", "done"),
                           ("symbolic-ref", "reached"), ("symbolic-ref", "done")):
            with self.subTest(word=word, mark=mark):
                ministack.sh("rm", "-rf", self.mini.out, self.mini.top / ("slow-" + word),
                             cwd=self.mini.top)
                self.assertEqual(self.mini.stack("apply", "alpha").returncode, 0)
                self.kill_at(word, mark, signal.SIGKILL, "edit", "alpha")
                refs = self.mini.git("for-each-ref", "--format=%(refname)", "refs/heads/edit",
                                     "refs/stack/edit").splitlines()
                self.assertIn(len(refs), (0, 3), refs)
                proc = self.mini.stack("edit", "alpha")
                self.assertEqual(proc.returncode, 0, proc.stderr)
                self.assertNotIn("work of yours", proc.stdout)
                self.assertEqual(self.mini.git("status", "--porcelain"), "")

    def test_apply_killed_before_it_notes_what_it_applied(self):
        for mark in ("reached", "done"):
            self.assertEqual(self.mini.stack("apply").returncode, 0)
            ministack.sh("rm", "-rf", self.mini.top / "slow-update-ref", cwd=self.mini.top)
            # The states are the same ones, so that the first refs to change are those of show().
            self.kill_at("update-ref", mark, signal.SIGKILL, "apply", "--no-dropin")
            proc = self.mini.stack("apply")
            self.assertEqual(proc.returncode, 0, proc.stderr)

    def test_kill_at_random_times(self):
        want = self.expected()
        chance = random.Random(7)
        for _ in range(8):
            ministack.sh("rm", "-rf", self.mini.out, cwd=self.mini.top)
            proc = self.mini.start("apply")
            time.sleep(chance.uniform(0.05, 1.0))
            os.killpg(proc.pid, signal.SIGKILL)
            proc.wait()
            done = self.mini.stack("apply")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.mini.git("rev-parse", "HEAD"), want)
            self.assertEqual(self.mini.git("status", "--porcelain"), "")

    def test_interrupt_says_so(self):
        folder = self.slow_git("read-tree")
        proc = self.mini.start("apply", PATH="%s:%s" % (folder, os.environ["PATH"]))
        while not (folder / "done").exists():
            time.sleep(0.02)
        os.killpg(proc.pid, signal.SIGINT)
        self.assertEqual(proc.wait(30), 130)
        self.assertEqual(self.mini.stack("apply").returncode, 0)

    def test_ended_by_a_signal_is_as_an_interrupt(self):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup may have started the tests
        for signum in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signum=signum):
                ministack.sh("rm", "-rf", self.mini.out, cwd=self.mini.top)
                folder = self.slow_git("read-tree")
                (folder / "done").unlink(missing_ok=True)
                said = self.mini.top / "said"
                with open(said, "w", encoding="utf-8") as err:
                    proc = self.mini.start("apply", stderr=err,
                                           PATH="%s:%s" % (folder, os.environ["PATH"]))
                while not (folder / "done").exists():
                    time.sleep(0.02)
                proc.send_signal(signum)  # to the tool alone: it has to end its git
                self.assertEqual(proc.wait(30), 130)
                self.assertIn("interrupted; the same command goes on", said.read_text())
                self.assertEqual(self.mini.stack("apply").returncode, 0)

    def test_hangup_that_is_ignored_stays_so(self):
        folder = self.slow_git("read-tree")
        proc = subprocess.Popen(
            ["nohup", sys.executable, str(ministack.LIB), "apply"], cwd=self.mini.top,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env=ministack.environment(
                **dict(self.mini.env, PATH="%s:%s" % (folder, os.environ["PATH"]))))
        while not (folder / "done").exists():
            time.sleep(0.02)
        proc.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        self.assertIsNone(proc.poll())
        os.killpg(proc.pid, signal.SIGTERM)
        self.assertEqual(proc.wait(30), 130)

    def test_stale_git_locks_are_cleared(self):
        self.assertEqual(self.mini.stack("apply").returncode, 0)
        for name in ("index.lock", "HEAD.lock", "refs/stack/p/1.lock"):
            (self.mini.out / "linux/.git" / name).touch()
        self.mini.patches("beta")[0].write_text(
            self.mini.patches("beta")[0].read_text().replace("return 0;", "return 9;"))
        proc = self.mini.stack("apply")
        self.assertEqual(proc.returncode, 0, proc.stderr)
        self.assertIn("return 9;", (self.mini.out / "linux/drivers/pci/c.c").read_text())

    def test_refresh_killed_while_writing(self):
        topic = self.mini.repo / "patches/v1/alpha"
        (topic / ".refresh.0001-x.patch").write_text("half")
        self.assertEqual(self.mini.stack("refresh", "alpha").returncode, 0)
        self.assertEqual(list(topic.glob(".refresh.*")), [])


class FullDisk(unittest.TestCase):
    """No room for what git writes."""

    def test_apply(self):
        mini = MiniStack(self)
        folder = mini.top / "full"
        ministack.write(folder / "git", "#!/bin/sh\nif [ \"$1\" = write-tree ]; then\n"
                        "\techo 'error: unable to write file: No space left on device' >&2\n"
                        "\texit 128\nfi\nexec /usr/bin/git \"$@\"\n")
        (folder / "git").chmod(0o755)
        proc = mini.stack("apply", PATH="%s:%s" % (folder, os.environ["PATH"]))
        self.assertEqual(proc.returncode, 2)
        self.assertIn("No space left on device", proc.stderr)
        self.assertIn("mend: free some disk space", proc.stderr)
        self.assertEqual(mini.stack("apply").returncode, 0)


class Confined(unittest.TestCase):
    """What a run writes."""

    def test_temporary_files_are_in_the_work_folder(self):
        mini = MiniStack(self)
        outside = mini.top / "outside"
        outside.mkdir()
        folder = mini.top / "bin"
        # Kills the tool while a patch is split up, with its files and one of git's there.
        ministack.write(folder / "git", "#!/bin/sh\nif [ \"${1#-c}$3\" = mailinfo ] || [ \"$1\" = mailinfo ]; then\n"
                        "\tmktemp\n\tkill -9 $PPID\n\texit 1\nfi\nexec /usr/bin/git \"$@\"\n")
        (folder / "git").chmod(0o755)
        path = "%s:%s" % (folder, os.environ["PATH"])
        self.assertEqual(mini.stack("apply", TMPDIR=outside, PATH=path).returncode, -9)
        self.assertEqual(list(outside.iterdir()), [])
        self.assertEqual(len(list((mini.out / ".stack-tmp").iterdir())), 2)
        self.assertEqual(mini.stack("apply", TMPDIR=outside).returncode, 0)
        self.assertEqual(list(outside.iterdir()), [])
        self.assertFalse((mini.out / ".stack-tmp").exists())

    def test_memory_of_the_booted_kernel_is_left_where_it_was(self):
        mini = MiniStack(self)
        with mock.patch.dict(os.environ, {"TMPDIR": "/somewhere"}):
            for verb in ("check", "kunit", "test", "apply"):
                ws = Workspace(type("A", (), {"out": str(mini.out), "verb": verb}))
                with ws.lock():
                    want = "/somewhere" if verb != "apply" else str(ws.tmp)
                    self.assertEqual(os.environ["TMPDIR"], want, verb)
                    self.assertEqual(tempfile.gettempdir(), str(ws.tmp))
                self.assertEqual(os.environ["TMPDIR"], "/somewhere")

    def test_nothing_outside_out_and_cache(self):
        mini = MiniStack(self)
        before = {n: ministack.digest(mini.top / n) for n in ("repo", "kernel", "base")}
        for words in (("apply",), ("edit", "alpha"), ("refresh",), ("lint",)):
            self.assertEqual(mini.stack(*words).returncode, 0, words)
        self.assertEqual({n: ministack.digest(mini.top / n) for n in before}, before)
        self.assertEqual(sorted(p.name for p in mini.top.iterdir()),
                         ["base", "cache", "kernel", "out", "repo"])


if __name__ == "__main__":
    unittest.main()
