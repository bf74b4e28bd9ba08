# SPDX-License-Identifier: GPL-2.0
"""Golden cases of `diff`: two states of a topic, and a topic against a mailbox."""
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import mailstack  # noqa: E402
from ministack import sh, write  # noqa: E402


class Diff(unittest.TestCase):
    """The verb diff."""

    def setUp(self):
        self.mini = mailstack.MailStack(self, applied=True)

    def diff(self, *words, status=1):
        proc = self.mini.stack("diff", *words)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        self.assertNotIn("Traceback", proc.stderr)
        return proc.stdout if status < 2 else proc.stderr

    def change(self, old, new, number=0):
        path = self.mini.patches()[number]
        write(path, path.read_text(encoding="utf-8").replace(old, new))

    def test_states_of_history(self):
        sh("git", "tag", "before", cwd=self.mini.repo)
        self.assertIn("alpha: no difference", self.diff("alpha", "before", status=0))
        self.change("+\treturn 33;", "+\treturn 44;")
        said = self.diff("alpha", "before")
        self.assertIn("Range-diff against before:\n\n1: ! 1: PCI: Return more from a3()\n", said)
        self.assertIn("    -+\treturn 33;\n    ++\treturn 44;\n", said)
        self.assertIn("\n2: = 2: PCI: Réponse", said)
        sh("git", "commit", "-qam", "more", cwd=self.mini.repo)
        self.assertIn("++\treturn 44;", self.diff("alpha", "before", "HEAD"))
        self.assertIn("alpha: no difference", self.diff("alpha", "HEAD", "HEAD", status=0))
        self.diff("beta", "before", status=0)

    def export(self):
        proc = self.mini.stack("export", "alpha", "--no-suites")
        self.assertEqual(proc.returncode, 0, proc.stderr)
        return self.mini.out / "export/alpha.mbx"

    def test_posting(self):
        box = self.export()
        self.diff("alpha", "--compare-posting", box, status=0)
        self.change("Why it is done", "Why it was done")
        said = self.diff("alpha", "--compare-posting", box)
        self.assertIn("Range-diff against alpha.mbx:", said)
        self.assertIn("    -    Why it is done, in words.\n    +    Why it was done, in words.\n", said)

    def test_latest_version_and_no_replies(self):
        box = self.export()
        text = box.read_text(encoding="utf-8")
        mails = ["From 0" + m for m in text.split("From 0")[1:]]
        newer = [m.replace("[PATCH ", "[PATCH v2 ").replace("return 33;", "return 55;") for m in mails]
        reply = mails[1].replace("Subject: [PATCH", "Subject: Re: [PATCH").replace("return 33", "return 9")
        write(box, "".join(newer[::-1] + mails + [reply]))
        said = self.diff("alpha", "--compare-posting", box)
        self.assertIn("-+\treturn 55;", said)
        self.assertIn("++\treturn 33;", said)

    def test_posting_for_another_tree_is_compared_as_text(self):
        box = self.export()
        write(box, box.read_text(encoding="utf-8").replace("\treturn 2;", "\treturn 2222;")
              .replace("+\treturn 33;", "+\treturn 77;"))
        said = self.diff("alpha", "--compare-posting", box)
        self.assertIn("does not apply here", said)
        self.assertIn("1: ! 1: PCI: Return more from a3()\n", said)
        self.assertIn("    -+\treturn 77;\n    ++\treturn 33;\n", said)

    def test_text_without_line_numbers(self):
        box = self.export()
        text = box.read_text(encoding="utf-8").replace("\treturn 2;", "\treturn 2222;")
        moved = re.sub(r"@@ -\d+,(\d+) \+\d+,", r"@@ -31,\1 +31,", text, count=1)
        self.assertNotEqual(moved, text)
        write(box, moved)
        said = self.diff("alpha", "--compare-posting", box)
        self.assertIn("2: ! 2: ", said)
        self.assertNotIn("1: ! 1: ", said)

    def test_suites_that_were_posted(self):
        self.assertEqual(self.mini.stack("export", "alpha", "--suites").returncode, 0)
        box = self.mini.out / "export/alpha.mbx"
        self.diff("alpha", "--compare-posting", box, status=0)
        other = self.mini.top / "other.mbx"  # of a tree that the suites do not fit here
        write(other, box.read_text(encoding="utf-8").replace("drivers/pci/tests/alpha_two_kunit.c", "drivers/pci/a.c"))
        said = self.diff("alpha", "--compare-posting", other, status=0)
        self.assertIn("its suites are left out", said)
        suite = self.mini.repo / "kunit/drivers/pci/tests/alpha_two_kunit.c"
        write(suite, suite.read_text() + "int more;\n")
        said = self.diff("alpha", "--compare-posting", box)
        self.assertIn("1: = 1: PCI: Return more from a3()\n", said)
        self.assertIn("3: ! 3: PCI: Add KUnit suites of alpha\n", said)
        self.assertIn("++int more;\n", said)

    def test_errors(self):
        box = self.export()
        text = box.read_text(encoding="utf-8")
        cut, reply, empty = (self.mini.top / n for n in ("cut.mbx", "reply.mbx", "empty.mbx"))
        write(empty, "")
        write(reply, "From a@b Thu Jan  1 00:00:00 1970\nFrom: a@b.c\nSubject: Re: [PATCH 1/1] x\n\nno\n")
        for words, want in ((("alpha",), "diff needs OLD or --compare-posting FILE"),
                            (("alpha", "HEAD", "--compare-posting", box), "one of them"),
                            (("alpha", "nosuch"), "has no commit or tag 'nosuch'"),
                            (("gamma", "HEAD"), "as of HEAD: no topic 'gamma' (there are: alpha, beta)"),
                            (("alpha", "--compare-posting", self.mini.top / "nosuch"), "cannot be read"),
                            (("alpha", "--compare-posting", empty), "not a mailbox"),
                            (("alpha", "--compare-posting", reply), "no patch in it (1 mails)")):
            self.assertIn(want, self.diff(*words, status=2))
        write(cut, text[:text.index("Subject: [PATCH 2/2]") - 200])
        self.assertIn("of 2 patches, 2 is missing; is it cut short?",
                      self.diff("alpha", "--compare-posting", cut, status=2))
        # cut in the middle of the last hunk
        write(cut, text[:text.rindex("\n+\treturn 22;")])
        self.assertIn("patch 2 of 2 cannot be read, is it cut short?",
                      self.diff("alpha", "--compare-posting", cut, status=2))


if __name__ == "__main__":
    unittest.main()
