# SPDX-License-Identifier: GPL-2.0
"""scripts/faults: each patch that mends a fault has a row, and one that nobody has described is told."""
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402

FAULT = """[PCI: Return more from a15() and b2()]
what = hang
who = root
"""


class Faults(unittest.TestCase):
    """The program, on a stack of its own and on ours."""

    def setUp(self):
        self.mini = ministack.MiniStack(self, tarball=False)
        self.path = self.mini.repo / "patches/faults.ini"
        patch = next((self.mini.repo / "patches/v1/alpha").glob("0002-*.patch"))
        patch.write_text(patch.read_text().replace("Signed-off-by:", 'Fixes: 123456789abc ("x")\nSigned-off-by:', 1))

    def faults(self, text, status, *args):
        """Run it with a faults.ini of this text (None: without); return what it said."""
        if text is not None:
            self.path.write_text(text)
        proc = subprocess.run([str(ministack.LIB.parent / "faults"), *args], check=False,
                              env=ministack.environment(**self.mini.env), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8")
        self.assertEqual(proc.returncode, status, proc.stdout)
        return proc.stdout

    def test_described(self):
        said = self.faults(FAULT + "test = suite.case\n", 0)
        self.assertRegex(said, r"1\. PCI: Return more from a15\(\) and b2\(\) \[alpha\]\n"
                               r"   drivers/\S+\.c:\d+, since 123456789abc\n"
                               r"   hang; by root\n   red without: suite\.case\n1 faults of Linux v1, 0 not described")

    def test_not_described(self):
        said = self.faults(FAULT.replace("more", "less"), 1)
        self.assertIn("add [PCI: Return more from a15() and b2()] to patches/faults.ini", said)

    def test_bad_file(self):
        """A file that is not there, or is none, a mutant that there is not, a topic that there is not: a message."""
        self.assertIn("git checkout -- ", self.faults(None, 2))
        self.assertIn("git checkout -- ", self.faults("what = x\n", 2))
        self.assertIn("there is no mutant alpha/none", self.faults(FAULT + "mutant = alpha/none\n", 2))
        self.assertIn("is not described in full", self.faults("[PCI: Return more from a15() and b2()]\nwhat = x\n", 2))
        self.assertIn("ghost", self.faults(FAULT, 2, "ghost"))

    def test_ours(self):
        """All that the series of this repository mend is described, for each base."""
        repo = ministack.LIB.parent.parent
        for base in sorted(path.parent.name for path in repo.glob("patches/*/base.ini")):
            proc = subprocess.run([str(repo / "scripts/faults"), "--base", base], check=False, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, encoding="utf-8")
            self.assertEqual(proc.returncode, 0, proc.stdout)


if __name__ == "__main__":
    unittest.main()
