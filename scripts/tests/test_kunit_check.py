# SPDX-License-Identifier: GPL-2.0
"""Golden cases: scripts/checks/kunit as the runner calls it."""
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

from stacklib.suites import boot  # noqa: E402
from test_kunit_run import FAKE  # noqa: E402

CHECK = HERE.parent / "checks" / "kunit"
SYMBOLS = ("SCRATCH", "SCRATCH_FAIL", "SCRATCH_SPLAT", "ABSENT")
FINDING = re.compile(r"^[^:\s]+:\d+: (error|warning|note): \S.*$")


class Check(unittest.TestCase):
    """The check in a copy of the project that has a drop-in with one suite."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)
        self.repo, self.tree = self.top / "repo", self.top / "check"
        for name in ("stacklib", "kunit", "checks"):
            shutil.copytree(HERE.parent / name, self.repo / "scripts" / name,
                            ignore=shutil.ignore_patterns("__pycache__"))
        for top in (self.repo / "kunit", self.tree):
            path = top / "drivers/pci/tests/Kconfig"
            path.parent.mkdir(parents=True)
            path.write_text("".join(f"config {name}_KUNIT_TEST\n\tbool\n" for name in SYMBOLS), encoding="utf-8")
        (self.tree / "tools/testing/kunit").mkdir(parents=True)
        (self.tree / boot.KUNIT_PY).write_text(FAKE, encoding="utf-8")

    def check(self, play, suites, *args, **more):
        """Run the check in which kunit.py plays @play; returns the finished process."""
        options = boot.read_options(HERE.parent / "kunit" / "plain.config")
        options.update({f"{name}_KUNIT_TEST": "y" for name in SYMBOLS})
        env = dict(os.environ, TREE=str(self.tree), BUILD=str(self.top / "build"),
                   SUITES=suites, JOBS="1", LOG=str(self.top / "log"), PLAY=play,
                   GOLDEN=str(HERE / "kunit"), DOT_CONFIG=repr(options),
                   STACK_CACHE=str(self.top / "cache"), **more)
        for key in [key for key, value in env.items() if value is None]:
            del env[key]
        return subprocess.run([sys.executable, str(self.repo / "scripts/checks/kunit"), *args],
                              env=env, capture_output=True, text=True, check=False)

    def findings(self, done):
        """The findings of a check that ran; each is a line of the contract."""
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in done.stdout.splitlines():
            self.assertRegex(line, FINDING)
        return done.stdout.splitlines()

    def test_pass(self):
        """A good boundary has no finding, and its log is kept."""
        self.assertEqual(self.findings(self.check("pass", "scratch")), [])
        self.assertIn("KTAP version 1", (self.top / "log").read_text(encoding="utf-8"))

    def test_failure(self):
        """A failed expectation is a finding at its line."""
        line, = self.findings(self.check("fail", "scratch_fail"))
        self.assertTrue(line.startswith("drivers/pci/tests/scratch_kunit.c:26: error: "
                                        "scratch_fail.fails failed"), line)

    def test_report(self):
        """A WARN in a passing run is a finding."""
        first, second = self.findings(self.check("warn", "scratch_splat"))
        self.assertIn("kernel report (warn) in suite scratch_splat", first)
        self.assertIn("lib/refcount.c:25", second)

    def test_crash(self):
        """A crash is a finding, not a broken check."""
        self.assertTrue(self.findings(self.check("crash", "scratch")))

    def test_build_error(self):
        """A boundary that does not build is a finding, with the build's log kept."""
        line, = self.findings(self.check("build-error", "scratch"))
        self.assertIn("unknown type name", line)
        self.assertIn("unknown type name", (self.top / "log").read_text(encoding="utf-8"))

    def test_did_not_run(self):
        """A suite that should build here and has no result is a finding."""
        line, = self.findings(self.check("pass", "scratch absent"))
        self.assertIn("suite absent was asked for and did not run", line)

    def test_suites_of_other_configurations(self):
        """What a section [configs] keeps out of plain is not asked for."""
        (self.repo / "kunit/suites.ini").write_text("[configs]\napart = -plain\nalone = lockdep\n", encoding="utf-8")
        self.assertEqual(self.findings(self.check("pass", "scratch apart alone")), [])
        done = self.check("pass", "apart")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("none of SUITES runs in configuration plain", done.stderr)

    def test_broken(self):
        """What keeps the check from running makes it broken, never clean."""
        silent = self.check("silent", "scratch")
        empty = self.check("pass", "")
        unknown = self.check("pass", "no_such_suite")
        unset = self.check("pass", None)
        argument = self.check("pass", "scratch", "--fast")
        self.assertEqual((argument.returncode, argument.stdout), (2, ""))
        self.assertIn("usage: ", argument.stderr)
        (self.tree / boot.KUNIT_PY).unlink()
        no_kunit = self.check("pass", "scratch")
        for done in (silent, empty, unknown, unset, no_kunit):
            self.assertEqual((done.returncode, done.stdout), (3, ""))
            self.assertIn("kunit: ", done.stderr)

    def test_version(self):
        """The version names the compiler and changes with the allow list."""
        one = self.check("pass", "scratch", "--version")
        self.assertEqual(one.returncode, 0)
        self.assertIn("gcc", one.stdout)
        said = {one.stdout}
        for name, text in (("scripts/kunit/splats.allow", "\n# more\n"), ("kunit/splats.allow", "# c\n"),
                           ("patches/v1/x/splats.allow", "# c\n"), ("patches/v1/x/topic.ini", "[configs]\na = b\n")):
            (self.repo / name).parent.mkdir(parents=True, exist_ok=True)
            with open(self.repo / name, "a", encoding="utf-8") as file:
                file.write(text)
            said.add(self.check("pass", "scratch", "--version").stdout)
        self.assertEqual(len(said), 5, said)

    def test_help(self):
        """--help prints the head of the file."""
        done = self.check("pass", "scratch", "--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("kind: boundary", done.stdout)


if __name__ == "__main__":
    unittest.main()
