# SPDX-License-Identifier: GPL-2.0
"""`check --tree` on a tree that is not the base: how each patch fits there, and which suites pass.

Nothing is checked out for that: a patch that does not apply to the letter is merged
by three ways with git merge-tree, from the base that it was made for.
"""
import collections
import json
import re
import tempfile

from stacklib import options
from stacklib.host import gitcmd, term, usertree
from stacklib.host.files import write_whole
from stacklib.host.gitcmd import git
from stacklib.host.term import colour, progress, say
from stacklib.linux import applying, base, tree as trees, worktree
from stacklib.stack import series
from stacklib.suites import session as kunit, summary

CLEAN, OFFSET, FUZZ, MERGED, THERE, CONFLICT = "clean", "offset", "fuzz", "merged", "there", "CONFLICT"
COLOURS = {CLEAN: "green", OFFSET: "yellow", FUZZ: "yellow", MERGED: "yellow", THERE: "blue",
           CONFLICT: "red"}
SEARCHED = 20000  # commits of a tree that are searched for a patch that is there already
NAME = "fit.json"
SAME_ID = "same patch-id as "

# One patch: .patch (series.Patch) .verdict .notes [str] .hunks (text of conflicts) .commit (state after)
Fit = collections.namedtuple("Fit", "patch verdict notes hunks commit")


def foreign(ws, args, manifest):
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


def run(ws, stack, args, where):
    """Say how the topics fit on a tree; 0 when all of them do (and the suites pass), else 1."""
    there, commit, what = where
    topics = stack.select(args.topics)
    say(f"{what}: each patch is carried there from base {stack.base_name} (Linux {stack.base['version']})")
    if base.split_tree(ws.tree)[1] is None:
        base.tell_dirty(there, "HEAD")
    with ws.lock():
        (ws.out / NAME).unlink(missing_ok=True)
        fits, start = fit_all(ws, stack, topics, there, commit)
        show(fits)
        ran = suites(ws, stack, topics, args, fits, start) if args.kunit else None
    data = report(what, commit, fits, ran)
    write_whole(ws.out / NAME, json.dumps(data, indent=1) + "\n")
    count = collections.Counter(f.verdict for f in fits)
    term.say("%d patches: %s%s; report: %s" % (
        len(fits), ", ".join(f"{count[v]} {v}" for v in COLOURS if count[v]),
        f", suites {data['suites']}" if args.kunit else "", ws.out / NAME))
    return 1 if count[CONFLICT] or ran and not ran.ok() else 0


def fit_all(ws, stack, topics, there, commit):
    """Return ([Fit] of every patch in order, commit of the tree); writes objects to out/linux only."""
    # The base that the patches were made for: that tree may have it, too.
    path = there.git
    own = ws.with_tree(str(there.path) if base.resolve(path, stack.base["tag"]) else "")
    git_dir, first, memory, _ = trees.ground(own, stack)
    worktree.borrow(git_dir, there.objects)
    commits, patches = [first], [p for t in topics for p in t.patches]
    index = git_dir / "stack-state" / "index"
    trees.apply_all(git_dir, patches, commits, {}, memory, index, ws.out / "rejects")
    fits, at = [], commit
    since = base.resolve(path, stack.base["tag"]) or base.resolve(path, f"{commit}~{SEARCHED}")
    for number, patch in enumerate(patches, 1):
        progress(f"fit: patch {number}/{len(patches)} {patch.name}")
        found = fit(git_dir, patch, at, commits[number - 1], commits[number], index, ws)
        if found.verdict in (THERE, CONFLICT):
            note = where_from(git_dir, patch, commits[number], path, since, commit)
            # What came after it there may have changed the same lines again.
            if found.verdict == CONFLICT and note.startswith(SAME_ID):
                found = Fit(patch, THERE, [], "", at)
            if found.verdict == THERE:
                found.notes.append(note)
        fits.append(found)
        at = found.commit
    term.done()
    return fits, commit


def fit(git_dir, patch, at, before, after, index, ws):
    """Return the Fit of one patch on commit at; before, after: its parent and itself on its own base."""
    git("read-tree", at, cwd=git_dir, env={"GIT_INDEX_FILE": index})
    fuzz = False
    try:
        commit, notes = applying.apply_patch(git_dir, at, patch, index, ws.out / "rejects")
        return Fit(patch, OFFSET if notes else CLEAN, list(notes), "", commit)
    except applying.ApplyError as exc:
        fuzz = "would take it with fuzz" in exc.msg
    tree, hunks = three_way(git_dir, at, before, after)
    if hunks:
        return Fit(patch, CONFLICT, [], hunks, at)
    if tree == git("rev-parse", at + "^{tree}", cwd=git_dir):
        return Fit(patch, THERE, [], "", at)
    with tempfile.TemporaryDirectory(prefix="stack.") as folder:
        fields, message, _ = applying.read_mail(patch, folder)
    commit = applying.commit_tree(git_dir, tree, at, message, fields)
    return Fit(patch, FUZZ if fuzz else MERGED, ["its context has changed: look at it with: git -C %s show %s"
                                                 % (ws.out / "linux", commit[:12])], "", commit)


def three_way(git_dir, at, before, after):
    """Merge the change from before to after into at; return (tree id, "") or (tree id, conflicting hunks)."""
    # git takes the merge base from the history, so it gets one.
    ours = applying.commit_tree(git_dir, at + "^{tree}", before, "ours", trees.BASE_FIELDS)
    status, out, said = gitcmd.run("merge-tree", "--write-tree", "--name-only", ours, after, cwd=git_dir)
    if status not in (0, 1):
        raise gitcmd.GitError(("merge-tree", ours, after), status, said)
    head, _, messages = out.decode("utf-8", "replace").partition("\n\n")
    tree, *names = head.splitlines()
    if not status:
        return tree, ""
    hunks = []
    for name in dict.fromkeys(names):
        body = gitcmd.run("cat-file", "blob", f"{tree}:{name}", cwd=git_dir)[1]
        hunks += conflicts(name, body.decode("utf-8", "replace"))
    return tree, "\n".join(hunks or messages.splitlines())


def conflicts(name, text):
    """Return the lines of the conflicting hunks in a merged file, each with the line where it begins."""
    found, inside = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("<<<<<<< "):
            inside = True
            found.append(f"{name}:{number}:")
            line = "<<<<<<< the tree"
        if inside:
            end = line.startswith(">>>>>>> ")
            found.append("  | " + (">>>>>>> the patch" if end else line))
            inside = not end
    return found


def where_from(git_dir, patch, commit, path, since, tip):
    """Return the note that says which commit of the tree at path has a patch already, by patch id or subject.

    What a clone does not have, being shallow or partial, is not fetched.
    """
    mine = git("patch-id", "--stable", cwd=git_dir, input=diff_of(git_dir, commit)).split()
    span = f"{since}..{tip}" if since else tip
    try:
        # The last commits of a shallow clone have no parent there, and the whole tree as their change.
        said = git("log", "-n", "200", "--no-merges", "--min-parents=1", "--format=%H %s", span, "--",
                   *patch.files, cwd=path)
        rows = [line.split(" ", 1) for line in said.splitlines()]
        for name, subject in rows:
            other = git("patch-id", "--stable", cwd=path, input=diff_of(path, name)).split()
            if mine and other and mine[0] == other[0] and not taken_back(path, name, tip):
                return SAME_ID + f"{name[:12]} ({subject})"
        shallow = git("rev-parse", "--is-shallow-repository", cwd=path) == "true"
    except gitcmd.GitError:
        rows, shallow = [], True
    for name, subject in rows:
        if subject.lower() == patch.subject.lower():
            return f"{name[:12]} has the same subject"
    return "the same change; " + ("the tree's history cannot be searched (a shallow clone?)" if shallow
                                  else "no commit of its own found")


def taken_back(path, commit, tip):
    """Return the commit after `commit` up to tip that says, as git revert does, that it reverts it, or ""."""
    return git("log", "-n", "1", "--format=%H", "--fixed-strings", "--grep=This reverts commit " + commit,
               f"{commit}..{tip}", cwd=path)


def diff_of(path, commit):
    """Return the diff of a commit of the repository at path as git patch-id reads it."""
    return git("diff-tree", "-p", "--no-renames", "--root", commit, cwd=path) + "\n"


def show(fits):
    """Print a line for each patch, its notes, and what conflicts."""
    for number, one in enumerate(fits, 1):
        say(f"{number:3d}  {colour(f'{one.verdict!s:<8}', COLOURS[one.verdict])}  {one.patch.topic}/{one.patch.name}")
        for note in one.notes:
            say("       note: " + note)
        lines = one.hunks.splitlines()
        for line in lines[:60]:
            say("       " + line)
        if len(lines) > 60:
            say(f"       ... and {len(lines) - 60} lines more")


class FitTree(trees.Tree):
    """The states on the other tree, for the KUnit runner: a suite whose patches conflict is left out."""

    def __init__(self, ws, stack, topics, fits, start):
        commits = [start] + [f.commit for f in fits]
        super().__init__(ws, stack, topics, commits, {n: [] for n in range(1, len(fits) + 1)}, "--tree")
        self.fits = fits

    def suites(self, k):
        """Return the suites whose patches are all there after the first k."""
        names = list(series.common_suites(self.ws.repo))
        for topic in self.topics:
            have = 0
            for one in (f for f in self.fits[:k] if f.patch.topic == topic.name):
                if one.verdict == CONFLICT:
                    break
                have += 1
            names += [name for name, need in topic.suites.items() if need <= have]
        return names


def suites(ws, stack, topics, args, fits, start):
    """Build and run the suites on what the tree has become; a kunitrun.Result, None when there is none."""
    session = kunit.Session(options.Kunit.of(args))
    session.ws = ws
    session.topics, session.tree = topics, FitTree(ws, stack, topics, fits, start)
    session.choose()
    result = session.run("plain")
    if result:
        summary.show(result)
        summary.table([result])
    return result


def report(what, commit, fits, ran):
    """The verdicts as plain data; ran: what suites() returned, or None."""
    each = {suite.name: {"verdict": summary.verdict(suite), "passed": suite.count("passed"),
                         "failed": suite.count("failed", "crashed"), "skipped": suite.count("skipped")}
            for suite in (ran.suites if ran else [])}
    return {"format": 1, "tree": what, "commit": commit,
            "result": fits[-1].commit if fits else commit, "each suite": each,
            "suites": ("pass" if ran.ok() else "FAIL") if ran else "not run",
            "patches": [{"topic": f.patch.topic, "name": f.patch.name, "verdict": f.verdict, "notes": f.notes,
                         "hunks": re.sub(r"(?m)^  \| ", "", f.hunks)} for f in fits]}
