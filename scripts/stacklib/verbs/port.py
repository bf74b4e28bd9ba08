# SPDX-License-Identifier: GPL-2.0
"""Verb `port`: topics from one base to another, by three-way merge."""
import json
import shutil
from typing import List

from stacklib.checking import carry, fit
from stacklib.checking.carry import CONFLICT, THERE, UPSTREAM
from stacklib.host import gitcmd, usertree
from stacklib.host.files import read_json, read_text, write_whole
from stacklib.host.gitcmd import git, ok
from stacklib.host.term import StackError, say
from stacklib.host.workspace import Workspace
from stacklib.linux import base, readback, tree as trees, worktree
from stacklib.stack import canonical, renumber, series

# Beside the patches: what speaks of them, not what was found out on the other base.
COPIED = ("0000-cover-letter.patch", "uncovered")


def register(subparsers) -> None:
    """Add the verb port."""
    sub = subparsers.add_parser(
        "port",
        description="Carries topics (all by default), and what they need, to another base, one after the other: a "
                    "patch that does\nnot apply to the letter is merged by three ways. What that base has already is "
                    "not carried. A topic\nwithout a conflict is written to patches/BASE/TOPIC and series.BASE; read "
                    "it, git does not know\nwhether it is right. One with a conflict is left on branch port/TOPIC in "
                    "out/linux: resolve it there,\nand give the same command again. A topic that the base has in its "
                    "series stays as it is.",
        epilog="examples:\n  scripts/stack port --to BASE --dry-run\n  scripts/stack port --from BASE --to BASE TOPIC\n"
               "  git -C out/linux cherry-pick --continue\n  scripts/stack port --from BASE --to BASE TOPIC")
    sub.add_argument("--from", dest="base", metavar="NAME", help="the base that has the topics (default: that of the "
                     "series)")
    sub.add_argument("--to", metavar="NAME", required=True, help="the base to carry them to, a folder of patches/ "
                     "with a base.ini")
    sub.add_argument("--dry-run", action="store_true", help="only say how each patch would fare")


def run(args) -> int:
    """Verb port: 0, or 1 when a patch conflicts."""
    ws = Workspace(args)
    origin = series.load(ws.repo, args.base)
    series.manifest(ws.repo, args.to)
    if origin.base_name == args.to:
        raise StackError(f"--to {args.to}: that is the base the topics are on", "name another: ls patches")
    topics, counts = origin.select(args.topics), {}
    with ws.lock():
        worktree.finish(ws)
        if not args.dry_run and not kept(ws):
            worktree.refuse_if_in_use(ws)
        for topic in topics:
            target = series.load(ws.repo, args.to)
            if topic.name in {t.name for t in target.topics}:
                say(f"{topic.name}: in {target.file.name} already (change it: scripts/stack edit --base {args.to} "
                    f"{topic.name})")
                continue
            counts[topic.name] = one_topic(ws, origin, target, topic, args)
    fits = [one for found in counts.values() for one in found]
    if fits:
        fit.show_table({name: fit.count(found) for name, found in counts.items()}, fits)
    bad = sum(one.verdict == CONFLICT for one in fits)
    say(f"port: {len(fits)} patches of {len(counts)} topics from {origin.base_name} to {args.to}, {bad} conflicts"
        + (", nothing was written" if args.dry_run else ""))
    return 1 if bad else 0


def one_topic(ws, origin: series.Stack, target: series.Stack, topic: series.Topic, args) -> list:
    """Carry a topic to target, and write it unless --dry-run; return its [Fit], [] when it was gone on with."""
    again = f"scripts/stack port --from {origin.base_name} --to {target.base_name} {topic.name}"
    state = {} if args.dry_run else kept(ws)
    if state and [state["from"], state["to"], state["topic"]] != [origin.base_name, target.base_name, topic.name]:
        raise StackError(f"the port of {state['topic']} to {state['to']} is not at its end in {ws.out / 'linux'}",
                         f"scripts/stack port --from {state['from']} --to {state['to']} {state['topic']}\n"
                         f"or give it up: rm {note(ws)} && git -C {ws.out / 'linux'} switch -f stack")
    if state:
        commits = resolved(ws, state, again)
        write(ws, target, topic, commits, [p for p in topic.patches if p.name in state["carried"]])
        hand_back(ws, commits[-1])
        return []
    fits, start = carried(ws, origin, target, topic)
    fit.show(fits)
    going = [one for one in fits if one.verdict not in (THERE, UPSTREAM)]
    stuck = next((one for one in going if one.verdict == CONFLICT), None)
    if args.dry_run:
        return fits
    if stuck:
        leave(ws, (origin.base_name, target.base_name, topic.name), going, stuck, start, again)
    elif going:
        write(ws, target, topic, [one.commit for one in going], [one.patch for one in going])
    else:
        say(f"{topic.name}: {target.base_name} has all of it, nothing to carry")
    return fits


def carried(ws, origin: series.Stack, target: series.Stack, topic: series.Topic) -> tuple:
    """Return ([Fit] of the topic's patches, commit on target that they stand on).

    What the topic needs is taken from target where it has that, else carried along.
    """
    needed = sorted(origin.select([topic.name]), key=lambda t: t.name == topic.name)
    patches = [p for t in needed for p in t.patches]
    _, first, memory, _ = trees.ground(ws, origin)
    commits, there = trees.apply_all(ws, memory, patches, first)[0], {t.name for t in target.topics}
    git_dir, at, memory, found = trees.ground(ws, target)
    names = [t.name for t in needed if t.name in there]
    below = [p for t in (target.select(names) if names else ()) for p in t.patches]
    start = trees.apply_all(ws, memory, below, at)[0][-1]
    home = usertree.read(base.split_tree(ws.tree)[0], ws.out).git if found.commit else git_dir
    history = carry.History(home, found.commit or at, origin.base, sorted({name for p in patches for name in p.files}))
    carrier = carry.Carrier(git_dir, commits, start, history, ws.out / "rejects")
    fits: List[carry.Fit] = []
    for number, patch in enumerate(patches, 1):
        owner = next(t for t in needed if t.name == patch.topic)
        if owner is topic and not fits:
            start = carrier.at
        if owner.name not in there:
            one = carrier.carry(number, patch, fit.upstream_of(owner, patch))
            fits += [one] if owner is topic else []
    return fits, start


def note(ws):
    """Return the path of what is remembered of a port that waits for its user."""
    return ws.out / "linux" / ".git" / "stack-state" / "port.json"


def kept(ws) -> dict:
    """Return what leave() has remembered, or {}."""
    return read_json(note(ws)) if note(ws).is_file() else {}


def leave(ws, who, going, stuck, start: str, again: str) -> None:
    """Put the patches on branch port/TOPIC up to the one that conflicts, with that under way; raises StackError."""
    path, branch, at = ws.out / "linux", "port/" + who[2], going.index(stuck)
    before = going[at - 1].commit if at else start
    worktree.switch(path, before, branch, {f"refs/stack/port/{who[2]}/base": start}, "out/linux: ")
    write_whole(note(ws), json.dumps({"from": who[0], "to": who[1], "topic": who[2], "before": before,
                                      "carried": [one.patch.name for one in going]}))
    status, _, said = gitcmd.run("cherry-pick", *[one.after for one in going[at:]], cwd=path,
                                 env=dict(gitcmd.IDENTITY))
    if status and not worktree.unfinished(path / ".git"):
        raise gitcmd.GitError(("cherry-pick", stuck.after), status, said)
    raise StackError(f"{fit.path_of(stuck)} conflicts; it and the {len(going) - at - 1} patches after it are under way "
                     f"on branch {branch} in {path}",
                     f"git -C {path} status, resolve, git add -u, then: git -C {path} cherry-pick --continue\n"
                     f"when no patch is left: {again}", code=1)


def resolved(ws, state: dict, again: str) -> list:
    """Return the commits of the branch that leave() made, oldest first; StackError while they are not all there."""
    path, name = ws.out / "linux", state["topic"]
    what = worktree.unfinished(path / ".git")
    if what:
        raise StackError(f"{path}: the {what} of {name} is not at its end",
                         f"git -C {path} status, then: git -C {path} cherry-pick --continue", code=1)
    worktree.refuse_if_dirty(path)
    start, branch = f"refs/stack/port/{name}/base", "refs/heads/port/" + name
    head = git("rev-parse", "-q", "--verify", branch, cwd=path, check=False)
    if not head or head == state["before"] or not ok("merge-base", "--is-ancestor", start, branch, cwd=path):
        note(ws).unlink()
        raise StackError(f"branch port/{name} has nothing that was resolved: given up?",
                         f"git -C {path} switch stack && {again}", code=1)
    return git("rev-list", "--reverse", f"{start}..{branch}", cwd=path).split()


def hand_back(ws, commit: str) -> None:
    """Forget what leave() has remembered, and have out/linux as a run leaves it, where its branch is the tool's."""
    path = ws.out / "linux"
    note(ws).unlink()
    names = ("refs/heads/" + worktree.BRANCH, "refs/stack/applied")
    if len({git("rev-parse", "-q", "--verify", name, cwd=path, check=False) for name in names}) == 1:
        worktree.show(ws, commit)


def write(ws, target: series.Stack, topic: series.Topic, commits, patches) -> None:
    """Write commits as a topic of target: patch files, series, what stands beside the patches, base.ini."""
    folder, git_dir = ws.repo / "patches" / target.base_name / topic.name, ws.out / "linux" / ".git"
    old = series.Topic(topic.dir, [p.name for p in patches])
    wanted = canonical.format_all(git_dir, commits, old, drop_notes=True)
    readback.verify(git_dir, commits, wanted, topic, trees.Memory(git_dir), ws.out / "rejects")
    folder.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        if (topic.dir / name).is_file():
            shutil.copyfile(topic.dir / name, folder / name)
    manifest = topic.dir / "topic.ini"
    if manifest.is_file():
        new = {p.name[:4]: f"{number:04d}" for number, p in enumerate(patches, 1)}
        write_whole(folder / "topic.ini", renumber.manifest(read_text(manifest), new))
    if not target.file.is_file():
        write_whole(target.file, f"# The stack for the base {target.base_name}, in quilt's form\n")
    canonical.write(target, series.Topic(folder, []), wanted)
    ini = folder.parent / "base.ini"
    write_whole(ini, renumber.with_topic(read_text(ini), topic.name))
    say(f"{topic.name}: {len(wanted)} of {len(topic.patches)} patches in {folder.relative_to(ws.repo)}; read them, "
        f"cover letter and topic.ini: git does not know whether they are right there")
