# SPDX-License-Identifier: GPL-2.0
"""How one patch fits on a tree that is not its base, and what is there of it already.

Nothing is checked out: a patch that does not apply to the letter is merged by three ways with git
merge-tree, from the base that it was made for.
"""
import re
import tempfile
from dataclasses import dataclass, field
from typing import List, Optional, Set

from stacklib.host import gitcmd
from stacklib.host.gitcmd import git
from stacklib.linux import applying, base, tree as trees
from stacklib.stack.series import Patch

CLEAN, OFFSET, FUZZ, MERGED, THERE, UPSTREAM, CONFLICT = \
    "clean", "offset", "fuzz", "merged", "there", "upstream", "CONFLICT"
_COMMENT = re.compile(r"/[*/]|\*([ /]|$)")
_CONTROL = re.compile(r"(if|for|while|else|switch|case|return|goto|break|continue|default|do)\b")
_CONFLICT = re.compile(rb"^<<<<<<< [^\n]*\n(.*?)^=======\n(.*?)^>>>>>>> [^\n]*\n", re.M | re.S)


@dataclass
class Fit:
    """One patch there: .before .after (commits, on its own base) .names (paths that it changes) .verdict
    .notes .commit (state after it) .hunks ({"file", "line", "text"} of each conflict)
    .follows (a CONFLICT that only follows: Fits of the skipped patches, the nearest first) .there ["FILE:LINE"]"""

    patch: Patch
    before: str
    after: str
    names: Set[str]
    verdict: str = CONFLICT
    commit: str = ""
    notes: List[str] = field(default_factory=list)
    hunks: List[dict] = field(default_factory=list)
    follows: List["Fit"] = field(default_factory=list)
    there: List[str] = field(default_factory=list)


class History:
    """The commits of a tree since the base that change files of the stack: .commits {id: (subject, log)}
    .ids {patch-id: [commit]} .whole (nothing since the base is missing) .said (what was searched)"""

    def __init__(self, path, tip, manifest, files):
        """path: folder of the repository. What a clone does not have, being shallow or partial, is not fetched."""
        self.path, self.tip, self.commits, self.ids = path, tip, {}, {}
        short = ".".join(manifest["version"].split(".")[:2])
        since = base.resolve(path, manifest["tag"]) or base.resolve(path, "v" + short) or git(
            "log", "-n", "1", "--format=%H", f"--grep=^Linux {re.escape(short)}$", tip, "--", "Makefile",
            cwd=path, check=False)
        span = f"{since}..{tip}" if since else tip
        try:
            # The last commits of a shallow clone have no parent there, and the whole tree as their change.
            for name, commit in gitcmd.patch_ids(path, "--no-merges", "--min-parents=1", span, "--", *files):
                self.ids.setdefault(name, []).append(commit)
            self.whole = bool(since) and git("rev-parse", "--is-shallow-repository", cwd=path) == "false"
            names = "".join(f"{name}\n" for found in self.ids.values() for name in found)
            said = git("log", "--no-walk", "--stdin", "--format=%H%n%s%n%b%x00", cwd=path, input=names) if names else ""
            for entry in said.split("\0")[:-1]:
                name, subject, log = entry.lstrip("\n").split("\n", 2)
                self.commits[name] = (subject, log)
        except gitcmd.GitError:
            self.whole = False
        self.said = f"{len(self.commits)} commits there change files of the stack"
        if not self.whole:
            self.said += "; the history since the base is not all there, so that others may, too" \
                if self.commits else "; there is no history to search: no commit is named"

    def same(self, patch_id) -> str:
        """Return the last commit with this patch id that no other says to revert (as git revert does), or ""."""
        found = self.ids.get(patch_id, ())
        return next((name for name in found if not self.said_by("This reverts commit " + name)), "")

    def said_by(self, pattern: str) -> bool:
        """Return whether the log of one of the commits has a match of a regular expression, case apart."""
        return any(re.search(pattern, log, re.I) for _, log in self.commits.values())

    def has(self, commit: str):
        """Return whether a commit of mainline is in the tree, itself or as a stable tree has it; None: not known."""
        found = base.resolve(self.path, commit)
        if found and gitcmd.ok("merge-base", "--is-ancestor", found, self.tip, cwd=self.path):
            return not self.said_by("This reverts commit " + found)
        picked = self.said_by(rf"commit {commit}[0-9a-f]* upstream|upstream commit {commit}")
        return picked or (False if self.whole else None)


class Carrier:
    """Carries patches to another tree one after the other: .at (commit with those that fit) .forced (commit with
    all of them, each conflict resolved to the patch) .skipped [Fit]

    git_dir: repository that has the objects of both. commits: the base of the patches, and the state after each.
    at: commit of the tree. history: its History. rejects: folder for what is left of a patch that fails.
    """

    def __init__(self, git_dir, commits, at, history, rejects):
        self.git_dir, self.commits, self.at, self.forced = git_dir, commits, at, at
        self.history, self.rejects, self.skipped = history, rejects, []
        self.index, self.loaded = git_dir / "stack-state" / "index", ""
        own = gitcmd.patch_ids(git_dir, f"{commits[0]}..{commits[-1]}") if len(commits) > 1 else []
        self.ids = {commit: name for name, commit in own}

    def carry(self, number: int, patch: Patch, upstream: str = ""):
        """Return the Fit of the patch `number` (from 1); upstream: the commit that its topic.ini says it is, or ""."""
        before, after = self.commits[number - 1:number + 1]
        one = Fit(patch, before, after, set(patch.files))
        self.apply(one)
        whole = self.lines(one)
        self.judge(one, whole, upstream)
        if one.verdict == CONFLICT:
            near = self.cause(one)
            one.follows = [near, *near.follows] if near else []
            self.skipped.append(one)
        if one.verdict in (THERE, UPSTREAM):
            one.commit, one.hunks = self.at, []
        elif one.verdict != CONFLICT and self.forced == self.at:
            self.forced = one.commit
        else:
            self.forced = self.force(self.forced, one)
        self.at = one.commit
        return one

    def judge(self, one, whole, upstream) -> None:
        """Correct the verdict by what the history and the lines say. whole: all lines of the patch are there."""
        same, history, fits = self.history.same(self.ids.get(one.after)), self.history, (CLEAN, OFFSET)
        has = history.has(upstream) if upstream else False
        if has or has is None and one.verdict not in fits:
            one.verdict = UPSTREAM
            one.notes = [f"commit {upstream}" + ("" if has else ", says topic.ini; there is no history to look in")]
            return
        if same and (one.verdict not in fits or one.there) or whole and one.verdict != CONFLICT:
            one.verdict, one.notes = THERE, []
        elif one.verdict == THERE:
            one.notes = ["the same change"]
        if upstream:
            one.notes.append(f"commit {upstream}, which topic.ini names, is not there")
        if one.there:
            part = "" if one.verdict == THERE or whole else "some of its lines are "
            one.notes.append(f"{part}there, {', '.join(one.there[:3])}")
        if same:
            one.notes.append(f"same patch-id as {same[:12]} ({history.commits[same][0]})")
        titled = [name for name, (title, _) in history.commits.items() if title.lower() == one.patch.subject.lower()]
        one.notes += [f"{name[:12]} has the same subject" for name in titled[:3] if name != same]

    def apply(self, one) -> None:
        """Fill in .verdict, .commit, .hunks and .notes by how the patch applies on .at."""
        if self.loaded != self.at:
            git("read-tree", self.at, cwd=self.git_dir, env={"GIT_INDEX_FILE": self.index})
        self.loaded = one.commit = self.at
        try:
            one.commit, notes = applying.apply_patch(self.git_dir, self.at, one.patch, self.index, self.rejects)
            self.loaded, one.notes, one.verdict = one.commit, list(notes), OFFSET if notes else CLEAN
            return
        except applying.ApplyError as exc:
            one.verdict = FUZZ if "would take it with fuzz" in exc.msg else MERGED
        tree, stages, one.hunks = self.merge(self.at, one)
        if stages:
            one.verdict = CONFLICT
        elif tree == git("rev-parse", self.at + "^{tree}", cwd=self.git_dir):
            one.verdict = THERE
        else:
            with tempfile.TemporaryDirectory(prefix="stack.") as folder:
                fields, message, _ = applying.read_mail(one.patch, folder)
            one.commit = applying.commit_tree(self.git_dir, tree, self.at, message, fields)
            one.notes = ["its context has changed: look at it with: "
                         f"git -C {self.git_dir.parent} show {one.commit[:12]}"]

    def merge(self, at, one):
        """Merge a patch into at by three ways; return (tree id, {path: {stage: "MODE ID"}} of conflicts, hunks)."""
        # git takes the merge base from the history, so it gets one.
        ours = applying.commit_tree(self.git_dir, at + "^{tree}", one.before, "ours", trees.BASE_FIELDS)
        status, out, said = gitcmd.run("merge-tree", "--write-tree", "-z", ours, one.after, cwd=self.git_dir)
        if status not in (0, 1):
            raise gitcmd.GitError(("merge-tree", ours, one.after), status, said)
        tree, *rest = out.decode("utf-8", "surrogateescape").split("\0")
        if not status:
            return tree, {}, []
        stages, end = {}, rest.index("")
        for row in rest[:end]:
            entry, _, name = row.partition("\t")
            stages.setdefault(name, {})[entry[-1]] = entry[:-2]
        hunks = []
        for name, body in zip(stages, gitcmd.blobs([f"{tree}:{name}" for name in stages], self.git_dir)):
            hunks += conflicts(name, body) or [
                {"file": name, "line": 0, "text": text.strip()} for text in rest[end:]
                if text.startswith("CONFLICT") and name in text]
        return tree, stages, hunks

    def force(self, at, one) -> str:
        """Return the commit of a patch on at, with each conflict resolved to what the patch says."""
        tree, stages, _ = self.merge(at, one)
        orders = [f"commit refs/stack/forced\nmark :1\ncommitter stack <stack@localhost> 0 +0000\ndata 0\nfrom {at}\n"
                  f"M 040000 {tree} \n".encode()]
        for name, body in zip(stages, gitcmd.blobs([f"{tree}:{name}" for name in stages], self.git_dir)):
            path, theirs = gitcmd.quote(name), stages[name].get("3")
            if not theirs:
                orders.append(b"D %s\n" % path)
            elif "2" in stages[name]:
                body = _CONFLICT.sub(rb"\2", body)
                orders.append(b"M %s inline %s\ndata %d\n%s\n" % (theirs[:6].encode(), path, len(body), body))
            else:
                orders.append(b"M %s %s\n" % (theirs.encode(), path))
        return git("fast-import", "--quiet", "--force", cwd=self.git_dir, input=b"".join([*orders, b"get-mark :1\n"]))

    def cause(self, one) -> Optional[Fit]:
        """Return the Fit of the skipped patch without which this one conflicts; None when the conflict is its own."""
        if not self.skipped or self.merge(self.forced, one)[1]:
            return None
        near, state = [s for s in self.skipped if s.names & one.names] or self.skipped, self.at
        for skipped in near:
            state = self.force(state, skipped)
            if not self.merge(state, one)[1]:
                return skipped
        return near[-1]

    def lines(self, one) -> bool:
        """Fill in .there, the places of added lines that are there; return whether that is the whole of the patch.

        A line is there when the tree has it where the patch puts it (in the same function, struct, ...) and the
        base has not. Braces, comments and blank lines say nothing, conditions and jumps only where nothing
        else is added. Of the lines that the patch takes away none may be left.
        """
        added, left = [], False
        names = sorted(one.names)
        bodies = gitcmd.blobs([f"{commit}:{name}" for name in names for commit in (one.before, one.after, self.at)],
                              self.git_dir)
        for number, name in enumerate(names):
            old, new, tree = map(says, bodies[3 * number:3 * number + 3])

            def more(have, than) -> list:
                return [key for key in have if len(have[key]) > len(than.get(key, ()))]
            more_there = set(more(tree, old))
            added += [(key[1], f"{name}:{tree[key][0]}" if key in more_there else "") for key in more(new, old)]
            left = left or any(len(tree.get(key, ())) > len(new.get(key, ())) for key in more(old, new))
        acting = [place for line, place in added if not _CONTROL.match(line)] or [place for _, place in added]
        one.there = list(dict.fromkeys(place for place in acting if place))
        return bool(acting) and all(acting) and not left


def says(body):
    """Return {(what a line is in, the line): [line numbers]} of the lines of a file that say something."""
    found, inside = {}, ""
    for number, line in enumerate(body.decode("utf-8", "replace").splitlines(), 1):
        if re.match(r"[A-Za-z_]", line) and not re.match(r"\w+:\s*$", line):
            name = re.search(r"(\w+)\s*\(", line)
            inside = name.group(1) if name else line
        line = line.strip()
        if len(re.findall(r"\w", line)) > 3 and not _COMMENT.match(line):
            found.setdefault((inside, line), []).append(number)
    return found


def conflicts(name: str, body) -> list:
    """Return the conflicting hunks in a merged file as {"file", "line" (where it begins), "text"}."""
    return [{"file": name, "line": body.count(b"\n", 0, found.start()) + 1,
             "text": "<<<<<<< the tree\n%s=======\n%s>>>>>>> the patch\n" % tuple(
                 side.decode("utf-8", "replace") for side in found.groups())} for found in _CONFLICT.finditer(body)]
