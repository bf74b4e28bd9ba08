# SPDX-License-Identifier: GPL-2.0
"""Row 13 of the msi test matrix: the conversions of switchtec and vmd change the callee only.

UML cannot build vmd, and no suite could prove that nothing else changes. The object
code of x86_64 does, before and after.
"""
import difflib
import unittest

import msi_support

OBJECTS = ["drivers/pci/switch/switchtec.o", "drivers/pci/controller/vmd.o"]
CONFIG = ["64BIT=y", "SMP=y", "ACPI=y", "PCI=y", "PCI_MSI=y", "VMD=y", "PCI_SW_SWITCHTEC=y"]


class Nil(unittest.TestCase):
    """Object code after patch 1, and after all."""

    @classmethod
    def setUpClass(cls):
        cls.kernel = msi_support.Kernel()
        cls.addClassCleanup(cls.kernel.remove)
        cls.kernel.push(1)
        cls.kernel.configure("x86_64", "x86", CONFIG)
        cls.before = cls.code()
        cls.kernel.push(3, msi_support.extra())
        cls.after = cls.code()

    @classmethod
    def code(cls):
        """Compile and disassemble; {object: list of lines}."""
        cls.kernel.make("x86_64", "x86", "prepare")
        cls.kernel.make("x86_64", "x86", *OBJECTS)
        found = {}
        for name in OBJECTS:
            text = msi_support.run("objdump", "-dr", "--no-show-raw-insn",
                                   cls.kernel.folder / "x86" / name)
            found[name] = text.splitlines()[3:]
        return found

    def test_only_the_callee(self):
        """Catches a change of arguments, flags, error handling, or a pci_free_irq_vectors()."""
        for name in OBJECTS:
            with self.subTest(name):
                changes = [line for line in difflib.unified_diff(self.before[name],
                                                                 self.after[name], n=0, lineterm="")
                           if not line.startswith(("---", "+++", "@@"))]
                self.assertEqual(len(changes), 2, changes)
                self.assertRegex(changes[0], r"^-.*R_X86_64_\w+\s+pci_alloc_irq_vectors-0x4$")
                self.assertEqual(changes[1][1:],
                                 changes[0][1:].replace("\tpci_alloc", "\tpcim_alloc"))

    def test_no_explicit_free(self):
        """The vectors have one owner."""
        for name in OBJECTS:
            with self.subTest(name):
                self.assertFalse([x for x in self.after[name] if "pci_free_irq_vectors" in x])


if __name__ == "__main__":
    unittest.main()
