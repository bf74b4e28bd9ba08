# SPDX-License-Identifier: GPL-2.0
"""Golden cases: configurations of another architecture, suites that run in one only."""
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import unittest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "stacklib"))

import kunit            # noqa: E402
import kunitarch        # noqa: E402
import kunitrun         # noqa: E402
import term             # noqa: E402
import tools            # noqa: E402


class Arch(unittest.TestCase):
    """What the head lines arch and only do."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)

    def config(self, name, head):
        """A configuration of that head."""
        (self.top / (name + ".config")).write_text(head + "# timeout: 5\nCONFIG_KUNIT=y\n",
                                                   encoding="utf-8")
        return kunitrun.load_config(self.top, name)

    def test_uml(self):
        """Without the line: UML, with its console socket in the build folder."""
        config = self.config("um", "")
        self.assertEqual(kunitarch.options(config), [])
        self.assertEqual(kunitarch.boot_options(config, "/b"), ["--kernel_args=uml_dir=/b/uml/"])
        self.assertEqual(kunitarch.environment(config, {"PATH": "/p"}), {"PATH": "/p"})
        self.assertTrue(kunitarch.ended(config, "reboot: System halted\n"))

    def test_x86(self):
        """With it: kunit.py is told where the machine is, and what UML wants is left away."""
        config = self.config("two", "# arch: x86_64\n")
        self.assertEqual(kunitarch.options(config),
                         ["--arch=x86_64", "--qemu_config=%s/two.py" % self.top])
        self.assertEqual(kunitarch.boot_options(config, "/b"), [])
        self.assertEqual(kunitarch.environment(config, {"PATH": "/p"}),
                         {"PATH": "%s:/p" % self.top})
        self.assertFalse(kunitarch.ended(config, "reboot: System halted\n"))
        self.assertTrue(kunitarch.ended(config, "reboot: Restarting system\n"))

    def test_unknown(self):
        """An architecture that nobody knows is an error."""
        with self.assertRaises(term.StackError):
            self.config("vax", "# arch: vax\n")

    def test_without(self):
        """A suite that a configuration does without runs in the others."""
        plain, full = self.config("plain", "# without: b\n"), self.config("full", "")
        self.assertEqual(kunitarch.suites(self.top, plain, ["a", "b"]), ["a"])
        self.assertEqual(kunitarch.suites(self.top, full, ["a", "b"]), ["a", "b"])

    def test_only(self):
        """A suite that is bound to a configuration runs there and nowhere else."""
        plain, two = self.config("um", ""), self.config("two", "# only: b gone\n")
        self.assertEqual(kunitarch.suites(self.top, plain, ["a", "b"]), ["a"])
        self.assertEqual(kunitarch.suites(self.top, two, ["a", "b"]), ["b"])
        self.assertEqual(kunitarch.suites(self.top, two, ["a"]), [])

    def test_shipped(self):
        """What is shipped has its files, suites and tools."""
        for name in kunit.CONFIGS:
            config = kunitrun.load_config(kunit.config_folder(), name)
            self.assertTrue(set(kunitarch.tools(config)) <= set(tools.TOOLS))
            for suite in config.only:
                self.assertTrue(list(HERE.parents[1].rglob("kunit/**/%s_kunit.c" % suite)), suite)
            if config.arch:
                self.assertTrue(config.path.with_suffix(".py").is_file())

    def test_no_kvm(self):
        """qemu is not asked for accelerators that kunit.py names, and gets all the rest."""
        fake = self.top / "qemu-system-x86_64"
        fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
        fake.chmod(0o755)
        done = subprocess.run([kunit.config_folder() / "qemu-system-x86_64-tcg", "-m", "1",
                               "-accel", "kvm", "-accel", "tcg", "-append", "a b"], text=True,
                              env={"PATH": "%s:%s" % (self.top, os.environ["PATH"])},
                              check=True, capture_output=True)
        self.assertEqual(done.stdout.splitlines(),
                         ["-accel", "tcg", "-m", "1", "-append", "a b"])


if __name__ == "__main__":
    unittest.main()
