# SPDX-License-Identifier: GPL-2.0
"""MAINTAINERS.snippet: its form, by the kernel's own tools, and its place in MAINTAINERS."""
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import mailstack  # noqa: E402
import ministack  # noqa: E402
from ministack import write  # noqa: E402

import maintainers  # noqa: E402
import term  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
ENTRY = "DRIVER B\nM:\tB <b@example.org>\nS:\tMaintained\nF:\tdrivers/pci/tests/\nF:\ttools/x.c\n"


class Snippet(unittest.TestCase):
    """Entries, merged and limited."""

    def test_place(self):
        found = [("A DRIVER TOO", ENTRY.replace("DRIVER B", "A DRIVER TOO")), ("ZZ", "ZZ\nS:\tOdd\nF:\tz\n")]
        text = maintainers.merge(mailstack.MAINTAINERS, found)
        titles = ["A DRIVER\n", "A DRIVER TOO\n", "ZZ\n", "THE REST\n"]
        self.assertEqual(sorted(titles, key=text.index), titles)
        for _, entry in found:
            self.assertIn("\n\n" + entry + "\n", text)
            text = text.replace(entry + "\n", "")
        self.assertEqual(text, mailstack.MAINTAINERS)

    def test_entry_that_grows(self):
        once = maintainers.merge(mailstack.MAINTAINERS, [("DRIVER B", ENTRY)])
        more = ENTRY + "F:\ttools/y.c\n"
        self.assertEqual(maintainers.merge(once, [("DRIVER B", more)]), once.replace(ENTRY, more))
        self.assertEqual(maintainers.merge(once, [("DRIVER B", ENTRY)]), once)

    def test_only_for_what_is_there(self):
        found = [("DRIVER B", ENTRY)]
        self.assertEqual(maintainers.limited(found, {"drivers/pci/tests/a.c"}),
                         [("DRIVER B", ENTRY.replace("F:\ttools/x.c\n", ""))])
        self.assertEqual(maintainers.limited(found, {"drivers/pci/a.c", "tools/sub/x.c"}), [])

    def test_bad_form(self):
        mini = ministack.MiniStack(self)
        for text in ("TITLE\n", "TITLE\nM: a blank\n", "TITLE\nM:\tx\nno key\n"):
            write(mini.repo / "MAINTAINERS.snippet", text)
            with self.assertRaisesRegex(term.StackError, "MAINTAINERS.snippet: the entry 'TITLE' is not"):
                maintainers.entries(mini.repo)
        proc = mini.stack("apply")
        self.assertEqual(proc.returncode, 2)
        self.assertIn("mend: $EDITOR MAINTAINERS.snippet", proc.stderr)

    def test_apply_and_export(self):
        mini = mailstack.MailStack(self)
        mini.give_maintainers("#!/usr/bin/perl\n")
        write(mini.repo / "MAINTAINERS.snippet", "DRIVER B\nM:\tB <b@example.org>\nS:\tMaintained\n"
              "F:\tdrivers/pci/tests/alpha_*\nF:\tdrivers/pci/tests/mini*\n")
        proc = mini.stack("apply", "--tree", mini.kernel)
        self.assertEqual(proc.returncode, 0, proc.stderr)
        text = (mini.out / "linux/MAINTAINERS").read_text()
        self.assertIn("\nF:\tdrivers/pci/tests/alpha_*\nF:\tdrivers/pci/tests/mini*\n\nTHE REST\n", text)
        mini.stack("export", "--all", "--tree", mini.kernel)
        fabric = (mini.out / "export/01-kunit.mbx").read_text()
        self.assertIn("+F:\tdrivers/pci/tests/mini*", fabric)
        self.assertNotIn("+F:\tdrivers/pci/tests/alpha_*", fabric)
        self.assertIn("+F:\tdrivers/pci/tests/alpha_*", (mini.out / "export/02-alpha.mbx").read_text())


class KernelTools(unittest.TestCase):
    """What the kernel's scripts say of the snippet of this repository, in a real MAINTAINERS."""

    @classmethod
    def setUpClass(cls):
        tree = os.environ.get("STACK_TEST_TREE")
        if not tree:
            raise unittest.SkipTest("no kernel tree: run through scripts/stack test")
        cls.base = {name: subprocess.run(["git", "-C", tree, "show", "refs/stack/base:" + name], check=True,
                                         capture_output=True).stdout
                    for name in ("MAINTAINERS", "scripts/parse-maintainers.pl")}

    def test_parse_maintainers_changes_nothing(self):
        mini = ministack.MiniStack(self)
        entries = maintainers.entries(REPO)
        self.assertGreaterEqual(len(entries), 3)
        text = maintainers.merge(self.base["MAINTAINERS"].decode(), entries)
        write(mini.top / "parse.pl", self.base["scripts/parse-maintainers.pl"].decode())
        for name, content in (("before", self.base["MAINTAINERS"].decode()), ("after", text)):
            write(mini.top / name, content)
            proc = subprocess.run(["perl", "parse.pl", "--order", "--input=" + name, "--output=" + name + ".new"],
                                  cwd=mini.top, capture_output=True, text=True, check=False)
            self.assertEqual((proc.returncode, proc.stdout + proc.stderr), (0, ""))
        # What the kernel's tool would change is the same without the entries.
        self.assertEqual(self.moved(mini.top, "after"), self.moved(mini.top, "before"))
        for _, entry in entries:
            self.assertIn("\n\n" + entry + "\n", (mini.top / "after.new").read_text())

    @staticmethod
    def moved(folder, name):
        """The lines that parse-maintainers.pl moved or changed."""
        said = subprocess.run(["diff", "-U0", name, name + ".new"], cwd=folder, capture_output=True, text=True,
                              check=False).stdout
        return [line for line in said.splitlines()[2:] if not line.startswith("@@")]


if __name__ == "__main__":
    unittest.main()
