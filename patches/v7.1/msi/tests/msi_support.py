# SPDX-License-Identifier: GPL-2.0
"""A part of a kernel tree with the msi patches, in which single objects are built.

The base is the one of checks_support.base().  STACK_TEST_EXTRA names one more
diff, put on top of all patches: a fault that the tests must notice.
"""
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import checks_support

PATCHES = checks_support.REPO / "patches"
# What is needed to configure x86 and UML and to compile drivers/pci: a seventh of the tree
PARTS = checks_support.UML + ["tools/Makefile", "tools/objtool", "tools/lib", "tools/virtio/linux", "drivers/of",
                              "Makefile", "Kbuild", "usr/include", "kernel/module", "certs"]


def run(*args, cwd=None):
    """Run a program; its standard output. AssertionError with what it said when it fails."""
    res = subprocess.run([str(a) for a in args], cwd=cwd, text=True, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if res.returncode:
        raise AssertionError("%s: exit status %d:\n%s"
                             % (" ".join(map(str, args)), res.returncode, res.stdout[-3000:]))
    return res.stdout


def patches():
    """The patch files of the topic, in the order of the series."""
    lines = (checks_support.REPO / "series").read_text(encoding="utf-8").splitlines()
    found = [PATCHES / line for line in lines if "/msi/" in line and not line.startswith("#")]
    if len(found) < 3:
        raise AssertionError("the series has %d patches of topic msi, not 3" % len(found))
    return found


class Kernel:
    """A folder with the parts of a kernel after .applied patches of the topic.

    .path the folder; files compile with build(), in build folders beside it.
    """

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="stack-test-msi-"))
        self.path = self.folder / "linux"
        self.applied = 0
        self.path.mkdir()
        repo, commit = checks_support.base()
        # a pathspec that matches nothing would stop git archive
        known = set(run("git", "ls-tree", "-r", "-t", "--name-only", commit, cwd=repo).split("\n"))
        parts = [p for p in PARTS if p.startswith(":") or p in known]
        archive = self.folder / "base.tar"
        run("git", "archive", "-o", archive, commit, *parts, cwd=repo)
        run("tar", "-xf", archive, "-C", self.path)
        archive.unlink()

    def push(self, count, extra=None):
        """Apply the next patches until count are, then extra; parts left out are skipped."""
        wanted = patches()[self.applied:count] + ([Path(extra).absolute()] if extra else [])
        for patch in wanted:
            run("git", "apply", "--exclude=Documentation/*", "-p1", patch, cwd=self.path)
        self.applied = count

    def remove(self):
        """Delete it all."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def make(self, arch, name, *targets):
        """Run make for arch in the build folder name; what it printed."""
        compiler = "ccache gcc" if shutil.which("ccache") else "gcc"
        return run("make", "-s", "-C", self.path, "O=%s" % (self.folder / name), "ARCH=" + arch,
                   "CC=" + compiler, "-j%d" % (os.cpu_count() or 1), *targets)

    def configure(self, arch, name, symbols):
        """Make the build folder name, allnoconfig plus symbols (list of NAME=y)."""
        config = self.folder / (name + ".config")
        config.write_text("".join("CONFIG_%s\n" % s for s in symbols), encoding="utf-8")
        self.make(arch, name, "KCONFIG_ALLCONFIG=%s" % config, "allnoconfig")
        have = (self.folder / name / ".config").read_text(encoding="utf-8").splitlines()
        lost = [s for s in symbols if s.endswith("=y") and "CONFIG_" + s not in have]
        if lost:
            raise AssertionError("%s: not in the configuration: %s" % (name, " ".join(lost)))
        return have


@functools.lru_cache(maxsize=None)
def extra():
    """The diff to put on top, or None."""
    return os.environ.get("STACK_TEST_EXTRA") or None
