# SPDX-License-Identifier: GPL-2.0
"""Golden cases of `b4` and `mail-check`: b4 itself works with what they make."""
import base64
import json
import quopri
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import mailstack  # noqa: E402
from ministack import sh, write  # noqa: E402

from stacklib.verbs import mail_check  # noqa: E402

B4_WORDS = ("b4", "-n", "--offline-mode")

# A check of kind patch that says what the patch holds, and one that reads the whole tree.
CHECK = """#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# words: some word
# kind: patch
[ "$1" = --version ] && { echo 1; exit; }
grep -q '^From: Ann Author' "$PATCH" || echo "x.c:1: error: a stranger"
grep -q BROKEN "$PATCH" && { echo "tool is missing" >&2; exit 3; }
grep -q '1515' "$PATCH" && echo "$(basename "$PATCH"):7: warning: fifteen"
echo "x.c:0: note: never shown"
"""


class B4Stack(mailstack.MailStack):
    """One with checks, and .tree, a user's clone of a kernel with scripts."""

    def _at(self, top, tarball=True):
        super()._at(top, tarball)
        self.tree = top / "tree"

    def prepare(self):
        super().prepare()
        write(self.kernel / "scripts/checkpatch.pl", "# here\n")
        checks = self.repo / "scripts/checks"
        write(checks / "words", CHECK)
        (checks / "words").chmod(0o755)
        write(checks / "whole", "#!/bin/sh\n# kind: patch\n# reads: tree\nexit 9\n")
        (checks / "whole").chmod(0o755)
        self.give_maintainers(
            "#!/usr/bin/perl\n# b4 asks with --norolestats and so on\n"
            "print \"Ann Other <ann.other\\@example.org>\\n\" unless grep {/nom$/} @ARGV;\n"
            "print \"a-list\\@example.org\\n\" unless grep {/nol$/} @ARGV;\n")
        (self.kernel / "scripts/get_maintainer.pl").chmod(0o755)
        sh("git", "commit", "-qam", "executable", cwd=self.kernel)
        sh("git", "tag", "-f", "v1.2.3", cwd=self.kernel)
        self.fresh("tree")


class B4(unittest.TestCase):
    """The branch, and b4 on it."""

    def setUp(self):
        self.mini = B4Stack(self)
        self.tree = self.mini.tree

    def stack(self, *words, status=0, **extra):
        proc = self.mini.stack(*words, **extra)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        return proc

    def b4(self, *words, status=0):
        proc = self.mini.run(*B4_WORDS, *words, cwd=self.tree, STACK_REPO=self.mini.repo,
                             STACK_CACHE=self.mini.cache)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        return proc.stdout + proc.stderr

    def state(self):
        """What must not change in the user's tree."""
        return (sh("git", "status", "--porcelain", "-b", cwd=self.tree),
                sh("git", "rev-parse", "HEAD", cwd=self.tree), sh("git", "stash", "list", cwd=self.tree))

    def test_prep_check_auto_to_cc_send_diff(self):
        before = self.state()
        said = self.stack("b4", "alpha", "--suites", "--tree", self.tree, "--config", "--signoff").stdout
        self.assertIn("branch b4/alpha in %s: cover letter and 3 patches on what they need (kunit)"
                      % self.tree, said)
        self.assertEqual(self.state(), before)
        log = sh("git", "log", "--format=%B", "v1.2.3..b4/alpha", cwd=self.tree)
        self.assertEqual(log.count("Signed-off-by: Tay Ker"), 3)  # not the fabric's
        self.assertIn('"prefixes": []', log)
        command = sh("git", "config", "b4.prep-perpatch-check-cmd", cwd=self.tree)
        self.assertRegex(command, r"/scripts/stack mail-check$")
        self.assertEqual(sh("git", "config", "b4.send-series-to", cwd=self.tree), "to@example.org")
        sh("git", "switch", "-q", "b4/alpha", cwd=self.tree)
        said = self.b4("prep", "--check")
        self.assertIn("PCI: Return more from a3()", said)
        self.assertIn("stack: words: fifteen", said)
        self.assertIn("stack: words: ERROR: x.c:1: a stranger", said)  # Jürgen's
        self.assertIn("Success: 2, Warning: 1, Error: 1", said)
        self.b4("prep", "--auto-to-cc")
        cover = self.b4("prep", "--show-info")
        self.assertIn("revision: 1", cover)
        self.assertIn("DRYRUN", self.b4("send", "--dry-run", "--no-sign").upper().replace("-", "").replace(" ", ""))
        self.b4("send", "-o", self.mini.top / "sent", "--no-sign")
        sent = sorted((self.mini.top / "sent").glob("*.eml"))
        self.assertEqual(len(sent), 4)
        letter = sent[0].read_text(encoding="utf-8")
        self.assertIn("Ann Other <ann.other@example.org>", letter)
        base = sh("git", "rev-parse", "v1.2.3", cwd=self.tree)
        self.assertIn("base-commit: %s\n" % base, letter)
        self.assertIn("prerequisite-patch-id: ", letter)
        self.assertIn("Signed-off-by: Tay Ker <taker@example.org>", sent[1].read_text(encoding="utf-8"))

    def test_b4_diff_of_two_exports(self):
        self.stack("export", "alpha", "--tree", self.tree, "--no-suites")
        old = self.mini.out / "export/alpha.mbx"
        text = old.read_text(encoding="utf-8")
        new = self.mini.top / "v2-alpha.mbx"
        write(new, text.replace("[PATCH ", "[PATCH v2 ").replace("-v1-", "-v2-")
              .replace("+\treturn 33;", "+\treturn 44;"))
        said = self.b4("diff", "-m", old, new)
        self.assertIn("PCI: Return more from a3()", said)
        self.assertRegex(said, r"\+\treturn 44;")

    def test_notes_and_changed_version(self):
        path = self.mini.patches()[0]
        write(path, path.read_text(encoding="utf-8").replace("\n---\n", "\n---\nv2: new\n\n", 1))
        cover = self.mini.repo / "patches/v1/alpha/0000-cover-letter.patch"
        write(cover, cover.read_text(encoding="utf-8").replace("What it is.\n", "What it is.\n\n#1 is first\n")
              .replace("[PATCH", "[RFC PATCH", 1))
        self.stack("b4", "alpha", "--tree", self.tree, "--no-suites", "--version", "3")
        log = sh("git", "log", "--format=%B", "v1.2.3..b4/alpha", cwd=self.tree)
        self.assertIn("\n---\nv2: new", log)
        self.assertIn("\n>#1 is first\n", log)  # or b4 takes it for a comment
        self.assertIn('"revision": 3', log)
        self.assertRegex(log, r'"prefixes": \[\s*"RFC"\s*\]')
        self.assertEqual(sh("git", "rev-list", "--count", "v1.2.3..b4/alpha", cwd=self.tree), "3")

    def test_errors_leave_the_tree_alone(self):
        self.stack("b4", "beta", "--tree", self.tree)
        before = self.state(), sh("git", "for-each-ref", cwd=self.tree)
        bare = self.mini.top / "nobody"
        sh("git", "clone", "-q", self.mini.kernel, bare, cwd=self.mini.top)
        write(self.mini.top / "notgit/file", "")
        for words, text, mend in (
                (("b4", "beta", "--tree", self.tree), "there is a branch b4/beta already", "branch -m"),
                (("b4", "--tree", self.tree), "b4 takes one topic", "scripts/stack b4 TOPIC"),
                (("b4", "alpha"), "b4 needs a git tree of yours", "--tree ~/linux"),
                (("b4", "alpha", "--tree", bare), "git has no user.name there", "config user.name"),
                (("b4", "alpha", "--tree", self.mini.top / "notgit"), "git has no user.name|not a git tree",
                 ""),
                (("b4", "alpha", "--tree", "%s:nosuch" % self.tree), "no ref 'nosuch'", "fetch"),
                (("b4", "gamma", "--tree", self.tree), "no topic 'gamma'", "")):
            proc = self.stack(*words, status=2)
            self.assertRegex(proc.stderr, text)
            self.assertIn(mend, proc.stderr)
            self.assertNotIn("Traceback", proc.stderr)
        self.assertEqual((self.state(), sh("git", "for-each-ref", cwd=self.tree)), before)

    def test_branch_called_b4(self):
        sh("git", "branch", "b4", cwd=self.tree)
        proc = self.stack("b4", "beta", "--tree", self.tree, status=2)
        self.assertIn("there is a branch b4, so that there can be none called b4/beta", proc.stderr)
        self.assertIn("branch -m b4 b4-old", proc.stderr)
        self.assertFalse(self.mini.out.joinpath("linux").exists())

    def test_keys_that_are_set_stay(self):
        sh("git", "config", "b4.send-series-to", "mine@example.org", cwd=self.tree)
        own = self.mini.top / "home/.gitconfig"
        write(own, "[b4]\n\tprep-perpatch-check-cmd = my-check\n")
        proc = self.stack("b4", "beta", "--tree", self.tree, "--config", HOME=own.parent, GIT_CONFIG_GLOBAL=own)
        self.assertIn("has b4.prep-perpatch-check-cmd = my-check; it stays", proc.stderr)
        self.assertEqual(sh("git", "config", "--get-all", "b4.prep-perpatch-check-cmd", cwd=self.tree, check=False), "")
        self.assertIn("has b4.send-series-to = mine@example.org; it stays", proc.stderr)
        self.assertIn("note: git has no sendemail.smtpserver there", proc.stderr)
        self.assertEqual(sh("git", "config", "b4.send-series-to", cwd=self.tree), "mine@example.org")

    def mail_check(self, text, *words, status=0):
        path = self.mini.top / "mail"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        proc = self.mini.stack("mail-check", *words, stdin=path, cwd=self.tree)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        return proc

    def test_mail_check_lines(self):
        first, second = (p.read_text(encoding="utf-8") for p in self.mini.patches())
        proc = self.mail_check(first)
        self.assertEqual((proc.stdout, proc.stderr), ("", ""))
        proc = self.mail_check(second, status=1)
        self.assertEqual(proc.stdout, "words: ERROR: x.c:1: a stranger\nwords: fifteen\n")
        proc = self.mail_check(first.replace("Why it", "BROKEN it"), status=1)
        self.assertEqual(proc.stderr, "words: the check is broken: tool is missing\n")
        # who sends it is not the author
        proc = self.mail_check(first.replace("From: Ann Author <ann@example.org>", "From: S <s@example.org>")
                               .replace("\n\nWhy", "\n\nFrom: Ann Author <ann@example.org>\n\nWhy"))
        self.assertEqual(proc.stdout, "")

    def test_mail_check_json(self):
        first, second = (p.read_text(encoding="utf-8") for p in self.mini.patches())
        for text, want in ((first, {"tool": "words", "status": "pass"}),
                           (second, {"tool": "words", "status": "fail", "summary": "2 findings",
                                     "details": "x.c:1: a stranger\nfifteen"}),
                           (first.replace("Why it", "1515 it"),
                            {"tool": "words", "status": "warn", "summary": "1 findings", "details": "fifteen"}),
                           (first.replace("Why it", "BROKEN it"),
                            {"tool": "words", "status": "fail", "summary": "the check is broken",
                             "details": "tool is missing"})):
            self.assertEqual(json.loads(self.mail_check(text, "--format=b4-review").stdout), [want])

    def test_mail_check_wrong_use(self):
        self.assertIn("standard input is no patch", self.mail_check("Subject: x\n\nno diff\n",
                                                                    status=2).stderr)
        self.tree = self.mini.repo
        proc = self.mail_check(self.mini.patches()[0].read_text(), status=2)
        self.assertIn("is not in a kernel tree", proc.stderr)

    def test_mail_check_of_an_address_that_is_no_ascii(self):
        text = self.mini.patches()[0].read_text(encoding="utf-8").replace("<ann@example.org>", "<j\u00fcr\u2028@example.org>")
        with tempfile.TemporaryDirectory() as folder:
            said = mail_check.plain(text.encode(), Path(folder)).decode()
        self.assertIn("@example.org>\n", said.split("\n", 1)[0] + "\n")
        self.assertNotIn("Traceback", self.mail_check(text).stderr)

    def test_mail_check_of_a_diff_that_git_cannot_read(self):
        text = self.mini.patches()[0].read_text(encoding="utf-8")
        for bad in (text.replace("@@ -", "@@ -junk ", 1), text.rstrip("\n").rpartition("\n")[0] + "\n"):
            self.assertIn("git cannot read its diff", self.mail_check(bad, status=2).stderr)

    def test_mail_check_reads_no_more_than_a_file_may_have(self):
        with open("/dev/zero", "rb") as zero:
            self.assertIn("standard input: larger than 64 MiB", self.mail_check(zero.read((64 << 20) + 1), status=2).stderr)

    def test_mail_check_of_two_mails(self):
        first, second = (p.read_text(encoding="utf-8") for p in self.mini.patches())
        self.assertEqual(self.mail_check(first + second, status=1).stdout, f"patch: ERROR: refused, no check was run: line "
                         f"{len(first.splitlines()) + 1}: a second mail begins here\n")

    def test_mail_check_of_encoded_mails(self):
        """base64, quoted-printable, CR LF, several parts, another character set: as the plain mail."""
        plain = self.mini.patches()[1].read_text(encoding="utf-8").replace("Why it", "For J\u00fcrgen, it")
        top, body = plain.split("\n", 1)[1].split("\n\n", 1)
        top += "\nMIME-Version: 1.0\nContent-Type: text/plain; charset=%s\nContent-Transfer-Encoding: %s\n\n"
        crlf = body.replace("\n", "\r\n").encode()
        for mail in (plain.encode(), plain.replace("\n", "\r\n").encode(),
                     (top % ("utf-8", "base64")).encode() + base64.encodebytes(body.encode()),
                     (top % ("utf-8", "base64")).encode() + base64.encodebytes(crlf),
                     (top % ("iso-8859-1", "quoted-printable")).encode() + quopri.encodestring(body.encode("latin-1")),
                     (top.replace("text/plain", 'multipart/mixed; boundary="zz"') % ("utf-8", "8bit")).encode()
                     + b"--zz\nContent-Type: text/plain; charset=utf-8\n\n" + body.encode()
                     + b"\n--zz\nContent-Type: text/plain\n\n_____\na list\n--zz--\n"):
            self.assertEqual(self.mail_check(mail, status=1).stdout, "words: ERROR: x.c:1: a stranger\nwords: fifteen\n", mail)

    def test_mail_check_runs_nothing_of_a_mail(self):
        text = self.mini.patches()[0].read_text(encoding="utf-8")
        for name in ("drivers/pci/$(touch${IFS}canary)", "x;touch${IFS}canary;", "a`touch${IFS}canary`"):
            for mail in (text.replace("drivers/pci/a.c", name), text.replace("Why it", f"+++ b/{name}\nWhy it")):
                proc = self.mail_check(mail, status=1)
                self.assertRegex(proc.stdout, r"\Apatch: ERROR: refused, no check was run: ")
                self.assertEqual(len(proc.stdout.splitlines()), len([x for x in proc.stdout.splitlines() if "refused" in x]))
        data = json.loads(self.mail_check(mail, "--format=b4-review").stdout)
        self.assertEqual([(entry["tool"], entry["status"]) for entry in data], [("patch", "fail")])
        self.assertEqual(list(self.mini.top.rglob("canary*")), [])

    def test_mail_check_of_a_folded_author(self):
        with tempfile.TemporaryDirectory() as folder:
            said = mail_check.plain(b"From: A\n <a@b.c>\nSubject: x\n\nFrom: =?utf-8?q?J=C3=BC?= B\n <b@b.c>\n\nlog\n---\n"
                                    b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", Path(folder))
        self.assertEqual(said.partition(b"\n\n")[2], b"log\n---\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
        self.assertIn(b"<b@b.c>\nSubject: [PATCH] x\n", said)


if __name__ == "__main__":
    unittest.main()
