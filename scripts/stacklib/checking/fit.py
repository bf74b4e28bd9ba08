# SPDX-License-Identifier: GPL-2.0
"""`check --tree` on a tree that is not the base: how each patch fits there, and which suites pass.

scripts/README has the form of fit.json.
"""
import collections
import copy
import json
import re
from typing import Optional

from stacklib import options
from stacklib.checking import carry
from stacklib.checking.carry import CLEAN, CONFLICT, FUZZ, MERGED, OFFSET, THERE, UPSTREAM
from stacklib.host import term, usertree
from stacklib.host.files import write_whole
from stacklib.host.term import colour, progress, say
from stacklib.linux import base, tree as trees, worktree
from stacklib.stack import dropin, series
from stacklib.suites import session, summary

COLOURS = {CLEAN: "green", OFFSET: "yellow", FUZZ: "yellow", MERGED: "yellow", THERE: "blue", UPSTREAM: "blue",
           CONFLICT: "red"}
FOLLOWS = "follows"
NAME = "fit.json"


def foreign(ws, args, manifest) -> Optional[tuple]:
    """Return (UserTree, commit, what it is) when --tree names a tree that is not the base's version, else None.

    With --fit, LINUX_TREE may name it, and any version will do; StackError without one.
    """
    named = ws.tree if args.fit else args.tree
    if args.fit and not named:
        raise term.StackError("--fit: no tree is named on which the patches shall fit",
                              "scripts/stack check --fit --tree ~/linux")
    if not named:
        return None
    path, ref = base.split_tree(named)
    tree, name = usertree.read(path, ws.out), ref or "HEAD"
    commit = base.resolve(tree.git, name)
    found = base.makefile_version(tree.git, commit) if commit else None
    if not found:
        base.from_tree(ws, named, manifest)  # which says what is wrong
    if not args.fit and (not ref and base.resolve(tree.git, manifest["tag"]) or found == manifest["version"]):
        return None
    return tree, commit, f"{path} ({name}), Linux {found}"


def run(ws, stack: series.Stack, args, where) -> int:
    """Say how the topics fit on a tree; 0 when all of them do (and the suites pass), else 1."""
    there, commit, what = where
    topics = stack.select(args.topics)
    say(f"{what}: each patch is carried there from base {stack.base_name} (Linux {stack.base['version']})")
    if base.split_tree(ws.tree)[1] is None:
        base.tell_dirty(there, "HEAD")
    with ws.lock():
        (ws.out / NAME).unlink(missing_ok=True)
        fits, history, git_dir = fit_all(ws, stack, topics, there, commit)
        show(fits)
        end = fits[-1].commit if fits else commit
        misfits = [exc.msg for exc in dropin.misfits(git_dir, end, ws.repo)]
        for text in misfits:
            say(f"{colour('drop-in', 'red')}  {text}")
        ran = suites(ws, stack, topics, args, fits, commit) if args.kunit and not misfits else None
    counts = {t.name: count([f for f in fits if f.patch.topic == t.name]) for t in topics}
    show_table(counts, fits)
    data = {"format": 2, "tree": what, "commit": commit, "result": end, "history": history, "topics": counts,
            "drop-in": misfits, "suites": ("pass" if ran.ok() else "FAIL") if ran else "not run",
            "each suite": {s.name: plain(s) for s in (ran.suites if ran else [])},
            "patches": [{"topic": f.patch.topic, "name": f.patch.name, "verdict": f.verdict, "notes": f.notes,
                         "follows": [path_of(skipped) for skipped in f.follows], "there": f.there, "hunks": f.hunks}
                        for f in fits]}
    write_whole(ws.out / NAME, json.dumps(data, indent=1) + "\n")
    if args.json:
        term.data(data)
    whole = collections.Counter(f.verdict for f in fits)
    follow = sum(bool(f.follows) for f in fits)
    say(f"{len(fits)} patches: {', '.join(f'{whole[v]} {v}' for v in COLOURS if whole[v])}"
        + (f" ({follow} only follow)" if follow else "") + (f", drop-in: {len(misfits)} misfits" if misfits else "")
        + (f", suites {data['suites']}" if args.kunit else "") + f"; report: {ws.out / NAME}")
    return 1 if whole[CONFLICT] or misfits or ran and not ran.ok() else 0


def fit_all(ws, stack: series.Stack, topics, there, commit: str) -> tuple:
    """Return ([Fit] of every patch in order, what was searched, git folder); writes objects to out/linux only."""
    # The base that the patches were made for: that tree may have it, too.
    own = copy.copy(ws)  # the lock is the same
    own.tree = str(there.path) if base.resolve(there.git, stack.base["tag"]) else ""
    git_dir, first, memory, _ = trees.ground(own, stack)
    worktree.borrow(git_dir, there.objects)
    patches = [p for t in topics for p in t.patches]
    commits, _ = trees.apply_all(ws, memory, patches, first)
    progress("fit: searching the history of the tree")
    history = carry.History(there.git, commit, stack.base, sorted({name for p in patches for name in p.files}))
    say("history: " + history.said)
    carrier = carry.Carrier(git_dir, commits, commit, history, ws.out / "rejects")
    upstream = {p: upstream_of(t, p) for t in topics for p in t.patches}
    fits = []
    for number, patch in enumerate(patches, 1):
        progress(f"fit: patch {number}/{len(patches)} {patch.name}")
        fits.append(carrier.carry(number, patch, upstream[patch]))
    term.done()
    return fits, history.said, git_dir


def upstream_of(topic: series.Topic, patch: series.Patch):
    """Return the commit that [upstream] of topic.ini names for a patch, ""; StackError when that is no id."""
    name = topic.conf.get("upstream", patch.name[:4], fallback="").strip()
    if name and not re.fullmatch("[0-9a-f]{12,40}", name):
        raise term.StackError(f"{topic.dir / 'topic.ini'}: [upstream] {patch.name[:4]}: '{name}' is not a commit id of "
                              "12 to 40 digits", "scripts/stack lint")
    return name


def path_of(one) -> str:
    """Return TOPIC/NAME of a Fit's patch."""
    return f"{one.patch.topic}/{one.patch.name}"


def show(fits) -> None:
    """Print a line for each patch and its notes; where it conflicts, and with --verbose how."""
    for number, one in enumerate(fits, 1):
        say(f"{number:3d}  {colour(f'{one.verdict:<8}', COLOURS[one.verdict])}  {path_of(one)}")
        if one.follows:
            say("       follows from " + ", that from ".join(path_of(f) for f in one.follows))
        for note in one.notes:
            say("       note: " + note)
        places = [f"{h['file']}:{h['line']}" for h in one.hunks]
        if places and not one.follows and not term.verbose():
            say(f"       at {', '.join(places[:4])}" + (f" and {len(places) - 4} more" if places[4:] else ""))
        for place, hunk in zip(places, one.hunks if term.verbose() else []):
            say("\n         | ".join([f"       {place}:", *hunk["text"].splitlines()]))


def count(fits) -> dict:
    """Return {verdict: number of patches}, those that follow apart from CONFLICT."""
    return dict(collections.Counter(FOLLOWS if f.follows else f.verdict for f in fits))


def show_table(counts, fits) -> None:
    """Print topic x verdict."""
    columns = [*COLOURS, FOLLOWS]
    rows = [[name, *(str(found.get(v, "-")) for v in columns)]
            for name, found in [*counts.items(), ("all", count(fits))]]
    term.table([["topic", *columns], *rows])


def plain(suite) -> dict:
    """What came of a suite as plain data."""
    return {"verdict": summary.verdict(suite), "passed": suite.count("passed"),
            "failed": suite.count("failed", "crashed"), "skipped": suite.count("skipped")}


class FitTree(trees.Tree):
    """The states on the other tree, for the KUnit runner: a suite whose last patch conflicts is left out."""

    def __init__(self, ws, stack, topics, fits, start):
        commits = [start] + [f.commit for f in fits]
        super().__init__(ws, stack, topics, commits, {n: [] for n in range(1, len(fits) + 1)})
        self.fits = fits

    def suites(self, k: int):
        """Return the suites that the first k patches bring; says which run without a patch that comes before them."""
        names = list(series.common_suites(self.ws.repo))
        for topic in self.topics:
            have = [f for f in self.fits[:k] if f.patch.topic == topic.name]
            for name, need in topic.suites.items():
                lost = [f for f in have[:need] if f.verdict == CONFLICT]
                if need > len(have) or lost and lost[-1] is have[need - 1]:
                    continue
                names.append(name)
                if lost:
                    say(f"note: suite {name} runs without {', '.join(path_of(f) for f in lost)}")
        return names


def suites(ws, stack: series.Stack, topics, args, fits, start):
    """Build and run the suites on what the tree has become; a boot.Result, None when there is none."""
    own = session.Session(options.Kunit.of(args))
    own.ws = ws
    own.topics, own.tree = topics, FitTree(ws, stack, topics, fits, start)
    own.choose()
    result = next(own.run(["plain"]), None)
    if result:
        summary.show(result)
        summary.table([result])
    return result
