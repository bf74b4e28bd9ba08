# SPDX-License-Identifier: GPL-2.0
"""scripts/pairs without a kernel: what it makes of a log, and of the letters of some trees."""
import importlib.machinery
import importlib.util
import sys
import types
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402


def program():
    """scripts/pairs as a module."""
    loader = importlib.machinery.SourceFileLoader("pairs", str(ministack.LIB.parent / "pairs"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("pairs", loader))
    loader.exec_module(module)
    return module


class Tree(unittest.TestCase):
    """Pairs.choose()"""

    def test_one_configuration(self):
        """The kernels of all trees have the same suites: the one that runs."""
        for number in (0, 2):
            one = program().Pairs.__new__(program().Pairs)
            one.suite, one.first = "pairs", 2 - number
            one.args = types.SimpleNamespace(extra=None)
            one.tree = types.SimpleNamespace(boundaries=7, suites=lambda boundary: [f"suite{boundary}", "pairs"],
                                             checkout=lambda boundary, dropin: (boundary, dropin))
            one.choose()
            self.assertEqual((one.known, one.asked, one.source), (["pairs"], ["pairs"], (5 + number, True)))


class Log(unittest.TestCase):
    """read()"""

    def test_letters(self):
        """Each pair that was begun has a letter, and those that were left out have none."""
        well = "[ 1.0] pair 0: a, b\n    ok 1 a, b\n[ 1.0] pair 1: a c, d\n"
        left = "    ok 3 e, f # SKIP not asked for\n"
        for end, letter in (("    ok 2 a c, d\n", "."), ("    not ok 2 a c, d\n", "x"), ("", "H"),
                            ("a c does not end\n    not ok 2 a c, d\n", "H"), ("a c does not end\n", "H"),
                            ("Kernel mode fault at addr 0x0\n", "O"), ("BUG: x\na c does not end\n", "O")):
            with self.subTest(end):
                self.assertEqual(program().read(well + end + left), {("a", "b"): ".", ("a c", "d"): letter})

    def test_nothing(self):
        """A kernel that did not get to a pair has no letter."""
        self.assertEqual(program().read("    ok 3 e, f # SKIP not asked for\n"), {})


class Table(unittest.TestCase):
    """table()"""

    def test_not_run(self):
        """A pair that one tree has not come to is told from one that there is not."""
        two = {("a", "a"): ".", ("a", "b"): ".", ("b", "b"): "x"}
        lines = [*program().table({"one": {("a", "a"): "H"}, "two": two})]
        self.assertIn("a             H. -.", lines)
        self.assertIn("b                -x", lines)
        self.assertTrue([line for line in lines if line.split() == "one 1 pairs: 0 ., 1 H, 0 O, 0 x".split()])
        self.assertTrue([line for line in lines if line.split() == "two 3 pairs: 2 ., 0 H, 0 O, 1 x".split()])


if __name__ == "__main__":
    unittest.main()
