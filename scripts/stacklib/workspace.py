# SPDX-License-Identifier: GPL-2.0
"""Where things are, and that only one run at a time changes them."""
import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from term import StackError, warn

REPO = Path(__file__).resolve().parent.parent.parent

# The verbs that boot UML, which keeps its memory in a file in TMPDIR.
BOOTS = ("check", "kunit", "test")


def add_options(parser):
    """Add the options that every verb has, where parser does not have them yet."""
    have = {a.dest for a in parser._actions}  # pylint: disable=protected-access
    if "topics" not in have:
        parser.add_argument("topics", nargs="*", metavar="TOPIC",
                            help="topics to use (default: all of the series)")
    if "base" not in have:
        parser.add_argument("--base", metavar="NAME",
                            help="kernel base, a folder of patches/ (default: that of the series)")
    if "out" not in have:
        parser.add_argument("--out", metavar="DIR",
                            help="work folder (default: $STACK_OUT or out/ in the repository)")
    if "tree" not in have:
        parser.add_argument("--tree", metavar="PATH[:REF]",
                            help="git tree to take the base from; only read "
                                 "(default: $LINUX_TREE, then tarball, network, apt)")


class Workspace:
    """The folders of a run.

    .repo the stack's repository, .out the work folder, .cache what runs share,
    .tmp for temporary files while the lock is held.
    args may have .out and .verb; both folders are made when needed, not here.
    """

    def __init__(self, args=None, repo=None):
        self.repo = Path(repo or os.environ.get("STACK_REPO") or REPO).resolve()
        out = getattr(args, "out", None) or os.environ.get("STACK_OUT") or self.repo / "out"
        self.out = Path(out).expanduser().absolute()
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        cache = os.environ.get("STACK_CACHE") or Path(home) / "kernel-stack"
        self.cache = Path(cache).expanduser().absolute()
        # No name that a folder of the user's might have: it is emptied.
        self.tmp = self.out / ".stack-tmp"
        self.verb = getattr(args, "verb", None) or "a run"
        self._held = 0

    def refuse_paths(self):
        """Raise StackError when a folder has a name that the kernel's Makefile refuses."""
        for path, what, mend in (
                (self.repo, "clone", "mv '%s' to a path without them" % self.repo),
                (self.out, "work folder", "name another: --out DIR (or STACK_OUT)"),
                (self.cache, "cache", "name another: export XDG_CACHE_HOME=DIR")):
            if re.search(r"[\s:]", str(path)):
                raise StackError("the path of the %s, '%s', has a blank or a colon in it, which "
                                 "the kernel's Makefile refuses" % (what, path), mend)

    @contextlib.contextmanager
    def lock(self):
        """Hold the work folder; a second run gets a StackError that names the first.

        The kernel drops the lock with the process, so kill -9 leaves none behind.
        Taken again by the same Workspace it only counts.
        """
        if self._held:
            self._held += 1
            try:
                yield self
            finally:
                self._held -= 1
            return
        with locked(self.out, self.verb, "work folder"), scratch(self.tmp, self.verb):
            self._held = 1
            try:
                yield self
            finally:
                self._held = 0

    @contextlib.contextmanager
    def cache_lock(self):
        """Hold the cache while something is added to it; waits for another run."""
        with locked(self.cache, self.verb, "cache", wait=True):
            yield self


@contextlib.contextmanager
def scratch(folder, verb):
    """Have temporary files made in folder, which is empty at first and gone in the end.

    What a killed run has left there goes with the next. TMPDIR is not set for the
    verbs that boot UML: it would put the kernel's memory there, off /dev/shm.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    before, told = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = str(folder)
    if verb not in BOOTS:
        os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        if told is None:
            os.environ.pop("TMPDIR", None)
        else:
            os.environ["TMPDIR"] = told
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def locked(folder, verb, what, wait=False):
    """Hold folder/.lock; its text says who. wait: wait for the holder, up to an hour."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = open(folder / ".lock", "a+", encoding="utf-8")
    except OSError as exc:
        raise StackError("cannot write to the %s %s: %s" % (what, folder, exc.strerror),
                         "choose another folder: --out DIR (or XDG_CACHE_HOME for the cache)"
                         ) from exc
    with handle:
        _take(handle, folder, what, wait)
        handle.seek(0)
        handle.truncate()
        handle.write("%d %s %s\n" % (os.getpid(), verb, time.strftime("%Y-%m-%d %H:%M:%S")))
        handle.flush()
        yield


def _take(handle, folder, what, wait):
    """flock handle, or raise the StackError that names the process that has it."""
    told = False
    for _ in range(7200):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            handle.seek(0)
            pid, verb, since = (handle.read().strip().split(" ", 2) + ["?", "?", "?"])[:3]
            if not wait:
                break
            if not told:
                warn("waiting for pid %s (stack %s), which fills the %s" % (pid, verb, what))
                told = True
            time.sleep(0.5)
    raise StackError("the %s %s is in use by pid %s (stack %s, since %s)"
                     % (what, folder, pid, verb, since),
                     "wait for it, or end it: kill %s; or use another folder: --out DIR" % pid)
