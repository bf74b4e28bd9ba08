# SPDX-License-Identifier: GPL-2.0
"""Whether a patch file gives back the commit that it was made of: a log can hold what mail takes for its own."""
import itertools
import re
import tempfile
from pathlib import Path

from stacklib.host.gitcmd import git, git_bytes
from stacklib.host.term import StackError
from stacklib.linux import applying
from stacklib.stack import patch as parser, series

_BREAK = re.compile(r"diff -|Index: |---\s*$|--- \S")  # as in builtin/mailinfo.c
_HEADER = re.compile(r".*\n\n((?:From|Date|Subject):.*)", re.I)


def verify(git_dir, commits, wanted, topic, memory, rejects):
    """Raise StackError (code 1) for the first commit that its patch file would not give back.

    commits: ids, oldest first; wanted: [(file name, bytes)] of them. Each file is applied as `apply` does, on the
    commit's parent, and tree, author, date, subject and log are compared. Nothing but git_dir is written to.
    """
    index, loaded = git_dir / "stack-state" / "index", None
    parents = git("log", "--no-walk=unsorted", "--format=%P", *commits, cwd=git_dir).split() if commits else []
    with tempfile.TemporaryDirectory(prefix="stack.") as folder:
        for commit, parent, (name, data) in zip(commits, parents, wanted):
            path = Path(folder) / name
            path.write_bytes(data)
            patch = series.Patch(path, topic.name)
            known = memory.get("patch", parent, patch.sha256)
            if known and known[0] == commit:
                continue  # made of these very bytes
            if loaded != parent:
                git("read-tree", parent, cwd=git_dir, env={"GIT_INDEX_FILE": index})
            try:
                wrong = difference(git_dir, commit, applying.apply_patch(git_dir, parent, patch, index, rejects)[0])
            except StackError as exc:
                wrong = exc.msg.replace(str(path), "its patch file")
                log = git("log", "-1", "--format=%B", commit, cwd=git_dir).split("\n")
                wrong += "".join(f"\n  line {n} of its log is '{line}', with which the log ends for git am"
                                 for n, line in enumerate(log, 1) if _BREAK.match(line))
            if wrong:
                subject, log = git("log", "-1", "--format=%s%x00%B", commit, cwd=git_dir).split("\0")
                head = _HEADER.match(log)
                if head:
                    wrong = f"line 3 of its log is '{head.group(1)}', which git am takes for a header of the mail"
                raise StackError(
                    f"commit {commit[:12]} ({subject}) would not come back from its patch file; nothing was "
                    f"written:\n  {wrong}", f"scripts/stack edit {topic.name}, say it otherwise (git -C "
                    f"{git_dir.parent} rebase -i refs/stack/edit/{topic.name}/base), then: scripts/stack refresh "
                    f"{topic.name}", code=1)
            loaded = commit


def difference(git_dir: Path, commit: str, made):
    """Return what is not the same in two commits, "" for nothing; commit: the one that is wanted."""
    want, got = (git_bytes("log", "-1", "--date=raw", "--format=%an <%ae>%x00%ad%x00%s%x00%B", c, cwd=git_dir)
                 .decode("utf-8", "backslashreplace").split("\0") for c in (commit, made))
    for what, left, right in zip(("author", "date", "subject"), want, got):
        if left != right:
            return f"its {what} is '{left}', and would be '{right}'"
    logs = [text[3].rstrip("\n").split("\n") for text in (want, got)]
    count = len(logs[0])
    if logs[0][0] != logs[1][0]:  # a subject of two lines becomes one
        logs = [lines[lines.index(""):] if "" in lines else [] for lines in logs]
    for number, (line, other) in enumerate(itertools.zip_longest(*logs), count - len(logs[0]) + 1):
        if other is None and line:
            return f"line {number} of its log is '{line}', and the log would end before it"
        if line != other and (other is not None or line):
            return f"line {number} of its log is '{line or ''}', and '{other}' would stand there"
    files = git("diff", "--name-only", commit, made, cwd=git_dir).splitlines()
    if files:
        return f"it would change other lines or files: {', '.join(files[:5])}"
    quoted = parser.Parsed(f"Subject:\n\n{want[3]}".encode()).in_log
    return (f"line {quoted.no - 2} of its log is '{quoted.text}', which patch(1) and quilt would apply, however it is "
            "indented" if quoted else "")
