# SPDX-License-Identifier: GPL-2.0
"""Turns one patch file into one commit, the way `git am` would, without a work tree.

Context must match to the letter: an offset is a note, fuzz is a failure. The
committer is fixed and the date is the author's, so that ids repeat everywhere.
"""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from stacklib.host import env, gitcmd
from stacklib.host.gitcmd import git
from stacklib.host.term import StackError
from stacklib.stack import mailinfo, patch as parser

# Part of the key under which commits are remembered: raise it when this file
# comes to make other commits from the same patch.
REVISION = 4


class ApplyError(StackError):
    """A patch does not apply: .patch (series.Patch), .reject (text of the rejected hunks)."""

    def __init__(self, patch, msg, mend, reject=""):
        super().__init__(msg, mend, code=1)
        self.patch = patch
        self.reject = reject


def read_mail(patch, folder) -> tuple:
    """Split a patch file as git am does; return (fields, log message, path of the diff).

    ApplyError for what git would not take, or nobody should: see patch.refused().
    """
    second = parser.second_mail(patch.data)
    if second:
        raise ApplyError(patch, f"{patch.path}:{second.no}: {second.text}: git am would make a commit of each",
                         f"give each a file of its own (git mailsplit -o. {patch.path}), and name it in the series")
    refuse(patch, patch.data)
    fields, log, diff = mailinfo.read(patch.data, folder)
    for name in ("Author", "Email", "Subject", "Date"):
        if not fields.get(name):
            header = "From" if name in ("Author", "Email") else name
            raise ApplyError(patch, f"{patch.path}: no {header} can be read from its headers; cut short, or not made "
                             "by git format-patch?",
                             f"bring it back (git checkout -- {patch.path}), write it anew with git format-patch, "
                             + (f'or sed -i "0,/^From: /s//Date: $(date -R)\\n&/" {patch.path}' if name == "Date" else
                                f"or write the header: $EDITOR {patch.path}"))
    if "\0" in log:
        line = patch.data.count(b"\n", 0, patch.data.find(b"\0")) + 1
        raise ApplyError(patch, f"{patch.path}:{line}: a NUL byte in the log, which no commit can have",
                         f"take it out: sed -i 's/\\x00//g' {patch.path}")
    text = diff.read_bytes()
    files = parser.Parsed(b"---\n" + text).files
    if not files:
        raise ApplyError(patch, f"{patch.path}:{patch.parsed.start}: no diff in it that git would apply",
                         f"bring it back (git checkout -- {patch.path}), or take it out of the series")
    bare = next((file.path for file in files if file.noprefix), "")
    if bare:  # git would take away the first folder, and may make a new file at another place
        raise ApplyError(patch, f"{patch.path}: the paths have no a/ and b/ in front ({bare} is what git makes of "
                         "one): diff.noprefix was set where it was made",
                         "make it anew: git -c diff.noprefix=false format-patch")
    refuse(patch, b"---\n" + text)
    return fields, mailinfo.message(fields, log, folder), diff


def refuse(patch, data) -> None:
    """Raise the ApplyError for a patch whose text, raw or decoded, has what patch.refused() names."""
    for line in parser.refused(data):
        raise ApplyError(patch, f"{patch.path}:{line.no}: refused, nothing of it was run: {line.text}",
                         "write the patch without it")


def apply_patch(git_dir, parent, patch, index, rejects) -> tuple:
    """Make the commit of patch on top of parent; return (id, [notes about offsets]).

    index is a scratch index file that holds the parent's tree and then the new
    one. rejects is the folder for what is left of a patch that fails (ApplyError).
    """
    env = {"GIT_INDEX_FILE": index}
    with tempfile.TemporaryDirectory(prefix="stack.") as folder:
        fields, message, diff = read_mail(patch, folder)
        status, _, said = gitcmd.run("apply", "--cached", "--verbose", "--whitespace=nowarn",
                                     diff, cwd=git_dir, env=env)
        if status:
            if gitcmd.disk_full(said):
                raise gitcmd.GitError(("apply", patch.path), status, said)
            raise explain(git_dir, parent, patch, diff, said, rejects)
        tree = git("write-tree", cwd=git_dir, env=env)
        refuse_made(git_dir, parent, tree, patch)
        try:
            commit = commit_tree(git_dir, tree, parent, message, fields)
        except gitcmd.GitError as exc:
            line = next((patch.parsed.header_line(name) for words, name in (
                ("invalid date", "Date"), ("ident name", "From"), ("disallowed", "From")) if words in exc.stderr), 0)
            if not line:
                raise
            raise ApplyError(patch, f"{patch.path}:{line}: {exc.stderr.strip().replace('fatal: ', '')}",
                             f"correct the line: $EDITOR +{line} {patch.path}") from exc
    return commit, offsets(said)


def refuse_made(git_dir, parent, tree, patch) -> None:
    """Raise the ApplyError for a tree that is that of parent, or has what none may have: a name that a program would
    interpret, a symbolic link that leads out of the tree."""
    said = gitcmd.git_bytes("diff-tree", "-r", "-z", "--no-renames", parent, tree, cwd=git_dir)
    raw = said.decode("utf-8", "surrogateescape").split("\0")
    if not said:
        raise ApplyError(patch, f"{patch.path} changes nothing", "take it out of the series, or write it anew")
    for meta, name in zip(raw[::2], raw[1::2]):
        _, mode, _, blob, _ = meta.split()
        wrong = f"the name {name!a} {parser.odd(name)}" if parser.odd(name) else ""
        if mode == parser.LINK:
            target = gitcmd.git_bytes("cat-file", "blob", blob, cwd=git_dir).decode("utf-8", "surrogateescape")
            if parser.leads_out(name, target):
                wrong = f"the symbolic link {name!a} leads out of the tree, to {target!a}"
        if wrong:
            raise ApplyError(patch, f"{patch.path}: refused, nothing of it was run: {wrong}",
                             "write the patch without it")


def changed(git_dir, commits):
    """Return [sorted paths] that each of the commits (not one without a parent) changes, both of a rename."""
    said = gitcmd.git_bytes("diff-tree", "--stdin", "-r", "-z", "--name-only", "--no-renames", cwd=git_dir,
                            input="".join(f"{c}\n" for c in commits)).decode("utf-8", "surrogateescape").split("\0")
    found = []
    for name in said[:-1]:
        if len(found) < len(commits) and name == commits[len(found)]:
            found.append([])
        else:
            found[-1].append(name)
    return found


def commit_tree(git_dir: Path, tree, parent, message: str, fields):
    """Make a commit with the author and date of fields (as git mailinfo prints them)."""
    env = dict(gitcmd.IDENTITY, GIT_AUTHOR_NAME=fields["Author"], GIT_AUTHOR_EMAIL=fields["Email"],
               GIT_AUTHOR_DATE=fields["Date"], GIT_COMMITTER_DATE=fields["Date"])
    parents = ["-p", parent] if parent else []
    return git("commit-tree", tree, *parents, cwd=git_dir, env=env, input=message + "\n")


def offsets(said) -> list:
    """Return ["FILE: hunk #N at line L, offset D"] from what git apply --verbose printed."""
    notes, name = [], "?"
    for line in said.splitlines():
        checking = re.match(r"Checking patch (.*?)( => .*)?\.\.\.$", line)
        if checking:
            name = checking.group(1)
        hunk = re.match(r"Hunk #(\d+) succeeded at (\d+) \(offset (-?\d+) lines?\)", line)
        if hunk:
            notes.append("{}: hunk #{} at line {}, offset {}".format(name, *hunk.groups()))
    return notes


def explain(git_dir: Path, parent, patch, diff, said, rejects):
    """Return the ApplyError for a diff that git apply refused, with its rejects laid out."""
    demand_readable(git_dir, parent, patch)
    folder = Path(rejects) / patch.topic / patch.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in patch.files:
        status, body, _ = gitcmd.run("cat-file", "blob", f"{parent}:{name}", cwd=git_dir)
        target = folder / name
        if not status and folder in target.resolve().parents:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(body)
    fuzz = would_fuzz(folder, diff)
    gitcmd.run("apply", "--reject", "--whitespace=nowarn", diff, cwd=folder,
               env={"GIT_CEILING_DIRECTORIES": folder.parent})
    found = sorted(folder.rglob("*.rej"))
    reject = "\n".join(p.read_text(encoding="utf-8", errors="replace").rstrip() for p in found)
    where = [line[len("error: "):] for line in said.splitlines() if line.startswith("error: ")]
    before = f"{patch.number - 1} patches" if patch.number > 1 else "base"
    lines = [f"{patch.path} does not apply on the {before} before it:"]
    lines += ["  " + text for text in where]
    if fuzz:
        lines.append("  patch(1) would take it with fuzz: its context has changed, so look at it")
    lines += ["  | " + text for text in reject.splitlines()[:60]]
    mend = [f"look at the rejects and the files: cd {folder} && find . -type f"]
    if found:
        mend.append(f"cat {found[0]}")
    mend.append(f"then mend it in a branch: scripts/stack edit {patch.topic}")
    return ApplyError(patch, "\n".join(lines), "\n".join(mend), reject)


def demand_readable(git_dir: Path, parent, patch) -> None:
    """Raise StackError when an object that the patch changes is missing or spoilt: that says nothing of the patch."""
    rows = git("ls-tree", "-z", parent, "--", *patch.files, cwd=git_dir).split("\0") if patch.files else []
    for meta, name in (row.split("\t", 1) for row in rows if row):
        status, _, said = gitcmd.run("cat-file", *meta.split()[1:], cwd=git_dir)
        if status:
            raise StackError(f"{name} cannot be read from the base: {said.strip().splitlines()[-1]}",
                             "the tree of --tree lacks objects (a partial clone?) or is spoilt: git fsck there, or "
                             "name another")


def would_fuzz(folder: Path, diff) -> bool:
    """Return whether patch(1) would accept the diff with fuzz; False without patch(1)."""
    if not shutil.which("patch"):
        return False
    proc = subprocess.run(["patch", "-p1", "-F2", "-f", "--dry-run", "-i", str(diff)],
                          cwd=folder, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env=env.child(LC_ALL="C"))
    return proc.returncode == 0 and " with fuzz " in proc.stdout
