# SPDX-License-Identifier: GPL-2.0
"""Patch files that are not as format-patch writes them: each gives the commit that git am makes of it, or is refused."""
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import sh  # noqa: E402

from stacklib.linux import applying  # noqa: E402
from stacklib.stack import patch as parser, series  # noqa: E402

MAIL = ("From: Ann Author <ann@example.org>\nDate: Fri, 2 Jan 2026 03:04:05 +0000\nSubject: [PATCH] x\n\nWhy.\n---\n"
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n").encode()
FROM = b"From %s Mon Sep 17 00:00:00 2001\n" % (b"0" * 40)


def mails(data):
    """Return how many mails git mailsplit, and so git am, finds in a file."""
    with tempfile.TemporaryDirectory() as folder:
        return int(subprocess.run(["git", "mailsplit", "-b", "-o" + folder], input=data, check=True, capture_output=True,
                                  env=ministack.environment()).stdout)


class TwoMails(unittest.TestCase):
    """A file of two mails, of which git mailinfo makes one and git am two commits, is refused."""

    def test_found_as_git_mailsplit_does(self):
        for line in (FROM, b"From mboxrd@z Thu Jan  1 00:00:00 1970\n", b"From x 1:02:03 2026\r\n", b"From a:b  01:02:03 1999 +0000\n",
                     b"From x 1:02:03 90\n", b"From x 1:02:03 91\n", b"From x 1:02:03\n", b"From 2026 on\n", b">" + FROM,
                     b" " + FROM, b"from" + FROM[4:], b"From x 1-02:03 2026\n", b"From x 1:02:032026\n", b"From x 01:02:03 x\n"):
            data = FROM + MAIL + line + MAIL
            with self.subTest(line):
                found = parser.second_mail(data)
                self.assertEqual(found.no if found else 0, 13 if mails(data) == 2 else 0)

    def test_where_there_is_one(self):
        log = MAIL.replace(b"Why.\n", b"Why.\n\nFrom git@z Thu Jan  1 00:00:00 1970\nSubject: a mail in a mail\n\nx\n")
        for data in (MAIL, FROM + MAIL, log, b"\n" + FROM + MAIL, MAIL + b"-- \n2.39.5\n\n", b""):
            self.assertIsNone(parser.second_mail(data), data)
        self.assertEqual(parser.second_mail(log + FROM).no, log.count(b"\n") + 1)  # behind a diff
        cover = FROM + MAIL.partition(b"---\n")[0]
        for first in (cover, cover.replace(b"Why.", b"V2h5Lg=="), cover + b"---\n"):
            self.assertEqual(parser.second_mail(first + FROM + MAIL).no, first.count(b"\n") + 1)
        parser.second_mail(MAIL + (b"From " + b"1:02:03 " * 999 + b"\nx: y\n") * 999)

    def test_no_verb_hides_the_second(self):
        mini = ministack.MiniStack(self)
        first, second = mini.patches()
        line = first.read_bytes().count(b"\n") + 1
        first.write_bytes(first.read_bytes() + second.read_bytes())
        before = ministack.digest(mini.repo)
        for words in (("apply", "alpha"), ("refresh", "alpha"), ("refresh", "--check", "alpha"), ("edit", "alpha")):
            proc = mini.stack(*words)
            self.assertEqual(proc.returncode, 1, (words, proc.stdout, proc.stderr))
            self.assertIn(f"{first}:{line}: a second mail begins here", proc.stderr, words)
            self.assertIn("mend: ", proc.stderr)
        self.assertIn(f"{first.name}:{line}: error: a second mail begins here", mini.stack("lint", "alpha").stdout)
        self.assertEqual(ministack.digest(mini.repo), before)


class Latin1(unittest.TestCase):
    """Bytes that are no UTF-8, where no character set is named or a wrong one, are Latin-1, as commit-tree has it."""

    def setUp(self):
        self.mini = ministack.MiniStack(self)
        self.path = self.mini.patches()[0]
        text = self.path.read_text(encoding="utf-8").replace("Ann Author", "J\u00fcrgen Author")
        self.text = text.replace("PCI: Return", "PCI: F\u00fcr Return").replace("in words.", "f\u00fcr J\u00fcrgen, \u00e2\u0082.")
        self.tree = self.mini.kernel
        sh("git", "read-tree", "v1.2.3", cwd=self.tree, GIT_INDEX_FILE=self.mini.top / "index")

    def said(self, commit):
        """What a commit says, and its tree."""
        return sh("git", "log", "-1", "--format=%T%n%an <%ae>%n%ad%n%B", commit, cwd=self.tree)

    def made(self, data):
        """The same of the commit that the tool makes of a patch file."""
        self.path.write_bytes(data)
        shutil.copy(self.mini.top / "index", self.mini.top / "scratch")
        made = applying.apply_patch(self.tree / ".git", sh("git", "rev-parse", "v1.2.3^0", cwd=self.tree), series.Patch(
            self.path, "alpha"), self.mini.top / "scratch", self.mini.top / "rejects")
        return self.said(made[0])

    def test_as_git_am(self):
        head, _, body = self.text.partition("\n\n")
        for kind in ("", "utf-8", "iso-8859-1", "gb18030"):
            named = f"\nContent-Type: text/plain; charset={kind}" * bool(kind)
            data = f"{head}{named}\n\n{body}".encode("latin-1")
            with self.subTest(kind):
                sh("git", "checkout", "-qfB", "am", "v1.2.3", cwd=self.tree)
                (self.mini.top / "mail").write_bytes(data)
                sh("git", "am", "-q", self.mini.top / "mail", cwd=self.tree)
                want = self.said("am")
                self.assertIn("J\u00fcrgen Author <", want)
                self.assertEqual(self.made(data), want)

    def test_what_git_am_refuses(self):
        """A character set that cannot have those bytes, or that nobody knows: nothing is lost."""
        head, _, body = self.text.partition("\n\n")
        for kind, code in (("us-ascii", "utf-8"), ("us-ascii", "latin-1"), ("x-unknown", "latin-1")):
            data = f"{head}\nContent-Type: text/plain; charset={kind}\n\n{body}".encode(code)
            self.assertIn("f\u00fcr J\u00fcrgen, \u00e2\u0082.", self.made(data), kind)

    def test_refresh_stores_what_was_sent(self):
        self.path.write_bytes(self.text.encode("latin-1"))
        self.assertIn("not UTF-8", self.mini.stack("lint", "alpha").stdout)
        proc = self.mini.stack("refresh", "alpha")
        self.assertEqual(proc.returncode, 0, proc.stderr)
        self.assertIn("f\u00fcr J\u00fcrgen, \u00e2\u0082.", self.path.read_text(encoding="utf-8"))
        self.assertIn("From: =?UTF-8?q?J=C3=BCrgen=20Author?=", self.path.read_text(encoding="utf-8"))


class Headers(unittest.TestCase):
    """What no stable commit can be made of."""

    def test_no_date(self):
        """git am takes today's, with which each run would make another commit."""
        mini = ministack.MiniStack(self)
        path = mini.patches()[0]
        path.write_bytes(path.read_bytes().replace(b"Date: Fri, 2 Jan 2026 03:04:05 +0000\n", b""))
        proc = mini.stack("apply", "alpha")
        self.assertEqual(proc.returncode, 1)
        self.assertIn(f"{path}: no Date can be read", proc.stderr)
        self.assertIn(f"sed -i \"0,/^From: /s//Date: $(date -R)\\n&/\" {path}", proc.stderr)
        sh("sh", "-c", proc.stderr.partition("format-patch, or ")[2].split("\n")[0], cwd=mini.top)
        self.assertEqual(mini.stack("apply", "alpha").returncode, 0, path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
