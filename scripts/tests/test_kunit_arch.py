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
sys.path.insert(0, str(HERE.parent))

from stacklib.host import term, tools  # noqa: E402
from stacklib.stack import series  # noqa: E402
from stacklib.suites import boot, machine, session  # noqa: E402


class Arch(unittest.TestCase):
    """What the head lines arch and suites do."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)

    def config(self, name, head):
        """A configuration of that head."""
        (self.top / (name + ".config")).write_text(head + "# timeout: 5\nCONFIG_KUNIT=y\n",
                                                   encoding="utf-8")
        return boot.load_config(self.top, name)

    def test_uml(self):
        """Without the line: UML, with its console socket in the build folder."""
        config = self.config("um", "")
        self.assertEqual(machine.options(config), [])
        self.assertEqual(machine.boot_options(config, "/b"), ["--kernel_args=uml_dir=/b/uml/"])
        self.assertEqual(machine.environment(config, {"PATH": "/p"}), {"PATH": "/p"})
        self.assertTrue(machine.ended(config, "reboot: System halted\n"))

    def test_x86(self):
        """With it: kunit.py is told where the machine is, and what UML wants is left away."""
        config = self.config("two", "# arch: x86_64\n")
        self.assertEqual(machine.options(config),
                         ["--arch=x86_64", "--qemu_config=%s/two.py" % self.top])
        self.assertEqual(machine.boot_options(config, "/b"), [])
        self.assertEqual(machine.environment(config, {"PATH": "/p"}),
                         {"PATH": "%s:/p" % self.top})
        self.assertFalse(machine.ended(config, "reboot: System halted\n"))
        self.assertTrue(machine.ended(config, "reboot: Restarting system\n"))

    def test_unknown(self):
        """An architecture that nobody knows is an error."""
        with self.assertRaises(term.StackError):
            self.config("vax", "# arch: vax\n")

    def test_suites_and_configurations(self):
        """NAME: there alone; +NAME: there as well; -NAME: not there; a configuration that asks for names has no other."""
        told = {"b": ["two"], "c": ["+two"], "d": ["-plain"]}
        have = {name: machine.suites(self.config(name, head), ["a", "b", "c", "d"], told)
                for name, head in (("plain", ""), ("full", ""), ("two", "# suites: named\n"))}
        self.assertEqual(have, {"plain": ["a", "c"], "full": ["a", "c", "d"], "two": ["b", "c"]})

    def test_configurations_of_this_stack(self):
        told = series.suite_configs(HERE.parents[1])
        self.assertTrue(told)
        for words in told.values():
            self.assertLessEqual({word.lstrip("+-") for word in words}, set(session.CONFIGS) | {"bench"})

    def fragments(self, config):
        """The lines of the fragments that @config makes of two, by name of the file."""
        paths = [self.top / "a.kunitconfig", self.top / "b.kunitconfig"]
        paths[0].write_text("CONFIG_A=y\nCONFIG_KUNIT_UML_PCI=y\n# c\nCONFIG_KUNIT_UML_PCIX=y\n",
                            encoding="utf-8")
        paths[1].write_text("CONFIG_B=y\n", encoding="utf-8")
        builder = boot.Builder(self.tree(), self.top / "build", config, paths, {}, 1)
        given = [option.partition("=")[2] for option in builder.options
                 if option.startswith("--kunitconfig=")]
        self.assertEqual(given[0], str(config.path))
        texts = {Path(path).name: Path(path).read_text(encoding="utf-8").splitlines()
                 for path in given[1:]}
        return builder.wanted, texts, paths[0].read_text(encoding="utf-8")

    def tree(self):
        """A kernel tree, as far as Builder looks."""
        path = self.top / "tree" / boot.KUNIT_PY
        path.parent.mkdir(parents=True)
        path.touch()
        return self.top / "tree"

    def test_uml_has_all(self):
        """On UML the fragments are what the suites say."""
        wanted, texts, left = self.fragments(self.config("um", ""))
        self.assertEqual(wanted["KUNIT_UML_PCI"], "y")
        self.assertEqual(texts["a.kunitconfig"], left.splitlines())
        self.assertFalse((self.top / "build").exists())

    def test_x86_lacks(self):
        """x86_64 is not asked for what only UML has; the suite's own file stays as it is."""
        wanted, texts, left = self.fragments(self.config("two", "# arch: x86_64\n"))
        self.assertEqual(wanted, {"KUNIT": "y", "A": "y", "B": "y", "KUNIT_UML_PCIX": "y"})
        self.assertEqual(texts, {"a.kunitconfig": ["CONFIG_A=y", "# c", "CONFIG_KUNIT_UML_PCIX=y"],
                                 "b.kunitconfig": ["CONFIG_B=y"]})
        self.assertIn("CONFIG_KUNIT_UML_PCI=y\n", left)

    def test_shipped(self):
        """What is shipped has its files, suites and tools."""
        for name in session.CONFIGS:
            config = boot.load_config(session.config_folder(), name)
            self.assertTrue(set(machine.tools(config)) <= set(tools.TOOLS))
            if config.arch:
                self.assertTrue(config.path.with_suffix(".py").is_file())

    def test_no_kvm(self):
        """qemu is not asked for accelerators that kunit.py names, and gets all the rest."""
        fake = self.top / "qemu-system-x86_64"
        fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
        fake.chmod(0o755)
        done = subprocess.run([session.config_folder() / "qemu-system-x86_64-tcg", "-m", "1",
                               "-accel", "kvm", "-accel", "tcg", "-append", "a b"], text=True,
                              env={"PATH": "%s:%s" % (self.top, os.environ["PATH"])},
                              check=True, capture_output=True)
        self.assertEqual(done.stdout.splitlines(),
                         ["-accel", "tcg", "-m", "1", "-append", "a b"])


if __name__ == "__main__":
    unittest.main()
