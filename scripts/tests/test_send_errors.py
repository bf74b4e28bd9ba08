# SPDX-License-Identifier: GPL-2.0
"""What `export`, `b4`, `diff`, `check --tree` and `--merge` do when they cannot: golden errors.

Each leaves what is the user's as it was: tree, refs, configuration, an earlier mailbox.
"""
import json
import shutil
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import mailstack  # noqa: E402
import ministack  # noqa: E402
from ministack import PATH, digest, sh, write  # noqa: E402

from stacklib.checking import runner  # noqa: E402
from stacklib.host import files  # noqa: E402

FULL = "echo 'error: unable to write file: No space left on device' >&2; exit 128"
# As ^C, which a test that runs in the background would not get.
INTERRUPT = "kill -TERM $PPID; sleep 30"


class Errors(unittest.TestCase):
    """One mini stack for a class; .tree is the user's."""

    @classmethod
    def setUpClass(cls):
        cls.mini = mailstack.MailStack(mock.Mock(addCleanup=cls.addClassCleanup), applied=True)
        cls.tree = cls.mini.fresh("tree")
        cls.first = cls.mini.patches()[0]

    def setUp(self):
        sh("git", "checkout", "-q", ".", cwd=self.mini.repo)
        sh("git", "checkout", "-qf", "work", cwd=self.tree)
        for name in ("alpha", "beta"):
            sh("git", "update-ref", "-d", "refs/heads/b4/" + name, cwd=self.tree)
        for path in self.mini.out.glob("report.*"):
            path.unlink()

    def users(self):
        """All that is the user's in the tree."""
        return (sh("git", "for-each-ref", cwd=self.tree), sh("git", "status", "--porcelain", "-b", cwd=self.tree),
                sh("git", "config", "--list", "--local", cwd=self.tree), digest(self.tree / "drivers"))

    def fails(self, *words, says, mend="", status=2, **extra):
        """Run the tool: it ends with that status and says why; nothing of the user's changes."""
        before = self.users(), digest(self.mini.repo / "patches")
        proc = self.mini.stack(*words, **extra)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        self.assertIn(says, proc.stderr)
        self.assertIn(mend, proc.stderr)
        self.assertNotIn("Traceback", proc.stderr)
        self.assertEqual((self.users(), digest(self.mini.repo / "patches")), before)
        self.assertFalse((self.mini.out / ".stack-tmp").exists())
        return proc

    def works(self, *words, status=0):
        """The same command, when what was wrong is gone."""
        proc = self.mini.stack(*words)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)

    def git_that(self, word, action):
        """The PATH of a git that does something else at a command."""
        folder = self.mini.top / "broken-git"
        write(folder / "git", "#!/bin/sh\nfor a; do [ \"$a\" = %s ] && { %s; }; done\nexec /usr/bin/git \"$@\"\n"
              % (word, action))
        (folder / "git").chmod(0o755)
        return {"PATH": "%s:%s" % (folder, PATH)}

    def only(self, *programs):
        """A PATH that has these programs alone, and apt-get, which says how to get others."""
        folder = self.mini.top / ("only-" + "-".join(programs))
        folder.mkdir(exist_ok=True)
        for name in programs + ("apt-get",):
            (folder / name).symlink_to(shutil.which(name, path=PATH))
        return {"PATH": folder}

    def spoil(self):
        """Let the first patch of alpha change a line that the base does not have."""
        write(self.first, self.first.read_text(encoding="utf-8").replace("-\treturn 3;", "-\treturn 4;"))

    def foreign(self):
        """The user's tree at another version, with a change that is not committed."""
        sh("git", "checkout", "-q", "-B", "other", cwd=self.tree)
        makefile = self.tree / "Makefile"
        write(makefile, makefile.read_text(encoding="utf-8").replace("LEVEL = 2", "LEVEL = 9", 1))
        sh("git", "commit", "-qam", "Linux 1.9.3", cwd=self.tree)
        sh("git", "tag", "-d", "v1.2.3", cwd=self.tree)
        self.addCleanup(sh, "git", "tag", "-f", "v1.2.3", "work", cwd=self.tree)
        write(self.tree / "README", "changed\n")


class Export(Errors):
    """Nothing is written that is not whole."""

    def boxes(self):
        """Names and contents of what was exported."""
        return {p.name: p.read_bytes() for p in (self.mini.out / "export").glob("*")}

    def test_patch_that_does_not_apply(self):
        self.works("export", "alpha")
        before = self.boxes()
        self.spoil()
        proc = self.fails("export", "--all", says="%s does not apply on the base before it" % self.first,
                          mend="scripts/stack edit alpha", status=1)
        self.assertIn("-\treturn 4;", proc.stderr)
        self.assertEqual(self.boxes(), before)

    def test_foreign_and_missing_tree(self):
        self.foreign()
        self.fails("export", "alpha", "--tree", self.tree, says="HEAD is Linux 1.9.3, but base v1 is 1.2.3",
                   mend="tag v1.2.3")
        self.fails("export", "alpha", says="/nonexistent: no such folder", mend="leave --tree and LINUX_TREE out",
                   LINUX_TREE="/nonexistent")

    def test_dirty_tree_is_said_and_not_used(self):
        write(self.tree / "README", "changed\n")
        said = self.fails("export", "alpha", "--tree", self.tree, status=0,
                          says="has 1 uncommitted changes; they are not used").stdout
        self.assertIn("alpha.mbx: cover letter and 2 patches", said)

    def test_full_disk(self):
        self.works("export", "alpha")
        before = self.boxes()
        self.fails("export", "alpha", "-o", self.mini.out / "export", "--no-suites", says="No space left on device",
                   mend="free some disk space", **self.git_that("format-patch", FULL))
        (self.mini.out / "export/.refresh.alpha.mbx").symlink_to("/dev/full")
        self.fails("export", "alpha", says="alpha.mbx: cannot be written: No space left on device", mend="make room")
        self.assertEqual(self.boxes(), before)
        self.works("export", "alpha")

    def test_stack_without_a_dropin(self):
        self.addCleanup((self.mini.top / "kunit").rename, self.mini.repo / "kunit")
        (self.mini.repo / "kunit").rename(self.mini.top / "kunit")
        for words in (("export", "kunit"), ("export", "kunit", "-o", "-"), ("b4", "kunit", "--tree", self.tree)):
            self.fails(*words, says="'kunit' has no patches in this stack", mend="kunit/commits/NN-NAME")
        self.works("export", "--all")
        write(self.mini.repo / "series", "# nothing yet\n")
        self.fails("export", "--all", says="nothing to export", mend="scripts/stack lint")
        self.fails("export", says="export needs a topic", mend="scripts/stack export kunit")

    def test_interrupt(self):
        self.works("export", "alpha")
        before = self.boxes()
        self.fails("export", "--all", says="interrupted; the same command goes on", status=130,
                   **self.git_that("format-patch", INTERRUPT))
        self.assertEqual(self.boxes(), before)
        self.works("export", "--all")


class B4(Errors):
    """The user's repository has the branch, or is as before."""

    def test_patch_that_does_not_apply(self):
        self.spoil()
        self.fails("b4", "alpha", "--tree", self.tree, "--config", says="does not apply on the base", status=1)

    def test_foreign_tree(self):
        self.foreign()
        self.fails("b4", "alpha", "--tree", self.tree, says="HEAD is Linux 1.9.3, but base v1 is 1.2.3")

    def test_full_disk_and_interrupt(self):
        words = ("b4", "alpha", "--tree", self.tree, "--config")
        for command in ("unpack-objects", "update-ref"):
            self.mini.stack("export", "alpha")  # so that only what belongs to b4 is left to do
            self.fails(*words, says="No space left on device", mend="free some disk space",
                       **self.git_that(command, FULL))
        self.fails(*words, says="interrupted", status=130, **self.git_that("unpack-objects", INTERRUPT))
        self.works(*words)

    def test_dirty_detached_tree_and_a_bare_one(self):
        sh("git", "checkout", "-q", "--detach", cwd=self.tree)
        write(self.tree / "README", "changed\n")
        before = sh("git", "status", "--porcelain", "-b", cwd=self.tree), sh("git", "rev-parse", "HEAD", cwd=self.tree)
        self.works("b4", "beta", "--tree", self.tree)
        self.assertEqual((sh("git", "status", "--porcelain", "-b", cwd=self.tree),
                          sh("git", "rev-parse", "HEAD", cwd=self.tree)), before)
        bare = self.mini.top / "bare.git"
        sh("git", "clone", "-q", "--bare", self.mini.kernel, bare, cwd=self.mini.top)
        for key in ("name", "email"):
            sh("git", "config", "user." + key, key + "@x", cwd=bare)
        self.works("b4", "beta", "--tree", bare)
        self.assertEqual(sh("git", "rev-parse", "b4/beta^{tree}", cwd=bare),
                         sh("git", "rev-parse", "b4/beta^{tree}", cwd=self.tree))

    def test_mail_check_without_its_tools(self):
        self.assertEqual([c.needs for c in runner.load(ministack.LIB.parent / "checks", ["spelling"])], [["codespell"]])


class Diff(Errors):
    """Two states, of which one is not there or broken."""

    def test_state_that_does_not_apply(self):
        self.spoil()
        self.fails("diff", "alpha", "HEAD", says="%s does not apply" % self.first, status=1)
        sh("git", "commit", "-qam", "spoilt", cwd=self.mini.repo)
        self.addCleanup(sh, "git", "reset", "-q", "--hard", "HEAD~1", cwd=self.mini.repo)
        name = "patches/v1/alpha/" + self.first.name
        self.fails("diff", "alpha", "HEAD", "HEAD~1", says="as of HEAD %s does not apply" % name,
                   mend="show HEAD:" + name)

    def test_full_disk_and_interrupt(self):
        write(self.first, self.first.read_text(encoding="utf-8").replace("return 33;", "return 34;"))
        self.fails("diff", "alpha", "HEAD", says="No space left on device", mend="free some disk space",
                   **self.git_that("range-diff", FULL))
        self.fails("diff", "alpha", "HEAD", says="interrupted", status=130, **self.git_that("archive", INTERRUPT))
        self.works("diff", "alpha", "HEAD", status=1)


class Fit(Errors):
    """`check --tree`: what it says of a tree is true of the whole of it."""

    def fit(self, **how):
        write(self.mini.out / "fit.json", "of an earlier run\n")
        self.fails("check", "--fit", "--tree", self.tree, "alpha", **how)

    def test_foreign_dirty_tree_is_read_at_its_head(self):
        self.foreign()
        self.fit(status=0, says="has 1 uncommitted changes; they are not used, HEAD is")

    def test_patch_that_does_not_apply_to_its_own_base(self):
        self.spoil()
        self.fit(says="does not apply on the base before it", mend="scripts/stack edit alpha", status=1)

    def test_full_disk_and_interrupt(self):
        self.foreign()
        self.fit(says="No space left on device", mend="free some disk space", **self.git_that("commit-tree", FULL))
        self.fit(says="interrupted", status=130, **self.git_that("commit-tree", INTERRUPT))
        self.assertFalse((self.mini.out / "fit.json").exists())

    def test_nothing_is_compiled_so_no_compiler_is_needed(self):
        self.fit(status=0, says="", **self.only("git", "xz"))


class Merge(Errors):
    """Reports that are no shards, or that cannot be joined."""

    def shards(self, status=1):
        """Two reports of a check that finds something in the second patch."""
        check = self.mini.repo / "scripts/checks/words"
        write(check, "#!/bin/sh\n#\n# words: some word\n# kind: patch\n[ \"$1\" = --version ] && { echo 1; exit; }\n"
              "grep -q 1515 \"$PATCH\" && echo \"x.c:7: warning: fifteen\"\nexit 0\n")
        check.chmod(0o755)
        paths = []
        for part in ("1", "2"):
            out = self.mini.top / ("s" + part)
            self.assertIn(self.mini.stack("check", "--shard", part + "/2", "--out", out).returncode, (0, status))
            paths.append(out / "report.json")
        return paths

    def merge(self, *paths, **how):
        return self.fails("check", "--merge", *paths, **how)

    def test_reports_that_do_not_belong_together(self):
        one, two = self.shards()
        whole = two.read_text(encoding="utf-8")
        for change, says in (((lambda d: d["base"].update(version="9")), "differ in 'base'"),
                             ((lambda d: d.update(only=["words"])), "differ in '--only'"),
                             ((lambda d: d["patches"].pop()), "differ in 'patches'"),
                             ((lambda d: d.update(shard=[2, 3])), "of 2 or 3 shards there are 1 2"),
                             ((lambda d: d.update(format=99)), "not the report of a shard")):
            data = json.loads(whole)
            change(data)
            write(two, json.dumps(data))
            self.merge(one, two, says=says, mend="mend: ")
        three = self.mini.top / "three.json"
        for path, part in ((two, [2, 3]), (three, [3, 3])):
            write(path, json.dumps(dict(json.loads(whole), shard=part)))
        self.merge(one, two, three, says="of 2 or 3 shards there are 1 2 3")
        write(two, whole[:-200])
        self.merge(one, two, says="%s: not JSON: " % two, mend="")
        write(two, whole)
        self.assertFalse((self.mini.out / "report.json").exists())
        self.merge(one, two, says="", status=1)

    def test_patch_that_does_not_apply_is_told_once(self):
        self.spoil()
        said = self.merge(*self.shards(), says="", status=1).stdout
        self.assertIn("3 patches, 1 verdicts: 0 passed (0 with notes), 1 failed", said)
        self.assertIn("does not apply on the base before it", said)

    def test_full_disk(self):
        path = self.mini.top / "report.json"
        write(path, "old\n")
        with mock.patch.object(files.os, "getpid", return_value=7):
            Path("%s.7.new" % path).symlink_to("/dev/full")
            with self.assertRaisesRegex(OSError, "No space left on device: '%s'" % path):
                files.write_whole(path, "x" * 100000)
        self.assertEqual((path.read_text(), Path("%s.7.new" % path).is_symlink()), ("old\n", False))


if __name__ == "__main__":
    unittest.main()
