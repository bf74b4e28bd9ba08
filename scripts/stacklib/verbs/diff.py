# SPDX-License-Identifier: GPL-2.0
"""Verb `diff`: two states of a topic, or a topic and somebody's posting, as a range-diff."""
import argparse
import difflib
import io
import re
import tarfile
import tempfile
from pathlib import Path

from stacklib.host import gitcmd
from stacklib.host.gitcmd import git, git_bytes
from stacklib.host.term import StackError, done, say
from stacklib.host.workspace import Workspace
from stacklib.linux import applying, tree as trees
from stacklib.mail import posting
from stacklib.stack import dropseries, series

_TAG = re.compile(r"^\s*\[([^]]*)\]")


def register(subparsers):
    """Add the verb diff."""
    sub = subparsers.add_parser(
        "diff", help="what changed between two states of a topic, or against a posting",
        description="Holds the patches of a topic as of OLD, a commit or tag of this repository, against those as "
                    "of NEW\n(default: the files as they are), with git range-diff. The text is made for the "
                    "notes of the next posting.\nWith --compare-posting the other side is a mailbox: a thread "
                    "from lore, an export, the file of b4 am.\nA posting that does not apply to this base is "
                    "compared patch by patch, as text.\nExit status as of diff: 0 the same, 1 different, 2 trouble",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  scripts/stack diff TOPIC msi-v1\n  scripts/stack diff TOPIC HEAD~5 HEAD\n"
               "  scripts/stack diff TOPIC --compare-posting ~/v3.mbx")
    sub.add_argument("topics", nargs=1, metavar="TOPIC", help="the topic")
    sub.add_argument("old", metavar="OLD", nargs="?", help="commit or tag of this repository")
    sub.add_argument("new", metavar="NEW", nargs="?", help="another one (default: the files as they are)")
    sub.add_argument("--compare-posting", metavar="FILE", help="a mailbox, instead of OLD")


def run(args):
    """Verb diff: 0 when both are the same, else 1."""
    ws = Workspace(args)
    if bool(args.old) == bool(args.compare_posting):
        raise StackError("diff needs OLD or --compare-posting FILE, one of them",
                         f"scripts/stack diff {args.topics[0]} HEAD~1")
    with ws.lock(), tempfile.TemporaryDirectory(prefix="stack.") as folder:
        folder = Path(folder)
        if args.compare_posting:
            text = against_posting(ws, args, folder)
            title = f"Range-diff against {Path(args.compare_posting).name}:"
        else:
            old = side(ws, args, args.old, folder / "old")
            new = side(ws, args, args.new, folder / "new")
            text, title = range_diff(ws, old, new), f"Range-diff against {args.old}:"
    done()
    if not text:
        say(f"{args.topics[0]}: no difference")
        return 0
    say(title + "\n")
    say(text)
    return 1


def side(ws, args, ref, folder):
    """Return (start, end), commits in out/linux, of the topic as of a ref (None: the files)."""
    repo = ws.repo
    if ref:
        commit = git("rev-parse", "-q", "--verify", ref + "^{commit}", cwd=repo, check=False)
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
    stack = series.load(repo, args.base)
    known = [t.name for t in stack.topics]
    if args.topics[0] not in known:
        raise StackError(f"{'as of ' + ref if ref else stack.file}: no topic '{args.topics[0]}' "
                         f"(there are: {', '.join(known)})", "name one of those")
    try:
        return applied(ws, stack, stack.select([args.topics[0]]), args)
    except applying.ApplyError as exc:
        if not ref:
            raise
        path = exc.patch.path.relative_to(folder.resolve())
        raise StackError(f"as of {ref} {exc.msg.replace(f'{folder.resolve()}/', '')}",
                         f"git -C {ws.repo} show {ref}:{path}") from exc


def applied(ws, stack, topics, args):
    """Return (start, end) of the topic on those that it needs."""
    git_dir, first, memory, _ = trees.ground(ws, stack)
    commits = [first]
    own = next(t for t in topics if t.name == args.topics[0])
    rest = [p for t in topics if t is not own for p in t.patches]
    apply_all(ws, git_dir, memory, rest + own.patches, commits)
    return commits[len(rest)], commits[-1]


def apply_all(ws, git_dir, memory, patches, commits):
    """Make the commits of patches on commits[-1]; appends to commits."""
    trees.apply_all(git_dir, patches, commits, {}, memory, git_dir / "stack-state" / "index", ws.out / "rejects")


def range_diff(ws, old, new):
    """Return git range-diff's text for two (start, end); "" when nothing differs."""
    text = git("range-diff", "--no-color", "--creation-factor=80", "%s..%s" % old, "%s..%s" % new,
               cwd=ws.out / "linux")
    lines = text.splitlines()
    same = all(re.match(r"\s*\d+:\s+\w+ = \s*\d+:", line) for line in lines)
    return "" if same else re.sub(r"^(\s*\d+:|\s*-:)\s+[0-9a-f-]+ (.) (\s*\d+:|\s*-:)\s+[0-9a-f-]+ ",
                                  r"\1 \2 \3 ", text, flags=re.M)


def against_posting(ws, args, folder):
    """Return the differences between a posting (old) and the topic (new) as text, "" for none."""
    stack = series.load(ws.repo, args.base)
    topics = stack.select([args.topics[0]])
    posted = read_posting(args.compare_posting, folder)
    suites = {d.subject for d in dropseries.load(ws.repo) if d.topic == args.topic}
    part = posting.chain(ws, stack, [args.topics[0]], any(p.subject in suites for p in posted))[-1]
    git_dir, commits = ws.out / "linux" / ".git", [part.start]
    try:
        apply_all(ws, git_dir, trees.Memory(git_dir), posted, commits)
    except applying.ApplyError as exc:
        done()
        say("%s does not apply here (%s): compared as text, without what git knows of the files\n"
            % (Path(args.compare_posting).name, exc.msg.splitlines()[1].strip()
               if "\n" in exc.msg else exc.msg))
        if any(p.subject in suites for p in posted):
            say("its suites are left out: the patches of the topic are compared\n")
        own = next(t for t in topics if t.name == args.topics[0])
        return as_text([p for p in posted if p.subject not in suites], own.patches)
    return range_diff(ws, (part.start, commits[-1]), (part.start, part.end))


def read_posting(path, folder):
    """Return the patches of the latest version in a mailbox as [series.Patch], in order.

    StackError when it cannot be read, has none, or lacks some.
    """
    path = Path(path).expanduser()
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise StackError(f"{path}: cannot be read: {exc.strerror}", "name a mailbox") from exc
    mails = folder / "mails"
    mails.mkdir()
    status, _, said = gitcmd.run("mailsplit", "--mboxrd", "-o" + str(mails), path.absolute(), cwd=folder)
    if status or not data.strip():
        raise StackError(f"{path}: not a mailbox: {said.strip() or 'it is empty'}",
                         "get the thread anew, for example: b4 mbox MESSAGE-ID")
    found = {}
    for file in sorted(mails.iterdir()):
        patch = series.Patch(file, "posting")
        subject = patch.header("Subject")
        tag = _TAG.match(subject)
        if not tag or "PATCH" not in tag.group(1).upper():
            continue
        number = re.search(r"(\d+)/(\d+)", tag.group(1))
        version = re.search(r"\bv(\d+)\b", tag.group(1), re.I)
        place = (int(number.group(1)), int(number.group(2))) if number else (1, 1)
        # What a mail says is not what a file says: it may be quoted-printable.
        body = (patch.message.get_payload(decode=True) or b"").decode("utf-8", "replace")
        patch.text, patch.files = subject + "\n\n" + body, series.touched(body)
        if place[0]:
            found.setdefault(int(version.group(1)) if version else 1, {})[place[0]] = (place[1], patch)
    if not found:
        raise StackError(f"{path}: no patch in it ({len(list(mails.iterdir()))} mails)",
                         "get the thread anew, for example: b4 mbox MESSAGE-ID")
    return whole_series(path, found[max(found)])


def whole_series(path, numbered):
    """Return the patches of {number: (total, Patch)} in order; StackError when one lacks or is cut."""
    total = max(count for count, _ in numbered.values())
    missing = [n for n in range(1, total + 1) if n not in numbered]
    if missing:
        raise StackError("%s: of %d patches, %s missing; is it cut short?"
                         % (path, total, f"{', '.join(map(str, missing))} {'is' if len(missing) == 1 else 'are'}"),
                         "get the thread anew, for example: b4 mbox MESSAGE-ID")
    for number in sorted(numbered):
        patch = numbered[number][1]
        status, _, said = gitcmd.run("apply", "--numstat", "-", cwd=patch.path.parent, input=patch.text,
                                     env={"GIT_CEILING_DIRECTORIES": patch.path.parent.parent})
        if status:
            raise StackError("%s: patch %d of %d cannot be read, is it cut short? %s"
                             % (path, number, total, said.strip().replace("error: ", "")),
                             "get the thread anew, for example: b4 mbox MESSAGE-ID")
    return [numbered[n][1] for n in sorted(numbered)]


def as_text(old, new):
    """Return the differences of two lists of series.Patch, pairs by subject, "" for none."""
    left, out = list(old), []
    for number, patch in enumerate(new, 1):
        twin = next((p for p in left if p.subject == patch.subject), None)
        if twin is None:
            out.append(f"-: > {number}: {patch.subject}")
            continue
        left.remove(twin)
        diff = list(difflib.unified_diff(essence(twin), essence(patch), lineterm="", n=2))[2:]
        if diff:
            out.append(f"{old.index(twin) + 1}: ! {number}: {patch.subject}")
            out += ["    " + line for line in diff if not line.startswith("@@")]
    out += [f"{old.index(p) + 1}: < -: {p.subject}" for p in left]
    return "\n".join(out)


def essence(patch):
    """Return the lines of a patch that say something: log and hunks, without ids and line numbers."""
    body = patch.text.partition("\n\n")[2]
    log, _, diff = body.partition("\n---\n")
    lines = [re.sub(r"^@@ .* @@", "@@", line) for line in diff.splitlines()
             if re.match(r"(\+\+\+ |@@|[ +-])", line) and not line.startswith("--- ")]
    first = next((n for n, line in enumerate(lines) if line.startswith("+++ ")), len(lines))
    last = next((n for n, line in enumerate(lines) if line == "-- "), len(lines))
    return log.splitlines() + lines[first:last]
