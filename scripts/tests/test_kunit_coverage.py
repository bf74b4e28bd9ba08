# SPDX-License-Identifier: GPL-2.0
"""Golden cases: line counts of a small program, mapped to the patches that added them."""
import contextlib
import io
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile
from types import SimpleNamespace
import unittest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from stacklib.host import gitcmd, term  # noqa: E402
from stacklib.stack import stanza  # noqa: E402
from stacklib.suites import coverage, gcov, summary  # noqa: E402

BASE = "int old(int x)\n{\n\tif (x)\n\t\treturn 1;\n\treturn 0;\n}\n"
FIRST = BASE + "\nint one(int x)\n{\n\tif (x < 0)\n\t\treturn -22;\n\treturn x + 1;\n}\n"
SECOND = FIRST.replace("\treturn x + 1;", "\tif (x == 7)\n\t\treturn 77;\n\treturn x + 1;")
HEADER = "static inline int twice(int x)\n{\n\tif (x == 9)\n\t\treturn 0;\n\treturn 2 * x;\n}\n"
MAIN = ('#include "inc.h"\nint old(int);\nint one(int);\n'
        "int main(void)\n{\n\treturn old(1) + one(3) + twice(2) != 9;\n}\n")


class Lines(unittest.TestCase):
    """Two patches on a small program that gcc instruments."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which("gcc"):
            raise AssertionError("gcc is not installed; mend: scripts/stack setup")
        cls.folder = tempfile.TemporaryDirectory()
        cls.out = Path(cls.folder.name)
        cls.source = cls.out / "check"
        cls.build = cls.out / "build" / "kunit-coverage"
        cls.build.mkdir(parents=True)
        (cls.out / "kunit" / "coverage").mkdir(parents=True)
        (cls.source / "lib").mkdir(parents=True)
        cls.git("init", "-q")
        cls.commits = [cls.commit({"lib/a.c": BASE, "main.c": MAIN, "inc.h": ""}),
                       cls.commit({"lib/a.c": FIRST}),
                       cls.commit({"lib/a.c": SECOND, "inc.h": HEADER,
                                   "vmd.c": "int vmd(void)\n{\n\treturn 1;\n}\n"})]
        (cls.build / "lib").mkdir()
        for name in ("lib/a", "main"):
            subprocess.run(["gcc", "--coverage", "-O0", "-I../../check", "-c",
                            f"../../check/{name}.c", "-o", name + ".o"], cwd=cls.build, check=True)
        subprocess.run(["gcc", "--coverage", "lib/a.o", "main.o", "-o", "program"],
                       cwd=cls.build, check=True)
        subprocess.run(["./program"], cwd=cls.build, check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def git(cls, *args):
        """git in the small tree."""
        return gitcmd.git("-c", "user.name=T", "-c", "user.email=t@example.org", *args,
                          cwd=cls.source)

    @classmethod
    def commit(cls, files):
        """Commit @files (path -> text); returns the commit id."""
        for name, text in files.items():
            (cls.source / name).write_text(text, encoding="utf-8")
        cls.git("add", "-A")
        cls.git("commit", "-q", "-m", "change")
        return cls.git("rev-parse", "HEAD")

    def report(self, excuses=None):
        """The report; @excuses: text of the topic's file, None for no such file."""
        topic = self.out / "topic"
        shutil.rmtree(topic, ignore_errors=True)
        topic.mkdir()
        if excuses is not None:
            (topic / "uncovered").write_text(excuses, encoding="utf-8")
        patches = [SimpleNamespace(name="0001", files=["lib/a.c", "Documentation/x.rst"]),
                   SimpleNamespace(name="0002", files=["lib/a.c", "inc.h", "vmd.c"])]
        tree = SimpleNamespace(path=self.source, patches=patches, tree_id=lambda k, dropin=False: "0" * 40,
                               commit=lambda k: self.commits[k])
        return coverage.report(SimpleNamespace(out=self.out), tree,
                               [SimpleNamespace(name="topic", dir=topic)], 2, self.source,
                               dict(os.environ))

    def test_lines_of_each_patch(self):
        """Each patch has its own lines, where they stand in the end."""
        first, second = self.report().patches
        self.assertEqual([str(line) for line in first.uncovered], ["lib/a.c:11: return -22;"])
        self.assertEqual([str(line) for line in second.uncovered],
                         ["inc.h:4: return 0;", "lib/a.c:13: return 77;"])
        # The signature line, the two tests and the returns; not the braces' line.
        self.assertEqual(first.runnable - first.covered, 1)
        self.assertEqual(first.percent(), f"{first.covered * 1000 // first.runnable / 10:.1f} %")

    def test_unchanged_lines_do_not_count(self):
        """A line of the base that did not run is nobody's fault."""
        lines = [str(line) for patch in self.report().patches for line in patch.uncovered]
        self.assertFalse([line for line in lines if line.startswith("lib/a.c:5")])

    def test_not_built(self):
        """A C file that has no object is a finding, unless somebody says why."""
        self.assertEqual(self.report().patches[1].unbuilt, {"vmd.c": 4})
        report = self.report("file: vmd.c\nreason: needs x86\nuntil: um has it\n")
        self.assertEqual((report.findings(), report.stale), (3, []))
        self.assertEqual(report.patches[1].aside, {"vmd.c": "needs x86"})
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            summary.show_coverage(report)
        self.assertIn("vmd.c (4 added lines of 0002)\n    needs x86", said.getvalue())

    def test_excused_file_that_is_built(self):
        """An excuse for a file that has an object is a finding of its own."""
        report = self.report("file: lib/a.c\nreason: r\nuntil: u\n")
        self.assertEqual((len(report.stale), report.findings()), (1, 5))

    def test_excuse_for_what(self):
        """An excuse names a line or a file: not both, not neither."""
        for text in ("reason: r\nuntil: u\n",
                     "line: a: b\nfile: vmd.c\nreason: r\nuntil: u\n"):
            with self.assertRaisesRegex(term.StackError, "topic/uncovered:1: "):
                self.report(text)

    def test_findings(self):
        """Uncovered lines are findings, and a file that was not built is one."""
        self.assertEqual(self.report().findings(), 4)

    def test_excused(self):
        """An excused line is shown with its reason and is no finding."""
        report = self.report("line: lib/a.c: return -22;\nreason: cannot happen\nuntil: never\n")
        self.assertEqual(report.findings(), 3)
        self.assertEqual(report.patches[0].excused[0].reason, "cannot happen")

    def test_stale_excuse(self):
        """An excuse for a line that ran is a finding."""
        report = self.report("line: lib/a.c: return x + 1;\nreason: r\nuntil: u\n")
        self.assertEqual(len(report.stale), 1)
        self.assertEqual(report.findings(), 5)

    def test_excuse_is_for_its_file(self):
        """The same text in another file is no less a finding."""
        entry = coverage.PatchCoverage("p", uncovered=[coverage.Line("a.c", 3, "\tx();"), coverage.Line("b.c", 4, "x();")])
        item = stanza.Stanza(1, {"line": "a.c: x();", "reason": "why"})
        self.assertEqual(coverage.excuse([entry], [item], "n"), [])
        self.assertEqual([line.path for line in entry.uncovered], ["b.c"])
        self.assertEqual(coverage.excuse([entry], [item], "n"), ["n:1: no uncovered line is: a.c: x();"])

    def test_excuse_without_reason(self):
        """An excuse that gives no reason is an error."""
        with self.assertRaises(term.StackError):
            self.report("line: lib/a.c: return -22;\nuntil: u\n")

    def test_no_counts(self):
        """A run that wrote no counts is an error, not nought per cent."""
        with self.assertRaises(term.StackError):
            gcov.counts(self.source, self.source, ["lib/a.c"], dict(os.environ))

    def test_no_gcov(self):
        """No gcov is an error that says what to do."""
        with self.assertRaises(term.StackError) as caught:
            gcov.counts(self.build, self.source, ["lib/a.c"], {"PATH": str(self.source)})
        self.assertIn("setup", caught.exception.mend)

    def test_broken_gcov(self):
        """A gcov that fails, prints garbage or prints nothing is an error."""
        for script in ("exit 1", "echo garbage", "true"):
            tools = self.out / "tools"
            tools.mkdir(exist_ok=True)
            (tools / "gcov").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (tools / "gcov").chmod(0o755)
            with self.assertRaises(term.StackError):
                gcov.counts(self.build, self.source, ["lib/a.c"], {"PATH": str(tools)})


ERROR_PATHS = """\
int sink;
int number(int x)
{
	if (x < 0)
		return -22;
	if (x > 1000) {
		sink++;
		return x - 1000;
	}
	if (x == 5)
		return 55;
	return x + 1;
}
static int kind(int x)
{
	switch (x) {
	case 1:
		return -5;
	default:
		return 0;
	}
}
int all(int x)
{
	int ret;
	if (x == 3) {
		ret = -12;
		goto out;
	}
	ret = kind(x);
	if (ret)
		goto out;
	ret = 8;
out:
	return ret;
}
int main(void)
{
	return number(3) != 4 || all(9) != 8;
}
"""


class Optimized(unittest.TestCase):
    """Counting at the kernel's optimization level."""

    def lines(self, *flags):
        """Line -> ran, of a program that takes no error path, compiled with @flags."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "x.c").write_text(ERROR_PATHS, encoding="utf-8")
            subprocess.run(["gcc", *flags, "-c", "x.c", "-o", "x.o"], cwd=folder, check=True)
            subprocess.run(["gcc", "--coverage", "x.o", "-o", "x"], cwd=folder, check=True)
            subprocess.run(["./x"], cwd=folder, check=True)
            counts = gcov.counts(folder, folder, ["x.c"], dict(os.environ))["x.c"]
        text = ERROR_PATHS.splitlines()
        return {number: bool(count) for number, count in counts.items()
                if "return" in text[number - 1] or "=" in text[number - 1]}

    def test_as_unoptimized(self):
        """Our flags make -O2 tell about each statement what -O0 tells."""
        expected = self.lines("-O0", "--coverage")
        self.assertFalse(expected[5])
        self.assertEqual(self.lines("-O2", *coverage.FLAGS.split()), expected)

    def test_why(self):
        """Without them it does not; when it does, they can go."""
        self.assertNotEqual(self.lines("-O2", "--coverage"), self.lines("-O0", "--coverage"))


class Small(unittest.TestCase):
    """Arithmetic and options."""

    def test_percent_rounds_down(self):
        """Only all lines are 100 %."""
        self.assertEqual(coverage.percent(9999, 10000), "99.9 %")
        self.assertEqual(coverage.percent(3, 3), "100.0 %")
        self.assertEqual(coverage.percent(0, 0), "-")

    def test_instrumented_folders(self):
        """The folders of the touched files and of the drop-in, no more."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "kunit/drivers/pci/tests").mkdir(parents=True)
            (Path(folder) / "kunit/drivers/pci/tests/x_kunit.c").touch()
            patch = SimpleNamespace(files=["drivers/pci/msi/api.c", "include/linux/pci.h"])
            option = coverage.make_options(folder, [patch])[1]
        self.assertIn("$(filter drivers/pci/msi drivers/pci/tests,$(obj))", option)

    def test_old_counts_go(self):
        """Counts of an earlier run are removed before the next."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.gcda").touch()
            (Path(folder) / "a.gcno").touch()
            coverage.forget(folder)
            self.assertEqual([path.name for path in Path(folder).iterdir()], ["a.gcno"])


if __name__ == "__main__":
    unittest.main()
