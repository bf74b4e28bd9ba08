# SPDX-License-Identifier: GPL-2.0
"""The kernel trees of the work folder.

out/linux is a git repository that borrows its objects from where the base is (objects/info/alternates).
refs/stack/base, refs/stack/p/<k> and refs/stack/full are the base, the state after k patches, and the last with the
drop-in. out/check is a second work tree, the tool's own, that walks through these states.
"""
import hashlib
import json
from pathlib import Path

from stacklib.host import gitcmd
from stacklib.host.files import write_whole
from stacklib.host.gitcmd import git
from stacklib.host.term import done, progress
from stacklib.linux import applying, base, worktree
from stacklib.stack import dropin, series

BASE_FIELDS = {"Author": "stack", "Email": "stack@localhost", "Date": "@946684800 +0000"}


class Tree:
    """The states of one selection: .path (out/linux) .boundaries .patches .notes {k: [str]}."""

    def __init__(self, ws, stack, topics, commits, notes):
        self.ws, self.stack, self.topics, self.notes = ws, stack, topics, notes
        self.path = ws.out / "linux"
        self.git_dir = self.path / ".git"
        self.patches = [p for t in topics for p in t.patches]
        self.boundaries = len(self.patches)
        self._commits = commits
        self._memory = Memory(self.git_dir)
        self._known = {}  # (k, drop-in) -> (commit, its tree)

    def commit(self, k: int, dropin: bool = False):
        """Return the commit id after the first k patches, with the drop-in if wanted."""
        return self._state(k, dropin)[0]

    def tree_id(self, k: int, dropin: bool = False):
        """Return the git tree hash of that state."""
        return self._state(k, dropin)[1]

    def _state(self, k, dropin):
        """Return (commit, tree) of a state; a run asks for each of them many times."""
        if (k, dropin) not in self._known:
            parent = self._commits[k]
            commit = dropin_commit(self.ws, self.git_dir, parent, self._memory) if dropin else parent
            self._known[k, dropin] = (commit, git("rev-parse", commit + "^{tree}", cwd=self.git_dir))
        return self._known[k, dropin]

    def checkout(self, k: int, dropin: bool = False, name: str = "check"):
        """Bring out/check (or out/NAME) to that state; return its path.

        Only files that differ are written, so that an incremental build stays one.
        Whatever else is in there is removed.
        """
        return worktree.check(self.ws, self.commit(k, dropin), name)

    def apply_extra(self, k: int, diff_path):
        """Bring out/check to boundary k with drop-in plus one more diff; return its path.

        StackError (2, not 1: nothing was tested, so nothing was found) when the diff
        does not apply to the letter. The next checkout() takes it away again.
        """
        path = self.checkout(k, dropin=True)
        diff = Path(diff_path).absolute()
        status, _, said = gitcmd.run("apply", "--index", "--whitespace=nowarn", diff, cwd=path)
        if status:
            raise applying.StackError(f"{diff_path} does not apply on boundary {k}:\n{said.strip()}",
                                      f"write it anew against that state: git -C {self.path} show "
                                      f"{self.commit(k)[:12]}")
        return path

    def suites(self, k: int):
        """Return the names of the KUnit suites that build after the first k patches."""
        names = [name for name, need in series.common_suites(self.ws.repo).items() if need <= k]
        for topic in self.topics:
            have = sum(p.number <= k for p in topic.patches)
            names += [name for name, need in topic.suites.items() if need <= have]
        return names

    def quick_args(self) -> list:
        """Return the kernel arguments (quick-args of topic.ini) with which stress suites have the counts of CI."""
        return [word for topic in self.topics for word in topic.option("quick-args").split()]


class Memory:
    """Commits already made, by what they were made from: .git/stack-state/commits.json."""

    def __init__(self, git_dir):
        self.git_dir = Path(git_dir)
        self.file = self.git_dir / "stack-state" / "commits.json"
        try:
            self.data = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.data = {}
        # Commits whose objects are gone are forgotten.
        asked = "".join(f"{entry[0]}\n" for entry in self.data.values())
        said = git("cat-file", "--batch-check", cwd=git_dir, input=asked).splitlines() if asked else []
        lost = {line.split()[0] for line in said if line.endswith("missing")}
        self.data = {k: v for k, v in self.data.items() if v[0] not in lost}

    def get(self, *parts):
        """Return [commit, notes] made from these parts, or None."""
        return self.data.get(self._key(parts))

    def put(self, commit: str, notes, *parts) -> None:
        """Remember a commit and its notes; written at once, whole or not at all."""
        self.data[self._key(parts)] = [commit, notes]
        while len(self.data) > 2000:
            self.data.pop(next(iter(self.data)))
        write_whole(self.file, json.dumps(self.data, indent=0))

    @staticmethod
    def _key(parts):
        text = "\n".join([str(applying.REVISION), *parts])
        return hashlib.sha256(text.encode()).hexdigest()


def prepare(ws, stack, topics):
    """Get the base and make every state of the selection; return its Tree.

    Idempotent, and quick when nothing has changed. StackError when the base
    cannot be had, ApplyError when a patch does not apply.
    """
    with ws.lock():
        git_dir, first, memory, _ = ground(ws, stack)
        commits, notes = apply_all(ws, memory, [p for t in topics for p in t.patches], first)
        full = dropin_commit(ws, git_dir, commits[-1], memory)
        worktree.set_refs(git_dir, commits, full)
        return Tree(ws, stack, topics, commits, notes)


def ground(ws, stack: series.Stack) -> tuple:
    """Return (git folder of out/linux, commit of the base in it, Memory, base.Base).

    The lock of ws must be held. StackError when the base cannot be had.
    """
    found = base.find(ws, stack.base)
    git_dir = worktree.repository(ws, found)
    memory = Memory(git_dir)
    parts = ("base", found.tree, stack.base["version"])
    if not memory.get(*parts):
        memory.put(applying.commit_tree(git_dir, found.tree, None, "Linux " + stack.base["version"], BASE_FIELDS),
                   [], *parts)
    return git_dir, memory.get(*parts)[0], memory, found


def apply_all(ws, memory: Memory, patches, first: str) -> tuple:
    """Make the commit of each patch, on the one before; return ([first, then these commits], {k: [note of it]})."""
    git_dir, commits, notes, loaded = memory.git_dir, [first], {}, None
    index = git_dir / "stack-state" / "index"
    for number, patch in enumerate(patches, 1):
        patch.number = number
        parent = commits[-1]
        known = memory.get("patch", parent, patch.sha256)
        if not known:
            progress(f"apply: patch {number}/{len(patches)} {patch.name}")
            if loaded != parent:
                git("read-tree", parent, cwd=git_dir, env={"GIT_INDEX_FILE": index})
            known = applying.apply_patch(git_dir, parent, patch, index, ws.out / "rejects")
            memory.put(known[0], known[1], "patch", parent, patch.sha256)
            loaded = known[0]
        commits.append(known[0])
        notes[number] = known[1]
    if patches:
        for patch, files in zip(patches, applying.changed(git_dir, commits[-len(patches):])):
            patch.files = files
    done()
    return commits, notes


def dropin_commit(ws, git_dir: Path, parent, memory):
    """Return the commit of the drop-in on top of parent, made when it is not known."""
    parts = ("dropin", parent, dropin.digest(ws.repo))
    if not memory.get(*parts):
        tree = dropin.build(git_dir, parent, ws.repo)
        memory.put(applying.commit_tree(git_dir, tree, parent, "kunit: the stack's drop-in\n\n"
                                        "New test files and the lines that hook them in.", BASE_FIELDS), [], *parts)
    return memory.get(*parts)[0]
