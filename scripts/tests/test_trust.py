# SPDX-License-Identifier: GPL-2.0
"""Golden cases of trees that strangers prepared: nothing that their configuration names is run."""
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
import mailstack  # noqa: E402
from ministack import sh, write  # noqa: E402

from stacklib.host import usertree  # noqa: E402
from stacklib.host.term import StackError  # noqa: E402
from stacklib.linux import base  # noqa: E402

HOOKS = ("applypatch-msg pre-applypatch post-applypatch pre-commit pre-merge-commit prepare-commit-msg commit-msg "
         "post-commit pre-rebase post-checkout post-merge pre-push pre-receive update proc-receive post-receive "
         "post-update reference-transaction push-to-checkout pre-auto-gc post-rewrite sendemail-validate "
         "fsmonitor-watchman post-index-change").split()
# Keys that take a program; {} is the canary.
KEYS = ("filter.x.clean filter.x.smudge filter.x.process gpg.program gpg.ssh.program gpg.x509.program "
        "gpg.ssh.defaultKeyCommand core.fsmonitor core.sshCommand core.editor core.pager core.askPass core.gitProxy "
        "core.alternateRefsCommand sequence.editor diff.external diff.x.textconv diff.x.command merge.x.driver "
        "credential.helper uploadpack.packObjectsHook remote.origin.uploadpack remote.origin.receivepack "
        "interactive.diffFilter difftool.x.cmd mergetool.x.cmd browser.x.cmd man.x.cmd sendemail.smtpServer "
        "sendemail.toCmd sendemail.ccCmd trailer.x.command trailer.x.cmd guitool.x.cmd http.proxy "
        "submodule.s.update tar.tar.command").split()
VERBS_OF_GIT = ("log show status diff rev-parse cat-file config commit-tree update-ref ls-tree read-tree apply "
                "mailinfo for-each-ref merge-tree patch-id unpack-objects").split()
OTHERS = "gpg gpgsm gpg2 ssh ssh-keygen less more vi editor sensible-editor curl wget git-remote-canary".split()
CHECK = """#!/bin/sh
# kind: patch
[ "$1" = --version ] && { echo 1; exit; }
cd "$TREE" && git log -1 --format=%s HEAD >/dev/null || exit 3
"""


class Canaries:
    """A git tree in which every key, hook and attribute names a program that leaves a note; .ran() lists them."""

    def __init__(self, top, tree):
        self.notes, self.tree, self.bin = top / "ran", tree, top / "canaries"
        self.notes.mkdir()
        self.git = tree / ".git"
        for name in HOOKS:
            self.program(self.git / "hooks" / name)
        for name in OTHERS:
            self.program(self.bin / name)
        config = []
        for key in KEYS:
            config.append((key, self.program(top / "keys" / key)))
        more = [("log.showSignature", "true"), ("commit.gpgSign", "true"), ("core.hooksPath", self.git / "hooks"),
                ("remote.origin.url", "ext::%s" % self.program(top / "keys" / "ext")), ("remote.c.url", "canary::x"),
                ("remote.v.vcs", "canary"), ("remote.v.url", "x"), ("protocol.ext.allow", "always"),
                ("protocol.allow", "always"), ("url.canary::.insteadOf", "https://"), ("trailer.ifexists", "add"),
                ("include.path", top / "more"), ("includeIf.gitdir:**.path", top / "evenmore"),
                ("core.attributesFile", top / "attributes"), ("status.submoduleSummary", "true")]
        more += [("alias." + verb, "!" + str(self.program(top / "keys" / ("alias." + verb)))) for verb in VERBS_OF_GIT]
        more += [("pager." + verb, self.program(top / "keys" / ("pager." + verb))) for verb in VERBS_OF_GIT]
        for key, value in config + more:
            sh("git", "config", "--add", key, value, cwd=tree)
        for name, driver in (("more", "y"), ("evenmore", "z")):
            write(top / name, "".join('[filter "%s"]\n\t%s = %s\n' % (driver, what, self.program(top / "keys" / (driver + what)))
                                      for what in ("clean", "smudge", "process")))
        write(self.git / "info/attributes", "*.c filter=y diff=x merge=x\nREADME filter=z\n* filter=x diff=x merge=x\n")
        write(top / "attributes", "* filter=x\n")
        self.sign()
        write(tree / "README", "changed since\n")

    def program(self, path):
        """Write a canary; return its path."""
        write(path, "#!/bin/sh\necho \"$0 $*\" >> '%s/%s'\nexit 1\n" % (self.notes, path.name))
        path.chmod(0o755)
        return path

    def sign(self):
        """Give the commit of the tag a signature, which only gpg.program can tell to be nonsense."""
        text = sh("git", "cat-file", "commit", "v1.2.3", cwd=self.tree)
        head, _, log = text.partition("\n\n")
        signed = head + "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n nonsense\n -----END PGP SIGNATURE-----\n\n" + log + "\n"
        made = subprocess.run(["git", "hash-object", "-t", "commit", "-w", "--stdin"], cwd=self.tree, input=signed,
                              env=ministack.environment(), capture_output=True, text=True, check=True).stdout.strip()
        write(self.git / "refs/tags/v1.2.3", made + "\n")
        write(self.git / "refs/heads/main", made + "\n")

    def ran(self):
        """Return the names of the canaries that were started."""
        return sorted(p.name for p in self.notes.iterdir())


class Programs(unittest.TestCase):
    """Every verb that reads a tree of somebody's."""

    def setUp(self):
        self.mini = mailstack.MailStack(self)
        write(self.mini.kernel / "scripts/checkpatch.pl", "# here\n")
        self.mini.give_maintainers("#!/usr/bin/perl\n")
        sh("git", "checkout", "-q", "-B", "main", "v1.2.3", cwd=self.mini.kernel)
        checks = self.mini.repo / "scripts/checks"
        write(checks / "words", CHECK)
        (checks / "words").chmod(0o755)
        self.canaries = Canaries(self.mini.top, self.mini.kernel)
        self.path = f"{self.canaries.bin}:{ministack.PATH}"

    def stack(self, *words, status=0, says="", **extra):
        proc = self.mini.stack(*words, PATH=self.path, **extra)
        self.assertEqual(self.canaries.ran(), [], words)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        self.assertIn(says, proc.stdout + proc.stderr)
        return proc

    def test_the_canaries_sing(self):
        """git itself does start some of them, so that the silence of the others means something."""
        env = ministack.environment(PATH=self.path)
        for words in (["status"], ["log", "-1"], ["-c", "core.fsmonitor=false", "diff"], ["fetch", "origin"],
                      ["update-ref", "refs/x", "HEAD"]):
            subprocess.run(["git", *words], cwd=self.mini.kernel, env=env, capture_output=True, check=False)
        ran = self.canaries.ran()
        for name in ("core.fsmonitor", "gpg.program", "filter.x.process", "ext", "reference-transaction"):
            self.assertIn(name, ran)

    def test_every_verb_that_takes_a_tree(self):
        tree = self.mini.kernel
        self.stack("apply", "--tree", tree, says="uncommitted changes")
        self.stack("apply", LINUX_TREE=tree)
        self.stack("edit", "alpha", "--tree", "%s:main" % tree)
        self.stack("refresh", "--check", "--tree", tree)
        self.stack("export", "alpha", "--tree", tree)
        self.stack("diff", "alpha", "HEAD", "--tree", tree)
        self.stack("check", "--tree", tree, "--no-cache")
        self.stack("check", "--fit", "--tree", tree, says="clean")

    def test_the_branch_of_b4(self):
        for key, value in (("user.name", "A"), ("user.email", "a@example.org")):
            sh("git", "config", key, value, cwd=self.mini.kernel)
        self.stack("b4", "alpha", "--tree", self.mini.kernel, "--signoff", "--config", says="branch b4/alpha in")

    def test_mail_check_in_that_tree(self):
        proc = self.mini.stack("mail-check", stdin=self.mini.patches()[0], cwd=self.mini.kernel, PATH=self.path)
        self.assertEqual((self.canaries.ran(), proc.returncode, proc.stdout, proc.stderr), ([], 0, "", ""))


class Broken(unittest.TestCase):
    """A tree that is not the user's, or not whole: a broken environment (2), never a finding (1)."""

    def setUp(self):
        self.mini = ministack.MiniStack(self, tarball=False)

    def refused(self, *words, says, **extra):
        proc = self.mini.stack(*words, **extra)
        self.assertEqual(proc.returncode, 2, proc.stdout + proc.stderr)
        self.assertIn(says, proc.stderr)
        return proc

    def lose(self, name, keep=b""):
        """Take the object of a path of HEAD out of the kernel's repository, or spoil it."""
        blob = sh("git", "rev-parse", "HEAD:" + name, cwd=self.mini.kernel)
        path = self.mini.kernel / ".git/objects" / blob[:2] / blob[2:]
        path.unlink()
        if keep:
            path.write_bytes(keep)

    def test_tree_of_another_user(self):
        """git asks for the owner; a git that says so of the kernel stands for a tree of another's."""
        real = shutil.which("git", path=ministack.PATH)
        write(self.mini.top / "bin/git", "#!/bin/sh\ncase $PWD in */kernel*) export GIT_TEST_ASSUME_DIFFERENT_OWNER=1;; esac\n"
              "exec %s \"$@\"\n" % real)
        (self.mini.top / "bin/git").chmod(0o755)
        other = {"PATH": f"{self.mini.top / 'bin'}:{os.environ['PATH']}"}
        for words in (["apply"], ["check", "--fit"], ["b4", "alpha"]):
            proc = self.refused(*words, "--tree", self.mini.kernel, says="it belongs to another user", **other)
            self.assertIn(f"git config --global --add safe.directory {self.mini.kernel}", proc.stderr)
        write(self.mini.top / "config", f"[safe]\n\tdirectory = {self.mini.kernel}\n")
        proc = self.mini.stack("apply", "--tree", self.mini.kernel, GIT_CONFIG_GLOBAL=self.mini.top / "config", **other)
        self.assertEqual(proc.returncode, 0, proc.stderr)

    def test_missing_object(self):
        for name in ("drivers/pci/a.c", "Makefile", "drivers/pci"):
            with self.subTest(name):
                self.mini = ministack.MiniStack(self, tarball=False)
                self.lose(name)
                proc = self.refused("apply", "--tree", self.mini.kernel, says="")
                self.assertRegex(proc.stderr, "lacks objects|not a Linux kernel tree|failed")

    def test_corrupt_object(self):
        self.lose("drivers/pci/a.c", b"nonsense")
        self.refused("apply", "--tree", self.mini.kernel, says="drivers/pci/a.c cannot be read from the base")

    def test_missing_object_while_fitting(self):
        self.lose("drivers/pci/a.c")
        self.refused("check", "--fit", "--tree", self.mini.kernel, says="drivers/pci/a.c cannot be read from the base")

    def test_partial_clone(self):
        sh("git", "config", "uploadpack.allowFilter", "true", cwd=self.mini.kernel)
        part = self.mini.top / "part"
        sh("git", "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{self.mini.kernel}", part, cwd=self.mini.top)
        sh("git", "config", "remote.origin.uploadpack", "touch %s/ran; false" % self.mini.top, cwd=part)
        self.refused("apply", "--tree", part, says="a partial clone, which lacks objects that are needed")
        self.refused("check", "--fit", "--tree", part, says="a partial clone")
        self.assertFalse((self.mini.top / "ran").exists())

    def test_configuration_that_cannot_be_read(self):
        with open(self.mini.kernel / ".git/config", "a", encoding="utf-8") as handle:
            handle.write("[broken\n")
        self.refused("apply", "--tree", self.mini.kernel, says="git cannot read it")

    def test_pipes(self):
        """git would wait for somebody to write: what it reads is looked at before, whatever ref is named."""
        git_dir = self.mini.kernel / ".git"
        for name in ("refs/tags/pipe", "refs/heads/a/b", "packed-refs", "shallow", "objects/info/alternates", "objects/pack/pack-1.idx"):
            pipe = git_dir / name
            pipe.parent.mkdir(exist_ok=True)
            os.mkfifo(pipe)
            self.refused("apply", "--tree", f"{self.mini.kernel}:pipe", says=f"{pipe} is not a regular file")
            pipe.unlink()
        (git_dir / "refs/tags/zero").symlink_to("/dev/zero")
        self.refused("check", "--fit", "--tree", f"{self.mini.kernel}:zero", says="zero is not a regular file")
        self.refused("b4", "alpha", "--tree", self.mini.kernel, says="zero is not a regular file")

    def test_a_ref_that_cannot_be_read_in_time(self):
        """Where nobody has looked before, git is stopped."""
        os.mkfifo(self.mini.kernel / ".git/refs/tags/pipe")
        with mock.patch.object(usertree, "SECONDS", 1), self.assertRaises(StackError) as caught:
            base.resolve(self.mini.kernel, "pipe")
        self.assertEqual(caught.exception.msg, f"git rev-parse in {self.mini.kernel} took longer than 1 s")

    def test_submodules_are_not_looked_into(self):
        """git status would run git in them, under a configuration of their own."""
        inner, note = self.mini.kernel / "inner", self.mini.top / "ran"
        sh("git", "init", "-q", inner, cwd=self.mini.top)
        sh("git", "commit", "-q", "--allow-empty", "-m", "x", cwd=inner)
        write(self.mini.kernel / ".gitmodules", '[submodule "inner"]\n\tpath = inner\n\turl = ./inner\n')
        sh("git", "add", "-f", "inner", ".gitmodules", cwd=self.mini.kernel)
        sh("git", "config", "core.fsmonitor", f"touch {note};", cwd=inner)
        sh("git", "status", cwd=self.mini.kernel)
        self.assertTrue(note.exists(), "git itself looks into it")
        note.unlink()
        proc = self.mini.stack("apply", "--tree", self.mini.kernel)
        self.assertEqual((proc.returncode, note.exists()), (0, False), proc.stderr)

    def test_sparse_checkout_and_worktree(self):
        sh("git", "config", "extensions.worktreeConfig", "true", cwd=self.mini.kernel)
        tree = self.mini.top / "tree"
        sh("git", "worktree", "add", "-q", "--detach", tree, cwd=self.mini.kernel)
        sh("git", "sparse-checkout", "set", "scripts", cwd=tree)
        proc = self.mini.stack("apply", "--tree", tree)
        self.assertEqual((proc.returncode, proc.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
