# SPDX-License-Identifier: GPL-2.0
"""Golden cases of `apply` and of the work trees, on the mini stack."""
import os
import shutil
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import MiniStack  # noqa: E402

from stacklib.host.term import StackError  # noqa: E402
from stacklib.host.workspace import Workspace  # noqa: E402
from stacklib.linux import tree  # noqa: E402
from stacklib.stack import series  # noqa: E402


class Apply(unittest.TestCase):
    """The verb apply."""

    def setUp(self):
        self.mini = MiniStack(self)

    def apply(self, *words, status=0, **extra):
        proc = self.mini.stack("apply", *words, **extra)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        return proc

    def test_one_commit_each_and_dropin(self):
        proc = self.apply()
        self.assertIn("applied 3 patches of 2 topics and the drop-in to Linux 1.2.3",
                      proc.stdout.splitlines()[-1])
        log = self.mini.git("log", "--reverse", "--format=%an|%s", "stack").splitlines()
        self.assertEqual(log, ["stack|Linux 1.2.3", "Ann Author|PCI: Return more from a3()",
                               "Ann Author|PCI: Return more from a15() and b2()",
                               "Ann Author|PCI/B: Add c.c", "stack|kunit: the stack's drop-in"])
        linux = self.mini.out / "linux"
        self.assertEqual((linux / "drivers/pci/Kconfig").read_text(),
                         'menu "PCI"\nsource "drivers/pci/x/Kconfig"\n'
                         'source "drivers/pci/tests/Kconfig"\nendmenu\n')
        self.assertTrue((linux / "drivers/pci/Makefile").read_text().endswith(
            "a.o b.o\nobj-$(CONFIG_KUNIT) += tests/\n"))
        self.assertFalse((linux / "suites.ini").exists())
        self.assertEqual(self.mini.git("status", "--porcelain"), "")

    def test_ids_repeat(self):
        self.apply()
        first = self.mini.git("rev-parse", "stack")
        shutil.rmtree(self.mini.out)
        self.apply(TZ="Asia/Tokyo", GIT_AUTHOR_DATE="2001-01-01T00:00:00Z")
        self.assertEqual(self.mini.git("rev-parse", "stack"), first)

    def test_second_run_changes_nothing(self):
        self.apply()
        before = ministack.digest(self.mini.out / "linux" / ".git" / "refs")
        stamp = (self.mini.out / "linux/drivers/pci/a.c").stat().st_mtime_ns
        self.apply()
        self.assertEqual(ministack.digest(self.mini.out / "linux" / ".git" / "refs"), before)
        self.assertEqual((self.mini.out / "linux/drivers/pci/a.c").stat().st_mtime_ns, stamp)

    def test_one_topic_only(self):
        self.apply("beta", "--no-dropin")
        self.assertEqual(self.mini.git("log", "--format=%s", "stack").splitlines(),
                         ["PCI/B: Add c.c", "Linux 1.2.3"])
        self.assertEqual(self.mini.git("for-each-ref", "--format=%(refname)", "refs/stack/p"),
                         "refs/stack/p/0\nrefs/stack/p/1")

    def test_unknown_topic(self):
        proc = self.apply("gamma", status=2)
        self.assertIn("no topic 'gamma'", proc.stderr)
        self.assertIn("alpha, beta", proc.stderr)

    def test_git_am_and_quilt_give_the_same_tree(self):
        self.apply("--no-dropin")
        want = self.mini.git("rev-parse", "stack^{tree}")
        self.mini.git("checkout", "-q", "-b", "am", "v1.2.3", cwd=self.mini.kernel)
        for topic in ("alpha", "beta"):
            self.mini.git("am", "-q", *self.mini.patches(topic), cwd=self.mini.kernel)
        self.assertEqual(self.mini.git("rev-parse", "am^{tree}", cwd=self.mini.kernel), want)
        quilted = self.mini.top / "quilted"
        self.mini.git("worktree", "add", "-q", "--detach", quilted, "v1.2.3",
                      cwd=self.mini.kernel)
        (self.mini.top / "repo/patches/series").unlink(missing_ok=True)
        ministack.sh("quilt", "--quiltrc", "-", "push", "-a", "-q", "--fuzz=0", cwd=quilted,
                     QUILT_PATCHES=self.mini.repo / "patches", QUILT_SERIES=self.mini.repo / "series")
        shutil.rmtree(quilted / ".pc")
        self.mini.git("add", "-f", "-A", ".", cwd=quilted)
        self.assertEqual(self.mini.git("write-tree", cwd=quilted), want)

    def test_offset_is_a_note(self):
        path = self.mini.kernel / "drivers/pci/a.c"
        path.write_text("/* two\n * lines */\n" + path.read_text())
        self.mini.git("commit", "-qam", "shift", cwd=self.mini.kernel)
        proc = self.apply("--tree", "%s:main" % self.mini.kernel)
        self.assertRegex(proc.stdout, r"note: drivers/pci/a.c: hunk #1 at line \d+, offset 2")
        self.assertIn("offset", proc.stdout)

    def test_fuzz_is_refused_with_the_reject(self):
        path = self.mini.kernel / "drivers/pci/a.c"
        # The outermost context line of the first hunk: patch(1) would take it with fuzz 1.
        text = path.read_text().replace("int a3(void)\n{", "long a3(void)\n{").replace(
            "}\n\nint a4", "} /* 3 */\n\nint a4")
        path.write_text(path.read_text().replace("int a4(void)", "long a4(void)"))
        self.assertNotEqual(text, path.read_text())
        self.mini.git("commit", "-qam", "context", cwd=self.mini.kernel)
        proc = self.apply("--tree", "%s:main" % self.mini.kernel, status=1)
        self.assertIn("0001-PCI-Return-more-from-a3.patch does not apply on the base", proc.stderr)
        self.assertIn("drivers/pci/a.c:", proc.stderr)
        self.assertIn("would take it with fuzz", proc.stderr)
        self.assertIn("+\treturn 33;", proc.stderr)
        self.assertIn("mend: then mend it in a branch: scripts/stack edit alpha", proc.stderr)
        rejects = list((self.mini.out / "rejects").rglob("*.rej"))
        self.assertEqual([p.name for p in rejects], ["a.c.rej"])

    def test_truncated_patch(self):
        patch = self.mini.patches()[1]
        data = patch.read_bytes()
        patch.write_bytes(data[:data.index(b"+\treturn 1515;")])
        proc = self.apply(status=1)
        self.assertIn(patch.name, proc.stderr)
        self.assertIn("corrupt patch", proc.stderr)

    def test_patch_without_headers(self):
        patch = self.mini.patches()[0]
        text = patch.read_text()
        patch.write_text(text[text.index("diff --git"):])
        proc = self.apply(status=1)
        self.assertIn("no From can be read", proc.stderr)
        self.assertIn("mend: bring it back (git checkout --", proc.stderr)

    def test_missing_hook_anchor(self):
        ministack.write(self.mini.repo / "kunit/hooks", "drivers/pci/Kconfig\tno such line\tsource \"x\"\n")
        proc = self.apply(status=2)
        self.assertIn("kunit/hooks:1: drivers/pci/Kconfig has no line 'no such line'", proc.stderr)

    def test_dropin_never_overwrites_the_kernel(self):
        ministack.write(self.mini.repo / "kunit/drivers/pci/a.c", "int x;\n")
        proc = self.apply(status=2)
        self.assertIn("would overwrite drivers/pci/a.c", proc.stderr)

    def test_hunk_in_user_work_is_kept(self):
        self.apply()
        path = self.mini.out / "linux/drivers/pci/b.c"
        path.write_text("mine\n")
        proc = self.apply(status=2)
        self.assertIn("uncommitted changes", proc.stderr)
        self.assertIn("mend: commit them (git -C ", proc.stderr)
        self.assertEqual(path.read_text(), "mine\n")
        self.mini.git("commit", "-qam", "mine")
        head = self.mini.git("rev-parse", "HEAD")
        proc = self.apply(status=2)
        self.assertIn("commits or a state that the tool did not make", proc.stderr)
        self.assertEqual(self.mini.git("rev-parse", "HEAD"), head)

    def test_foreign_branch_is_kept(self):
        self.apply()
        self.mini.git("checkout", "-q", "-b", "mine")
        proc = self.apply(status=2)
        self.assertIn("has branch 'mine' checked out", proc.stderr)
        self.mini.git("switch", "-q", "stack")  # the mend that it names
        self.apply()

    def test_foreign_folder_is_not_touched(self):
        ministack.write(self.mini.out / "linux/precious", "x")
        proc = self.apply(status=2)
        self.assertIn("is in the way", proc.stderr)
        self.assertTrue((self.mini.out / "linux/precious").exists())

    def test_git_config_around_the_work_folder_changes_nothing(self):
        self.apply()
        first = self.mini.git("rev-parse", "stack")
        self.mini.git("config", "mailinfo.quotedCr", "nonsense", cwd=self.mini.repo)
        self.apply("--out", self.mini.repo / "out")
        self.assertEqual(self.mini.git("rev-parse", "stack", cwd=self.mini.repo / "out/linux"), first)

    def test_users_git_config_changes_nothing(self):
        self.apply()
        first = self.mini.git("rev-parse", "stack")
        shutil.rmtree(self.mini.out)
        hooks = self.mini.top / "hooks"
        ministack.write(hooks / "post-checkout", "#!/bin/sh\ntouch %s/ran\n" % self.mini.top)
        (hooks / "post-checkout").chmod(0o755)
        ministack.write(self.mini.top / ".gitconfig", "[core]\n\thooksPath = %s\n\tautocrlf = true\n"
                        "[user]\n\tname = Other\n[apply]\n\twhitespace = fix\n" % hooks)
        proc = self.mini.stack("apply", GIT_CONFIG_GLOBAL=self.mini.top / ".gitconfig",
                               GIT_DIR="/nonexistent", GIT_INDEX_FILE="/nonexistent/index")
        self.assertEqual(proc.returncode, 0, proc.stderr)
        self.assertEqual(self.mini.git("rev-parse", "stack"), first)
        self.assertFalse((self.mini.top / "ran").exists())


class States(unittest.TestCase):
    """tree.Tree as the other modules use it."""

    def setUp(self):
        self.mini = MiniStack(self)
        env = {k: str(v) for k, v in self.mini.env.items()}
        patcher = mock.patch.dict(os.environ, env)
        patcher.start()
        self.addCleanup(patcher.stop)
        self.ws = Workspace()
        stack = series.load(self.mini.repo)
        with mock.patch("builtins.print"):
            self.tree = tree.prepare(self.ws, stack, stack.select())

    def test_boundaries_and_suites(self):
        self.assertEqual(self.tree.boundaries, 3)
        self.assertEqual([p.number for p in self.tree.patches], [1, 2, 3])
        self.assertEqual(self.tree.suites(0), ["mini"])
        self.assertEqual(self.tree.suites(1), ["mini", "alpha_one"])
        self.assertEqual(self.tree.suites(3), ["mini", "alpha_one", "alpha_two"])

    def test_checkout_writes_only_what_differs(self):
        with mock.patch("builtins.print"):
            path = self.tree.checkout(0)
            stamp = (path / "drivers/pci/b.c").stat().st_mtime_ns
            self.tree.checkout(1)
        self.assertIn("return 33;", (path / "drivers/pci/a.c").read_text())
        self.assertEqual((path / "drivers/pci/b.c").stat().st_mtime_ns, stamp)
        self.assertFalse((path / "drivers/pci/tests").exists())

    def test_extra_is_gone_with_the_next_checkout(self):
        extra = self.mini.top / "extra.diff"
        ministack.write(extra, "--- a/drivers/pci/c.c\n+++ b/drivers/pci/c.c\n@@ -1,4 +1,4 @@\n"
                        " int c(void)\n {\n-\treturn 0;\n+\treturn 7;\n }\n"
                        "--- /dev/null\n+++ b/drivers/pci/new.c\n@@ -0,0 +1 @@\n+int n;\n")
        with mock.patch("builtins.print"):
            path = self.tree.apply_extra(3, extra)
            self.assertIn("return 7;", (path / "drivers/pci/c.c").read_text())
            self.assertTrue((path / "drivers/pci/tests/Kconfig").exists())
            ministack.write(path / "left.over", "x")
            self.tree.checkout(3)
        self.assertIn("return 0;", (path / "drivers/pci/c.c").read_text())
        self.assertFalse((path / "drivers/pci/new.c").exists())
        self.assertFalse((path / "left.over").exists())

    def test_damaged_check_folder_is_made_anew(self):
        with mock.patch("builtins.print"):
            path = self.tree.checkout(1)
            shutil.rmtree(self.mini.out / "linux/.git/worktrees")
            ministack.write(path / "half", "x")
            self.tree.checkout(2)
            self.assertIn("return 22;", (path / "drivers/pci/b.c").read_text())
            self.assertFalse((path / "half").exists())
            shutil.rmtree(path)
            ministack.write(path / ".git", "")
            self.tree.checkout(1)
        self.assertIn("return 33;", (path / "drivers/pci/a.c").read_text())

    def test_check_folder_of_somebody_else_is_not_touched(self):
        path = self.mini.out / "check"
        other = "gitdir: %s/.git/worktrees/check\n" % self.mini.kernel
        for name, text in (("precious", "x"), (".git/HEAD", "x"), (".git", other)):
            with self.subTest(name=name, text=text):
                ministack.write(path / name, text)
                with self.assertRaisesRegex(StackError, "out/check is in the way") as caught:
                    self.tree.checkout(1)
                self.assertEqual(caught.exception.mend, "mv %s %s.mine" % (path, path))
                self.assertEqual((path / name).read_text(), text)
                shutil.rmtree(path)
        ministack.write(path, "a file")
        with self.assertRaisesRegex(StackError, "out/check is in the way"):
            self.tree.checkout(1)
        self.assertEqual(path.read_text(), "a file")

    def test_extra_that_does_not_apply_is_no_finding(self):
        extra = self.mini.top / "extra.diff"
        ministack.write(extra, "--- a/drivers/pci/c.c\n+++ b/drivers/pci/c.c\n@@ -1,4 +1,4 @@\n"
                        " int c(void)\n {\n-\treturn 5;\n+\treturn 7;\n }\n")
        with mock.patch("builtins.print"), self.assertRaises(StackError) as caught:
            self.tree.apply_extra(3, extra)
        self.assertEqual(caught.exception.code, 2)
        self.assertIn("extra.diff does not apply on boundary 3", caught.exception.msg)


if __name__ == "__main__":
    unittest.main()
