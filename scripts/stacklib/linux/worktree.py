# SPDX-License-Identifier: GPL-2.0
"""The git work trees in the work folder: out/linux (the user's too) and out/check (the tool's).

What the user does in out/linux is kept: a state that the tool did not make is an
error that says how to put it away. A run that was killed is cleared up after.
"""
import os
import shutil
import time
from pathlib import Path

from stacklib.host import gitcmd
from stacklib.host.files import write_whole
from stacklib.host.gitcmd import git
from stacklib.host.term import StackError, warn

BRANCH = "stack"


def repository(ws, found) -> Path:
    """Return the git folder of out/linux, made if need be, that borrows found's objects."""
    path = ws.out / "linux"
    git_dir = path / ".git"
    if not (git_dir / "HEAD").is_file():
        if path.is_dir() and any(p.name != ".git" for p in path.iterdir()):
            raise StackError(f"{path} is in the way: it is not a repository of this tool",
                             f"mv {path} {path}.mine")
        path.mkdir(parents=True, exist_ok=True)
        git("init", "-q", "-b", BRANCH, path, cwd=ws.out)
        git("config", "gc.auto", "0", cwd=path)
    elif not (git_dir / "stack-state").is_dir() and any(p.name != ".git" for p in path.iterdir()):
        raise StackError(f"{path} is in the way: a repository that this tool did not make",
                         f"mv {path} {path}.mine")
    (git_dir / "stack-state").mkdir(exist_ok=True)
    clear_locks(ws)
    borrow(git_dir, found.objects)
    attributes = gitcmd.run("cat-file", "blob", found.tree + ":.gitattributes", cwd=git_dir)[1]
    # Patches are written with the same hunk headings whatever is checked out.
    write_whole(git_dir / "info" / "attributes", attributes)
    return git_dir


def borrow(git_dir: Path, objects) -> None:
    """Let the repository find the objects in another object folder; drops folders now gone."""
    path = git_dir / "objects" / "info" / "alternates"
    have = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    lines = [str(objects)] + [h for h in have if h != str(objects) and os.path.isdir(h)]
    write_whole(path, "\n".join(lines) + "\n")


def clear_locks(ws) -> None:
    """Remove the lock files that a killed git left behind; waits for one that still runs."""
    git_dir = ws.out / "linux" / ".git"
    locks = [p for p in git_dir.rglob("*.lock") if "objects" not in p.parts]
    if not locks:
        return
    for _ in range(20):
        busy = git_processes(ws.out)
        if not busy:
            break
        time.sleep(0.5)
    else:
        raise StackError(f"git is at work in {ws.out} (pid {', '.join(map(str, busy))})",
                         "wait for it, then run this again")
    for lock in locks:
        lock.unlink(missing_ok=True)


def git_processes(folder: Path):
    """Return the ids of git processes whose current folder is in or below folder."""
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            name = (proc / "comm").read_text().strip()
            where = Path(os.readlink(proc / "cwd"))
        except OSError:
            continue
        if name.startswith("git") and (where == folder or folder in where.parents):
            found.append(int(proc.name))
    return found


def set_refs(git_dir: Path, commits, full) -> None:
    """Set refs/stack/base, p/<k>, full in one transaction; stale p/<k> go."""
    want = {"refs/stack/base": commits[0], "refs/stack/full": full}
    want.update({f"refs/stack/p/{k}": c for k, c in enumerate(commits)})
    listed = git("for-each-ref", "--format=%(refname) %(objectname)", "refs/stack/base",
                 "refs/stack/full", "refs/stack/p", cwd=git_dir)
    have = dict(line.split() for line in listed.splitlines())
    if have == want:
        return
    orders = [f"update {name} {commit}" for name, commit in want.items()]
    orders += [f"delete {name}" for name in have if name not in want]
    git("update-ref", "--stdin", cwd=git_dir, input="".join(o + "\n" for o in orders))


def check(ws, commit: str, name: str = "check"):
    """Bring out/check (or out/NAME) to a commit, removing whatever else is in it; return its path."""
    main, path = ws.out / "linux", ws.out / name
    refuse_if_foreign(main, path)
    inside = git("rev-parse", "--absolute-git-dir", cwd=path, check=False) if path.is_dir() else ""
    known = inside.startswith(str((main / ".git" / "worktrees").resolve()) + "/")
    if not known:
        shutil.rmtree(path, ignore_errors=True)
        git("worktree", "prune", cwd=main)
        git("worktree", "add", "-f", "--detach", "--no-checkout", path, commit, cwd=main)
    git("checkout", "-q", "--detach", "--force", commit, cwd=path)
    git("clean", "-fdxq", cwd=path)
    return path


def refuse_if_foreign(main, path: Path) -> None:
    """Raise StackError when path has something in it and is no work tree of main's.

    What a killed `git worktree add` leaves is nothing, or .git alone and empty.
    """
    if not path.is_symlink() and not path.exists():
        return
    link = path / ".git"
    if path.is_dir() and not path.is_symlink():
        if all(p == link and p.is_file() and not p.stat().st_size for p in path.iterdir()):
            return
        if link.is_file():
            target = link.read_text(encoding="utf-8", errors="replace").partition(":")[2].strip()
            if (main / ".git" / "worktrees").resolve() in Path(target).resolve().parents:
                return
    raise StackError(f"{path} is in the way: it is not a work tree of this tool", f"mv {path} {path}.mine")


def unfinished(git_dir: Path):
    """Return what the user has under way in out/linux: "rebase", "am", ..., or None."""
    for name, what in (("rebase-merge", "rebase"), ("rebase-apply", "rebase or am"),
                       ("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"),
                       ("REVERT_HEAD", "revert"), ("BISECT_LOG", "bisect")):
        if (git_dir / name).exists():
            return what
    return None


def refuse_if_dirty(path: Path) -> None:
    """Raise StackError when out/linux has uncommitted changes or something under way."""
    what = unfinished(path / ".git")
    if what:
        raise StackError(f"{path}: a {what} is under way there", f"finish or abort it first: git -C {path} status")
    changed = git("status", "--porcelain", "--untracked-files=no", cwd=path).splitlines()
    if changed:
        raise StackError(f"{path} has uncommitted changes ({len(changed)} files, first: {changed[0][3:]}); nothing is "
                         "overwritten",
                         f"commit them (git -C {path} commit -a) or drop them (git -C {path} reset --hard)")


def head_branch(path: Path):
    """Return the branch that is checked out at path, "" when HEAD is detached."""
    return git("symbolic-ref", "-q", "--short", "HEAD", cwd=path, check=False)


def refuse_if_in_use(ws) -> None:
    """Raise StackError unless out/linux is as an earlier run left it (or not there)."""
    path = ws.out / "linux"
    git_dir = path / ".git"
    if not (git_dir / "HEAD").is_file() or pending(git_dir):
        return
    head = git("rev-parse", "-q", "--verify", "HEAD", cwd=path, check=False)
    branch = head_branch(path)
    if not head:
        return
    refuse_if_dirty(path)
    if branch != BRANCH:
        there = f"branch '{branch}'" if branch else "a detached HEAD"
        raise StackError(f"{path} has {there} checked out, not the tool's branch '{BRANCH}'",
                         f"git -C {path} switch {BRANCH}")
    applied = git("rev-parse", "-q", "--verify", "refs/stack/applied", cwd=path, check=False)
    if applied and applied != head:
        raise StackError(f"{path}: branch '{BRANCH}' has commits or a state that the tool did not make",
                         f"put them on a branch of yours: git -C {path} branch NAME\n"
                         f"then: git -C {path} reset --hard refs/stack/applied")


def pending(git_dir: Path):
    """Return [commit, branch, {ref: commit}] of the switch that a killed run was at, or None."""
    marker = git_dir / "stack-state" / "checking-out"
    try:
        words = marker.read_text(encoding="utf-8").split()
    except OSError:
        return None
    words += [BRANCH] if len(words) == 1 else []
    return [words[0], words[1], dict(w.rsplit("=", 1) for w in words[2:])] if words else None


def finish(ws):
    """Bring a switch of out/linux that was cut short to its end; nothing to do without one."""
    git_dir = ws.out / "linux" / ".git"
    todo = pending(git_dir)
    if todo:
        clear_locks(ws)
        switch(git_dir.parent, *todo, "out/linux: ")


def show(ws, commit: str) -> None:
    """Check commit out in out/linux on branch 'stack'; refuse_if_in_use() must have passed."""
    switch(ws.out / "linux", commit, BRANCH, {"refs/stack/applied": commit}, "out/linux: ")


def switch(path: Path, commit: str, branch: str, refs, label: str) -> None:
    """Check commit out, then set branch and refs {name: commit} at once, and be on branch.

    A run killed in here is finished by the next, see finish().
    """
    refs = dict(refs, **{"refs/heads/" + branch: commit})
    marker = path / ".git" / "stack-state" / "checking-out"
    born = git("rev-parse", "-q", "--verify", "HEAD", cwd=path, check=False)
    if born != commit or marker.is_file() or head_branch(path) != branch:
        force = ["--force"] if marker.is_file() or not born else []
        if marker.is_file() and born:
            rescue(path)
        words = [commit, branch] + [f"{name}={value}" for name, value in refs.items()]
        write_whole(marker, "\n".join(words) + "\n")
        status, said = gitcmd.run_progress("checkout", "--progress", *force, "--detach", commit, cwd=path, label=label)
        if status and any("would be overwritten" in line for line in said):
            marker.unlink()  # git has refused and changed nothing
        if status:
            raise gitcmd.GitError(("checkout", commit), status, "\n".join(line for line in said if "%" not in line))
    orders = "".join(f"update {name} {value}\n" for name, value in refs.items())
    git("update-ref", "--stdin", cwd=path, input=orders)
    if head_branch(path) != branch:
        git("symbolic-ref", "HEAD", "refs/heads/" + branch, cwd=path)
    marker.unlink(missing_ok=True)


def rescue(path: Path) -> None:
    """Keep what differs from HEAD in a half-done checkout, in case some of it is the user's."""
    diff = gitcmd.git_bytes("diff", "HEAD", "--diff-filter=M", cwd=path)
    if diff:
        kept = path.parent / (f"linux-before-{int(time.time())}.diff")
        kept.write_bytes(diff)
        warn(f"note: finishing a checkout that was cut short; what differed is in {kept}")
