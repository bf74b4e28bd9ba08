# SPDX-License-Identifier: GPL-2.0
"""Golden cases of `edit` and `refresh`."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import MiniStack  # noqa: E402

from stacklib.stack import canonical  # noqa: E402


class Edit(unittest.TestCase):
    """A topic to commits and back."""

    def setUp(self):
        self.mini = MiniStack(self, applied=True)

    def stack(self, *words, status=0):
        proc = self.mini.stack(*words)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        return proc

    def changed(self):
        """What git says has changed in the stack's repository."""
        return ministack.sh("git", "status", "--porcelain", cwd=self.mini.repo).splitlines()

    def edit_file(self, name, old, new):
        path = self.mini.out / "linux" / name
        path.write_text(path.read_text().replace(old, new, 1))

    def test_unchanged_topic_changes_nothing(self):
        before = ministack.digest(self.mini.repo)
        proc = self.stack("refresh")
        self.assertIn("nothing to change in 2 topics", proc.stdout)
        self.stack("edit", "alpha")
        self.stack("refresh", "alpha")
        self.assertEqual(ministack.digest(self.mini.repo), before)

    def test_amended_commit_changes_its_file_only(self):
        self.stack("edit", "alpha")
        stamp = self.mini.patches()[0].stat().st_mtime_ns
        self.edit_file("drivers/pci/b.c", "return 22;", "return 2222;")
        self.mini.git("commit", "-qa", "--amend", "--no-edit")
        self.stack("refresh", "alpha")
        self.assertEqual(self.changed(), ["M patches/v1/alpha/" + self.mini.patches()[1].name])
        self.assertEqual(self.mini.patches()[0].stat().st_mtime_ns, stamp)
        self.assertIn("+\treturn 2222;", self.mini.patches()[1].read_text())
        self.assertIn("nothing to change", self.stack("refresh", "alpha").stdout)
        self.stack("apply", "--out", self.mini.top / "out2")

    def test_added_dropped_renamed(self):
        self.stack("edit", "alpha")
        self.mini.git("reset", "-q", "--hard", "HEAD~1")
        self.edit_file("drivers/pci/b.c", "return 7;", "return 77;")
        self.mini.git("commit", "-qam", "PCI: Return more from b7()\n\n" + ministack.LOG)
        self.stack("refresh", "alpha")
        names = [p.name for p in self.mini.patches()]
        self.assertEqual(names, ["0001-PCI-Return-more-from-a3.patch",
                                 "0002-PCI-Return-more-from-b7.patch"])
        self.assertEqual((self.mini.repo / "series").read_text(),
                         "# the mini stack\n# alpha\nv1/alpha/%s\nv1/alpha/%s\n# beta\n"
                         "v1/beta/0001-PCI-B-Add-c.c.patch\n" % tuple(names))
        self.assertTrue((self.mini.repo / "patches/v1/alpha/0000-cover-letter.patch").exists())

    def test_reordered(self):
        self.stack("edit", "alpha")
        first, second = self.mini.git("rev-list", "--reverse", "-2", "HEAD").split()
        self.mini.git("reset", "-q", "--hard", "HEAD~2")
        self.mini.git("cherry-pick", second, first)
        self.stack("refresh", "alpha")
        self.assertEqual([p.name for p in self.mini.patches()],
                         ["0001-PCI-Return-more-from-a15-and-b2.patch",
                          "0002-PCI-Return-more-from-a3.patch"])
        self.stack("apply", "--out", self.mini.top / "out2")

    def test_uncommitted_work_is_not_passed_over(self):
        self.stack("edit", "alpha")
        self.edit_file("drivers/pci/b.c", "return 7;", "return 77;")
        proc = self.stack("refresh", "alpha", status=2)
        self.assertIn("uncommitted changes", proc.stderr)
        proc = self.stack("edit", "beta", status=2)
        self.assertIn("return 77;", (self.mini.out / "linux/drivers/pci/b.c").read_text())

    def test_branch_with_work_is_gone_on_with(self):
        self.stack("edit", "alpha")
        self.edit_file("drivers/pci/b.c", "return 7;", "return 77;")
        self.mini.git("commit", "-qam", "mine\n\n" + ministack.LOG)
        head = self.mini.git("rev-parse", "HEAD")
        self.stack("edit", "beta")
        proc = self.stack("edit", "alpha")
        self.assertIn("continuing branch edit/alpha", proc.stdout)
        self.assertEqual(self.mini.git("rev-parse", "HEAD"), head)
        self.stack("edit", "--restart", "alpha")
        kept = self.mini.git("for-each-ref", "--format=%(objectname)", "refs/heads/edit/alpha.*")
        self.assertEqual(kept, head)

    def refused(self, message, says, *how):
        """Commit with that message (bytes) on edit/alpha; refresh names the place, and writes nothing."""
        if self.mini.git("symbolic-ref", "--short", "HEAD") != "edit/alpha":
            self.stack("edit", "alpha")
            self.edit_file("drivers/pci/b.c", "return 7;", "return 77;")
            self.mini.git("commit", "-qam", "mine")
        path = self.mini.top / "message"
        path.write_bytes(message)
        self.mini.git("commit", "-q", "--amend", "--allow-empty-message", "--cleanup=verbatim", "--reset-author", "-F", path)
        before = ministack.digest(self.mini.repo)
        said = self.stack("refresh", *how, "alpha", status=1).stderr
        self.assertIn("commit %s (" % self.mini.git("rev-parse", "HEAD")[:12], said)
        self.assertIn(says, said)
        self.assertIn("rebase -i refs/stack/edit/alpha/base", said)
        self.assertEqual(ministack.digest(self.mini.repo), before)

    def test_commit_that_a_patch_file_would_not_give_back(self):
        sign = ministack.LOG.encode()
        diff = b"diff --git a/README b/README\n--- a/README\n+++ b/README\n@@ -1 +1 @@\n-A kernel of nine files.\n+Of ten.\n"
        for message, says in (
                (b"PCI: x\n\nbefore\n---\nafter\n\n" + sign, "line 4 of its log is '---', and"),
                (b"PCI: x\n\nSee:\n\n" + diff + b"\n" + sign, "line 5 of its log is 'diff --git a/README b/README', and"),
                (b"PCI: x\n\nSee:\n\n" + diff.replace(b"\n", b"\n   ")[:-3] + b"\n" + sign, "'diff --git' that nothing of"),
                (b"PCI: x\n\nSee:\n\n  --- a/x\n  +++ b/x\n  @@ -1 +1 @@\n  -1\n  +2\n\n" + sign, "which patch(1) and quilt"),
                (b"PCI: x\n\nSee:\n\n\t3c3\n\t< x\n\n" + sign, "line 5 of its log is '\t3c3', which patch(1)"),
                (b"PCI: x\n\nIndex: of what\n\n" + sign, "line 3 of its log is 'Index: of what', and"),
                (b"[fan] Turn\n\n" + sign, "its subject is '[fan] Turn', and would be 'Turn'"),
                (b"PCI: x\n\nFrom: what was measured\n\n" + sign, "line 3 of its log is 'From: what was"),
                (b"PCI: x\n\nFrom: Rae <rae@example.org>\n\n" + sign, "line 3 of its log is 'From: Rae"),
                (b"PCI: x\n\nSubject: to change\n\n" + sign, "line 3 of its log is 'Subject: to change', which git am"),
                (b"PCI: x\n\nDate: of it\n\n" + sign, "line 3 of its log is 'Date: of it', which git am"),
                (b"PCI: x\n\na  \nb\n\n" + sign, "line 3 of its log is 'a  ', and 'a' would"),
                (b"PCI: x\n\na\r\nb\n\n" + sign, "line 3 of its log"),
                (b"PCI: x\n\na\n\n\nb\n\n" + sign, "line 5 of its log is '', and 'b'"),
                (b"Re: x\n\n" + sign, "its subject is 'Re: x', and would be 'x'"),
                (b"", "Subject")):
            with self.subTest(message=message):
                self.refused(message, says, *["--check"] * (message[:1] == b"["))

    def test_author_that_is_no_utf8(self):
        self.stack("edit", "alpha")
        raw = self.mini.git("cat-file", "commit", "HEAD").replace("author Ann", "author J\udcfcrgen").encode("utf-8", "surrogateescape")
        (self.mini.top / "raw").write_bytes(raw + b"\n")
        self.mini.git("reset", "-q", self.mini.git("hash-object", "-t", "commit", "-w", self.mini.top / "raw"))
        self.assertIn("its author is 'J\\xfcrgen", self.stack("refresh", "alpha", status=1).stderr)

    def test_logs_that_come_back(self):
        self.stack("edit", "alpha")
        texts = ("--\nnot the end\n", ">From here\n", "From here on\n", "-- 8< --\nno scissors\n", "----\ntable\n",
                 "    --- and what\n", "a subject\nof two lines\n")
        for number, text in enumerate(texts):
            self.edit_file("drivers/pci/b.c", "return 7", "return 77")
            message = (f"PCI: {number}\n\n" if "subject" not in text else "PCI: ") + text + "\n" + ministack.LOG
            self.mini.git("commit", "-qam", message, "--cleanup=verbatim")
        want = self.mini.git("log", f"-{len(texts)}", "--format=%T%an%ad%s%n%b")
        self.stack("refresh", "alpha")
        self.stack("edit", "--restart", "alpha")
        self.assertEqual(self.mini.git("log", f"-{len(texts)}", "--format=%T%an%ad%s%n%b"), want)

    def test_files_and_branch_both_changed(self):
        self.stack("edit", "alpha")
        self.edit_file("drivers/pci/b.c", "return 7;", "return 77;")
        self.mini.git("commit", "-qam", "mine\n\n" + ministack.LOG)
        patch = self.mini.patches()[0]
        patch.write_text(patch.read_text().replace("Why it is", "Reason why it is"))
        proc = self.stack("refresh", "alpha", status=2)
        self.assertIn("have changed since 'edit'", proc.stderr)
        self.assertIn("mend: keep the files: scripts/stack edit --restart alpha", proc.stderr)
        self.assertIn("Reason why", patch.read_text())

    def test_merge_is_refused(self):
        self.stack("edit", "alpha")
        self.mini.git("checkout", "-q", "-b", "side", "HEAD~1")
        self.edit_file("drivers/pci/b.c", "return 7;", "return 77;")
        self.mini.git("commit", "-qam", "side")
        self.mini.git("checkout", "-q", "edit/alpha")
        self.mini.git("merge", "-q", "--no-edit", "side")
        self.assertIn("has a merge", self.stack("refresh", "alpha", status=2).stderr)

    def test_not_canonical_is_found_and_mended(self):
        patch = self.mini.patches()[0]
        good = patch.read_text()
        patch.write_text(good.replace("0" * 40, "1" * 40).replace("[PATCH]", "[PATCH v2 1/2]")
                         + "-- \n2.39.5\n")
        proc = self.stack("refresh", "--check", "alpha", status=1)
        self.assertIn("changed  patches/v1/alpha/" + patch.name, proc.stdout)
        self.assertNotEqual(patch.read_text(), good)
        self.stack("refresh", "alpha")
        self.assertEqual(patch.read_text(), good)

    def test_notes_below_the_line_stay(self):
        patch = self.mini.patches()[0]
        text = patch.read_text().replace("\n---\n", "\n---\nv2: said more\n\n")
        patch.write_text(text)
        self.assertIn("nothing to change", self.stack("refresh", "alpha").stdout)
        self.assertEqual(patch.read_text(), text)

    def note(self, number, text):
        """Put a note below the line of a patch of alpha."""
        patch = self.mini.patches()[number - 1]
        patch.write_text(patch.read_text().replace("\n---\n", "\n---\n%s\n\n" % text, 1))

    def test_notes_of_a_reworded_patch_stay(self):
        self.note(1, "v2: first")
        self.note(2, "v3: second")
        self.stack("edit", "alpha")
        self.mini.git("commit", "-q", "--amend", "-m", "PCI: Other words\n\n" + ministack.LOG)
        self.stack("refresh", "alpha")
        names = [p.name for p in self.mini.patches()]
        self.assertEqual(names, ["0001-PCI-Return-more-from-a3.patch", "0002-PCI-Other-words.patch"])
        self.assertIn("\n---\nv2: first\n\n", self.mini.patches()[0].read_text())
        self.assertIn("\n---\nv3: second\n\n", self.mini.patches()[1].read_text())
        # Reworded, and another file in it: its number and the file in common tell.
        self.edit_file("README", "nine", "ten")
        self.mini.git("commit", "-qa", "--amend", "-m", "PCI: New words\n\n" + ministack.LOG)
        self.stack("refresh", "alpha")
        self.assertIn("\n---\nv3: second\n\n", self.mini.patches()[1].read_text())
        self.assertIn("nothing to change", self.stack("refresh", "alpha").stdout)

    def test_notes_of_a_gone_patch_are_not_lost_silently(self):
        self.note(2, "v3: second\nin two lines")
        old = self.mini.patches()[1]
        self.stack("edit", "alpha")
        self.mini.git("reset", "-q", "--hard", "HEAD~1")
        self.edit_file("README", "nine", "ten")
        self.mini.git("commit", "-qam", "Docs: Say ten\n\n" + ministack.LOG)
        for words in (("refresh", "alpha"), ("refresh", "--check", "alpha")):
            proc = self.stack(*words, status=1)
            self.assertIn("  | v3: second\n  | in two lines\n", proc.stderr)
            self.assertIn("scripts/stack refresh --drop-notes alpha", proc.stderr)
            self.assertIn("v3: second", old.read_text())
        self.stack("refresh", "--drop-notes", "alpha")
        self.assertFalse(old.exists())
        self.assertNotIn("v3: second", self.mini.patches()[1].read_text())
        self.note(2, "v3: second")  # the second half of the mend
        self.assertIn("nothing to change", self.stack("refresh", "alpha").stdout)
        self.assertIn("v3: second", self.mini.patches()[1].read_text())

    def test_equal_subjects(self):
        self.stack("edit", "alpha")
        self.mini.git("commit", "-q", "--amend", "-m",
                      "PCI: Return more from a3()\n\n" + ministack.LOG)
        self.stack("refresh", "alpha")
        self.note(1, "v2: first")
        self.note(2, "v3: second")
        path = self.mini.repo / "series"
        path.write_text(path.read_text().replace("v1/alpha/0001", "# one\nv1/alpha/0001")
                        .replace("v1/alpha/0002", "# two\nv1/alpha/0002"))
        before = ministack.digest(self.mini.repo / "patches"), path.read_text()
        self.assertIn("nothing to change", self.stack("refresh", "alpha").stdout)
        self.assertEqual((ministack.digest(self.mini.repo / "patches"), path.read_text()), before)
        self.stack("edit", "alpha")
        first, second = self.mini.git("rev-list", "--reverse", "-2", "HEAD").split()
        self.mini.git("reset", "-q", "--hard", "HEAD~2")
        self.mini.git("cherry-pick", second, first)
        self.stack("refresh", "alpha")
        self.assertIn("v3: second", self.mini.patches()[0].read_text())
        self.assertIn("v2: first", self.mini.patches()[1].read_text())
        self.assertIn("# one\n", path.read_text())
        self.assertIn("# two\n", path.read_text())

    def test_patch_that_no_longer_applies_can_be_edited(self):
        patch = self.mini.patches()[1]
        patch.write_text(patch.read_text().replace(" int b2(void)", " int b2(int)")
                         .replace("-\treturn 15;", "-\treturn 16;"))
        proc = self.stack("edit", "alpha", status=1)
        self.assertIn("branch edit/alpha has the 1 patches before it", proc.stderr)
        self.assertEqual(self.mini.git("log", "-1", "--format=%s"), "PCI: Return more from a3()")

    def test_edit_wants_one_topic(self):
        self.assertIn("edit takes one topic", self.stack("edit", status=2).stderr)

    def test_mixed_series_is_refused(self):
        wanted = [("0001-x.patch", b"")]
        stack = type("S", (), {"base_name": "v1", "file": "series"})
        topic = type("T", (), {"name": "alpha"})
        with self.assertRaisesRegex(canonical.StackError, "mixed with others"):
            canonical.series_text(stack, topic, wanted,
                                  "v1/alpha/0001-a.patch\nv1/beta/0001-b.patch\n"
                                  "v1/alpha/0002-c.patch\n")


if __name__ == "__main__":
    unittest.main()
