# SPDX-License-Identifier: GPL-2.0
"""Verbs `edit` and `refresh`: a topic as commits on a branch, and back as patch files."""
import argparse
import json
import time

import applying
import canonical
import series
import tree as trees
import worktree
from gitcmd import git, ok
from term import StackError, colour, say
from workspace import Workspace


def register(subparsers):
    """Add the verbs edit and refresh."""
    sub = subparsers.add_parser(
        "edit", help="put a topic's patches on a branch as commits",
        description="Makes branch edit/TOPIC in out/linux, one commit for each patch, and checks "
                    "it out. Change it with\ngit as you like (commit, rebase -i, am), then write "
                    "it back with 'refresh'. A branch that has\nwork of yours is gone on with.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  scripts/stack edit TOPIC\n  git -C out/linux commit --fixup=HEAD~1 -a"
               "\n  git -C out/linux rebase -i --autosquash refs/stack/edit/TOPIC/base\n"
               "  scripts/stack refresh TOPIC")
    sub.add_argument("--restart", action="store_true",
                     help="begin anew from the patch files; the old branch is kept under a name")
    sub = subparsers.add_parser(
        "refresh", help="write that branch back as canonical patch files",
        description="Writes the commits of branch edit/TOPIC back to patches/ in canonical form, "
                    "touching only files\nthat change, and brings series in line. Without such a "
                    "branch the patch files themselves are\nbrought to canonical form.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  scripts/stack refresh TOPIC\n"
               "  scripts/stack refresh --check    would anything change?")
    sub.add_argument("--check", action="store_true",
                     help="write nothing; exit 1 when something would change")
    sub.add_argument("--drop-notes", action="store_true",
                     help="let the notes below the '---' of patches that are gone go with them")


def run(args):
    """Verbs edit and refresh."""
    ws = Workspace(args)
    with ws.lock():
        stack = series.load(ws.repo, args.base)
        if args.verb == "edit":
            return run_edit(ws, stack, args)
        names = args.topics or [t.name for t in stack.topics]
        topics = [t for t in stack.select(names) if t.name in names]
        total = sum(refresh(ws, stack, topic, args) for topic in topics)
    if args.check and total:
        say("%d patch files are not canonical; mend: scripts/stack refresh %s"
            % (total, " ".join(args.topics)))
        return 1
    say("%d patch files changed in %d topics" % (total, len(topics)) if total else
        "nothing to change in %d topics" % len(topics))
    return 0


def run_edit(ws, stack, args):
    """Verb edit."""
    if len(args.topics) != 1:
        raise StackError("edit takes one topic (there are: %s)"
                         % " ".join(t.name for t in stack.topics), "scripts/stack edit TOPIC")
    name = args.topics[0]
    tree, failed = prepare(ws, stack, name, args)
    topic = next(t for t in tree.topics if t.name == name)
    path, branch = tree.path, "edit/" + name
    worktree.finish(ws)
    worktree.refuse_if_dirty(path)
    count = len(topic.patches)
    start, end = tree.commit(tree.boundaries - count), tree.commit(tree.boundaries)
    if has_work(path, name) and not args.restart:
        git("checkout", "-q", branch, cwd=path)
        say("going on with branch %s in %s, which has work of yours (anew: edit --restart %s)"
            % (branch, path, name))
        return 0
    if has_work(path, name):
        kept = "%s.%d" % (branch, int(time.time()))
        git("branch", "-f", kept, "refs/heads/" + branch, cwd=path)
        say("the old branch is kept as %s" % kept)
    where = "refs/stack/edit/%s/" % name
    worktree.switch(path, end, branch, {where + "base": start, where + "end": end}, "out/linux: ")
    remember(tree.git_dir, name, {p.name: p.sha256 for p in topic_of(stack, name).patches})
    if failed:
        left = topic_of(stack, name).patches[count:]
        raise StackError("%s\nbranch %s has the %d patches before it; %d are still to be taken in"
                         % (failed.msg, branch, count, len(left)),
                         "git -C %s am --reject %s" % (path, left[0].path.absolute()), code=1)
    say("branch %s in %s: %d commits on %s; write back: scripts/stack refresh %s"
        % (branch, path, count, start[:12], name))
    return 0


def topic_of(stack, name):
    """Return the topic of that name."""
    return next(t for t in stack.topics if t.name == name)


def prepare(ws, stack, name, args):
    """Return (Tree of the topic and what it needs, None or the ApplyError of its first bad patch).

    With a bad patch the Tree ends before it.
    """
    topics = stack.select([name])
    topics.sort(key=lambda t: t.name == name)  # what it needs first
    try:
        return trees.prepare(ws, stack, topics, args), None
    except applying.ApplyError as exc:
        if exc.patch.topic != name:
            raise
        short = series.Topic(topics[-1].dir, [p.name for p in topics[-1].patches
                                              if p.number < exc.patch.number])
        return trees.prepare(ws, stack, topics[:-1] + [short], args), exc


def has_work(path, name):
    """Return whether branch edit/<name> is there and is not as `edit` or `refresh` left it."""
    head = git("rev-parse", "-q", "--verify", "refs/heads/edit/" + name, cwd=path, check=False)
    end = git("rev-parse", "-q", "--verify", "refs/stack/edit/%s/end" % name, cwd=path,
              check=False)
    return bool(head) and head != end


def remember(git_dir, name, files):
    """Keep {file: sha256} of the patch files that a branch was made from or written to."""
    path = git_dir / "stack-state" / ("edit-%s.json" % name)
    worktree.write_if_changed(path, json.dumps(files, indent=0).encode())


def recall(git_dir, name):
    """Return what remember() kept, or None."""
    try:
        text = (git_dir / "stack-state" / ("edit-%s.json" % name)).read_text(encoding="utf-8")
        return json.loads(text)
    except (OSError, ValueError):
        return None


def refresh(ws, stack, topic, args):
    """Write one topic back; return how many files changed (or would, with --check)."""
    path = ws.out / "linux"
    made = (path / ".git" / "stack-state").is_dir()
    worktree.finish(ws)
    if made and (worktree.unfinished(path / ".git")
                 or worktree.head_branch(path) == "edit/" + topic.name):
        worktree.refuse_if_dirty(path)  # or those changes would be missing without a word
    if made and has_work(path, topic.name):
        commits = branch_commits(path, topic)
    else:
        tree, failed = prepare(ws, stack, topic.name, args)
        if failed:
            raise failed
        count = len(topic.patches)
        commits = [tree.commit(k) for k in range(tree.boundaries - count + 1, tree.boundaries + 1)]
    git_dir = path / ".git"
    wanted = canonical.format_all(git_dir, commits, topic, getattr(args, "drop_notes", False))
    if has_work(path, topic.name):
        refuse_if_both_changed(git_dir, topic, wanted)
    if args.check:
        rows = canonical.differences(topic, wanted)
    else:
        rows = canonical.write(stack, topic, wanted)
    for name, what in rows:
        say("  %-7s  %s" % (colour(what, "yellow"), (topic.dir / name).relative_to(ws.repo)))
    if not args.check and has_work(path, topic.name):
        git("update-ref", "refs/stack/edit/%s/end" % topic.name,
            "refs/heads/edit/" + topic.name, cwd=path)
        remember(git_dir, topic.name, {n: canonical.sha256(d) for n, d in wanted})
    return len(rows)


def branch_commits(path, topic):
    """Return the commits of branch edit/<topic>, oldest first; StackError when it is not fit."""
    branch, base = "edit/" + topic.name, "refs/stack/edit/%s/base" % topic.name
    if not ok("merge-base", "--is-ancestor", base, branch, cwd=path):
        raise StackError("branch %s does not stand on the base that it was made from" % branch,
                         "git -C %s rebase --onto %s UPSTREAM %s" % (path, base, branch))
    merges = git("rev-list", "--merges", base + ".." + branch, cwd=path).split()
    if merges:
        raise StackError("branch %s has a merge (%s), which no patch file can hold"
                         % (branch, merges[0][:12]), "git -C %s rebase %s %s"
                         % (path, base, branch))
    return git("rev-list", "--reverse", base + ".." + branch, cwd=path).split()


def refuse_if_both_changed(git_dir, topic, wanted):
    """Raise StackError when patch files were changed since `edit`, other than by a refresh."""
    known = recall(git_dir, topic.name) or {}
    fine = set(known.values()) | {canonical.sha256(data) for _, data in wanted}
    changed = [p for p in topic.patches if p.sha256 not in fine]
    if changed:
        raise StackError("both branch edit/%s and %s have changed since 'edit'"
                         % (topic.name, ", ".join(p.name for p in changed)),
                         "keep the files: scripts/stack edit --restart %s\n"
                         "keep the branch: git checkout -- %s && scripts/stack refresh %s"
                         % (topic.name, topic.dir, topic.name))
