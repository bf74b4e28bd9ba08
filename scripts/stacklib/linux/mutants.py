# SPDX-License-Identifier: GPL-2.0
"""Stored mutants (patches/BASE/TOPIC/mutants/*.patch): small faults that a suite must find. Do they still apply?"""
import os
import tempfile
from pathlib import Path
from typing import List, Tuple

from stacklib.host import gitcmd, workspace
from stacklib.host.term import StackError
from stacklib.linux import tree as trees
from stacklib.stack import series


def stored(topic: series.Topic) -> List[Path]:
    """Return the mutants of a topic."""
    return sorted((topic.dir / "mutants").glob("*.patch"))


def stale(ws: workspace.Workspace, stack: series.Stack, topics) -> Tuple[List[Tuple[Path, str]], str]:
    """Return ([(mutant that applies neither to the whole stack nor to its topic alone, what git says)],
    why not all could be tried, "" when they were). Both states are those with all patches and the drop-in.

    Nothing is built or checked out; without a kernel in the work folder nothing is tried.
    """
    found: List[Tuple[Path, str]] = []
    every = [path for topic in topics for path in stored(topic)]
    if every and not (ws.out / "linux" / ".git" / "stack-state").is_dir():
        return [], "no kernel is in the work folder yet: scripts/stack apply"
    try:
        left = dict(tried(ws, stack, stack.topics, every)) if every else {}
        for topic in topics:
            own = [path for path in left if path.parent.parent == topic.dir]
            if own:
                found += [(path, left[path]) for path, _ in tried(ws, stack, stack.select([topic.name]), own)]
    except StackError as exc:
        return found, exc.msg.splitlines()[0]
    return found, ""


def tried(ws: workspace.Workspace, stack: series.Stack, topics, paths: List[Path]) -> List[Tuple[Path, str]]:
    """Return those of the diffs at paths that do not apply to the topics, each with what git says."""
    with ws.lock():
        tree = trees.prepare(ws, stack, topics)
        commit = tree.commit(tree.boundaries, dropin=True)
        files = sorted({name for path in paths for name in series.Patch(path, "").files})
        listed = gitcmd.git_bytes("ls-tree", "-z", "--name-only", commit, "--", *files, cwd=tree.path) if files else b""
        found = []
        with tempfile.TemporaryDirectory(prefix="stack.") as folder:
            for name in filter(None, os.fsdecode(listed).split("\0")):
                place = Path(folder, name)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(gitcmd.git_bytes("cat-file", "blob", f"{commit}:{name}", cwd=tree.path))
            for path in paths:
                status, _, said = gitcmd.run("apply", "--check", path.absolute(), cwd=folder,
                                             env={"GIT_CEILING_DIRECTORIES": Path(folder).parent})
                if status:
                    found.append((path, (said.strip().splitlines() or ["git apply failed"])[-1].replace("error: ", "")))
    return found
