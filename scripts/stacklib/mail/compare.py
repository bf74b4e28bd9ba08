# SPDX-License-Identifier: GPL-2.0
"""Two states of a topic, or a topic and a posting of it, held against each other with git range-diff."""
import difflib
import io
import re
import tarfile
import tempfile
from pathlib import Path

from stacklib.host.gitcmd import git, git_bytes
from stacklib.host.term import StackError
from stacklib.linux import applying, tree as trees
from stacklib.mail import mailbox, posting
from stacklib.stack import dropseries, mailinfo, patch as parser, series


def states(ws, base, name: str, old, new):
    """Return the differences of a topic between two refs of the stack's repository (None: the files), "" for none."""
    with tempfile.TemporaryDirectory(prefix="stack.") as folder:
        return range_diff(ws, *[_state(ws, base, name, ref, Path(folder).resolve() / side)
                                for ref, side in ((old, "old"), (new, "new"))])


def _state(ws, base, name, ref, folder):
    """Return (start, end), commits in out/linux, of the topic as of a ref on what it needs."""
    repo = ws.repo
    if ref:
        commit = git("rev-parse", "-q", "--verify", "--end-of-options", ref + "^{commit}", cwd=repo, check=False)
        if not commit:
            raise StackError(f"{repo} has no commit or tag '{ref}'", f"git -C {repo} log --oneline")
        folder.mkdir()
        names = git("ls-tree", "--name-only", commit, cwd=repo).splitlines()
        wanted = [n for n in names if n == "patches" or n.startswith("series")]
        data = git_bytes("archive", commit, "--", *wanted, cwd=repo) if wanted else b""
        if not data:
            raise StackError(f"{ref}: that state has no series and no patches")
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            tar.extractall(folder)
        repo = folder
    stack = series.load(repo, base)
    known = [t.name for t in stack.topics]
    if name not in known:
        raise StackError(f"{'as of ' + ref if ref else stack.file}: no topic '{name}' (there are: {', '.join(known)})",
                         "name one of those")
    topics = sorted(stack.select([name]), key=lambda t: t.name == name)
    try:
        _, first, memory, _ = trees.ground(ws, stack)
        commits, _ = trees.apply_all(ws, memory, [p for t in topics for p in t.patches], first)
        return commits[-1 - len(topics[-1].patches)], commits[-1]
    except applying.ApplyError as exc:
        if not ref:
            raise
        raise StackError(f"as of {ref} {exc.msg.replace(f'{folder}/', '')}",
                         f"git -C {ws.repo} show {ref}:{exc.patch.path.relative_to(folder)}") from exc


def range_diff(ws, old, new) -> str:
    """Return git range-diff's text for two (start, end); "" when nothing differs."""
    text = git("range-diff", "--no-color", "--creation-factor=80", "..".join(old), "..".join(new), cwd=ws.out / "linux")
    same = all(re.match(r"\s*\d+:\s+\w+ = \s*\d+:", line) for line in text.splitlines())
    return "" if same else re.sub(r"^(\s*\d+:|\s*-:)\s+[0-9a-f-]+ (.) (\s*\d+:|\s*-:)\s+[0-9a-f-]+ ",
                                  r"\1 \2 \3 ", text, flags=re.M)


def with_posting(ws, base, name, path):
    """Return (differences between a posting in a mailbox (old) and the topic (new), "" for none; what was taken and
    what left out, a list; why it is compared as text, "" where it applies to this base)."""
    stack = series.load(ws.repo, base)
    topic = next(t for t in stack.select([name]) if t.name == name)
    suites = {d.subject for d in dropseries.load(ws.repo) if d.topic == name}
    with tempfile.TemporaryDirectory(prefix="stack.") as folder:
        folder = Path(folder)
        posted, notes = mailbox.read(path, folder / "mails", [p.subject for p in topic.patches] + list(suites))
        with_suites = any(p.subject in suites for p in posted)
        part = posting.chain(ws, stack, [name], with_suites)[-1]
        try:
            commits, _ = trees.apply_all(ws, trees.Memory(ws.out / "linux" / ".git"), posted, part.start)
        except applying.ApplyError as exc:
            why = exc.msg.splitlines()[1].strip() if "\n" in exc.msg else exc.msg
            unfit = (f"{Path(path).name} does not apply here ({why}): compared as text, without what git knows "
                     "of the files")
            if with_suites:
                unfit += "\n\nits suites are left out: the patches of the topic are compared"
            return _as_text([p for p in posted if p.subject not in suites], topic.patches, folder), notes, unfit
        return range_diff(ws, (part.start, commits[-1]), (part.start, part.end)), notes, ""


def _as_text(old, new, folder):
    """Return the differences of two lists of series.Patch, pairs by subject, "" for none."""
    left, out = list(old), []
    for number, patch in enumerate(new, 1):
        twin = next((p for p in left if p.subject == patch.subject), None)
        if twin is None:
            out.append(f"-: > {number}: {patch.subject}")
            continue
        left.remove(twin)
        sides = [_essence(*mailinfo.read(p.data, folder)[1:]) for p in (twin, patch)]
        diff = list(difflib.unified_diff(*sides, lineterm="", n=2))[2:]
        if diff:
            out.append(f"{old.index(twin) + 1}: ! {number}: {patch.subject}")
            out += ["    " + line for line in diff if not line.startswith("@@")]
    return "\n".join(out + [f"{old.index(p) + 1}: < -: {p.subject}" for p in left])


def _essence(log, diff):
    """Return the lines of a patch that say something: log and hunks, without ids and line numbers."""
    body = diff.read_text("utf-8", parser.LATIN1).partition("\ndiff --git ")[2].splitlines()
    last = next((n for n, line in enumerate(body) if line == "-- "), len(body))
    return log.splitlines() + [re.sub(r"^@@ .* @@", "@@", line) for line in body[:last]
                               if re.match(r"(\+\+\+ |@@|[ +-])", line) and not line.startswith("--- ")]
