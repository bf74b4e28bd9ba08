# SPDX-License-Identifier: GPL-2.0
"""include/uapi/linux/vfio.h with the patches of the topic, as programs include it.

The header is compiled for 64 and 32 bits, for big endian and as C++, with all warnings, by compilers that find
nothing else of the kernel tree. Sizes and offsets are written out: all compilers have to agree with them, and so
with each other. STACK_TEST_EXTRA names one more diff, put on top of the patches: a fault that must be noticed.
"""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import checks_support

HEADER = "include/uapi/linux/vfio.h"
TOPIC = Path(__file__).resolve().parents[1]

# What a program has compiled in
LAYOUT = {
    "vfio_pci_tph_op": (16, {"argsz": 0, "flags": 4, "op": 8, "reserved": 12}),
    "vfio_pci_tph_cap": (32, {"modes": 0, "st_table_loc": 4, "st_table_size": 8, "max_entries": 12, "mode": 16,
                              "entry_size": 20, "tag_bits": 24, "flags": 28}),
    "vfio_pci_tph_enable": (8, {"mode": 0, "reserved": 4}),
    "vfio_pci_tph_st": (16, {"count": 0, "entry_size": 4, "reserved": 8}),
    "vfio_pci_tph_st_entry": (16, {"cpu": 0, "index": 4, "mem_type": 6, "reserved0": 7, "st": 8, "reserved1": 10,
                                   "reserved2": 12}),
}
NUMBERS = {
    "VFIO_DEVICE_PCI_TPH": 0x3b7a, "VFIO_TPH_MAX_ENTRIES": 2048, "VFIO_PCI_TPH_DISABLED": 0xffffffff,
    "VFIO_PCI_TPH_OP_GET_CAP": 0, "VFIO_PCI_TPH_OP_ENABLE": 1, "VFIO_PCI_TPH_OP_DISABLE": 2,
    "VFIO_PCI_TPH_OP_GET_ST": 3, "VFIO_PCI_TPH_OP_SET_ST": 4, "VFIO_PCI_TPH_MODE_NO_ST": 0,
    "VFIO_PCI_TPH_MODE_IV": 1, "VFIO_PCI_TPH_MODE_DS": 2, "VFIO_PCI_TPH_ST_NONE": 0, "VFIO_PCI_TPH_ST_CAP": 1,
    "VFIO_PCI_TPH_ST_MSIX": 2, "VFIO_PCI_TPH_CAP_TAGS": 1, "VFIO_PCI_TPH_MEM_VOLATILE": 0,
    "VFIO_PCI_TPH_MEM_PERSISTENT": 1,
}
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
COMPILERS = {
    "gcc, 64 bits": ["gcc", "-std=c11"],
    "gcc, 32 bits": ["gcc", "-m32", "-std=c11"],
    "gcc, C90": ["gcc", "-std=gnu90"],
    "gcc, s390x, big endian": ["s390x-linux-gnu-gcc", "-std=c11"],
    "g++, 64 bits": ["g++", "-std=c++11"],
    "g++, 32 bits": ["g++", "-m32", "-std=c++11"],
    "g++, C++20": ["g++", "-std=c++20"],
}
# How the header's own example calls an operation
EXAMPLE = """
int ask(int fd, struct vfio_pci_tph_cap *cap);
int ask(int fd, struct vfio_pci_tph_cap *cap)
{
	struct {
		struct vfio_pci_tph_op op;
		struct vfio_pci_tph_cap cap;
	} arg;

	arg.op.argsz = sizeof(arg);
	arg.op.flags = 0;
	arg.op.op = VFIO_PCI_TPH_OP_GET_CAP;
	arg.op.reserved = 0;
	ioctl(fd, VFIO_DEVICE_PCI_TPH, &arg);
	*cap = arg.cap;
	return 0;
}
"""


def program():
    """The source of a program that compiles if layout and numbers are right."""
    def must(what):
        # negative for what is wrong; C90 has no static assertion
        nonlocal count
        count += 1
        return f"extern char assert_{count}[({what}) ? 1 : -1];"

    count = 0
    lines = ["#include <stddef.h>", "#include <linux/vfio.h>", "int ioctl(int, unsigned long, ...);"]
    for name, (size, members) in LAYOUT.items():
        lines.append(must(f"sizeof(struct {name}) == {size}"))
        lines += [must(f"offsetof(struct {name}, {member}) == {offset}") for member, offset in members.items()]
    lines += [must(f"(unsigned int)({name}) == {value}U") for name, value in NUMBERS.items()]
    return "\n".join(lines) + EXAMPLE


class Uapi(unittest.TestCase):
    """One compiler after the other."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="stack-test-uapi-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        repo, commit = checks_support.base()
        header = cls.folder / HEADER
        header.parent.mkdir(parents=True)
        header.write_text(checks_support.git("show", f"{commit}:{HEADER}", cwd=repo).stdout)
        extra = os.environ.get("STACK_TEST_EXTRA")
        for patch in [*sorted(TOPIC.glob("00*.patch"))[1:], *([extra] if extra else [])]:
            if f" b/{HEADER}\n" in Path(patch).read_text(encoding="utf-8"):
                checks_support.git("apply", f"--include={HEADER}", str(patch), cwd=cls.folder)
        # As make headers_install has it
        text = re.sub(r"\b__user\b ?", "", header.read_text())
        text = re.sub(r" __counted_by\(\w+\)", "", text)
        header.write_text(text.replace("#include <linux/compiler.h>\n", ""))
        (cls.folder / "program.c").write_text(program())

    def test_compilers(self):
        """Sizes, offsets and numbers, and not a warning about what the topic has added."""
        for name, command in COMPILERS.items():
            with self.subTest(name):
                done = self.compiled(command)
                self.assertEqual(done.returncode, 0, done.stdout)

    def test_can_fail(self):
        """A member that moves with the width of a pointer is refused by one of the two."""
        header = self.folder / HEADER
        before = header.read_text()
        self.addCleanup(header.write_text, before)
        header.write_text(before.replace("struct vfio_pci_tph_enable {\n\t__u32\tmode;\n\t__u32\treserved;",
                                         "struct vfio_pci_tph_enable {\n\t__u32\tmode;\n\tunsigned long reserved;"))
        self.assertNotEqual(header.read_text(), before)
        self.assertEqual(self.compiled(COMPILERS["gcc, 32 bits"]).returncode, 0)
        self.assertNotEqual(self.compiled(COMPILERS["gcc, 64 bits"]).returncode, 0)

    def compiled(self, command):
        """Compile the program, with warnings as errors; what the compiler said."""
        language = "c++" if command[0] == "g++" else "c"
        # <asm/types.h> says the same for all that the kernel runs on
        place = subprocess.run(["gcc", "-print-multiarch"], check=True, text=True, stdout=subprocess.PIPE).stdout
        command = [*command, "-isystem", f"/usr/include/{place.strip()}"]
        return subprocess.run([*command, *WARNINGS, "-ffreestanding", "-fsyntax-only", "-x", language,
                               f"-I{self.folder}/include/uapi", str(self.folder / "program.c")],
                              check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    unittest.main()
