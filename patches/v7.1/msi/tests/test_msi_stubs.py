# SPDX-License-Identifier: GPL-2.0
"""Row 12 of the msi test matrix: the stubs of a kernel without MSI, and of one without PCI.

A driver that may be built without CONFIG_PCI (COMPILE_TEST) needs both. What a stub
returns is known when the file is compiled, so a wrong value stops the compiler.
"""
import unittest

import msi_support

UNIT = """// SPDX-License-Identifier: GPL-2.0
#include <linux/build_bug.h>
#include <linux/module.h>
#include <linux/pci.h>

#define TYPES (PCI_IRQ_INTX | PCI_IRQ_MSI | PCI_IRQ_MSIX)

static const struct pci_dev dev = { .irq = 5 };

int %(name)s(struct irq_affinity *affd);
int %(name)s(struct irq_affinity *affd)
{
	struct pci_dev *pdev = (struct pci_dev *)&dev;

	BUILD_BUG_ON(IS_ENABLED(CONFIG_PCI) != %(pci)d);
	BUILD_BUG_ON(IS_ENABLED(CONFIG_PCI_MSI));

	/* INTx is what is left, where there is PCI: one vector, no more. */
	BUILD_BUG_ON(pcim_alloc_irq_vectors(pdev, 1, 4, TYPES) != %(intx)s);
	BUILD_BUG_ON(pcim_alloc_irq_vectors_affinity(pdev, 1, 4, PCI_IRQ_INTX, affd) != %(intx)s);
	BUILD_BUG_ON(pcim_alloc_irq_vectors(pdev, 2, 4, TYPES) != -ENOSPC);
	BUILD_BUG_ON(pcim_alloc_irq_vectors(pdev, 1, 4, PCI_IRQ_MSI) != -ENOSPC);
	BUILD_BUG_ON(pcim_alloc_irq_vectors_affinity(pdev, 1, 4, PCI_IRQ_MSIX, NULL) != -ENOSPC);

	/* And the same as of the unmanaged functions. */
	BUILD_BUG_ON(pcim_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_INTX) !=
		     pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_INTX));
	return 0;
}
MODULE_LICENSE("GPL");
"""


class Stubs(unittest.TestCase):
    """One translation unit, compiled in two configurations."""

    @classmethod
    def setUpClass(cls):
        cls.kernel = msi_support.Kernel()
        cls.addClassCleanup(cls.kernel.remove)
        cls.kernel.push(1)
        cls.kernel.push(3, msi_support.extra())

    def compile(self, name, symbols, **values):
        """Compile the unit; AssertionError with the compiler's words when it does not.

        For i386, whose allnoconfig needs the least: no PCI, no objtool.
        """
        have = self.kernel.configure("i386", "i386", ["MODULES=y"] + symbols)
        self.kernel.make("i386", "i386", "prepare")
        unit = self.kernel.folder / (name + "-unit")
        unit.mkdir()
        (unit / "Kbuild").write_text("obj-m := stubs_%s.o\n" % name, encoding="utf-8")
        (unit / ("stubs_%s.c" % name)).write_text(UNIT % dict(values, name="stubs_" + name),
                                                  encoding="utf-8")
        said = self.kernel.make("i386", "i386", "M=%s" % unit, "W=1", "stubs_%s.o" % name)
        self.assertNotIn("warning:", said)
        self.assertTrue((unit / ("stubs_%s.o" % name)).is_file())
        return have

    def test_without_pci(self):
        """Catches what v3 lacks: stubs where there is no PCI at all."""
        have = self.compile("nopci", [], pci=0, intx="-ENOSPC")
        self.assertNotIn("CONFIG_PCI=y", have)

    def test_without_msi(self):
        """Catches a stub that forgets that INTx is left."""
        have = self.compile("nomsi", ["PCI=y"], pci=1, intx="1")
        self.assertNotIn("CONFIG_PCI_MSI=y", have)


if __name__ == "__main__":
    unittest.main()
