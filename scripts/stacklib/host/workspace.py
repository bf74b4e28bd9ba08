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

from stacklib.host import env
from stacklib.host.term import StackError, warn

# The verbs that boot UML, which keeps its memory in a file in TMPDIR.
BOOTS = ("check", "kunit", "prove", "test")


class Workspace:
    """The folders of a run.

    .repo the stack's repository, .out the work folder, .cache what runs share,
    .tmp for temporary files while the lock is held, .tree the git tree to take the base
    from (PATH[:REF] or ""), .jobs what make may run at once, .settings (env.Settings).
    opts: options of a verb, or None; both folders are made when needed, not here.
    """

    def __init__(self, opts=None, repo=None):
        self.settings = env.settings()
        self.repo = Path(repo).resolve() if repo else self.settings.repo
        self.out = Path(getattr(opts, "out", None) or self.settings.out or self.repo / "out").expanduser().absolute()
        self.cache = self.settings.cache
        self.jobs = self.settings.jobs
        self.tree = getattr(opts, "tree", None) or self.settings.tree
        # No name that a folder of the user's might have: it is emptied.
        self.tmp = self.out / ".stack-tmp"
        self.verb = getattr(opts, "verb", "a run")
        self._held = 0

    def refuse_paths(self) -> None:
        """Raise StackError when a folder has a name that the kernel's Makefile refuses."""
        for path, what, mend in (
                (self.repo, "clone", f"mv '{self.repo}' to a path without them"),
                (self.out, "work folder", "name another: --out DIR (or STACK_OUT)"),
                (self.cache, "cache", "name another: export XDG_CACHE_HOME=DIR")):
            if re.search(r"[\s:]", str(path)):
                raise StackError(f"the path of the {what}, '{path}', has a blank or a colon in it, which "
                                 "the kernel's Makefile refuses", mend)

    @contextlib.contextmanager
    def lock(self):
        """Hold the work folder; a second run gets a StackError that names the first.

        The kernel drops the lock with the process, so kill -9 leaves none behind.
        Taken again by the same Workspace it only counts.
        """
        with contextlib.ExitStack() as held:
            if not self._held:
                held.enter_context(locked(self.out, self.verb, "work folder"))
                held.enter_context(scratch(self.tmp, self.verb))
            self._held += 1
            try:
                yield self
            finally:
                self._held -= 1

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
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    told = None if verb in BOOTS else env.set_tmpdir(str(folder))
    try:
        yield
    finally:
        tempfile.tempdir = before
        if verb not in BOOTS:
            env.set_tmpdir(told)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def locked(folder, verb, what, wait=False):
    """Hold folder/.lock; its text says who. wait: wait for the holder, up to an hour."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = open(folder / ".lock", "a+", encoding="utf-8")
    except OSError as exc:
        raise StackError(f"cannot write to the {what} {folder}: {exc.strerror}",
                         "choose another folder: --out DIR (or XDG_CACHE_HOME for the cache)") from exc
    with handle:
        _take(handle, folder, what, wait)
        handle.seek(0)
        handle.truncate()
        handle.write(f"{os.getpid()} {verb} {time.strftime('%Y-%m-%d %H:%M:%S')}\n")
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
                warn(f"waiting for pid {pid} (stack {verb}), which fills the {what}")
                told = True
            time.sleep(0.5)
    raise StackError(f"the {what} {folder} is in use by pid {pid} (stack {verb}, since {since})",
                     f"wait for it, or end it: kill {pid}; or use another folder: --out DIR")
