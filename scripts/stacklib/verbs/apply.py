# SPDX-License-Identifier: GPL-2.0
"""Verb `apply`: base, patches and drop-in as commits in out/linux."""
from stacklib.host.term import colour, data, note, say
from stacklib.host.workspace import Workspace
from stacklib.linux import tree as trees, worktree
from stacklib.stack import series


def register(subparsers) -> None:
    """Add the verb apply."""
    sub = subparsers.add_parser(
        "apply",
        description="Gets the base, applies the patches of the topics (all by default) and the "
                    "kunit drop-in, one\ncommit each, and checks the result out in out/linux on "
                    "branch 'stack'. A patch must fit its\ncontext to the letter; an offset is "
                    "told, fuzz is refused. Work of yours in out/linux is\nnever overwritten.",
        epilog="examples:\n  scripts/stack apply\n  scripts/stack apply TOPIC --tree ~/linux\n"
               "  scripts/stack apply --tree ~/linux:TAG --out /tmp/out")
    sub.add_argument("--no-dropin", action="store_true", help="leave the kunit drop-in out")


def run(args):
    """Verb apply."""
    ws = Workspace(args)
    stack = series.load(ws.repo, args.base)
    topics = stack.select(args.topics)
    with ws.lock():
        worktree.refuse_if_in_use(ws)
        tree = trees.prepare(ws, stack, topics)
        worktree.show(ws, tree.commit(tree.boundaries, dropin=not args.no_dropin))
    for patch in tree.patches:
        notes = tree.notes[patch.number]
        verdict = colour("offset", "yellow") if notes else colour("ok", "green")
        (say if notes else note)(f"{patch.number:3d}  {verdict:<6}  {patch.topic}/{patch.name}")
        for text in notes:
            say("       note: " + text)
    if args.json:
        data({"base": stack.base_name, "version": stack.base["version"], "path": str(tree.path), "patches": [
            {"number": p.number, "topic": p.topic, "name": p.name, "commit": tree.commit(p.number),
             "notes": tree.notes[p.number]} for p in tree.patches]})
    say(f"applied {tree.boundaries} patches of {len(topics)} topics{'' if args.no_dropin else ' and the drop-in'} "
        f"to Linux {stack.base['version']} in {tree.path} (branch stack)")
    return 0
