# SPDX-License-Identifier: GPL-2.0
"""What the tests of the checks share: real files of a base kernel, broken tools, running a check.

The kernel comes from STACK_TEST_TREE (a git repository whose refs/stack/base, or else HEAD, is
a kernel), or from `scripts/stack`'s own prepared tree.  Without one the tests fail: a check
that was not tried is not known to work.
"""
import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent.parent
CHECKS = REPO / "scripts" / "checks"
sys.path.insert(0, str(REPO / "scripts"))

# Enough of a kernel for the patch checks, kernel-doc and coccinelle
SMALL = ["scripts/checkpatch.pl", "scripts/spelling.txt", "scripts/const_structs.checkpatch", "scripts/kernel-doc",
         "scripts/coccicheck", "scripts/coccinelle", "scripts/checker-valid.sh", "tools/docs", "tools/lib/python",
         "drivers/pci/msi", "include/linux/list.h", "MAINTAINERS", "Makefile", "COPYING", "CREDITS", "README", "Kbuild",
         "Kconfig", "Documentation/PCI", "arch/Kconfig", "fs/Makefile", "init/Kconfig", "ipc/Makefile", "kernel/Makefile",
         "lib/Makefile"]
# Enough to configure UML and compile drivers/pci/msi: a seventh of the tree
UML = ["include", "arch/um", "arch/x86", "scripts", "drivers/Makefile", "drivers/pci", "kernel/bounds.c", "kernel/sched",
       "kernel/time", "security/selinux/include", "tools/build", "tools/include", "tools/scripts", "tools/arch",
       ":(glob)**/Kconfig*", ":(glob)kernel/*.h"]


@functools.lru_cache(maxsize=None)
def base():
    """(git folder, commit) of a base kernel; AssertionError when there is none."""
    given = os.environ.get("STACK_TEST_TREE")
    if given:
        for ref in ("refs/stack/base", "HEAD"):
            res = git("rev-parse", "-q", "--verify", ref + "^{commit}", cwd=given, check=False)
            if res.returncode == 0:
                return given, res.stdout.strip()
        raise AssertionError("STACK_TEST_TREE=%s is no git repository with a commit" % given)
    from stacklib.stack import series  # pylint: disable=import-outside-toplevel
    from stacklib.linux import tree  # pylint: disable=import-outside-toplevel
    from stacklib.host.workspace import Workspace  # pylint: disable=import-outside-toplevel
    ws = Workspace()
    stack = series.load(ws.repo)
    with tempfile.TemporaryDirectory() as folder:
        # only the commits are wanted; the work folder of a running check stays alone
        ws.out, ws.tmp = Path(folder), Path(folder, "tmp")
        prepared = tree.prepare(ws, stack, [])
        kept = Path(tempfile.mkdtemp(prefix="stack-test-base-"))
        atexit.register(shutil.rmtree, kept, ignore_errors=True)
        shutil.copytree(prepared.path / ".git", kept / ".git")
        return str(kept), prepared.commit(0)


def git(*args, cwd, check=True):
    """Run git as someone whose settings cannot be known."""
    env = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", LC_ALL="C",
               GIT_AUTHOR_NAME="Jane Doe", GIT_AUTHOR_EMAIL="jane@example.org",
               GIT_COMMITTER_NAME="Jane Doe", GIT_COMMITTER_EMAIL="jane@example.org")
    return subprocess.run(["git"] + list(args), cwd=str(cwd), env=env, check=check, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def extract(paths, target):
    """Write files of the base kernel into a folder."""
    where, commit = base()
    known = [p for p in paths if p.startswith(":") or
             git("cat-file", "-e", "%s:%s" % (commit, p), cwd=where, check=False).returncode == 0]
    with tempfile.TemporaryFile() as archive:
        subprocess.run(["git", "-c", "safe.directory=*", "-C", where, "archive", commit, "--"] + known,
                       stdout=archive, check=True)
        archive.seek(0)
        subprocess.run(["tar", "-x", "-C", str(target)], stdin=archive, check=True)


def tool_path():
    """The PATH under which the tool runs checks."""
    from stacklib.host import packages  # pylint: disable=import-outside-toplevel
    return packages.tool_path()


@functools.lru_cache(maxsize=None)
def kernel(paths):
    """A git repository with those files of the base kernel, made once per process; its path."""
    tree = Path(tempfile.mkdtemp(prefix="stack-test-linux-"))
    atexit.register(shutil.rmtree, tree, ignore_errors=True)
    extract(list(paths), tree)
    git("init", "-q", cwd=tree)
    git("add", "-Af", ".", cwd=tree)
    git("commit", "-qm", "base", cwd=tree)
    git("tag", "base", cwd=tree)
    return tree


class CheckCase(unittest.TestCase):
    """Runs checks on a kernel tree `self.tree`, which is as it was made before each test."""

    PATHS = SMALL

    @classmethod
    def setUpClass(cls):
        cls.scratch = Path(tempfile.mkdtemp(prefix="stack-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.scratch, ignore_errors=True)
        cls.tree = kernel(tuple(cls.PATHS))

    def setUp(self):
        git("reset", "-q", "--hard", "base", cwd=self.tree)
        git("clean", "-fdxq", cwd=self.tree)

    def run_check(self, name, path=None, **inputs):
        """(status, findings as list of lines, standard error) of a check."""
        env = dict(os.environ, PATH=path or tool_path(), TREE=str(self.tree), LOG=str(self.scratch / "log"), **inputs)
        for name_ in ("PATCH", "FILES"):
            if name_ not in inputs:
                env.pop(name_, None)
        res = subprocess.run([str(CHECKS / name)], env=env, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        return res.returncode, res.stdout.splitlines(), res.stderr

    def assert_clean(self, name, **inputs):
        status, found, err = self.run_check(name, **inputs)
        self.assertEqual((status, [f for f in found if ": note: " not in f and ": hint: " not in f]), (0, []), err)

    def assert_found(self, name, wanted, **inputs):
        """The check runs, and one finding starts with `wanted` ("file:line: level: text")."""
        status, found, err = self.run_check(name, **inputs)
        self.assertEqual(status, 0, err)
        self.assertTrue(any(f.startswith(wanted) for f in found), "%r is not in %s" % (wanted, found))

    def assert_broken(self, name, reason, path=None, **inputs):
        """The check must not look clean: a status other than 0, and a reason for people."""
        status, _, err = self.run_check(name, path=path, **inputs)
        self.assertNotEqual(status, 0, "a broken tool passed")
        self.assertRegex(err, reason)

    def without(self, *tools):
        """A PATH that has everything but these programs."""
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        for part in reversed(tool_path().split(":")):
            for entry in Path(part).iterdir() if os.path.isdir(part) else ():
                if entry.name not in tools:
                    link = folder / entry.name
                    if link.is_symlink():
                        link.unlink()
                    link.symlink_to(entry)
        return str(folder)

    def fake(self, tool, script):
        """A PATH on which `tool` is a shell script."""
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        path = folder / tool
        path.write_text("#!/bin/sh\n" + script, encoding="utf-8")
        path.chmod(0o755)
        return "%s:%s" % (folder, tool_path())

    def edit(self, name, old, new):
        """Replace text once in a file of the tree (old "" appends); returns the line number of the change."""
        path = self.tree / name
        text = path.read_text(encoding="utf-8")
        self.assertIn(old, text)
        at = text.index(old) if old else len(text)
        path.write_text(text[:at] + new + text[at + len(old):], encoding="utf-8")
        return text[:at].count("\n") + 1

    def patch(self, subject="PCI/MSI: Mention the test", body="Say why this is done, in a sentence that is long enough.\n",
              signed="Jane Doe <jane@example.org>"):
        """Commit what was edited as a patch file of Jane's and step back; returns its path."""
        log = subject + "\n\n" + body + ("\nSigned-off-by: %s\n" % signed if signed else "")
        git("add", "-A", cwd=self.tree)
        git("commit", "-qm", log, cwd=self.tree)
        name = git("format-patch", "-1", "-o", str(self.scratch), cwd=self.tree).stdout.strip()
        git("reset", "-q", "--hard", "HEAD~1", cwd=self.tree)
        return Path(name)

    @staticmethod
    def line_of(path, text):
        """Number of the first line of a file that contains a text."""
        lines = path.read_text(encoding="utf-8").splitlines()
        return next(no for no, line in enumerate(lines, 1) if text in line)
