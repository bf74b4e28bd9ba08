# SPDX-License-Identifier: GPL-2.0
"""What a suite needs in .config, from Kconfig and .kunitconfig."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import ministack  # noqa: E402
from stacklib.host.term import StackError  # noqa: E402
from stacklib.stack import suiteconfig  # noqa: E402
from stacklib.suites import session  # noqa: E402

KCONFIG = """# SPDX-License-Identifier: GPL-2.0
if FABRIC # and more

# what it stands on
config BASE
	def_bool BARS && !MODULES
	depends on DEEP

menuconfig ONE_KUNIT_TEST
	bool "One" if !KUNIT_ALL_TESTS
	depends on BASE && PCI_IOV && \\
		   EPF=y && DMA=m
	depends on (UML || X86_64 && SMP) && (A && (B || C))
	depends on P || Q && R
	default KUNIT_ALL_TESTS
	select CHOSEN
	help
	  It depends on nothing.
	  depends on HELP

endif # FABRIC
config TWO_KUNIT_TEST
	bool
"""


class Config(unittest.TestCase):
    """A folder with two suites."""

    def setUp(self):
        self.mini = ministack.MiniStack(self)
        self.folder = self.mini.repo / "kunit/drivers/pci/tests"
        ministack.write(self.folder / "sub/Kconfig", KCONFIG)
        ministack.write(self.folder / "sub/.kunitconfig", "CONFIG_KUNIT=y\n# CONFIG_IPV6 is not set\n\nCONFIG_REST=y\n")

    def lines(self, *suites, top=None):
        return suiteconfig.lines(self.mini.repo, top, suites)

    def test_needs(self):
        common = ["# CONFIG_IPV6 is not set", "CONFIG_KUNIT=y"]
        one = [f"CONFIG_{name}=y" for name in ("BARS", "BASE", "DEEP", "EPF", "FABRIC", "ONE_KUNIT_TEST", "PCI_IOV")]
        self.assertEqual(self.lines("one"), sorted(common + one))
        self.assertEqual(self.lines("two"), sorted(common + ["CONFIG_TWO_KUNIT_TEST=y"]))
        self.assertEqual(self.lines("one", "two", "mini"), sorted(
            common + one + ["CONFIG_TWO_KUNIT_TEST=y", "CONFIG_MINI_KUNIT_TEST=y"]))

    def test_of_the_base(self):
        """What base.ini names is asked for as well, once."""
        path, = session.fragments(self.mini.repo, None, ["two"], self.mini.repo, "CONFIG_KUNIT=y\nCONFIG_OF_BASE=y")
        self.assertEqual(path.read_text().splitlines(), ["# CONFIG_IPV6 is not set", "CONFIG_KUNIT=y", "CONFIG_OF_BASE=y",
                                                         "CONFIG_TWO_KUNIT_TEST=y"])

    def test_ring(self):
        ministack.write(self.folder / "sub/Kconfig", "config A\n\tdef_bool B\nconfig B\n\tdef_bool A\n"
                        "config ONE_KUNIT_TEST\n\tdepends on A\nendif\nif ((\nif )\n")
        self.assertEqual([line for line in self.lines("one") if "IPV6" not in line],
                         ["CONFIG_A=y", "CONFIG_B=y", "CONFIG_KUNIT=y", "CONFIG_ONE_KUNIT_TEST=y"])

    def test_no_symbol(self):
        with self.assertRaisesRegex(StackError, "suite 'three' has no symbol THREE_KUNIT_TEST"):
            self.lines("three")

    def test_tree_without_the_drop_in(self):
        with self.assertRaisesRegex(StackError, "tests/Kconfig is not in the tree"):
            self.lines("one", top=self.mini.kernel)


if __name__ == "__main__":
    unittest.main()
