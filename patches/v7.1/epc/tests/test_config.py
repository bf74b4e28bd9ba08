# SPDX-License-Identifier: GPL-2.0
"""The configuration that the tool derives for suites of the pair of NTBs: what only one of them needs, too."""
import unittest
from pathlib import Path

from stacklib.stack import suiteconfig

REPO = Path(__file__).resolve().parents[4]


class Config(unittest.TestCase):
    """From the Kconfig of the drop-in."""

    def test_tool_and_pair(self):
        got = suiteconfig.lines(REPO, None, ["pci_epf_vntb_tool"])
        self.assertLessEqual({"CONFIG_DEBUG_FS=y", "CONFIG_NTB_NETDEV=y", "CONFIG_NTB_TOOL=y", "CONFIG_PCI_KUNIT_FABRIC=y",
                              "CONFIG_OF=y", "CONFIG_PCI_MSI=y"}, set(got))
        self.assertFalse([line for line in suiteconfig.lines(REPO, None, ["pci_epf_vntb_pair"]) if "DEBUG_FS" in line])


if __name__ == "__main__":
    unittest.main()
