# SPDX-License-Identifier: GPL-2.0
"""Golden cases of `port`: topics carried to a second base."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import sh, write  # noqa: E402

from stacklib.stack import renumber  # noqa: E402

A, B = "drivers/pci/a.c", "drivers/pci/b.c"


class PortStack(ministack.MiniStack):
    """One whose kernel has a tag of a later release, and a base for it: v2, with no topic."""

    def prepare(self):
        self.release({})
        write(self.repo / "patches/v2/base.ini", "# SPDX-License-Identifier: GPL-2.0\n[base]\nversion = 1.3\ntag = v1.3\n"
              "topics =\n")

    def release(self, changes):
        """Make the tag v1.3 anew, with {file: [(old, new)]} on top of v1.2.3."""
        sh("git", "checkout", "-q", "--detach", "v1.2.3", cwd=self.kernel)
        write(self.kernel / "Makefile", "VERSION = 1\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION =\n")
        for name, pairs in changes.items():
            text = (self.kernel / name).read_text()
            for old, new in pairs:
                assert old in text, old
                text = text.replace(old, new, 1)
            write(self.kernel / name, text)
        sh("git", "commit", "-qam", "Linux 1.3", cwd=self.kernel)
        sh("git", "tag", "-f", "v1.3", cwd=self.kernel)


class Port(unittest.TestCase):
    """What comes of each patch, and what is written."""

    def setUp(self):
        self.mini = PortStack(self)
        self.linux = self.mini.out / "linux"

    def port(self, *words, status=0):
        proc = self.mini.stack("port", "--to", "v2", "--tree", self.mini.kernel, *words)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        return proc

    def series(self):
        """What the second base has, without the comment."""
        path = self.mini.repo / "series.v2"
        return path.read_text().splitlines()[1:] if path.exists() else []

    def untouched(self, *words, status, said):
        """A port that ends with status says so, and writes nothing."""
        before = ministack.digest(self.mini.repo / "patches")
        self.assertIn(said, self.port(*words, status=status).stderr)
        self.assertEqual(ministack.digest(self.mini.repo / "patches"), before)
        self.assertEqual(self.series(), [])

    def canonical(self):
        """What was written applies to the letter and is as refresh would write it."""
        said = self.mini.stack("refresh", "--check", "--base", "v2", "--tree", self.mini.kernel)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        self.assertIn("nothing to change", said.stdout)

    def test_all_that_fits(self):
        self.mini.release({A: [("int a0(", "int first;\n\nint a0(")], B: [("return 1;", "return -1;")]})
        said = self.port("--dry-run").stdout
        self.assertIn("offset    alpha/0001-", said)
        self.assertIn("offset    alpha/0002-", said)
        self.assertIn("3 patches of 2 topics from v1 to v2, 0 conflicts, nothing was written", said)
        self.assertFalse((self.mini.repo / "series.v2").exists())
        self.port()
        self.assertEqual(self.series(), ["v2/alpha/" + p.name for p in self.mini.patches()[:2]] + [
            "v2/beta/0001-PCI-B-Add-c.c.patch"])
        base = (self.mini.repo / "patches/v2/base.ini").read_text()
        self.assertIn("topics = alpha beta\n", base)
        self.canonical()
        self.assertIn("alpha: in series.v2 already", self.port("alpha").stdout)
        for name in ("series", "patches/v1"):
            self.assertEqual(sh("git", "status", "--porcelain", "--", name, cwd=self.mini.repo), "")

    def test_context_that_has_changed_is_merged(self):
        self.mini.release({B: [("int b3(void)\n", "int b3(int x)\n")]})
        self.assertRegex(self.port("alpha").stdout, "2  (fuzz|merged) +alpha/0002-.*\n       note: its context has changed")
        self.assertIn(" int b3(int x)\n", (self.mini.repo / "patches" / self.series()[1]).read_text())
        self.canonical()

    def test_what_the_base_has_is_not_carried(self):
        self.mini.release({A: [("return 3;", "return 33;")]})
        with open(self.mini.repo / "patches/v1/alpha/topic.ini", "a", encoding="utf-8") as handle:
            handle.write("\n[arches]\n0001 = um\n0002 = x86_64\n")
        said = self.port("alpha").stdout
        self.assertRegex(said, "1  there     alpha/0001-.*\n       note: (the same change|there, )")
        self.assertEqual(self.series(), ["v2/alpha/0001-PCI-Return-more-from-a15-and-b2.patch"])
        self.assertIn("[arches]\n0001 = x86_64\n", (self.mini.repo / "patches/v2/alpha/topic.ini").read_text())
        self.canonical()

    def test_topic_that_the_base_has_whole(self):
        self.mini.release({A: [("return 3;", "return 33;"), ("return 15;", "return 1515;")],
                           B: [("return 2;", "return 22;")]})
        self.assertIn("alpha: v2 has all of it", self.port("alpha").stdout)
        self.assertEqual(self.series(), [])

    def test_conflict_is_left_and_gone_on_with(self):
        self.mini.release({A: [("return 3;", "return -3;")]})
        said = self.port("--dry-run", "alpha", status=1).stdout
        self.assertRegex(said, "CONFLICT  alpha/0001-")
        self.untouched("alpha", status=1, said="alpha/0001-PCI-Return-more-from-a3.patch conflicts; it and the 1 patches")
        self.assertIn("<<<<<<<", (self.linux / A).read_text())
        self.untouched("alpha", status=1, said="the cherry-pick of alpha is not at its end")
        self.untouched("beta", status=2, said="the port of alpha to v2 is not at its end")
        sh("git", "checkout", "-q", "--theirs", A, cwd=self.linux)
        sh("git", "add", "-u", cwd=self.linux)
        sh("git", "cherry-pick", "--continue", cwd=self.linux, GIT_EDITOR="true")
        self.port("alpha")
        self.assertEqual(self.series(), ["v2/alpha/" + p.name for p in self.mini.patches()[:2]])
        self.canonical()
        self.assertEqual(self.mini.stack("apply", "--base", "v2", "--tree", self.mini.kernel).returncode, 0)

    def test_conflict_that_is_given_up(self):
        self.mini.release({A: [("return 15;", "return -15;")]})
        self.port("alpha", status=1)
        sh("git", "cherry-pick", "--abort", cwd=self.linux)
        self.untouched("alpha", status=1, said="has nothing that was resolved: given up?")

    def test_work_in_the_tree_is_kept(self):
        self.assertEqual(self.mini.stack("apply", "--tree", self.mini.kernel).returncode, 0)
        path = self.linux / A
        path.write_text(path.read_text() + "mine\n")
        self.mini.release({A: [("return 15;", "return -15;")]})
        self.untouched("alpha", status=2, said="has uncommitted changes")
        self.assertTrue(path.read_text().endswith("mine\n"))

    def test_wrong_use(self):
        self.untouched("--to", "v3", status=2, said="no base 'v3'")
        self.untouched("--to", "v1", status=2, said="that is the base the topics are on")
        self.untouched("gamma", status=2, said="no topic 'gamma'")
        self.untouched("--from", "v2", "--to", "v1", "alpha", status=2, said="no topic 'alpha'")


class Renumber(unittest.TestCase):
    """Manifests of a topic that has lost patches."""

    def test_manifest(self):
        text = ("# head\n[topic]\ntitle = x\n\n# own ones\n[arches]\n0001 = um\n0003 = s390\n\n[suites]\nfirst = 1\n"
                "last = 3\n\n[before]\n0 first.x = y\n\n[upstream]\n0001 = %s\n" % ("a" * 12))
        self.assertEqual(renumber.manifest(text, {"0002": "0001", "0003": "0002"}),
                         "# head\n[topic]\ntitle = x\n\n# own ones\n[arches]\n0002 = s390\n\n[suites]\nfirst = 0\n"
                         "last = 2\n")

    def test_base(self):
        self.assertEqual(renumber.with_topic("[base]\ntopics = a b\n c\n\nurls = x\n", "d"),
                         "[base]\ntopics = a b\n c d\n\nurls = x\n")
        self.assertEqual(renumber.with_topic("[base]\ntopics = a b\n", "b"), "[base]\ntopics = a b\n")
        self.assertEqual(renumber.with_topic("[base]\ntag = v1\n", "b"), "[base]\ntag = v1\ntopics = b\n")
        self.assertEqual(renumber.with_topic("[base]\ntopics =\n", "b"), "[base]\ntopics = b\n")


if __name__ == "__main__":
    unittest.main()
