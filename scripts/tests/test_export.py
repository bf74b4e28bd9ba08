# SPDX-License-Identifier: GPL-2.0
"""Golden cases of `export`: what is in the mailbox, and that all who take it get the same tree."""
import email
import email.header
import email.policy
import os
import re
import shutil
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import mailstack  # noqa: E402
from ministack import sh, write  # noqa: E402

from stacklib.mail import letters, posting, recipients  # noqa: E402
from stacklib.stack import dropin, dropseries  # noqa: E402


def parse(data):
    """The mails of a mailbox, by the separator that export writes."""
    return [email.message_from_bytes(part, policy=email.policy.default)
            for part in data.split(letters.SEPARATOR)[1:]]


class Export(unittest.TestCase):
    """The verb, its options and its errors."""

    def setUp(self):
        self.mini = mailstack.MailStack(self, applied=True)

    def stack(self, *words, status=0, **extra):
        proc = self.mini.stack(*words, **extra)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        return proc

    def export(self, *words, name="alpha", **extra):
        """Export with these words; the mails of one mailbox."""
        self.stack("export", *words, **extra)
        return parse((self.mini.out / "export" / (name + ".mbx")).read_bytes())

    def test_thread_and_headers(self):
        mails = self.export("alpha", "--suites")
        self.assertEqual([re.sub(r"\].*", "]", m["Subject"]) for m in mails],
                         ["[PATCH %d/3]" % n for n in range(4)])
        self.assertEqual(mails[2]["Subject"], "[PATCH 2/3] " + mailstack.SUBJECT)
        self.assertEqual(mails[2]["From"], "Jürgen Müller-Groß <juergen@example.org>")
        first = mails[0]["Message-ID"]
        self.assertRegex(first, r"^<alpha-suites-v1-0-[0-9a-f]{12}@example\.org>$")
        for number, message in enumerate(mails):
            self.assertEqual(message["Message-ID"], first.replace("-v1-0-", "-v1-%d-" % number))
            self.assertEqual(message["In-Reply-To"], first if number else None)
            self.assertEqual(message["References"], first if number else None)
            self.assertEqual(message["To"], "to@example.org")
        self.assertEqual(mails[2].get_content().partition("\n---\n")[0] + "\n", mailstack.BODY)

    def test_author_with_another_name_and_fabric_of_a_later_version(self):
        first = self.export("alpha", "--suites")[0]["Message-ID"]
        for name, old, new in (("patches/v1/alpha", "From: Ann Author", "From: Ann B. Author"),
                               ("kunit/commits", "[PATCH 0/1]", "[PATCH v3 0/1]")):
            cover = self.mini.repo / name / "0000-cover-letter.patch"
            write(cover, cover.read_text(encoding="utf-8").replace(old, new))
        message = self.export("alpha", "--suites")[0]
        self.assertEqual((message["From"], message["Message-ID"]), ('"Ann B. Author" <ann@example.org>', first))
        self.assertIn("  A fabric, v3, 1 patches\n    Message-ID: <kunit-v3-0-", message.get_content())

    def test_same_version_same_bytes(self):
        self.export("alpha")
        path = self.mini.out / "export/alpha.mbx"
        before = path.read_bytes()
        self.export("alpha", "--out", self.mini.top / "other")
        self.assertEqual((self.mini.top / "other/export/alpha.mbx").read_bytes(), before)

    def export_to(self, folder, *words):
        self.stack("export", *words, "-o", folder)
        return {p.name: parse(p.read_bytes()) for p in Path(folder).iterdir()}

    def test_cover_letter(self):
        cover = self.export("alpha", "--suites")[0].get_content()
        self.assertTrue(cover.startswith("What it is.\n"))
        self.assertNotIn("  old\n", cover)  # the shortlog that was stored
        self.assertIn("  A fabric, v1, 1 patches\n    Message-ID: <kunit-v1-0-", cover)
        self.assertIn("Ann Author (2):\n  PCI: Return more from a3()\n  PCI: Add KUnit suites of alpha\n",
                      cover)
        self.assertIn("\n 7 files changed, ", cover)
        self.assertRegex(cover, r"\nchange-id: alpha-[0-9a-f]{12}\n")
        self.assertRegex(cover, r"\nprerequisite-change-id: kunit-[0-9a-f]{12}:v1\n")
        self.assertNotIn("base-commit", cover)  # a tarball has none

    def test_cover_letter_with_what_looks_like_a_shortlog(self):
        cover = self.mini.repo / "patches/v1/alpha/0000-cover-letter.patch"
        table = "Counted (3):\n  one, two\n\nFurther down (2):\n  more\n\n | a table |\n"
        write(cover, cover.read_text(encoding="utf-8").replace("What it is.\n", "What it is.\n\n" + table))
        text = self.export("alpha")[0].get_content()
        self.assertIn(table, text)
        self.assertNotIn("  old\n", text)

    def test_base_commit_and_patch_ids_of_a_real_tree(self):
        cover = self.export("alpha", "--suites", "--tree", self.mini.kernel)[0].get_content()
        commit = sh("git", "rev-parse", "v1.2.3", cwd=self.mini.kernel)
        self.assertIn("\nbase-commit: %s\n" % commit, cover)
        # git's own idea of the same, from a tree that took the fabric
        self.stack("export", "kunit")
        tree = self.mini.fresh("ids")
        sh("git", "am", "-q", "--empty=drop", self.mini.out / "export/kunit.mbx", cwd=tree)
        sh("git", "am", "-q", self.mini.patches()[0], cwd=tree)
        said = sh("git", "format-patch", "--stdout", "-1", "--base=v1.2.3", cwd=tree)
        self.assertEqual(re.findall("^prerequisite-patch-id: .*", said, re.M),
                         re.findall("^prerequisite-patch-id: .*", cover, re.M))

    def test_signoff_rfc_version(self):
        cover = self.mini.repo / "patches/v1/alpha/0000-cover-letter.patch"
        proc = self.stack("export", "alpha", "--version", "2", status=1)
        self.assertIn("no list 'Changes in v2:' in it", proc.stderr)
        write(cover, cover.read_text(encoding="utf-8").replace("What it is.\n",
                                                              "What it is.\n\nChanges in v2:\n- all\n"))
        home = self.mini.top / "home"
        write(home / ".gitconfig", "[user]\n\tname = Sen Dér\n\temail = sender@example.net\n")
        me = {"GIT_COMMITTER_NAME": "Sen Dér", "GIT_COMMITTER_EMAIL": "sender@example.net"}
        mails = self.export("alpha", "--version", "2", "--rfc", "--signoff", "--suites", name="rfc-v2-alpha", **me)
        self.assertEqual(mails[1]["Subject"], "[RFC PATCH v2 1/3] PCI: Return more from a3()")
        self.assertRegex(mails[1]["Message-ID"], r"^<alpha-rfc-suites-v2-1-[0-9a-f]{12}@example\.net>$")
        for message in mails:
            self.assertEqual(message["From"], "Sen Dér <sender@example.net>")
        text = mails[2].get_content()
        self.assertTrue(text.startswith("From: =?UTF-8?q?J=C3=BCrgen=20M=C3=BCller-Gro=C3=9F?= "
                                        "<juergen@example.org>\n\n")
                        or text.startswith("From: Jürgen Müller-Groß <juergen@example.org>\n\n"), text[:99])
        self.assertRegex(text, "(?s)Signed-off-by: Jürgen.*\nSigned-off-by: Sen Dér "
                         "<sender@example.net>\n---\n")

    def test_rfc_of_the_cover_letter_is_kept(self):
        cover = self.mini.repo / "patches/v1/beta/0000-cover-letter.patch"
        write(cover, cover.read_text(encoding="utf-8").replace("[PATCH", "[RFC PATCH", 1))
        mails = self.export("beta", name="rfc-beta")
        self.assertTrue(mails[1]["Subject"].startswith("[RFC PATCH 1/1] "), mails[1]["Subject"])
        self.assertRegex(mails[1]["Message-ID"], "^<beta-rfc-v1-1-")

    def need_alpha(self):
        """Let beta need alpha, and the cover letters tell what v2 changes."""
        ini = self.mini.repo / "patches/v1/beta/topic.ini"
        write(ini, ini.read_text(encoding="utf-8").replace("[topic]\n", "[topic]\nneeds = alpha\n"))
        for name in ("patches/v1/alpha", "patches/v1/beta", "kunit/commits"):
            cover = self.mini.repo / name / "0000-cover-letter.patch"
            head, _, text = cover.read_text(encoding="utf-8").partition("\n\n")
            write(cover, "%s\n\nChanges since v1:\n- all\n\n%s" % (head, text))

    def test_what_is_needed_is_named_as_it_is_written(self):
        self.need_alpha()
        how = ("--rfc", "--version", "2", "--suites")
        boxes = self.export_to(self.mini.top / "two", "beta", "alpha", *how)
        self.assertEqual(sorted(boxes), ["rfc-v2-alpha.mbx", "rfc-v2-beta.mbx"])
        text = boxes["rfc-v2-beta.mbx"][0].get_content()
        self.assertIn("v2, 3 patches\n    Message-ID: %s\n" % boxes["rfc-v2-alpha.mbx"][0]["Message-ID"], text)
        self.assertIn("v1, 1 patches\n    Message-ID: <kunit-v1-0-", text)  # which is not of this run
        self.assertRegex(text, r"\nprerequisite-change-id: kunit-\w+:v1\nprerequisite-change-id: alpha-\w+:v2\n")
        for name, mails in self.export_to(self.mini.top / "all", "--all", *how).items():
            ids = re.findall("Message-ID: <(.*?)-rfc-(?:suites-)?v2-0", mails[0].get_content())
            self.assertEqual(ids, ["kunit", "alpha"][:int(name[1]) - 1], name)

    def test_all_says_what_else_lies_there(self):
        folder = self.mini.top / "all"
        self.assertNotIn("another export", self.stack("export", "--all", "-o", folder).stderr)
        write(folder / "09-old.mbx", "")
        self.assertIn("note: %s has mailboxes of another export: 09-old.mbx" % folder,
                      self.stack("export", "--all", "-o", folder).stderr)
        self.assertTrue((folder / "09-old.mbx").exists())

    def test_other_contents_have_other_ids(self):
        seen = {}
        for words in (("kunit", "alpha", "beta", "--suites"), ("--all",), ("--all", "--no-suites"),
                      ("alpha", "beta", "--no-suites"), ("kunit", "alpha", "beta")):
            for mails in self.export_to(self.mini.top / "-".join(words), *words).values():
                for message in mails:
                    same = seen.setdefault(message["Message-ID"], message.as_bytes())
                    self.assertEqual(same, message.as_bytes())
        stems = {re.sub(r"<(.*)-v1-.*", r"\1", i) for i in seen}
        self.assertEqual(stems, {"kunit", "alpha-suites", "beta-suites", "beta-suites-all", "alpha", "beta", "beta-all"})
        letter = next(m for i, m in seen.items() if i.startswith("<beta-suites-all-v1-0-")).decode()
        self.assertIn("Not needed, but applied before when these mails were made:\n\n", letter)
        self.assertNotIn("alpha-", letter)

    def test_another_base_is_in_the_ids(self):
        for name, words in (("v1", []), ("v2-rc1", ["v2_rc1"])):
            stack = mock.Mock(base_name=name)
            self.assertEqual(posting.variant(self.mini, stack), words)
        write(self.mini.repo / "series", "")
        write(self.mini.repo / "patches/v2-rc1/base.ini", "")
        self.assertEqual(posting.variant(self.mini, stack), ["v2_rc1"])

    def test_signoff_of_a_name_with_a_comma(self):
        mails = self.export("beta", "--signoff", name="beta", GIT_COMMITTER_NAME="Doe, John",
                            GIT_COMMITTER_EMAIL="j@example.net")
        for message in mails:
            self.assertEqual(message["From"], '"Doe, John" <j@example.net>')
        self.assertIn("\nSigned-off-by: Doe, John <j@example.net>\n---\n", mails[1].get_content())

    def test_changes_of_another_version_do_not_count(self):
        cover = self.mini.repo / "patches/v1/beta/0000-cover-letter.patch"
        text = cover.read_text(encoding="utf-8")
        for line, status in (("Changes in v2:", 1), ("Changes in v33:", 1), ("v2:", 1), ("Changes since v3:", 1),
                             ("Changes compared to v2 [1]", 0), ("v3:", 0)):
            write(cover, text.rstrip("\n") + "\n\n%s\n- all\n" % line)
            self.stack("export", "beta", "--version", "3", status=status)

    def test_signoff_of_nobody(self):
        proc = self.stack("export", "alpha", "--signoff", status=2, GIT_COMMITTER_NAME="",
                          GIT_COMMITTER_EMAIL="")
        self.assertIn("git does not know who you are", proc.stderr)
        self.assertIn("mend: git config --global user.name", proc.stderr)

    def test_to_and_cc_of_get_maintainer(self):
        self.mini.give_maintainers(
            "#!/usr/bin/perl\n# takes the diff, prints as the real one does\n"
            "die unless -f 'COPYING' and -d 'arch' and -f 'MAINTAINERS';\n"
            "my $d = join('', <STDIN>); die unless $d =~ m,b/drivers/pci/a.c,;\n"
            "print \"Ann Other <ann.other\\@example.org> (maintainer:A DRIVER)\\n\";\n"
            "print \"Sup Porter <sup\\@example.org> (supporter:A DRIVER)\\n\";\n"
            "print \"Rae Viewer <rae\\@example.org> (reviewer:A DRIVER)\\n\";\n"
            "print \"TO\\@example.org (open list:A DRIVER (OLD))\\n\";\n"
            "print \"a-list\\@example.org (open list:A DRIVER)\\n\";\n")
        cover = self.mini.repo / "patches/v1/alpha/0000-cover-letter.patch"
        write(cover, cover.read_text(encoding="utf-8").replace(
            "\n\nWhat", "\nCc: \"Doe, J.\" <doe@example.org>\n\nWhat") + "Cc: Zoë <zoe@example.org>\n")
        path = self.mini.patches()[0]
        write(path, path.read_text(encoding="utf-8").replace("\nSigned-off", "\nCc: Loggy <log@example.org>\nSigned-off")
              .replace("\n---\n", "\n---\nCc: not@example.org\n\n", 1))
        mails = self.export("alpha", "--tree", self.mini.kernel)
        for message in mails:
            self.assertEqual(message["To"], "to@example.org, Ann Other <ann.other@example.org>, "
                             "Sup Porter <sup@example.org>")
            self.assertEqual(message["Cc"], '"Doe, J." <doe@example.org>, Zoë <zoe@example.org>, '
                             "Loggy <log@example.org>, Rae Viewer <rae@example.org>, a-list@example.org")
        self.assertNotIn("Cc:", mails[0].get_content())

    def test_addresses_with_remarks_and_names_without_one(self):
        for line, want in (("stable@vger.kernel.org # v6.1+", ["stable@vger.kernel.org"]),
                           ("<stable@vger.kernel.org># v6.1+: 0123: a, b", ["stable@vger.kernel.org"]),
                           ('"C# Dev" <c@x.org> # 5.4', ["C# Dev <c@x.org>"]),
                           ("Ann, B <b@x.org>", ["B <b@x.org>"]), ("nobody", [])):
            self.assertEqual(recipients.split([line]), want)

    def test_get_maintainer_without_ones_own_configuration(self):
        self.mini.give_maintainers("#!/usr/bin/perl\nprint \"me\\@example.org (maintainer:X)\\n\" "
                                   "if -f \"$ENV{HOME}/.get_maintainer.conf\";\n")
        write(self.mini.top / ".get_maintainer.conf", "--no-l\n")  # HOME of the tests
        proc = self.stack("export", "beta", "--tree", self.mini.kernel)
        self.assertIn("get_maintainer.pl names no maintainer for beta", proc.stderr)
        self.assertNotIn("me@", (self.mini.out / "export/beta.mbx").read_text(encoding="utf-8"))

    def test_patches_alone_apply_to_the_base_by_themselves(self):
        mails = self.export("alpha")
        self.assertEqual([m["Subject"].partition("]")[0] for m in mails], ["[PATCH 0/2", "[PATCH 1/2", "[PATCH 2/2"])
        for word in ("A fabric", "To be applied before", "Not needed", "prerequisite"):
            self.assertNotIn(word, mails[0].get_content())
        tree = self.mini.fresh("alone")
        sh("git", "am", "-q", "--empty=drop", self.mini.out / "export/alpha.mbx", cwd=tree)
        self.assertEqual(sh("git", "rev-list", "--count", "v1.2.3..", cwd=tree), "2")

    def test_what_is_needed_goes_before_without_its_suites(self):
        self.need_alpha()
        text = self.export("beta", name="beta")[0].get_content()
        self.assertIn("To be applied before, in this order:\n\n  alpha, v1, 2 patches\n", text)
        self.assertNotIn("fabric", text)

    def test_get_maintainer_is_asked_once_for_a_series(self):
        asked = self.mini.top / "asked"
        self.mini.give_maintainers("#!/usr/bin/perl\nopen(my $f, '>>', '%s'); print $f 'x';\n"
                                   "print \"Ann Other <ann.other\\@example.org> (maintainer:X)\\n\";\n" % asked)
        for _ in range(2):
            self.assertIn("ann.other@", self.export("alpha", "--tree", self.mini.kernel)[1]["To"])
            self.assertEqual(asked.read_text(), "x")
        path = self.mini.patches()[1]
        write(path, path.read_text(encoding="utf-8").replace("return 22;", "return 2222;"))
        self.export("alpha", "--tree", self.mini.kernel)
        self.assertEqual(asked.read_text(), "xx")

    def test_from_and_subject_are_one_line(self):
        for name in ("patches/v1/alpha/0000-cover-letter.patch", "patches/v1/alpha/" + self.mini.patches()[0].name):
            path = self.mini.repo / name
            write(path, re.sub("^From: .*", "From: %s\n <maintainers@users.example.org>" % ("A Long Name " * 5).strip(),
                               path.read_text(encoding="utf-8"), flags=re.M))
        self.export("alpha")
        data = (self.mini.out / "export/alpha.mbx").read_bytes()
        self.assertEqual(len(re.findall(rb"(?m)^From: A Long .*Name <maintainers@users.example.org>\n(?![ \t])", data)), 2)
        self.assertNotRegex(data, rb"(?m)^(?:From|Subject): .*\n[ \t]")

    def test_get_maintainer_that_fails(self):
        self.mini.give_maintainers("#!/usr/bin/perl\ndie 'no such section';\n")
        proc = self.stack("export", "alpha", "--tree", self.mini.kernel, status=2)
        self.assertIn("get_maintainer.pl failed", proc.stderr)
        self.assertIn("no such section", proc.stderr)
        self.assertFalse((self.mini.out / "export").exists())

    def test_get_maintainer_without_perl(self):
        self.mini.give_maintainers("#!/usr/bin/perl\n")
        folder = self.mini.top / "only"
        folder.mkdir()
        for name in ("git", "xz", "apt-get"):
            (folder / name).symlink_to(shutil.which(name))
        proc = self.stack("export", "alpha", "--tree", self.mini.kernel, status=2, PATH=folder)
        self.assertIn("missing packages: perl", proc.stderr)
        self.assertIn("apt-get install", proc.stderr)
        self.assertFalse((self.mini.out / "export").exists())

    def test_standard_output_is_the_mailbox_alone(self):
        proc = self.stack("export", "beta", "--no-suites", "-o", "-")
        self.assertTrue(proc.stdout.startswith("From 0000"))
        self.assertEqual(len(parse(proc.stdout.encode())), 2)

    def test_notes_go_along(self):
        path = self.mini.patches()[0]
        write(path, path.read_text(encoding="utf-8").replace("\n---\n", "\n---\nv2: new\n\n", 1))
        self.assertIn("\n---\nv2: new\n\n drivers/pci/a.c |", self.export("alpha")[1].get_content())

    def test_wrong_use(self):
        for words, text in ((("export",), "export needs a topic (there are: alpha beta kunit)"),
                            (("export", "gamma"), "no topic 'gamma'"),
                            (("export", "--all", "alpha"), "--all and names of topics exclude"),
                            (("export", "alpha", "beta", "-o", "-"), "-o - takes one topic"),
                            (("export", "kunit", "--no-suites"), "nothing but suites"),
                            (("export", "alpha", "--version", "0"), "versions begin with 1"),
                            (("export", "alpha", "--tree", "/nonexistent"), "no such folder")):
            proc = self.stack(*words, status=2)
            self.assertIn(text, proc.stderr)
            self.assertNotIn("Traceback", proc.stderr)

    def test_broken_stack(self):
        (self.mini.repo / "patches/v1/beta/0000-cover-letter.patch").unlink()
        self.assertIn("there is no cover letter", self.stack("export", "beta", status=2).stderr)
        write(self.mini.repo / "kunit/drivers/pci/tests/lost.c", "// SPDX-License-Identifier: GPL-2.0\n")
        proc = self.stack("export", "alpha", "--suites", status=1)
        self.assertIn("1 files of the drop-in belong to no patch, the first is "
                      "drivers/pci/tests/lost.c", proc.stderr)
        write(self.mini.repo / "kunit/commits/10-fabric", "Subject: x\n\nno files\n")
        self.assertIn("needs the headers Subject and Files", self.stack("export", "kunit",
                                                                        status=2).stderr)

    def test_lint_of_the_commits(self):
        tests = self.mini.repo / "kunit/drivers/pci/tests"
        write(tests / "lost.h", "/* SPDX-License-Identifier: GPL-2.0 */\n")
        write(self.mini.repo / "kunit/commits/30-no", "Topic: nosuch\nSubject: x\nFiles: none*\n\n%s\n"
              % ("word " * 20))
        cover = self.mini.repo / "kunit/commits/0000-cover-letter.patch"
        write(cover, cover.read_text(encoding="utf-8").replace("0/1", "0/2").replace("mini", "other"))
        said = self.stack("lint", status=1).stdout
        cover.unlink()
        self.assertIn("without Topic have no cover letter", self.stack("lint", status=1).stdout)
        for text in ("0000-cover-letter.patch:4: error: says 2 patches, the series has 1",
                     "does not list 'PCI: Add the mini fabric'",
                     "tests/lost.h:0: error: belongs to no patch", "there is no topic 'nosuch'",
                     "no file of the drop-in is in it", "longer than 75"):
            self.assertIn(text, said)

    def test_folder_that_cannot_be_written(self):
        write(self.mini.top / "file", "")
        proc = self.stack("export", "alpha", "-o", self.mini.top / "file", status=2)
        self.assertIn("cannot be made", proc.stderr)
        proc = self.stack("export", "alpha", "-o", "/dev/full/x", status=2)
        self.assertIn("mend: name another folder", proc.stderr)


def programs():
    """Every b4 that is here: of PATH, of the distribution, and what setup unpacked."""
    folders = [*mailstack.ministack.PATH.split(":"), "/usr/bin", *os.environ.get("STACK_TEST_B4", "").split(":")]
    found = {str(Path(folder, "b4").resolve()) for folder in folders if folder and Path(folder, "b4").is_file()}
    assert found, "no b4: scripts/stack setup"
    return sorted(found)


class RoundTrip(unittest.TestCase):
    """git am, b4 am, b4 shazam and quilt give the tree that `apply` gives."""

    @classmethod
    def setUpClass(cls):
        cls.mini = mailstack.MailStack(mock.Mock(addCleanup=cls.addClassCleanup))
        for words in (("apply",), ("export", "--all"), ("apply", "--no-dropin", "alpha"),
                      ("export", "alpha")):
            proc = cls.mini.stack(*words)
            assert proc.returncode == 0, proc.stdout + proc.stderr
            if words == ("apply",):
                cls.full = cls.mini.git("rev-parse", "refs/stack/full^{tree}")
            if words[-1] == "alpha" and words[0] == "apply":
                cls.plain = cls.mini.git("rev-parse", "HEAD^{tree}")
        folder = cls.mini.out / "export"
        cls.all = sorted(folder.glob("0*.mbx"))
        cls.alpha = folder / "alpha.mbx"

    def tree(self, path):
        return sh("git", "rev-parse", "HEAD^{tree}", cwd=path)

    def run_ok(self, *words, cwd, **extra):
        proc = self.mini.run(*words, cwd=cwd, **extra)
        self.assertEqual(proc.returncode, 0, proc.stdout + proc.stderr)
        return proc

    def test_git_am(self):
        path = self.mini.fresh("am")
        self.run_ok("git", "am", "--empty=drop", *self.all, cwd=path)
        self.assertEqual(self.tree(path), self.full)
        log = sh("git", "log", "-1", "--format=%an <%ae>%n%s%n%n%b", "HEAD~2", cwd=path)
        self.assertEqual(log, "Jürgen Müller-Groß <juergen@example.org>\n%s\n\n%s"
                         % (mailstack.SUBJECT, mailstack.BODY.strip()))

    def b4_am(self, name, *files):
        """The mailboxes through each b4 and git am, into fresh trees; yield (b4, tree)."""
        for turn, program in enumerate(programs()):
            path = self.mini.fresh(name)
            old_b4 = sh(program, "--version", cwd=path).startswith("0.12")
            for number, file in enumerate(files):
                if old_b4:
                    # It writes a line of the log that looks like the end of a mail as it is.
                    old = self.mini.top / ("old-" + file.name)
                    old.write_bytes(file.read_bytes().replace(b"=46rom git@z Thu Jan  1 00:00:00", b"=46rom git@z in"))
                    file = old
                ready = "t%d-%d-%s" % (turn, number, name)
                self.run_ok(program, "-n", "--offline-mode", "am", "-m", file, "-n", ready,
                            "-o", self.mini.top / "am-ready", cwd=path)
                self.run_ok("git", "am", self.mini.top / "am-ready" / (ready + ".mbx"), cwd=path)
            yield program, path

    def test_b4_am(self):
        for program, path in self.b4_am("b4am", *self.all):
            self.assertEqual(self.tree(path), self.full, program)
            self.assertEqual(sh("git", "log", "-1", "--format=%an: %s", "HEAD~2", cwd=path),
                             "Jürgen Müller-Groß: " + mailstack.SUBJECT)

    def test_a_topic_alone(self):
        for program, path in self.b4_am("alone", self.alpha):
            self.assertEqual(self.tree(path), self.plain, program)

    def test_b4_shazam(self):
        path = self.mini.fresh("shazam")
        for file in self.all:
            self.run_ok("b4", "-n", "--offline-mode", "shazam", "-m", file, cwd=path)
        self.assertEqual(self.tree(path), self.full)

    def test_quilt_import(self):
        path = self.mini.fresh("quilt")
        out = self.mini.top / "quilt-ready"
        self.run_ok("b4", "-n", "--offline-mode", "am", "-Q", "-m", self.alpha, "-n", "alpha", "-o", out,
                    cwd=path)
        folder = next(p for p in out.iterdir() if p.is_dir())
        names = [l for l in (folder / "series").read_text().splitlines() if l and l[0] != "#"]
        for name in names:
            self.run_ok("quilt", "import", folder / name.split()[0], cwd=path)
            self.run_ok("quilt", "push", cwd=path)
        sh("git", "add", "-f", "drivers", cwd=path)
        sh("git", "commit", "-qm", "quilt", cwd=path)
        self.assertEqual(self.tree(path), self.plain)


class DropIn(unittest.TestCase):
    """The states in which the files of the drop-in grow."""

    def state(self, have):
        mini = mailstack.MailStack(self)
        tests = "drivers/pci/tests/"
        write(mini.repo / "kunit" / tests / "Makefile",
              "obj-$(CONFIG_F)\t+= f.o\nf-y := mini_kunit.o \\\n\talpha_two_kunit.o\n\n# of one\n"
              "x := $(srctree)/alpha_one_kunit.c\nkept_with_it:\n\ttouch $@\n\nobj-$(CONFIG_MINI) += "
              "mini_kunit.o\n# a word\nobj-$(CONFIG_ONE) += alpha_one_kunit.o\n\n# the end\n")
        write(mini.repo / "kunit" / tests / "Kconfig",
              "# head\n\nif X\n\n# of one\nconfig ONE\n\tbool\n\tselect HELPER\n\nconfig HELPER\n\tbool\n\n"
              "config MINI\n\tbool\n\nendif\n\nconfig F\n\tbool\n")
        write(mini.repo / "kunit" / tests / ".kunitconfig", "CONFIG_PCI=y\nCONFIG_ONE=y\nCONFIG_MINI=y\n")
        names = {tests + n for n in ["Makefile", "Kconfig", ".kunitconfig"] + have}
        texts = dropseries.growing(mini.repo, names)
        return [texts[tests + n] for n in ("Makefile", "Kconfig", ".kunitconfig")]

    def test_without_one(self):
        makefile, kconfig, kunitconfig = self.state(["mini_kunit.c"])
        self.assertEqual(makefile, "obj-$(CONFIG_MINI) += mini_kunit.o\n# a word\n\n# the end\n")
        self.assertEqual(kconfig, "# head\n\nif X\n\nconfig MINI\n\tbool\n\nendif\n")
        self.assertEqual(kunitconfig, "CONFIG_PCI=y\nCONFIG_MINI=y\n")

    def test_folders_come_whole(self):
        mini, tests = mailstack.MailStack(self), "drivers/pci/tests/"
        write(mini.repo / "kunit" / tests / "Makefile", "obj-y += one/\nobj-$(CONFIG_X) += two/\n\n# three\nobj-y += three/\n")
        write(mini.repo / "kunit" / tests / "Kconfig", "".join(f'source "{tests}{n}/Kconfig"\n' for n in ("one", "two", "three")))
        for name, other in (("one", "two"), ("two", "one")):
            write(mini.repo / "kunit" / tests / name / "Makefile", f"obj-$(CONFIG_A) += {name}_a.o\nobj-$(CONFIG_B) += {other}_b.o\n")
            write(mini.repo / "kunit" / tests / name / "Kconfig", "config X\n\tbool\n")
            for letter in "ab":
                write(mini.repo / "kunit" / tests / name / f"{name}_{letter}.c", "")
        have = {tests + n for n in ("Kconfig", "Makefile", "one/Makefile", "one/Kconfig", "one/one_a.c", "one/one_b.c")}
        texts = dropseries.growing(mini.repo, have)
        self.assertEqual(texts[tests + "Makefile"], "obj-y += one/\n")
        self.assertEqual(texts[tests + "Kconfig"], f'source "{tests}one/Kconfig"\n')
        # what one of two lines lacks is lacking, whichever is read last
        self.assertEqual(texts[tests + "one/Makefile"].strip(), "")
        self.assertEqual(sorted(texts), sorted(n for n in have if not n.endswith(".c")))

    def test_rows_come_with_their_suites(self):
        mini = mailstack.MailStack(self)
        rows = {name: f"   * - {name}\n     - x\n     - y\n" for name in ("mini", "alpha_one", "other")}
        write(mini.repo / "kunit/Documentation/PCI/kunit.rst", "Head\n\n" + "".join(rows.values()) + "\nEnd\n")
        texts = dropseries.growing(mini.repo, {"Documentation/PCI/kunit.rst", "drivers/pci/tests/mini_kunit.c"})
        self.assertEqual(texts["Documentation/PCI/kunit.rst"], "Head\n\n" + rows["mini"] + rows["other"] + "\nEnd\n")

    def test_with_all_nothing_is_changed(self):
        for text in self.state(["mini_kunit.c", "alpha_one_kunit.c", "alpha_two_kunit.c"]):
            self.assertIn("ONE", text)
            self.assertNotIn("\n\n\n", text)

    def test_longest_pattern_wins(self):
        mini = mailstack.MailStack(self)
        write(mini.repo / "kunit/commits/05-all", "Subject: x\nFiles: drivers/pci/tests/*\n\nlog\n")
        write(mini.repo / "kunit/drivers/pci/tests/other.c", "")
        found = {c.path.name: c.files for c in dropseries.load(mini.repo)}
        self.assertEqual(found["05-all"], {"drivers/pci/tests/other.c"})
        self.assertIn("drivers/pci/tests/mini_kunit.c", found["10-fabric"])

    def test_hook_comes_with_the_file_that_it_names(self):
        for name, line, file in (("d/Kconfig", 'source "a/Kconfig"', "a/Kconfig"), ("Makefile", "obj-y += d/", "d/Makefile"),
                                 ("d/Makefile", "obj-$(CONFIG_X) += ../tests/", "tests/Makefile"),
                                 ("d/index.rst", "   page", "d/page.rst")):
            self.assertEqual(dropin.hooked_file(name, line), file)
        for name, line in (("d/Kconfig", "config X"), ("d/Makefile", "x := y"), ("d/a.c", "obj-y += d/"), ("d/page.rst", "  x")):
            self.assertEqual(dropin.hooked_file(name, line), "")


class Mail(unittest.TestCase):
    """What mail cannot carry as it is."""

    def test_quoted_printable_and_back(self):
        body = "From x\n>From y\nplain \n\ttab\t\n%s\ncr\rin\r\né=3D\n".encode() % (b"y" * 3000)
        said = letters.quoted(body)
        self.assertNotRegex(said, rb"(?m)^>*From ")
        self.assertNotIn(b"\r", said)
        self.assertLess(max(map(len, said.split(b"\n"))), 80)
        import quopri  # pylint: disable=import-outside-toplevel
        self.assertEqual(quopri.decodestring(said), body)

    def test_carriage_return_in_a_log(self):
        said = letters._whole(b"From: a@b.c\nSubject: x", b"one\rtwo\n", letters.Letterhead("t-abc", "example.org"), 1)
        self.assertIn(b"quoted-printable\n\none=0Dtwo\n", said)

    def test_plain_bodies_stay_plain(self):
        head = letters.Letterhead("t-abc", "example.org")
        said = letters._whole(b"From: a@b.c\nSubject: x", b"just text\nFrom: no\n", head, 1)
        self.assertNotIn(b"MIME-Version", said)
        self.assertTrue(said.endswith(b"\n\njust text\nFrom: no\n\n"))


if __name__ == "__main__":
    unittest.main()
