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
    """Return ([(mutant that does not apply to its topic with all patches and the drop-in, what git says)],
    why not all could be tried, "" when they were).

    Nothing is built or checked out; without a kernel in the work folder nothing is tried.
    """
    found: List[Tuple[Path, str]] = []
    topics = [topic for topic in topics if stored(topic)]
    if topics and not (ws.out / "linux" / ".git" / "stack-state").is_dir():
        return [], "no kernel is in the work folder yet: scripts/stack apply"
    try:
        for topic in topics:
            with ws.lock():
                tree = trees.prepare(ws, stack, stack.select([topic.name]))
                found += tried(tree, tree.commit(tree.boundaries, dropin=True), topic)
    except StackError as exc:
        return found, exc.msg.splitlines()[0]
    return found, ""


def tried(tree: trees.Tree, commit: str, topic: series.Topic) -> List[Tuple[Path, str]]:
    """Return the mutants of a topic that do not apply to a commit, each with what git says."""
    files = sorted({name for path in stored(topic) for name in series.Patch(path, topic.name).files})
    listed = gitcmd.git_bytes("ls-tree", "-z", "--name-only", commit, "--", *files, cwd=tree.path) if files else b""
    found = []
    with tempfile.TemporaryDirectory(prefix="stack.") as folder:
        for name in filter(None, os.fsdecode(listed).split("\0")):
            place = Path(folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(gitcmd.git_bytes("cat-file", "blob", f"{commit}:{name}", cwd=tree.path))
        for path in stored(topic):
            status, _, said = gitcmd.run("apply", "--check", path.absolute(), cwd=folder,
                                         env={"GIT_CEILING_DIRECTORIES": Path(folder).parent})
            if status:
                found.append((path, (said.strip().splitlines() or ["git apply failed"])[-1].replace("error: ", "")))
    return found
