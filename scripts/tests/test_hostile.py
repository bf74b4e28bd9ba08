# SPDX-License-Identifier: GPL-2.0
"""Patches of strangers through every verb: refused before a check or a tree sees them, and nothing of them runs."""
import unittest

import ministack
from ministack import sh

# A check that does with names what some script of the kernel does.
EVAL = """#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# eval: what is in a name
# kind: tree
[ "$1" = --version ] && { echo 1; exit; }
echo "$FILES" >> "$RUNS"
for f in $FILES; do eval "echo $f" > /dev/null; done
"""
NAMES = ("drivers/pci/$(touch${IFS}canary)", "drivers/pci/x;touch${IFS}canary;", "drivers/pci/`touch${IFS}canary`.c")


class Hostile(unittest.TestCase):
    """A name that a shell would run is refused by each verb, and told with its line."""

    def setUp(self):
        self.mini = ministack.MiniStack(self)
        ministack.write(self.mini.repo / "scripts/checks/eval", EVAL)
        (self.mini.repo / "scripts/checks/eval").chmod(0o755)
        self.path = self.mini.patches("beta")[0]
        self.good = self.path.read_text(encoding="utf-8")

    def run_verb(self, *words):
        proc = self.mini.stack(*words, RUNS=self.mini.top / "runs")
        self.assertNotIn("Traceback", proc.stderr)
        self.assertEqual(list(self.mini.top.rglob("canary*")) + list(self.mini.top.rglob("touch*")), [])
        return proc

    def test_a_link_that_is_turned_out_of_the_tree(self):
        kernel = self.mini.kernel
        (kernel / "drivers/pci/l").symlink_to("a.c")
        for words in (("add", "-f", "."), ("commit", "-qm", "a link"), ("tag", "-f", "v1.2.3")):
            ministack.sh("git", *words, cwd=kernel)
        log = self.good.partition("\n---\n")[0]
        for target in ("/etc/shadow", "../../..", "tests/../../../../x"):
            end = "\n\\ No newline at end of file\n"
            self.path.write_text(
                f"{log}\n---\ndiff --git a/drivers/pci/l b/drivers/pci/l\nindex 11111111..22222222 120000\n"
                f"--- a/drivers/pci/l\n+++ b/drivers/pci/l\n@@ -1 +1 @@\n-a.c{end}+{target}{end}", encoding="utf-8")
            proc = self.run_verb("apply", "--tree", f"{kernel}:v1.2.3")
            self.assertEqual(proc.returncode, 1, proc.stdout + proc.stderr)
            self.assertIn(f"symbolic link 'drivers/pci/l' leads out of the tree, to '{target}'", proc.stderr)

    def test_every_verb_refuses_such_a_name(self):
        verbs = [("apply",), ("check", "--only", "eval"), ("edit", "beta"), ("refresh", "beta"), ("export", "beta"),
                 ("check", "--fit", "--tree", f"{self.mini.kernel}:v1.2.3")]
        for number, words in enumerate(verbs):
            name = NAMES[number % len(NAMES)]
            self.path.write_text(self.good.replace("drivers/pci/c.c", name), encoding="utf-8")
            proc = self.run_verb(*words)
            self.assertEqual(proc.returncode, 1, (words, proc.stdout, proc.stderr))
            said = proc.stdout + proc.stderr
            line = self.path.read_text(encoding="utf-8").split("\n").index(f"diff --git a/{name} b/{name}") + 1
            self.assertIn(f"{self.path.name}:{line}: refused, nothing of it was run: the name '{name}' has ", said, words)
        self.assertFalse((self.mini.top / "runs").exists())
        proc = self.run_verb("lint", "beta")
        self.assertIn(f"{self.path.name}:{line}: error: the name '{name}' has ", proc.stdout)

    def test_a_posting(self):
        box = self.mini.top / "box"
        box.write_text(self.good.replace("drivers/pci/c.c", NAMES[0]), encoding="utf-8")
        proc = self.run_verb("diff", "beta", "--compare-posting", box)
        self.assertIn("refused", proc.stdout + proc.stderr)
        self.assertIn(proc.returncode, (1, 2))

    def test_a_branch(self):
        self.assertEqual(self.run_verb("edit", "beta").returncode, 0)
        tree = self.mini.out / "linux"
        ministack.write(tree / NAMES[0], "int x;\n")
        sh("git", "add", "-f", ".", cwd=tree)
        sh("git", "commit", "-q", "-m", "PCI: Add more\n\n" + ministack.LOG, cwd=tree)
        before = ministack.digest(self.mini.repo)
        proc = self.mini.stack("refresh", "beta")
        self.assertEqual(proc.returncode, 1, proc.stdout + proc.stderr)
        self.assertIn("refused: the name", proc.stderr)
        self.assertEqual(ministack.digest(self.mini.repo), before)

    def test_forms_that_git_takes_are_judged(self):
        """The check sees the file of a patch as quilt and diff write it."""
        head, _, diff = self.good.partition("---\n")
        hunk = diff[diff.index("@@ "):]
        forms = {"quilt": "Index: linux/drivers/pci/c.c\n" + "=" * 67 + "\n--- /dev/null\n+++ linux/drivers/pci/c.c\n",
                 "plain": "---\n\n--- /dev/null\t1970-01-01 00:00:00.000000000 +0000\n+++ b/drivers/pci/c.c\n",
                 "quoted": '---\ndiff --git "a/drivers/pci/c\\056c" "b/drivers/pci/c\\056c"\nnew file mode 100644\n'
                           '--- /dev/null\n+++ "b/drivers/pci/c\\056c"\n'}
        for form, top in forms.items():
            (self.mini.top / "runs").write_text("")
            self.path.write_text(head + top + hunk, encoding="utf-8")
            proc = self.run_verb("check", "--no-cache", "--only", "eval", "beta")
            self.assertEqual((self.mini.top / "runs").read_text(), "drivers/pci/c.c\n", (form, proc.stdout, proc.stderr))
            self.assertEqual(proc.returncode, 0, (form, proc.stdout, proc.stderr))


class Unfit(unittest.TestCase):
    """What git makes no commit of is told with the file, the line and the command."""

    def test_unfit(self):
        mini = ministack.MiniStack(self)
        path = mini.patches("beta")[0]
        good = path.read_bytes()
        top, _, diff = good.partition(b"---\n")
        for data, says in ((top + b"---\n", f"{path}:9: no diff in it"), (b"", f"{path}: no From can be read"),
                           (good.replace(b"in words", b"in\0words"), f"{path}:6: a NUL byte in the log"),
                           (good.replace(b"Date: Fri, 2 Jan 2026 03:04:05 +0000", b"Date: x"), f"{path}:3: invalid date"),
                           (good.replace(b"From: Ann Author <ann@example.org>\n", b""), f"{path}: no From can be read"),
                           (good.replace(b"a/drivers", b"drivers").replace(b"b/drivers", b"drivers"), "have no a/ and b/")):
            path.write_bytes(data)
            proc = mini.stack("apply", "beta")
            self.assertEqual(proc.returncode, 1, (proc.stdout, proc.stderr))
            self.assertIn(says, proc.stderr)
            self.assertIn("mend: ", proc.stderr)


if __name__ == "__main__":
    unittest.main()
