# SPDX-License-Identifier: GPL-2.0
"""Verb `refresh`: the commits of a topic's branch back as canonical patch files."""
from stacklib.host.gitcmd import git, ok
from stacklib.host.term import StackError, colour, say
from stacklib.host.workspace import Workspace
from stacklib.linux import readback, tree as trees, worktree
from stacklib.stack import canonical, series
from stacklib.verbs import edit


def register(subparsers) -> None:
    """Add the verb refresh."""
    sub = subparsers.add_parser(
        "refresh",
        description="Writes the commits of branch edit/TOPIC back to patches/ in canonical form, "
                    "touching only files\nthat change, and brings series in line. Without such a "
                    "branch the patch files themselves are\nbrought to canonical form.",
        epilog="examples:\n  scripts/stack refresh TOPIC\n  scripts/stack refresh --check    would anything change?")
    sub.add_argument("--check", action="store_true", help="write nothing; exit 1 when something would change")
    sub.add_argument("--drop-notes", action="store_true",
                     help="let the notes below the '---' of patches that are gone go with them")


def run(args) -> int:
    """Verb refresh: 0, with --check 1 when something would change."""
    ws = Workspace(args)
    with ws.lock():
        stack = series.load(ws.repo, args.base)
        names = args.topics or [t.name for t in stack.topics]
        topics = [t for t in stack.select(names) if t.name in names]
        total = sum(refresh(ws, stack, topic, args) for topic in topics)
    if args.check and total:
        words = ["scripts/stack refresh"] + (["--base", args.base] if args.base else []) + list(args.topics)
        say(f"{total} patch files are not canonical; mend: {' '.join(words)}")
        return 1
    say(f"{total} patch files changed in {len(topics)} topics" if total else
        f"nothing to change in {len(topics)} topics")
    return 0


def refresh(ws: Workspace, stack: series.Stack, topic: series.Topic, args) -> int:
    """Write one topic back; return how many files changed (or would, with --check)."""
    path = ws.out / "linux"
    made = (path / ".git" / "stack-state").is_dir()
    worktree.finish(ws)
    if made and (worktree.unfinished(path / ".git") or worktree.head_branch(path) == "edit/" + topic.name):
        worktree.refuse_if_dirty(path)  # or those changes would be missing without a word
    if made and edit.has_work(path, topic.name):
        commits = branch_commits(path, topic)
    else:
        tree, failed = edit.prepare(ws, stack, topic.name)
        if failed:
            raise failed
        count = len(topic.patches)
        commits = [tree.commit(k) for k in range(tree.boundaries - count + 1, tree.boundaries + 1)]
    git_dir = path / ".git"
    wanted = canonical.format_all(git_dir, commits, topic, args.drop_notes)
    readback.verify(git_dir, commits, wanted, topic, trees.Memory(git_dir), ws.out / "rejects")
    if edit.has_work(path, topic.name):
        refuse_if_both_changed(git_dir, topic, wanted)
    if args.check:
        rows = canonical.differences(topic, wanted)
    else:
        rows = canonical.write(stack, topic, wanted)
    for name, what in rows:
        say(f"  {colour(what, 'yellow')!s:<7}  {(topic.dir / name).relative_to(ws.repo)}")
    if not args.check and edit.has_work(path, topic.name):
        git("update-ref", f"refs/stack/edit/{topic.name}/end", "refs/heads/edit/" + topic.name, cwd=path)
        edit.remember(git_dir, topic.name, {n: canonical.sha256(d) for n, d in wanted})
    return len(rows)


def branch_commits(path, topic: series.Topic):
    """Return the commits of branch edit/<topic>, oldest first; StackError when it is not fit."""
    branch, base = "edit/" + topic.name, f"refs/stack/edit/{topic.name}/base"
    if not ok("merge-base", "--is-ancestor", base, branch, cwd=path):
        raise StackError(f"branch {branch} does not stand on the base that it was made from",
                         f"git -C {path} rebase --onto {base} UPSTREAM {branch}")
    merges = git("rev-list", "--merges", base + ".." + branch, cwd=path).split()
    if merges:
        raise StackError(f"branch {branch} has a merge ({merges[0][:12]}), which no patch file can "
                         "hold", f"git -C {path} rebase {base} {branch}")
    return git("rev-list", "--reverse", base + ".." + branch, cwd=path).split()


def refuse_if_both_changed(git_dir, topic: series.Topic, wanted) -> None:
    """Raise StackError when patch files were changed since `edit`, other than by a refresh."""
    known = edit.recall(git_dir, topic.name) or {}
    fine = set(known.values()) | {canonical.sha256(data) for _, data in wanted}
    changed = [p for p in topic.patches if p.sha256 not in fine]
    if changed:
        raise StackError(f"both branch edit/{topic.name} and {', '.join(p.name for p in changed)} have changed since "
                         "'edit'",
                         f"keep the files: scripts/stack edit --restart {topic.name}\n"
                         f"keep the branch: git checkout -- {topic.dir} && scripts/stack refresh {topic.name}")
