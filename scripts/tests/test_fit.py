# SPDX-License-Identifier: GPL-2.0
"""Golden cases of `check --tree` on a tree that is not the base, and of --shard and --merge."""
import io
import json
import re
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import sh, write  # noqa: E402

from stacklib import options  # noqa: E402
from stacklib.checking import carry, fit, shard  # noqa: E402
from stacklib.host import gitcmd, term, workspace  # noqa: E402
from stacklib.stack import canonical, series  # noqa: E402
from stacklib.suites import boot, ktap, session  # noqa: E402


class FitStack(ministack.MiniStack):
    """One whose kernel has a branch `next`, of a later release."""

    def prepare(self):
        sh("git", "checkout", "-q", "-b", "next", cwd=self.kernel)
        write(self.kernel / "Makefile", ministack.KERNEL["Makefile"].replace("PATCHLEVEL = 2", "PATCHLEVEL = 3"))
        sh("git", "commit", "-qam", "Linux 1.3.3", cwd=self.kernel)


class Fit(unittest.TestCase):
    """Each verdict, and that the user's tree stays as it is."""

    def setUp(self):
        self.mini = FitStack(self, applied=True)

    def commit(self, name, old, new, subject):
        path = self.mini.kernel / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        self.assertIn(old, text)
        write(path, text.replace(old, new, 1) if old else new)
        if not text:
            sh("git", "add", "-f", name, cwd=self.mini.kernel)
        said = sh("git", "-c", "core.abbrev=12", "commit", "-m", subject, "--", name, cwd=self.mini.kernel)
        return re.match(r"\[\S+ ([0-9a-f]{12})\]", said).group(1)

    def check(self, *words, status=0):
        before = ministack.digest(self.mini.kernel)
        proc = self.mini.stack("check", "--tree", "%s:next" % self.mini.kernel, *words)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        self.assertNotIn("error", proc.stderr)
        self.assertEqual(ministack.digest(self.mini.kernel), before)
        return proc.stdout

    def test_clean(self):
        said = self.check()
        self.assertIn("(next), Linux 1.3.3: each patch is carried there from base v1 (Linux 1.2.3)", said)
        for number in (1, 2, 3):
            self.assertIn("  %d  clean " % number, said)
        self.assertIn("3 patches: 3 clean; report: ", said)
        data = json.loads((self.mini.out / "fit.json").read_text())
        self.assertEqual([p["verdict"] for p in data["patches"]], ["clean"] * 3)
        self.assertEqual(data["commit"], sh("git", "rev-parse", "next", cwd=self.mini.kernel))
        self.assertEqual(self.mini.git("diff", "--shortstat", data["commit"], data["result"]).strip(),
                         "3 files changed, 7 insertions(+), 3 deletions(-)")
        self.assertEqual(data["suites"], "not run")

    def test_offset(self):
        self.commit("drivers/pci/a.c", "int a0", "int first;\n\nint a0", "PCI: Move")
        self.assertRegex(self.check("alpha"),
                         r"1  offset    alpha/0001-.*\n       note: drivers/pci/a.c: hunk #1 at line 17, offset 2")

    def test_fuzz(self):
        self.commit("drivers/pci/a.c", "int a4(void)", "int a4(int x)", "PCI: Take x")
        said = self.check("alpha")
        self.assertIn("  1  fuzz      alpha/0001-", said)
        self.assertIn("look at it with: git -C %s/linux show " % self.mini.out, said)
        self.assertIn("2 patches: 1 clean, 1 fuzz", said)

    def test_merged(self):
        self.commit("drivers/pci/b.c", "}\n\nint b2(void)\n{\n\treturn 2;", "}\nint b2(void)\n{\n\treturn 2;",
                    "PCI: Drop a line")
        sh("git", "mv", "drivers/pci/b.c", "drivers/pci/bb.c", cwd=self.mini.kernel)
        sh("git", "commit", "-qm", "PCI: Rename b.c", cwd=self.mini.kernel)
        self.assertIn("  2  merged    alpha/0002-", self.check("alpha"))

    def test_there_by_patch_id(self):
        name = self.commit("drivers/pci/a.c", "return 3;", "return 33;", "PCI: Other words")
        self.commit("drivers/pci/a.c", "return 9;", "return 99;", "PCI: Later")
        said = self.check("alpha")
        self.assertIn("  1  there     alpha/0001-", said)
        self.assertIn("note: same patch-id as %s (PCI: Other words)" % name, said)

    def test_there_though_its_lines_were_changed_again(self):
        name = self.commit("drivers/pci/a.c", "return 3;", "return 33;", "PCI: Other words")
        self.commit("drivers/pci/a.c", "return 33;", "return 333;", "PCI: More of it")
        said = self.check("alpha")
        self.assertIn("  1  there     alpha/0001-", said)
        self.assertIn("note: same patch-id as %s (PCI: Other words)" % name, said)
        self.assertIn("2 patches: 1 clean, 1 there", said)

    def test_taken_back_and_changed_is_a_conflict(self):
        name = self.commit("drivers/pci/a.c", "return 3;", "return 33;", "PCI: Other words")
        sh("git", "revert", "--no-edit", name, cwd=self.mini.kernel)
        self.commit("drivers/pci/a.c", "return 3;", "return 333;", "PCI: Something else")
        self.assertIn("  1  CONFLICT  alpha/0001-", self.check("alpha", status=1))

    def test_there_by_subject_and_without_a_trace(self):
        path = self.mini.kernel / "drivers/pci/b.c"
        write(path, path.read_text().replace("return 2;", "return 22;").replace("return 7;", "return 77;"))
        name = self.commit("drivers/pci/a.c", "return 15;", "return 1515;", "PCI: return more from a15() and b2()")
        sh("git", "commit", "-qam", "PCI: More", cwd=self.mini.kernel)
        self.commit("drivers/pci/c.c", "", "int c(void)\n{\n\treturn 1;\n}\n", "PCI: Half of it")
        self.commit("drivers/pci/c.c", "1", "0", "PCI: The other half")
        said = self.check()
        self.assertIn("note: %s has the same subject" % name, said)
        self.assertRegex(said, r"3  there     beta/.*\n       note: there, drivers/pci/c.c:1\n")

    def test_there_in_a_shallow_clone(self):
        self.commit("drivers/pci/a.c", "return 3;", "return 33;", "PCI: Other words")
        name = self.commit("drivers/pci/c.c", "", "int c(void)\n{\n\treturn 0;\n}\n", "PCI/B: In one")
        for depth, beta in ((1, "there, drivers/pci/c.c:1"),
                            (2, "same patch-id as %s (PCI/B: In one)" % name)):
            clone = self.mini.top / ("depth%d" % depth)
            sh("git", "clone", "-q", "--depth=%d" % depth, "--branch=next", "file://%s" % self.mini.kernel, clone,
               cwd=self.mini.top)
            proc = self.mini.stack("check", "--fit", "--tree", clone)
            self.assertEqual(proc.returncode, 0, proc.stdout + proc.stderr)
            self.assertRegex(proc.stdout, r"  1  there     alpha/.*\n       note: there, drivers/pci/a.c:18\n")
            self.assertIn("0 commits there change files of the stack; there is no history to search: no commit is named"
                          if depth == 1 else "1 commits there change files of the stack; the history since the base is "
                          "not all there, so that others may, too", proc.stdout)
            self.assertRegex(proc.stdout, r"  3  there     beta/.*\n(?:       note: .*\n)*       note: .*" + re.escape(beta))
        with mock.patch.object(gitcmd, "patch_ids", side_effect=gitcmd.GitError(("log",), 128, "bad object")):
            history = carry.History(self.mini.kernel, "next", {"tag": "v1.2.3", "version": "1.2.3"}, ["README"])
        self.assertEqual((history.whole, history.has("0" * 12)), (False, None))
        self.assertIn("there is no history to search", history.said)

    def test_conflict(self):
        self.commit("drivers/pci/a.c", "return 15;", "return -15;", "PCI: Negative")
        said = self.check(status=1)
        self.assertIn("  2  CONFLICT  alpha/0002-", said)
        self.assertRegex(said, r"       at drivers/pci/a.c:\d+\n")
        self.assertNotIn("<<<<<<<", said)
        hunk, = self.data()["patches"][1]["hunks"]
        self.assertEqual((hunk["file"], hunk["line"]), ("drivers/pci/a.c", 78))
        self.assertEqual(hunk["text"], "<<<<<<< the tree\n\treturn -15;\n=======\n\treturn 1515;\n>>>>>>> the patch\n")
        self.assertIn("  3  clean     beta/", said)
        self.assertIn("3 patches: 2 clean, 1 CONFLICT", said)

    def test_tree_of_the_base_version(self):
        said = self.mini.stack("check", "--fit", "--tree", self.mini.kernel, "alpha")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("(HEAD), Linux 1.3.3", said.stdout)
        write(self.mini.kernel / "README", "changed\n")
        said = self.mini.stack("check", "--fit", "--tree", self.mini.kernel, "alpha")
        self.assertIn("has 1 uncommitted changes; they are not used, HEAD is", said.stderr)

    def test_tree_by_environment_and_none(self):
        said = self.mini.stack("check", "--fit", "alpha", LINUX_TREE="%s:next" % self.mini.kernel)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("2 patches: 2 clean", said.stdout)
        for words, text in ((["--fit"], "--fit: no tree is named"), (["--kunit"], "--kunit goes with --fit")):
            said = self.mini.stack("check", *words)
            self.assertEqual(said.returncode, 2, said.stdout)
            self.assertIn(text, said.stderr)

    def data(self):
        """What fit.json says."""
        return json.loads((self.mini.out / "fit.json").read_text())

    def patch(self, name, old, new, subject):
        """Add a patch of topic gamma, made on the base and the patches of gamma before it."""
        kernel, folder = self.mini.kernel, self.mini.repo / "patches/v1/gamma"
        number = len(list(folder.glob("0*"))) + 1
        sh("git", "checkout", "-q", "gamma" if number > 1 else "v1.2.3", *(() if number > 1 else ("-b", "gamma")), cwd=kernel)
        path = kernel / name
        self.assertIn(old, path.read_text())
        write(path, path.read_text().replace(old, new, 1))
        sh("git", "commit", "-qam", subject + "\n\n" + ministack.LOG, cwd=kernel)
        text = subprocess.run(["git", *canonical.FORMAT, "HEAD"], cwd=kernel, env=ministack.environment(),
                              capture_output=True, text=True, check=True).stdout
        write(folder / ("%04d-x.patch" % number), text)
        with open(self.mini.repo / "series", "a", encoding="utf-8") as handle:
            handle.write("v1/gamma/%04d-x.patch\n" % number)
        sh("git", "checkout", "-q", "next", cwd=kernel)

    def test_lines_that_are_there_are_not_added_again(self):
        """F1: at an offset, with fuzz, in a conflict; some of them only; and not where a removed line is left."""
        counter = "static int counter;\n\nint b7(void)"
        self.patch("drivers/pci/b.c", "int b7(void)", counter, "PCI: Count")
        self.commit("drivers/pci/b.c", "int b0(void)", "static int counter;\n\nint b0(void)", "PCI: Count, upstream")
        for words, verdict in (((), "clean|offset"), (("return 6;", "return 66;"), "fuzz|merged"),
                               (("int b7(void)", "int b7(int x)"), "CONFLICT")):
            if words:
                self.commit("drivers/pci/b.c", *words, "PCI: Change the context")
            said = self.check("gamma", status=int(verdict == "CONFLICT"))
            self.assertRegex(said, "1  %s +gamma/.*\n       note: there, drivers/pci/b.c:1\n"
                             % ("there" if verdict != "CONFLICT" else verdict))
            self.assertEqual(self.data()["patches"][0]["there"], ["drivers/pci/b.c:1"])
            self.assertEqual(self.data()["result"], self.data()["commit"])
        self.patch("drivers/pci/b.c", "static int counter;\n", "static int counter, total;\n", "PCI: Sum")
        self.patch("drivers/pci/b.c", "return 0;", "return counter_of(0);", "PCI: Count 0")
        self.assertIn("  3  fuzz      gamma/", self.check("gamma", status=1))

    def test_some_lines_are_there(self):
        self.patch("drivers/pci/b.c", "int b7(void)", "static int counter;\nstatic int total;\n\nint b7(void)", "PCI: Count")
        self.commit("drivers/pci/b.c", "int b0(void)", "static int counter;\n\nint b0(void)", "PCI: Count, upstream")
        self.assertRegex(self.check("gamma"), "1  offset +gamma/.*\n(.*\n)?.*note: some of its lines are there, drivers/pci/b.c:1")

    def test_line_that_is_left_is_no_change_that_is_there(self):
        self.patch("drivers/pci/b.c", "\treturn 7;", "\treturn 77;", "PCI: More")
        self.commit("drivers/pci/b.c", "\treturn 7;", "\tif (0)\n\t\treturn 77;\n\treturn 7;", "PCI: Both")
        self.assertNotIn("  1  there", self.check("gamma", status=1))

    def test_same_subject_is_told_of_a_conflict(self):
        """F2."""
        name = self.commit("drivers/pci/a.c", "return 15;", "return -15;", "PCI: return MORE from a15() and b2()")
        self.assertRegex(self.check("alpha", status=1),
                         r"2  CONFLICT  alpha/.*\n       note: %s has the same subject" % name)

    def test_conflicts_that_follow(self):
        """F3: a conflict that is there only because a patch before was skipped names that patch, and is short."""
        for old, new in (("return 5;", "return 55;"), ("return 55;", "return 555;"), ("return 555;", "return 5555;"),
                         ("return 8;", "return 88;")):
            self.patch("drivers/pci/b.c", old, new, "PCI: " + new)
        self.commit("drivers/pci/b.c", "return 5;", "return -5;", "PCI: Negative")
        self.commit("drivers/pci/b.c", "return 8;", "return -8;", "PCI: Negative, too")
        said = self.check("gamma", status=1)
        self.assertRegex(said, r"1  CONFLICT  gamma/0001-x.patch\n       at drivers/pci/b.c:28\n")
        self.assertRegex(said, r"2  CONFLICT  gamma/0002-x.patch\n       follows from gamma/0001-x.patch\n  3")
        self.assertRegex(said, r"3  CONFLICT  gamma/0003-x.patch\n       follows from gamma/0002-x.patch, that from "
                               r"gamma/0001-x.patch\n  4")
        self.assertRegex(said, r"4  CONFLICT  gamma/0004-x.patch\n       at ")
        self.assertIn("4 patches: 4 CONFLICT (2 only follow)", said)
        self.assertEqual([len(p["follows"]) for p in self.data()["patches"]], [0, 1, 2, 0])
        self.assertTrue(all(p["hunks"] for p in self.data()["patches"]))
        self.assertRegex(said, r"topic +clean +.*CONFLICT +follows\ngamma +-.* 2 +2\nall +-.* 2 +2\n")  # F5
        self.assertEqual(self.data()["topics"], {"gamma": {"CONFLICT": 2, "follows": 2}})

    def test_file_that_is_gone(self):
        self.patch("drivers/pci/b.c", "return 5;", "return 55;", "PCI: 55")
        self.patch("drivers/pci/b.c", "return 55;", "return 555;", "PCI: 555")
        sh("git", "rm", "-q", "drivers/pci/b.c", cwd=self.mini.kernel)
        sh("git", "commit", "-qm", "PCI: Drop b.c", cwd=self.mini.kernel)
        said = self.check("gamma", status=1)
        self.assertIn("at drivers/pci/b.c:0", said)
        self.assertIn("2  CONFLICT  gamma/0002-x.patch\n       follows from gamma/0001-x.patch\n", said)
        self.assertIn("CONFLICT (modify/delete)", self.data()["patches"][0]["hunks"][0]["text"])

    def test_upstream(self):
        """A patch that topic.ini calls upstream, where that commit is there, is not, was reverted, was picked."""
        def named(commit, status=0):
            write(ini, text + "[upstream]\n0001 = %s\n" % commit)
            return self.check("alpha", status=status)
        ini = self.mini.repo / "patches/v1/alpha/topic.ini"
        text = ini.read_text()
        full = self.commit("drivers/pci/a.c", "return 3;", "return 3 + 30;", "PCI: In other words")
        self.assertRegex(named(full), "1  upstream  alpha/.*\n       note: commit %s\n" % full)
        self.assertEqual(self.data()["topics"]["alpha"], {"upstream": 1, "clean": 1})
        self.assertRegex(named("0" * 12, 1), "1  CONFLICT  alpha/.*\n       note: commit 0{12}, which topic.ini names, is not")
        self.assertIn("is not a commit id of 12 to 40 digits", self.wrong(ini, text + "[upstream]\n0001 = x\n"))
        self.commit("drivers/pci/a.c", "return 9;", "return 3 + 6;", "PCI: Picked\n\ncommit %s upstream." % ("a" * 40))
        self.assertIn("1  upstream  alpha/", named("a" * 12))
        sh("git", "revert", "--no-edit", full, cwd=self.mini.kernel)
        self.assertIn("1  clean     alpha/", named(full))

    def wrong(self, path, text):
        """What is said of a file with that text."""
        write(path, text)
        proc = self.mini.stack("check", "--fit", "--tree", self.mini.kernel)
        self.assertEqual(proc.returncode, 2, proc.stdout)
        return proc.stderr

    def test_tree_without_history(self):
        """F4: nothing is searched, that is said, and topic.ini is believed where the patch does not just apply."""
        self.commit("drivers/pci/a.c", "return 3;", "return 3 + 30;", "PCI: In other words")
        with open(self.mini.repo / "patches/v1/alpha/topic.ini", "a", encoding="utf-8") as handle:
            handle.write("[upstream]\n0001 = %s\n0002 = %s\n" % ("a" * 12, "b" * 12))
        tree = self.mini.top / "packaged"
        sh("git", "clone", "-q", "--depth=1", "--branch=next", "file://%s" % self.mini.kernel, tree, cwd=self.mini.top)
        (tree / ".git/shallow").unlink()
        sh("git", "replace", "--graft", "HEAD", cwd=tree)
        sh("git", "checkout", "-q", "--orphan", "packaged", cwd=tree)
        sh("git", "commit", "-qm", "all", cwd=tree)
        proc = self.mini.stack("check", "--fit", "--tree", tree, "alpha")
        self.assertEqual(proc.returncode, 0, proc.stdout + proc.stderr)
        self.assertIn("history: 0 commits there change files of the stack; there is no history to search", proc.stdout)
        self.assertRegex(proc.stdout, "1  upstream  alpha/.*\n       note: commit a{12}, says topic.ini; there is no history")
        self.assertRegex(proc.stdout, "2  clean     alpha/.*\n       note: commit b{12}, which topic.ini names, is not there")

    def test_history_is_read_once(self):
        """F4: one log of the release, and none of a single commit, however many patches conflict."""
        for number in range(3):
            self.commit("drivers/pci/a.c", "int a%d(" % number, "int aa%d(" % number, "PCI: Other %d" % number)
        self.commit("drivers/pci/a.c", "return 3;", "return -3;", "PCI: Negative")
        self.commit("drivers/pci/a.c", "return 15;", "return -15;", "PCI: Negative, too")
        with mock.patch.object(gitcmd, "piped", wraps=gitcmd.piped) as piped, \
                mock.patch.object(gitcmd, "run", wraps=gitcmd.run) as ran:
            code, said = self.run_in_process(kunit=False)
        self.assertEqual((code, piped.call_count), (1, 2), said)  # the tree's, and the patches' own
        self.assertLessEqual(sum(c.args[0] == "log" for c in ran.call_args_list), 1)
        self.assertIn("history: 5 commits there change files of the stack\n", said)

    def test_drop_in_that_does_not_fit(self):
        """F6: each hook without file or anchor, and a file that is there; no suite runs then."""
        write(self.mini.repo / "kunit/hooks", ministack.HOOKS + "drivers/gone/Makefile\t-\tobj-y += x/\n"
              "drivers/pci/Makefile\tno such line\tobj-y += y/\n")
        self.commit("drivers/pci/Makefile", "obj-y", "obj-m", "PCI: Modules")
        self.commit("drivers/pci/Kconfig", 'source "drivers/pci/x/Kconfig"\n', "", "PCI: Drop x")
        self.commit("drivers/pci/tests/Kconfig", "", "menu\n", "PCI: Tests")
        said = self.check("--kunit", "alpha", status=1)
        for text in ("kunit/hooks:1: drivers/pci/Kconfig has no line 'source \"drivers/pci/x/Kconfig\"'",
                     "kunit/hooks:3: the kernel has no file drivers/gone/Makefile",
                     "kunit/hooks:4: drivers/pci/Makefile has no line",
                     "the drop-in would overwrite drivers/pci/tests/Kconfig of the kernel"):
            self.assertIn("drop-in  " + text, said)
        self.assertIn("2 patches: 2 clean, drop-in: 4 misfits, suites not run", said)
        self.assertEqual(len(self.data()["drop-in"]), 4)

    def test_data_on_standard_output(self):
        self.assertEqual(json.loads(self.check("--json"))["topics"], {"alpha": {"clean": 2}, "beta": {"clean": 1}})

    def test_hunks_when_verbose(self):
        self.commit("drivers/pci/a.c", "return 15;", "return -15;", "PCI: Negative")
        self.assertRegex(self.check("-v", status=1), r"       drivers/pci/a.c:78:\n         \| <<<<<<< the tree\n"
                         r"         \| \treturn -15;\n         \| =======\n         \| \treturn 1515;\n")

    def test_errors(self):
        write(self.mini.top / "notgit/file", "")
        empty = self.mini.top / "empty"
        sh("git", "init", "-q", empty, cwd=self.mini.top)
        sh("git", "commit", "-q", "--allow-empty", "-m", "no kernel", cwd=empty)
        for tree, text in (("/nonexistent", "no such folder"), (self.mini.top / "notgit", "not a git tree"),
                           ("%s:nosuch" % self.mini.kernel, "no ref 'nosuch'"),
                           (empty, "not a Linux kernel tree")):
            proc = self.mini.stack("check", "--tree", tree)
            self.assertEqual(proc.returncode, 2, proc.stdout + proc.stderr)
            self.assertIn(text, proc.stderr)

    def test_suites_run_on_what_fits(self):
        """The runner gets the states of that tree, without the suites whose patch conflicts."""
        def stop(own):
            raise term.StackError(" ".join(own.tree.suites(own.tree.boundaries)))
        self.commit("drivers/pci/a.c", "return 15;", "return -15;", "PCI: Negative")
        self.assertEqual(self.asked(stop), "mini alpha_one")
        self.commit("drivers/pci/a.c", "return -15;", "return 15;", "PCI: Positive")
        self.commit("drivers/pci/a.c", "return 3;", "return -3;", "PCI: Negative")
        self.assertEqual(self.asked(stop), "mini alpha_two")  # what the second patch brings, not the first

    def test_each_suite_is_in_the_report(self):
        """What passed there, by suite, on the screen and in fit.json; a run that failed is exit code 1."""
        def case(suite, status):
            return ktap.Case(suite, "one", status)
        for status, word in (("passed", "pass"), ("failed", "FAIL")):
            ran = boot.Result("plain", self.mini.out / "test.log", built=True, suites=[
                ktap.Suite("mini", [case("mini", "passed"), case("mini", "skipped")]),
                ktap.Suite("alpha_one", [case("alpha_one", status)])])
            code, said = self.with_result(ran)
            data = json.loads((self.mini.out / "fit.json").read_text())
            self.assertEqual(data["suites"], word)
            self.assertEqual(data["each suite"]["mini"], {"verdict": "pass", "passed": 1, "failed": 0, "skipped": 1})
            self.assertEqual(data["each suite"]["alpha_one"]["verdict"], word)
            self.assertRegex(said, r"alpha_one +plain +%s" % word)
            self.assertEqual(code, int(status == "failed"))
        code, said = self.with_result(None)
        self.assertEqual((code, json.loads((self.mini.out / "fit.json").read_text())["suites"]), (0, "not run"))

    def with_result(self, ran):
        """Exit code and standard output of a run whose suites come to @ran."""
        with mock.patch.object(session.Session, "choose"), \
                mock.patch.object(session.Session, "run", return_value=iter([ran] if ran else [])):
            return self.run_in_process()

    def asked(self, stop):
        """The suites that the runner would be asked for."""
        with mock.patch.object(session.Session, "choose", stop), \
                self.assertRaises(term.StackError) as caught:
            self.run_in_process()
        return caught.exception.msg

    def run_in_process(self, kunit=True):
        """Run check --fit --kunit on the topic alpha; returns (exit code, standard output)."""
        args = options.Check(tree="%s:next" % self.mini.kernel, out=str(self.mini.out), topics=("alpha",),
                             fit=True, kunit=kunit, verb="check")
        with mock.patch.dict("os.environ", {k: str(v) for k, v in self.mini.env.items()}), \
                mock.patch("sys.stdout", io.StringIO()) as said:
            ws = workspace.Workspace(args)
            stack = series.load(ws.repo)
            return fit.run(ws, stack, args, fit.foreign(ws, args, stack.base)), said.getvalue()


class Shard(unittest.TestCase):
    """The parts of a check are the whole."""

    def test_every_patch_in_one_shard(self):
        for total in (1, 2, 3, 7, 24):
            for n in (1, 2, 3, 4, 30):
                for number in range(total + 1):
                    owners = [i for i in range(1, n + 1) if shard.has((i, n), number, total)]
                    self.assertEqual(len(owners), 1, (total, n, number))
        self.assertEqual([k for k in range(25) if shard.has((2, 4), k, 24)], list(range(7, 13)))

    def test_merge_is_the_whole(self):
        mini = ministack.MiniStack(self)
        check = mini.repo / "scripts/checks/words"
        write(check, "#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0\n#\n# words: some word\n# kind: patch\n"
              "[ \"$1\" = --version ] && { echo 1; exit; }\n"
              "grep -q 1515 \"$PATCH\" && echo \"$(basename \"$PATCH\"):7: warning: fifteen\"\nexit 0\n")
        check.chmod(0o755)
        for words, status in ((("--shard", "1/2", "--out", mini.top / "s1"), 1),
                              (("--shard", "2/2", "--out", mini.top / "s2"), 0),
                              (("--out", mini.top / "all"), 1)):
            proc = mini.stack("check", *words)
            self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        parts = [mini.top / n / "report.json" for n in ("s2", "s1")]
        proc = mini.stack("check", "--merge", *parts)
        self.assertEqual(proc.returncode, 1, proc.stderr)
        self.assertIn("3 patches, 3 verdicts: 2 passed (0 with notes), 1 failed", proc.stdout)
        merged, whole = (json.loads((f / "report.json").read_text()) for f in (mini.out, mini.top / "all"))
        self.assertEqual([(v["patch"], v["verdict"]) for v in merged["verdicts"]],
                         [(v["patch"], v["verdict"]) for v in whole["verdicts"]])
        self.assertEqual(merged["runs"]["all"], whole["runs"]["all"])
        self.assertEqual(merged["seconds"], max(json.loads(p.read_text())["seconds"] for p in parts))
        self.assertTrue((mini.out / "report.html").is_file())
        self.assertIn("PARTIAL: shard 1 of 2", (mini.top / "s1/report.html").read_text())
        for words, text in ((parts[:1], "of 2 shards there are 2"), (parts + parts[:1], "there are 1 2 2"),
                            ([mini.top / "all/report.json"], "not the report of a shard"),
                            ([mini.repo / "series"], "not JSON"), (["/nonexistent"], "/nonexistent: cannot be read")):
            proc = mini.stack("check", "--merge", *words)
            self.assertEqual(proc.returncode, 2, proc.stdout)
            self.assertIn(text, proc.stderr)
        # One report that says to be of a billion shards: told at once, in no more memory than the others.
        write(mini.top / "lone.json", json.dumps(dict(json.loads(parts[0].read_text()), shard=[1, 10 ** 9])))
        proc = mini.stack("check", "--merge", mini.top / "lone.json")
        self.assertEqual(proc.returncode, 2, proc.stdout)
        self.assertIn("of 1000000000 shards there are 1", proc.stderr)
        write(check, check.read_text().replace("fifteen", "15"))
        mini.stack("check", "--shard", "1/2", "--out", mini.top / "other")
        proc = mini.stack("check", "--merge", parts[0], mini.top / "other/report.json")
        self.assertEqual(proc.returncode, 2, proc.stdout)
        self.assertIn("differ in 'checks'", proc.stderr)
        proc = mini.stack("check", "--merge", *parts, "--out", mini.top / "s1")
        self.assertEqual(proc.returncode, 2, proc.stdout)
        self.assertIn("is where the whole goes", proc.stderr)
        data = json.loads(parts[0].read_text())
        self.assertEqual(data["base"]["tree"], sh("git", "rev-parse", "v1.2.3^{tree}", cwd=mini.kernel))
        write(parts[0], json.dumps(dict(data, base=dict(data["base"], tree="other"))))
        self.assertIn("differ in 'base'", mini.stack("check", "--merge", *parts).stderr)
        write(parts[0], json.dumps(data))
        data["patches"][0]["sha256"] = "other"
        write(parts[0], json.dumps(data))
        self.assertIn("differ in 'patches'", mini.stack("check", "--merge", *parts).stderr)

    def test_wrong_use(self):
        for text in ("0/2", "3/2", "1", "a/b", "1/0"):
            self.assertRaisesRegex(term.StackError, "not of the form I/N", shard.parse, text)
        self.assertEqual(shard.parse("2/4"), (2, 4))


if __name__ == "__main__":
    unittest.main()
