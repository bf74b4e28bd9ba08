# SPDX-License-Identifier: GPL-2.0
"""MAINTAINERS.snippet: its form, by the kernel's own tools, and its place in MAINTAINERS."""
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import checks_support  # noqa: E402
import mailstack  # noqa: E402
import ministack  # noqa: E402
from ministack import sh, write  # noqa: E402

from stacklib.host import term  # noqa: E402
from stacklib.mail import recipients  # noqa: E402
from stacklib.stack import dropin, maintainers  # noqa: E402

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
        found = [("DRIVER B", ENTRY.replace("F:\ttools/x.c", "F:\ttools/*.c"))]
        self.assertEqual(maintainers.limited(found, {"tools/sub/x.c"}), [])
        self.assertEqual(len(maintainers.limited(found, {"tools/x.c"})), 1)

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
        tree, commit = checks_support.base()
        cls.base = {name: checks_support.git("show", "%s:%s" % (commit, name), cwd=tree).stdout
                    for name in ("MAINTAINERS", "scripts/parse-maintainers.pl", "scripts/get_maintainer.pl")}

    def test_parse_maintainers_changes_nothing(self):
        mini = ministack.MiniStack(self)
        entries = maintainers.entries(REPO)
        self.assertGreaterEqual(len(entries), 3)
        text = maintainers.merge(self.base["MAINTAINERS"], entries)
        write(mini.top / "parse.pl", self.base["scripts/parse-maintainers.pl"])
        for name, content in (("before", self.base["MAINTAINERS"]), ("after", text)):
            write(mini.top / name, content)
            proc = subprocess.run(["perl", "parse.pl", "--order", "--input=" + name, "--output=" + name + ".new"],
                                  cwd=mini.top, capture_output=True, text=True, check=False)
            self.assertEqual((proc.returncode, proc.stdout + proc.stderr), (0, ""))
        # What the kernel's tool would change is the same without the entries.
        self.assertEqual(self.moved(mini.top, "after"), self.moved(mini.top, "before"))
        for _, entry in entries:
            self.assertIn("\n\n" + entry + "\n", (mini.top / "after.new").read_text())

    def test_get_maintainer_finds_nothing_amiss(self):
        """Its self-test, in a tree that has nothing but the drop-in; and whom it names for a suite."""
        mini = ministack.MiniStack(self)
        tree = mini.top / "small"
        for name in recipients.FOLDERS:
            (tree / name).mkdir(parents=True)
        for name in recipients.FILES:
            write(tree / name, "")
        for name, path, _ in dropin.files(REPO):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(path.read_bytes())
        # The kernel's own text up to the entries, ours, and the last one, without which it says so.
        head = re.match(r".*\nMaintainers List\n-+\n", self.base["MAINTAINERS"], re.S).group(0)
        rest = "\nTHE REST\nM:\tLinus Torvalds <torvalds@linux-foundation.org>\nS:\tBuried\nF:\t*\nF:\t*/\n"
        write(tree / "MAINTAINERS", maintainers.merge(head + rest, maintainers.entries(REPO)))
        write(tree / "get.pl", self.base["scripts/get_maintainer.pl"])
        sh("git", "init", "-q", cwd=tree)  # it asks git for the files
        sh("git", "add", "-f", ".", cwd=tree)
        for what in ("patterns", "sections"):
            self.assertEqual(self.perl(tree, "--self-test=" + what), "", what)
        wild = re.findall(r"\*?[\w.]+\*", "".join(entry for _, entry in maintainers.entries(REPO)))
        write(tree / "MAINTAINERS", (tree / "MAINTAINERS").read_text().replace(wild[0], "nosuch*"))
        self.assertIn("no file matches", self.perl(tree, "--self-test=patterns"))
        for _, entry in maintainers.entries(REPO):
            file = re.sub("/$", "/Kconfig", re.search(r"^F:\t(.*)$", entry, re.M).group(1))
            if "*" not in file:
                said = self.perl(tree, "--no-git", "--no-git-fallback", "--no-rolestats", "-f", file)
                self.assertIn(re.search(r"^L:\t(\S+)", entry, re.M).group(1), said)

    @staticmethod
    def perl(tree, *words):
        """What get_maintainer.pl says there."""
        proc = subprocess.run(["perl", "get.pl", *words], cwd=tree, capture_output=True, text=True, check=False)
        return proc.stdout + proc.stderr

    @staticmethod
    def moved(folder, name):
        """The lines that parse-maintainers.pl moved or changed."""
        said = subprocess.run(["diff", "-U0", name, name + ".new"], cwd=folder, capture_output=True, text=True,
                              check=False).stdout
        return [line for line in said.splitlines()[2:] if not line.startswith("@@")]


if __name__ == "__main__":
    unittest.main()
