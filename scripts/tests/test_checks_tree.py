# SPDX-License-Identifier: GPL-2.0
"""Golden cases of the checks that read a tree: kernel-doc, coccinelle, build, sparse.

build and sparse compile one object for UML in a tree of a few folders: about half a minute for
the first case, a few seconds for the others.
"""
import os
import re
import shutil
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from checks_support import CHECKS, UML, SMALL, CheckCase, git, tool_path

sys.path.insert(0, str(CHECKS / "lib"))
import checklib  # noqa: E402  pylint: disable=wrong-import-position
import kbuild  # noqa: E402  pylint: disable=wrong-import-position

API = "drivers/pci/msi/api.c"
KDOC = "/**\n * pci_canary() - Sing\n * @dev: device\n *\n * Return: 0\n */\nint pci_canary(struct pci_dev *dev, int tune);\n"


class BadLuck(unittest.TestCase):
    """What befell make, not the patch, makes build and sparse broken; nothing of it is kept."""

    SAID = ("x86_64-linux-gnu-gcc: fatal error: Killed signal terminated program cc1",
            "make[3]: *** [scripts/Makefile.build:289: drivers/pci/a.o] Killed",
            "cc1: out of memory: Cannot allocate memory",
            "/tmp/cc1.s: fatal error: can't write: No space left on device",
            "drivers/pci/a.c:3:1: internal compiler error: Segmentation fault")
    HARMLESS = ("drivers/pci/a.c:3:1: warning: unused variable 'killed'", "   12 | /* Killed signal */",
                "drivers/pci/a.c:3:1: error: 'Killed' undeclared", "make[3]: *** [a.o] Error 1")

    def make(self, said):
        """Run a make that says this; returns its CompletedProcess."""
        folder = Path(tempfile.mkdtemp(prefix="stack-test-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        (folder / "make").write_text("#!/bin/sh\necho \"$SAID\" >&2\nexit 2\n", encoding="utf-8")
        (folder / "make").chmod(0o755)
        env = {"PATH": "%s:%s" % (folder, os.environ["PATH"]), "SAID": said, "TREE": str(folder), "ARCH": "um",
               "BUILD": str(folder), "LOG": str(folder / "log")}
        with mock.patch.dict(os.environ, env):
            return kbuild.Kbuild().make("x.o")

    def test_bad_luck(self):
        for said in self.SAID:
            with self.subTest(said), self.assertRaisesRegex(checklib.Broken, "make could not do its work: .*"):
                self.make("make: one\n%s\nmake: two" % said)

    def test_what_the_source_is_to_blame_for(self):
        for said in self.HARMLESS:
            with self.subTest(said):
                self.assertEqual(self.make("make: one\n" + said).returncode, 2)


class Sparse(unittest.TestCase):
    """What the check sparse makes of what the wrapper wrote."""

    def test_only_what_the_patch_compiles(self):
        """make hands sparse a vdso, too, where it has to make one: not in each run, so that it would be news."""
        loader = SourceFileLoader("sparse_check", str(CHECKS / "sparse"))
        check = module_from_spec(spec_from_loader(loader.name, loader))
        loader.exec_module(check)
        folder = Path(tempfile.mkdtemp(prefix="stack-test-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        (folder / "a.c").touch()
        kb = SimpleNamespace(tree=str(folder), relative=lambda path: path)
        said = "".join(f"{path}:1:1: warning: in {path}\n@@ ran {path}\n" for path in ("v/dso.c", "a.c", "d/b.c", "l/x.c"))
        with mock.patch.dict(os.environ, LOG=""):
            sources, found = check.ran(kb, said, ["a.o", "d/", "l/linked.o"])
            self.assertEqual(sources, {"a.c", "d/b.c", "l/x.c"})
            self.assertEqual([row[0] for row in found], ["a.c", "d/b.c", "l/x.c"])
            with self.assertRaisesRegex(checklib.Broken, "exit 127"):
                check.ran(kb, said + "@@ exit 127 v/dso.c\n", ["a.o"])


class KernelDoc(CheckCase):
    """The tree's kernel-doc."""

    def warnings(self, **inputs):
        status, found, err = self.run_check("kernel-doc", FILES=API, **inputs)
        self.assertEqual(status, 0, err)
        return found

    def test_planted_fault(self):
        before = self.warnings()
        line = self.edit(API, "", KDOC) + 5  # the script names the end of the comment
        fresh = [f for f in self.warnings() if f not in before]
        self.assertEqual(fresh, ["%s:%d: warning: function parameter 'tune' not described in 'pci_canary'" % (API, line)])

    def test_clean(self):
        before = self.warnings()
        self.edit(API, "", KDOC.replace(" *\n", " * @tune: what to sing\n *\n", 1))
        self.assertEqual(self.warnings(), before)

    def test_no_source(self):
        self.assert_found("kernel-doc", "(patch):0: hint: touches no", FILES="README")

    def test_missing_file(self):
        self.assert_broken("kernel-doc", "cannot read kernel-doc's output", FILES="drivers/pci/none.c")

    def test_tool_missing(self):
        (self.tree / "scripts/kernel-doc").unlink()
        self.assert_broken("kernel-doc", "scripts/kernel-doc: not in the kernel tree", FILES=API)

    def test_tool_prints_garbage_or_nothing(self):
        for body in ("print('banana')", "pass", "import sys; sys.exit(1)", "import sys; sys.stderr.write('oops\\n')",
                     "import os; os.kill(os.getpid(), 9)"):
            with self.subTest(body):
                script = self.tree / "tools/docs/kernel-doc"
                script.write_text("#!/usr/bin/env python3\n%s\n" % body, encoding="utf-8")
                self.assert_broken("kernel-doc", "kernel-doc", FILES=API)


class Coccinelle(CheckCase):
    """The kernel's semantic patches; only a few of them, for time."""

    KEEP = ("misc/boolreturn.cocci", "misc/semicolon.cocci", "free/kfree.cocci")

    def setUp(self):
        super().setUp()
        top = self.tree / "scripts/coccinelle"
        for path in top.rglob("*.cocci"):
            if str(path.relative_to(top)) not in self.KEEP:
                path.unlink()

    def test_planted_fault(self):
        line = self.edit(API, "", "\nint pci_canary(int i)\n{\n\tswitch (i) {\n\tcase 1:\n\t\treturn 2;\n\t};\n\treturn 0;\n}\n")
        self.assert_found("coccinelle", "%s:%d: warning: Unneeded semicolon [misc/semicolon.cocci]" % (API, line + 6), FILES=API)

    def test_text_has_no_line_number(self):
        self.edit(API, "", "\nvoid pci_canary(int *p)\n{\n\tkfree(p);\n\tpci_sing(*p);\n}\n")
        status, found, err = self.run_check("coccinelle", FILES=API)
        self.assertEqual(status, 0, err)
        self.assertEqual([re.sub(r"^\S+:\d+: ", "", f) for f in found if "kfree.cocci" in f],
                         ["error: ERROR: reference preceded by free on line N [free/kfree.cocci]"])

    def test_clean(self):
        self.assert_clean("coccinelle", FILES=API)

    def test_files_are_judged_apart(self):
        self.edit(API, "", "\nint pci_canary(int i)\n{\n\tswitch (i) {\n\t};\n\treturn 0;\n}\n")
        status, found, err = self.run_check("coccinelle", FILES="drivers/pci/msi/msi.c\n" + API)
        self.assertEqual((status, len([f for f in found if "semicolon" in f])), (0, 1), err)

    def test_tool_missing(self):
        self.assert_broken("coccinelle", "spatch: not found.*stack setup", self.without("spatch"), FILES=API)

    def test_rule_that_fails(self):
        (self.tree / "scripts/coccinelle/bad.cocci").write_text("virtual report\n@r@\n@@\nsyntax error here(\n")
        self.assert_broken("coccinelle", "1 of .* rules failed: bad.cocci", FILES=API)

    def test_rule_for_a_later_spatch_is_a_note(self):
        (self.tree / "scripts/coccinelle/new.cocci").write_text("// Requires: 99.1\nvirtual report\n@r@\n@@\nx(\n")
        self.assert_found("coccinelle", "(rules):0: note: new.cocci needs spatch 99.1", FILES=API)

    def test_no_rules(self):
        for path in (self.tree / "scripts/coccinelle").rglob("*.cocci"):
            path.unlink()
        self.assert_broken("coccinelle", "no semantic patch", FILES=API)

    def test_tool_prints_garbage_or_nothing(self):
        for script in ("echo banana\n", "exit 0\n", "exit 1\n", "echo 'EXN: Failure' >&2\n", "kill -9 $$\n"):
            with self.subTest(script):
                answer = "[ \"$1\" = --version ] && echo 'spatch version 1.1.1' && exit\n"
                self.assert_broken("coccinelle", "spatch", self.fake("spatch", answer + script), FILES=API)


class Compile(CheckCase):
    """build and sparse on UML, in one build folder that all cases share."""

    PATHS = sorted(set(UML + [p for p in SMALL if not p.startswith(("scripts/", "drivers/", "include/"))]))

    def inputs(self, **more):
        # the configuration is that of the real check, cut down to what the cases need
        return dict({"FILES": API, "HEADER_USERS": "drivers/pci/msi/", "KCONFIG_EXTRA": "", "ARCH": "um",
                     "CROSS_COMPILE": "", "BUILD": str(self.scratch / "build"),
                     "JOBS": str(len(os.sched_getaffinity(0))), "STATE": "after"}, **more)

    def test_clean_then_faults(self):
        """The order matters for time: the first compilation configures, the others are incremental."""
        self.assert_clean("build", **self.inputs())
        self.assert_clean("build", **self.inputs())
        self.assert_clean("sparse", **self.inputs())
        self.warns()
        self.does_not_compile()
        self.sparse_finds()
        self.one_compilation_for_both()
        self.compiled_again()
        self.header_users()
        self.gone()
        self.not_here()
        self.broken_compilers()
        self.flavour_that_cannot_be_had()

    def flavour_that_cannot_be_had(self):
        """UML has no PREEMPT_RT: a build without it must not pass for one with."""
        self.assert_broken("build", r"flavour rt: CONFIG_PREEMPT_RT=y cannot be had on um",
                           **self.inputs(FLAVOUR="rt", ARCH_NAME="um+rt"))

    def warns(self):
        line = self.edit(API, "", "\nint pci_canary(void);\nint pci_canary(void)\n{\n\tint unused;\n\treturn 0;\n}\n")
        wanted = "%s:%d: warning: unused variable 'unused' [-Wunused-variable]" % (API, line + 4)
        for _ in range(2):  # compiled again though nothing changed: the warning must come again
            status, found, err = self.run_check("build", **self.inputs())
            self.assertEqual(status, 0, err)
            self.assertEqual([f.translate({0x2018: "'", 0x2019: "'"}) for f in found], [wanted])
        self.setUp()

    def does_not_compile(self):
        line = self.edit(API, "", "\nint pci_canary(void)\n{\n\treturn missing;\n}\n")
        self.assert_found("build", "%s:%d: error: " % (API, line + 3), **self.inputs())
        self.assert_broken("sparse", "not hand drivers/pci/msi/api.o to sparse|sparse", **self.inputs())
        self.setUp()

    def sparse_finds(self):
        line = self.edit(API, "", "\nint pci_canary(int __user *p);\nint pci_canary(int __user *p)\n{\n\treturn *p;\n}\n")
        self.assert_found("sparse", "%s:%d: warning: dereference of noderef expression" % (API, line + 4), **self.inputs())
        self.setUp()

    def one_compilation_for_both(self):
        """What sparse says while build compiles is judged by the check sparse alone, of the same state alone."""
        fault = "\nint pci_canary(int __user *p);\nint pci_canary(int __user *p)\n{\n\tint unused;\n\n\treturn *p;\n}\n"
        line = self.edit(API, "", fault)
        both, alone = self.inputs(TREE_ID="one", ALSO="sparse"), self.inputs(TREE_ID="two")
        report = "%s:%d: warning: dereference of noderef expression" % (API, line + 6)
        status, found, err = self.run_check("build", **both)
        self.assertEqual((status, [f.split(": ", 2)[1:] for f in found if "unused variable" not in f]), (0, []), err)
        self.assertEqual(len(found), 1, "W=1 did not warn in the run for both")
        again = r"^\$ .*(?: C=2 |/sparse .*/api\.c$)"
        for inputs, runs in ((both, 0), (both, 1), (alone, 1)):  # what was left is taken once
            (self.scratch / "log").unlink(missing_ok=True)
            self.assert_found("sparse", report, **inputs)
            self.assertEqual(len(re.findall(again, (self.scratch / "log").read_text(), re.M)), runs)
        self.run_check("build", **both)
        (self.scratch / "log").unlink(missing_ok=True)
        self.assert_found("sparse", report, **alone)
        self.assertEqual(len(re.findall(again, (self.scratch / "log").read_text(), re.M)), 1,
                         "what was said of another state was taken")
        # a sparse that does not work: build does its own work, sparse is broken
        self.setUp()
        for script in ("exit 0\n", "echo banana\n"):
            path = self.fake("sparse", script)
            self.assertEqual(self.run_check("build", path=path, **both)[:2], (0, []))
            self.assert_broken("sparse", "sparse", path, **both)
        good = "for last; do :; done; case $last in *drivers/*.c) exit 127;; *) exec %s \"$@\";; esac\n" % shutil.which(
            "sparse", path=tool_path())
        path = self.fake("sparse", good)
        self.assertEqual(self.run_check("build", path=path, **both)[:2], (0, []))
        self.assert_broken("sparse", "sparse: exit 127", path, **both)

    def compiled_again(self):
        """Without make, by the commands that make has left, where nothing differs that make would ask; the same findings."""
        made = self.scratch / "build/.stack-made"

        def runs(make, check="build"):
            """The findings; what make has to say is asked for as told, and is the same when it is forced to."""
            git("add", "-A", cwd=self.tree)
            inputs, found = self.inputs(TREE_ID=git("write-tree", cwd=self.tree).stdout.strip()), []
            for forced in (make, True)[:1 if make else 2]:
                (self.scratch / "log").unlink(missing_ok=True)
                kept = made.read_bytes() if made.exists() else b""
                if found:
                    made.unlink()
                found.append(self.run_check(check, **inputs))
                self.assertEqual(bool(re.search(r"^\$ \S*make .*W=1", (self.scratch / "log").read_text(), re.M)), forced)
            made.write_bytes(made.read_bytes() if make else kept)
            self.assertEqual(found[0], found[-1])
            return found[0][1]

        fault = "\nint pci_canary(int __user *p);\nint pci_canary(int __user *p)\n{\n\tint unused;\n\n\treturn *p;\n}\n"
        self.assertEqual(runs(True, "sparse"), [])
        line = self.edit(API, "", fault)
        self.edit("drivers/pci/msi/msi.h", "int pci_msi_setup_msi_irqs(", "static int twice;\nint pci_msi_setup_msi_irqs(")
        self.assertEqual(len(runs(False)), 2)
        self.assertEqual([f.split(": ")[:2] for f in runs(False, "sparse")], [["%s:%d" % (API, line + 6), "warning"]])
        self.edit(API, "\treturn *p;\n", "\treturn missing;\n")
        self.assertIn(": error: ", " ".join(runs(False)))
        self.setUp()
        for path in ("drivers/pci/msi/Makefile", "include/linux/kbuild.h", "arch/um/include/asm/page.h"):
            with self.subTest(path):  # decides about commands, or about what make prepare makes
                self.edit(path, "", "\n")
                self.assertEqual(runs(True), [])
        self.setUp()
        (self.scratch / "build" / API.replace("api.c", ".api.o.cmd")).unlink()
        self.assertEqual(runs(True), [])

    def header_users(self):
        self.edit("drivers/pci/msi/msi.h", "int pci_msi_setup_msi_irqs(", "static int pci_canary;\nint pci_msi_setup_msi_irqs(")
        inputs = self.inputs(FILES="drivers/pci/msi/msi.h")
        self.assert_found("build", "drivers/pci/msi/msi.h:", **inputs)
        self.assert_found("build", "drivers/pci/msi/msi.h:0: hint: not here: no object of header-users",
                          **dict(inputs, HEADER_USERS=""))
        self.setUp()
        # a piece of a linker script is no source, but included by one
        piece = "arch/um/include/asm/common.lds.S"
        inputs = self.inputs(FILES=piece, HEADER_USERS="arch/um/kernel/vmlinux.lds")
        self.assert_clean("build", **inputs)
        line = self.edit(piece, "", "\n#error canary\n")
        self.assert_found("build", "%s:%d: error: #error canary" % (piece, line + 1), **inputs)
        self.setUp()

    def gone(self):
        """A patch that only deletes: who included the header, and does a Makefile ask for the source?"""
        for path, said in (("drivers/pci/msi/msi.h", "drivers/pci/msi/api.c:"), ("drivers/pci/msi/irqdomain.c", "(make):0: error: No rule")):
            (self.tree / path).unlink()
            inputs = self.inputs(FILES="", GONE=path)
            self.assert_found("build", said, **inputs)
            self.assert_found("build", "(patch):0: hint: touches nothing", **dict(inputs, STATE="before"))
            self.setUp()

    def not_here(self):
        inputs = self.inputs(FILES="drivers/pci/controller/vmd.c")
        for name in ("build", "sparse"):
            self.assert_found(name, "drivers/pci/controller/vmd.c:0: hint: not here: ", **inputs)
        self.assert_found("build", "(patch):0: hint: touches nothing that is compiled", **self.inputs(FILES="README"))

    def broken_compilers(self):
        inputs = self.inputs()
        for name, tools in (("build", ("gcc", "make")), ("sparse", ("gcc", "make", "sparse"))):
            for tool in tools:
                self.assert_broken(name, "%s: not found.*stack setup" % tool, self.without(tool), **inputs)
        for script in ("echo banana\n", "exit 0\n", "exit 1\n", "kill -9 $$\n"):
            self.assert_broken("build", "make|gcc", self.fake("make", script), **inputs)
            self.assert_broken("sparse", "make|gcc|sparse", self.fake("make", script), **inputs)
            self.assert_broken("sparse", "sparse", self.fake("sparse", script), **inputs)
        # takes the probes, then says something that is no diagnostic, or too much, on kernel sources
        good = "for last; do :; done; case $last in *drivers/*.c) %%s;; *) exec %s \"$@\";; esac\n" % shutil.which(
            "sparse", path=tool_path())
        for answer in ("echo banana", "exit 127", "kill -9 $$", "echo 'a.c:1:1: error: too many errors'"):
            self.assert_broken("sparse", "sparse", self.fake("sparse", good % answer), **inputs)
        # an old sparse: checker-valid.sh of the tree says no, and make would go on without it
        self.assert_broken("sparse", "checker-valid.sh does not accept.*stack setup",
                           self.fake("sparse", "echo \"$1: error: unknown type\"; exit 0\n"), **inputs)


if __name__ == "__main__":
    unittest.main()
