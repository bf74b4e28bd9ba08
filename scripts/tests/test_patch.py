# SPDX-License-Identifier: GPL-2.0
"""The one parser of a patch, held against git mailinfo and git apply: all forms, and deterministic damage."""
import random
import re
import subprocess
import tempfile
import time
import unittest

import ministack
from ministack import sh

from stacklib.stack import patch

HEAD = (b"From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n"
        b"From: Ann Author <ann@example.org>\nDate: Fri, 2 Jan 2026 03:04:05 +0000\n"
        b"Subject: [PATCH] PCI: Do it,\n and more of it\n\nWhy it is done.\n\n"
        b"Signed-off-by: Ann Author <ann@example.org>\n")
HUNK = b"@@ -1,3 +1,3 @@ int x(void)\n a\n-b\n+c\n d\n"

# What git takes, beyond what format-patch makes of a plain change: name -> (diff, paths)
FORMS = {
    "quilt": (b"Index: linux/a/b.c\n" + b"=" * 67 + b"\n--- linux.orig/a/b.c\n+++ linux/a/b.c\n" + HUNK, ["a/b.c"]),
    "plain": (b"--- a/x.c\t2026-01-02 03:04:05.000000000 +0000\n+++ b/x.c\t2026-01-02 03:04:06.5 +0000\n" + HUNK, ["x.c"]),
    "blanks for a tab": (b"--- a/x.c 2026-01-02 03:04:05.000000000 +0000\n+++ b/x.c 2026-01-02 03:04:06.5 +0000\n" + HUNK,
                         ["x.c"]),
    "orig": (b"--- k/x.c\n+++ k/x.c.orig\n" + HUNK, ["x.c"]),
    "no folder": (b"--- x.c\n+++ x.c\n" + HUNK + b"--- y.c\n+++ y.c\n" + HUNK, ["x.c", "y.c"]),
    "new": (b"--- /dev/null\n+++ b/n/x.c\n@@ -0,0 +1,2 @@\n+a\n+-- \n", ["n/x.c"]),
    "gone": (b"--- a/x.c\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n--- \n", ["x.c"]),
    "quoted": (b'diff --git "a/d\\303\\251\\"\\t x.c" "b/d\\303\\251\\"\\t x.c"\n--- "a/d\\303\\251\\"\\t x.c"\n'
               b'+++ "b/d\\303\\251\\"\\t x.c"\n' + HUNK, ["d\u00e9\"\t x.c"]),
    "quoted, plain": (b'--- "a/d\\303\\251.c"\n+++ "b/d\\303\\251.c"\n' + HUNK, ["d\u00e9.c"]),
    "quoted mode": (b'diff --git "a/x\\n.sh" "b/x\\n.sh"\nold mode 100644\nnew mode 100755\n', ["x\n.sh"]),
    "blanks": (b"diff --git a/d e/f b/d e/f\n--- a/d e/f\t\n+++ b/d e/f\t\n" + HUNK, ["d e/f"]),
    "blanks, mode": (b"diff --git a/d b/d b/d b/d\nold mode 100644\nnew mode 100755\n", ["d b/d"]),
    "rename": (b"diff --git a/x/a.c b/y/b.c\nsimilarity index 90%\nrename from x/a.c\nrename to y/b.c\n"
               b"index 111111111111..222222222222 100644\n--- a/x/a.c\n+++ b/y/b.c\n" + HUNK, ["x/a.c", "y/b.c"]),
    "rename alone": (b'diff --git "a/x\\ta.c" b/y.c\nsimilarity index 100%\nrename from "x\\ta.c"\nrename to y.c\n',
                     ["x\ta.c", "y.c"]),
    "copy": (b"diff --git a/x.c b/y.c\nsimilarity index 100%\ncopy from x.c\ncopy to y.c\n", ["x.c", "y.c"]),
    "mode": (b"diff --git a/x.sh b/x.sh\nold mode 100644\nnew mode 100755\n", ["x.sh"]),
    "empty": (b"diff --git a/x b/x\nnew file mode 100644\nindex 000000000000..e69de29bb2d1\n", ["x"]),
    "empty gone": (b"diff --git a/x b/x\ndeleted file mode 100644\nindex e69de29bb2d1..000000000000\n", ["x"]),
    "link": (b"diff --git a/x b/x\nnew file mode 120000\nindex 000000000000..e69de29bb2d1\n--- /dev/null\n+++ b/x\n"
             b"@@ -0,0 +1 @@\n+target\n\\ No newline at end of file\n", ["x"]),
    "noprefix": (b"diff --git drivers/x.c drivers/x.c\nindex 111111111111..222222222222 100644\n"
                 b"--- drivers/x.c\n+++ drivers/x.c\n" + HUNK, ["x.c"]),
    "mnemonic": (b"diff --git c/x.c i/x.c\n--- c/x.c\n+++ i/x.c\n" + HUNK, ["x.c"]),
    "cr": (b"diff --git a/x.c b/x.c\r\nindex 111111111111..222222222222 100644\r\n--- a/x.c\r\n+++ b/x.c\r\n"
           + HUNK.replace(b"\n", b"\r\n"), ["x.c"]),
    "slashes": (b"diff --git a/x//y.c b/x//y.c\n--- a/x//y.c\n+++ b/x/y.c\n" + HUNK, ["x/y.c"]),
    "svn": (b"Index: x.c\n--- trunk/x.c\t(revision 1)\n+++ trunk/x.c\t(working copy)\n" + HUNK, ["x.c"]),
    "garbage between": (b"diff --git a/x.c b/x.c\n--- a/x.c\n+++ b/x.c\n" + HUNK + b"only in y: z\ndiff -r x y\n-- \n2.1\n"
                        b"--- a/y.c\n+++ b/y.c\n" + HUNK, ["x.c", "y.c"]),
    "lines like headers": (b"--- a/y.c\n+++ b/y.c\n@@ -1,3 +1,3 @@\n-- a/z.c\n--- a/q.c\n+++ b/q.c\n+@@ -1 +1 @@\n \n", ["y.c"]),
}


def git_paths(diff, folder):
    """Return the sorted new paths that git apply finds in a diff, None when it refuses it."""
    proc = subprocess.run(["git", "apply", "--numstat", "-z", "-"], input=diff, cwd=folder, check=False, capture_output=True,
                          env=ministack.environment(GIT_CEILING_DIRECTORIES=folder))
    if proc.returncode:
        return None
    rows = [row.split(b"\t", 2) for row in proc.stdout.split(b"\0") if row]
    return sorted((re.sub("/+", "/", row[2].decode("utf-8", "surrogateescape")), row[0], row[1]) for row in rows)


def our_paths(parsed):
    """Return the same of a parsed patch."""
    rows = []
    for file in parsed.files:
        count = [b"%d" % sum(line.text[:1] == sign for hunk in file.hunks for line in hunk.lines) for sign in "+-"]
        rows.append((file.path, *((b"-", b"-") if file.binary else count)))
    return sorted(rows)


class TestAgainstGit(unittest.TestCase):
    """What git apply would do is what the parser says."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ministack.")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_forms(self):
        for name, (diff, paths) in FORMS.items():
            with self.subTest(name):
                parsed = patch.Parsed(diff)
                self.assertEqual((parsed.paths, parsed.errors), (paths, []))
                self.assertEqual(our_paths(parsed), git_paths(diff, self.folder))
                mail = patch.Parsed(HEAD + b"---\n x.c | 2 +-\n\n" + diff + b"-- \n2.39.5\n\n")
                self.assertEqual(mail.paths, paths)
                self.assertEqual(mail.lines[mail.separator - 1], "---")
                self.assertEqual([line.text for line in mail.log][-1], "Signed-off-by: Ann Author <ann@example.org>")

    def test_binary(self):
        sh("git", "init", "-q", self.folder, cwd=self.folder)
        for data in (b"a\0b", b"\0" * 3000 + b"x"):
            with open(self.folder + "/blob", "wb") as handle:
                handle.write(data)
            sh("git", "add", "-f", ".", cwd=self.folder)
            sh("git", "commit", "-qm", "x", cwd=self.folder)
        diff = subprocess.run(["git", "log", "-p", "--binary", "--format="], cwd=self.folder, check=True,
                              capture_output=True, env=ministack.environment()).stdout
        parsed = patch.Parsed(diff)
        self.assertEqual([(f.path, f.binary) for f in parsed.files], [("blob", True)] * 2)
        self.assertEqual(our_paths(parsed), git_paths(diff, self.folder))

    def test_damaged(self):
        """Lines lost, doubled, swapped, cut, joined: where git still takes it, it is what we read."""
        draw, taken = random.Random(22), 0
        seeds = [diff for diff, _ in FORMS.values()]
        for _ in range(150):
            lines = b"".join(draw.sample(seeds, 2)).split(b"\n")
            for _ in range(draw.randint(1, 3)):
                at = draw.randrange(len(lines))
                kind = draw.randrange(6)
                if kind == 0:
                    del lines[at]
                elif kind == 1:
                    lines.insert(at, draw.choice(draw.choice(seeds).split(b"\n")))
                elif kind == 2:
                    lines[at] = lines[at][:draw.randint(0, len(lines[at]))]
                elif kind == 3:
                    lines[at] += draw.choice([b"\r", b"\t", b" ", b'"', b"\\", b"/", b"\xff", b"\0"])
                elif kind == 4:
                    lines[at] = lines[at].replace(b"a", draw.choice([b"b", b"a/a", b" a", b'"a'])
                                                  )
                else:
                    lines[at:at] = [b"", draw.choice([b"-- ", b"Index: x", b"diff -u x y", b"rename from x.c"])]
                lines = lines or [b""]
            diff = b"\n".join(lines) + b"\n"
            git = git_paths(diff, self.folder)
            parsed = patch.Parsed(b"---\n" + diff)  # or its first lines may be a log
            if git is not None and not parsed.errors:
                taken += 1
                self.assertEqual(our_paths(parsed), git, diff)
        self.assertGreater(taken, 50)

    def test_log_ends_where_mailinfo_ends_it(self):
        for end in (b"---\n", b"--- \n", b"---\t\r\n", b"--- a/x\n+++ b/x\n", b"diff -u x y\n", b"Index: x\n"):
            for other in (b"--- \n more\n", b"---- x\n", b"Index:x\n", b"diff x\n", b" ---\n", b"--\n", b"@@ -1 +1 @@\n"):
                data = HEAD + b"\n" + other + b"more\n" + end + HUNK
                sh("git", "mailinfo", "msg", "patch", cwd=self.folder, check=False)
                subprocess.run(["git", "mailinfo", "msg", "patch"], input=data, cwd=self.folder, check=True,
                               capture_output=True, env=ministack.environment())
                with open(self.folder + "/patch", "rb") as handle:
                    rest = handle.read()
                parsed = patch.Parsed(data)
                self.assertEqual(b"\n".join(parsed.raw[parsed.start - 1:]) + b"\n", rest, (end, other))


def change(name, top=b"a/", more=b""):
    """Return a diff that adds a line to a file of that name (bytes)."""
    return (b"---\ndiff --git " + top + name + b" b/" + name + b"\n" + more + b"--- " + top + name + b"\n+++ b/" + name
            + b"\n@@ -1 +1,2 @@\n a\n+b\n")


class TestRefused(unittest.TestCase):
    """What a shell, make or the kernel's scripts would interpret is told, and where; what is plain is not."""

    def refuses(self, data, says, line):
        found = patch.refused(HEAD + data)
        self.assertTrue(found, data)
        self.assertIn(says, found[0].text)
        self.assertEqual(found[0].no, HEAD.count(b"\n") + line, found[0])

    def test_names(self):
        for char in b" '\"$;|<>&`()*?[]{}!~%=:#^":
            self.refuses(change(b"drivers/x%cy" % char), "", 2)
        for name, says in ((b"../x", ".."), (b"a/../x", ".."), (b"/etc/x", "begins with /"), (b"-rf", "begins with -"),
                           (b".git/hooks/x", ".git"), (b"a/.GIT/x", ".git"), (b"a/\xff.c", "not UTF-8"), (b"a/./x", ".")):
            self.refuses(change(name), says, 2)

    def test_names_in_c_quotes(self):
        for name in (rb"a/d\"x", rb"a/\\x", rb"a/\nx", rb"a/\001x", rb"a/\303x", rb"a/\140id\140", rb"a/x\342\200\256y"):
            data = b'---\ndiff --git "a/%s" "b/%s"\nold mode 100644\nnew mode 100755\n' % (name, name)
            self.refuses(data, "the name", 2)

    def test_other_forms(self):
        bad = b"x;touch${IFS}y;"
        self.refuses(b"Index: x\n--- a/%s\n+++ b/%s\n" % (bad, bad) + HUNK, "the name", 2)
        self.refuses(b"---\ndiff --git a/x b/%s\nsimilarity index 100%%\nrename from x\nrename to %s\n" % (bad, bad), "the name", 2)
        self.refuses(b"+++ b/$(id)\n---\n" + change(b"x.c"), "checkpatch.pl takes", 1)  # in the log
        self.refuses(b"---\n--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n a\n+++ $(id)\n", "checkpatch.pl takes", 6)  # in a hunk
        self.refuses(b"---\ndiff --git a/x b/x\n\n" + change(b"y.c"), "that nothing of a diff follows", 2)
        link = b"---\ndiff --git a/d/x b/d/x\nnew file mode 120000\n--- /dev/null\n+++ b/d/x\n@@ -0,0 +1 @@\n+%s\n"
        for target in (b"/etc/shadow", b"../../x", b"y/../../../x"):
            self.refuses(link % target + b"\\ No newline at end of file\n", "leads out of the tree", 2)
        self.assertEqual(patch.refused(link % b"../y"), [])

    def test_links(self):
        for path, target, out in (("a/b", "../c", False), ("a/b", "c/d", False), ("b", "..", True), ("a/b", "../..", True),
                                  ("a/b/c", "../../../x", True), ("a", "/x", True), ("m", "a/b/l/../../x", True),
                                  ("a/b", "./../c", False)):
            self.assertEqual(patch.leads_out(path, target), out, (path, target))

    def test_licence_line(self):
        new = b"---\n--- /dev/null\n+++ b/x.c\n@@ -0,0 +1,2 @@\n+// SPDX-License-Identifier: %s\n+int x;\n"
        for text in (b"GPL-2.0 $(id)", b"GPL-2.0 `id`", b'GPL-2.0"; id; "'):
            self.refuses(new % text, "licence", 5)
        for text in (b"$(id) SPDX-License-Identifier: GPL-2.0", b'GPL-2.0"; id; ");'):
            self.refuses(new % text, "licence", 5)
        # checkpatch.pl counts otherwise than git: lines that begin with a backslash, what is no head of a hunk, none at all
        tag = b"+// SPDX-License-Identifier: $(id)\n"
        for before in (b"@@ -0,0 +1 @@\n\\ a\n\\ b\n\\ c\n", b"@@ -0,0 +1 @@\n+a\n@@ -junk\n", b"@@ -0,0 +" + b"0" * 120 + b"1 @@\n",
                       b""):
            data = b"---\n--- /dev/null\n+++ b/x.c\n" + before + tag
            self.refuses(data, "licence", data[:data.index(tag)].count(b"\n") + 1)
        later = b"---\n--- a/x.c\n+++ b/x.c\n@@ -9 +9,2 @@\n a\n+\tputs(\"SPDX-License-Identifier: GPL-2.0\");\n"
        for data in (new % b"GPL-2.0-only WITH Linux-syscall-note OR (MIT AND BSD-2-Clause) */", later):
            self.assertEqual(patch.refused(data), [])

    def test_time_and_number_are_bounded(self):
        """A line that is refused, as often as 400 kB have room for it."""
        for text in (b"+++ $\n", b"+// SPDX-License-Identifier: $\n", b"diff --git $\n", b"diff --git a/x b/x\n\n", b"--- $\n+++ $\n@@ -1\n",
                     b"diff --git " + b"x/a " * 2046 + b"\nnew mode 1\n",
                     b"--- a/x" + b" " * 9999 + b"x\n+++ b/x\n@@ -0,0 +0,0 @@\n", b"From x 1:02:03 2026\na: b\n", b"+" + b'SPDX-License-Identifier: ";' * 999 + b"\n"):
            data = b"a\n\n" + text * (400000 // len(text))
            start = time.process_time()
            found = patch.refused(data)
            patch.second_mail(data)
            self.assertLess(time.process_time() - start, 3, text[:40])
            self.assertLessEqual(len(found), patch.MOST)

    def test_plain_ones_are_not(self):
        for name in (b"drivers/pci/a.c", b"include/uapi/linux/x-y_z.h", b"a/b,c+d@e.dtsi", "a/\u00e9.c".encode(), b".gitignore", b"a/.."
                     b"b/c"):
            self.assertEqual(patch.refused(HEAD + change(name)), [], name)
        for name, (diff, paths) in FORMS.items():
            self.assertEqual(bool(patch.refused(HEAD + b"---\n" + diff)), any(map(patch.odd, paths)), name)


class TestDiffInLog(unittest.TestCase):
    """What GNU patch finds in a log is told, and no more than that."""

    DIFF = "--- a/x.c\n+++ b/x.c\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n"
    LOGS = ["diff --git a/x.c b/x.c\n" + DIFF, DIFF, "Index: x.c\n" + DIFF, "5c5\n< foo\n---\n> bar\n",
            "*** x.c\n--- x.c\n***************\n*** 1,3 ****\n  a\n! b\n  d\n--- 1,3 ----\n  a\n! c\n  d\n",
            "@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n", "1d\n.\n", "2,3c\nnew\n.\n",
            "A list:\n - one\n -- two\n * three\n", "It is 5d and 3a.\n\n...\n", "> quoted\n< less\n5 dozens\n",
            "@@ is a hunk's mark, --- and +++ are others\n--- a\n\n+++ b\n", "[ 1.0] Call Trace:\n *** BUG\n --- end\n"]

    def test_as_gnu_patch(self):
        found = 0
        for log in self.LOGS:
            for indent in ("", "    ", "\t", "X ", "- "):
                text = "Why:\n\n" + "".join(indent + line + "\n" for line in log.splitlines()) + "\nThat is all.\n"
                parsed = patch.Parsed(b"Subject: x\n\n" + text.encode() + b"---\n" + change(b"y.c")[4:])
                ours = parsed.in_log is not None or parsed.files[0].path != "y.c"
                with tempfile.TemporaryDirectory() as folder:
                    said = subprocess.run(["patch", "-p1", "-f", "--dry-run"], input=text, cwd=folder, text=True, check=False,
                                          capture_output=True, env=ministack.environment())
                theirs = "Only garbage" not in said.stdout + said.stderr
                if theirs:
                    self.assertTrue(ours, (indent, log, said.stdout))
                found += theirs
                if log in self.LOGS[8:]:
                    self.assertFalse(ours, (indent, log))
        self.assertGreater(found, 15)


class TestPlaces(unittest.TestCase):
    """Line numbers, the decoded headers, notes, signature."""

    def test_places(self):
        data = HEAD + b"---\nA note.\n\n x.c | 2 +-\n 1 file changed\n\n" + FORMS["quoted, plain"][0] + b"-- \n2.39\n\n"
        parsed = patch.Parsed(data)
        self.assertEqual(parsed.header("subject"), "[PATCH] PCI: Do it, and more of it")
        self.assertEqual((parsed.header_line("Date"), parsed.header_line("Gone"), parsed.header("gone")), (3, 1, ""))
        self.assertEqual([(line.no, line.text) for line in parsed.added], [(21, "+c")])
        self.assertEqual(parsed.where(21), " (d\u00e9.c:2)")
        self.assertEqual(parsed.where(20), " (d\u00e9.c)")
        self.assertEqual(parsed.where(3), "")
        self.assertEqual(parsed.notes, "A note.")
        self.assertEqual((parsed.separator, parsed.signature), (10, 23))

    def test_notes(self):
        """All that a person wrote, above the diffstat or below it, also what looks like one; nothing that git wrote."""
        stat = " .../a file.c | 2 +-\n b.bin | Bin 0 -> 3 bytes\n x.sh => y.sh | 0\n 3 files changed, 1 insertion(+), 1 deletion(-)\n"
        made = " create mode 100644 b.bin\n rename x.sh => y.sh (100%)\n mode change 100644 => 100755 y.sh\n"
        table = "Changes in v2:\n - a table:\n before | 12 us\n after  | 10 us\n - and more\n\n 2 files changed since then"
        for notes in ("", "A note.", table, " before | 12\n after | 10", " x.c | 2 +-\n 1 file changed, 1 insertion(+)\n\nwas v1",
                      "---\nmore", " create mode 100644 x\n\nis new", "  indented\n\n\nfar below"):
            for between in ("\n\n", "\n"):
                for summary in ("", made):
                    data = notes + between + stat + summary
                    parsed = patch.Parsed(HEAD + b"---\n" + data.encode() + b"\n" + FORMS["rename"][0])
                    self.assertEqual(parsed.notes, notes, data)
                    self.assertEqual(parsed.stat.text, stat.splitlines()[-1])
            below = patch.Parsed(HEAD + b"---\n" + stat.encode() + made.encode() + b"\n" + notes.encode() + b"\n" + FORMS["rename"][0])
            if "1 file changed" not in notes:
                self.assertEqual(below.notes, notes)
            alone = patch.Parsed(HEAD + b"---\n" + notes.encode() + b"\n\n" + FORMS["rename"][0])
            if "1 file changed" not in notes:
                self.assertEqual((alone.notes, alone.stat), (notes, None))

    def test_broken_hunks_are_told(self):
        for diff in (b"--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n", b"---\n@@ -1 +1 @@\n-a\n+b\n",
                     b"--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n-b\n+c\n"):
            self.assertTrue(patch.Parsed(diff).errors, diff)

    def test_prefixes(self):
        for name, want in (("noprefix", (True, False)), ("mnemonic", (False, False)), ("rename", (False, True)),
                           ("mode", (False, True)), ("quilt", (False, False)), ("empty", (False, True))):
            file = patch.Parsed(FORMS[name][0]).files[0]
            self.assertEqual((file.noprefix, file.prefixed), want, name)
        moved = patch.Parsed(b"diff --git fs/x.c lib/x.c\nsimilarity index 100%\nrename from fs/x.c\nrename to lib/x.c\n")
        self.assertTrue(moved.files[0].noprefix)

    def test_odd_input(self):
        for data in (b"", b"\n", b"\0", b"diff --git ", b"diff --git a b\n--- \n+++ \n@@ -1 +1 @@\n", b"--- a\n+++ b\n@@ -" + b"9" * 9999,
                     b'diff --git "a/x "b/x\nold mode 1\n', b"GIT binary patch\n", b"--- \n+++ \n@@ -", HEAD[:40], b"\xff\xfe" * 99):
            patch.Parsed(data)


if __name__ == "__main__":
    unittest.main()
