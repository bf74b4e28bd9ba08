# SPDX-License-Identifier: GPL-2.0
"""Verb `edit`: a topic as commits on a branch."""
import json
import time

from stacklib.host.files import read_json, write_whole
from stacklib.host.gitcmd import git
from stacklib.host.term import StackError, say
from stacklib.host.workspace import Workspace
from stacklib.linux import applying, tree as trees, worktree
from stacklib.stack import series


def register(subparsers) -> None:
    """Add the verb edit."""
    sub = subparsers.add_parser(
        "edit",
        description="Makes branch edit/TOPIC in out/linux, one commit for each patch, and checks "
                    "it out. Change it with\ngit as you like (commit, rebase -i, am), then write "
                    "it back with 'refresh'. A branch that has\nwork of yours is continued.",
        epilog="examples:\n  scripts/stack edit TOPIC\n  git -C out/linux commit --fixup=HEAD~1 -a"
               "\n  git -C out/linux rebase -i --autosquash refs/stack/edit/TOPIC/base\n"
               "  scripts/stack refresh TOPIC")
    sub.add_argument("--restart", action="store_true",
                     help="begin anew from the patch files; the old branch is kept under a name")


def run(args) -> int:
    """Verb edit."""
    ws = Workspace(args)
    with ws.lock():
        return run_edit(ws, series.load(ws.repo, args.base), args)


def run_edit(ws: Workspace, stack: series.Stack, args) -> int:
    """Verb edit."""
    if len(args.topics) != 1:
        raise StackError(f"edit takes one topic (there are: {' '.join(t.name for t in stack.topics)})",
                         "scripts/stack edit TOPIC")
    name = args.topics[0]
    tree, failed = prepare(ws, stack, name)
    topic = next(t for t in tree.topics if t.name == name)
    path, branch = tree.path, "edit/" + name
    worktree.finish(ws)
    worktree.refuse_if_dirty(path)
    count = len(topic.patches)
    start, end = tree.commit(tree.boundaries - count), tree.commit(tree.boundaries)
    if has_work(path, name) and not args.restart:
        git("checkout", "-q", branch, cwd=path)
        say(f"continuing branch {branch} in {path}, which has work of yours (anew: edit --restart {name})")
        return 0
    if has_work(path, name):
        kept = f"{branch}.{int(time.time())}"
        git("branch", "-f", kept, "refs/heads/" + branch, cwd=path)
        say(f"the old branch is kept as {kept}")
    where = f"refs/stack/edit/{name}/"
    worktree.switch(path, end, branch, {where + "base": start, where + "end": end}, "out/linux: ")
    remember(tree.git_dir, name, {p.name: p.sha256 for p in topic_of(stack, name).patches})
    if failed:
        left = topic_of(stack, name).patches[count:]
        raise StackError(f"{failed.msg}\nbranch {branch} has the {count} patches before it; {len(left)} are still to "
                         "be taken in",
                         f"git -C {path} am --reject {left[0].path.absolute()}", code=1)
    say(f"branch {branch} in {path}: {count} commits on {start[:12]}; write back: scripts/stack refresh {name}")
    return 0


def topic_of(stack: series.Stack, name: str):
    """Return the topic of that name."""
    return next(t for t in stack.topics if t.name == name)


def prepare(ws: Workspace, stack: series.Stack, name: str) -> tuple:
    """Return (Tree of the topic and what it needs, None or the ApplyError of its first bad patch).

    With a bad patch the Tree ends before it.
    """
    topics = stack.select([name])
    topics.sort(key=lambda t: t.name == name)  # what it needs first
    try:
        return trees.prepare(ws, stack, topics), None
    except applying.ApplyError as exc:
        if exc.patch.topic != name:
            raise
        short = series.Topic(topics[-1].dir, [p.name for p in topics[-1].patches if p.number < exc.patch.number])
        return trees.prepare(ws, stack, topics[:-1] + [short]), exc


def has_work(path, name: str) -> bool:
    """Return whether branch edit/<name> is there and is not as `edit` or `refresh` left it."""
    head = git("rev-parse", "-q", "--verify", "refs/heads/edit/" + name, cwd=path, check=False)
    end = git("rev-parse", "-q", "--verify", f"refs/stack/edit/{name}/end", cwd=path, check=False)
    return bool(head) and head != end


def remember(git_dir, name: str, files) -> None:
    """Keep {file: sha256} of the patch files that a branch was made from or written to."""
    write_whole(git_dir / "stack-state" / f"edit-{name}.json", json.dumps(files, indent=0))


def recall(git_dir, name: str):
    """Return what remember() kept, or None."""
    path = git_dir / "stack-state" / f"edit-{name}.json"
    return read_json(path) if path.is_file() else None
