# SPDX-License-Identifier: GPL-2.0
"""Verb `export`: a topic as a mailbox for the mailing list."""
import argparse
import re
import subprocess
import sys
from pathlib import Path

from stacklib.host import env, term
from stacklib.host.term import StackError, progress, say, warn
from stacklib.host.workspace import Workspace
from stacklib.mail import letters, posting, recipients
from stacklib.stack import canonical, series


def register(subparsers) -> None:
    """Add the verb export."""
    sub = subparsers.add_parser(
        "export",
        description="Writes a mailbox for each topic: cover letter and patches, with --suites also its KUnit suites, "
                    "as\none thread with message ids that are the same whenever that version is exported. To and "
                    "Cc are what\nget_maintainer.pl of the tree says, what the cover letter names (To:, Cc:) "
                    "and .b4-config.\n'base-commit:' is written when the base comes from a git tree (--tree). "
                    f"Suites need the series\n'{posting.FABRIC}', the fabric, which the cover letter names.",
        epilog="examples:\n  scripts/stack export TOPIC\n  scripts/stack export --all\n"
               "  scripts/stack export TOPIC --tree ~/linux --signoff --version 2\n"
               "  scripts/stack export TOPIC -o - | git -C ~/linux am -3")
    sub.add_argument("--all", action="store_true", help="every topic and the fabric, each on those before")
    sub.add_argument("--signoff", action="store_true",
                     help="send as, and sign off by, you (git config user.name, user.email)")
    sub.add_argument("--rfc", action="store_true", help="[RFC PATCH]")
    sub.add_argument("--version", type=int, metavar="N", help="[PATCH vN] (default: what the cover letter says)")
    sub.add_argument("--suites", action=argparse.BooleanOptionalAction, help="the KUnit suites of a topic behind its "
                     "patches, as with --all; or the patches alone, as else")
    sub.add_argument("-o", "--output", metavar="PATH",
                     help="folder for the mailboxes (default: export/ in the work folder), or - for stdout")


def run(args) -> int:
    """Verb export: 0, or 1 when a version is exported whose cover letter has no changes listed."""
    ws = Workspace(args)
    stack = series.load(ws.repo, args.base)
    names = wanted(stack, args)
    if args.output == "-" and len(names) > 1:
        raise StackError(f"-o - takes one topic, not {len(names)}", "name a folder: -o DIR")
    sender = identity(ws) if args.signoff else ""
    written, quiet = [], args.output == "-"
    with ws.lock(), term.on_stderr(quiet):  # standard output is the mailbox
        groups = [names] if args.all else [[name] for name in names]
        for group in groups:
            parts = posting.chain(ws, stack, group, args.all if args.suites is None else args.suites)
            posting.demand(parts, [n for n in group if not args.all or n != posting.FABRIC])
            for part in posting.only(parts, group):
                progress(f"export: {part.name}")
                heads = letters.heads(part, args.version, args.rfc, sender, names)
                head, git_dir = heads[part.name], ws.out / "linux" / ".git"
                refuse_unlisted(part, head.version)
                head.to, head.cc = recipients.people(ws, part, git_dir)
                written.append((part, letters.mailbox(git_dir, part, heads), head))
    if not written:
        raise StackError(f"there is nothing to export: {stack.file} names no patch", "scripts/stack lint")
    if quiet:
        sys.stdout.buffer.write(written[0][1])
        sys.stdout.buffer.flush()
        return 0
    store(written, Path(args.output).expanduser() if args.output else ws.out / "export", args.all)
    say(f"exported {len(written)} series, {sum(len(p.commits) for p, *_ in written)} patches")
    return 0


def store(written, folder: Path, whole) -> None:
    """Write the mailboxes [(part, data, head)] as [N-][rfc-][vN-]NAME.mbx; whole: all series, numbered in order."""
    names = []
    for number, (part, data, head) in enumerate(written, 1):
        words = [f"{number:02d}"] * bool(whole) + ["rfc"] * bool(head.rfc) + [f"v{head.version}"] * (head.version > 1)
        names.append("-".join([*words, part.name]) + ".mbx")
        save(folder / names[-1], data)
        after = f" (apply before: {' '.join(p.name for p in part.before)})" if part.before else ""
        say(f"{folder / names[-1]}: cover letter and {len(part.commits)} patches{after}")
    left = sorted(path.name for path in folder.glob("*.mbx") if path.name not in names)
    if whole and left:
        warn(f"note: {folder} has mailboxes of another export: {' '.join(left)}")


def wanted(stack: series.Stack, args) -> list:
    """Return the names of the series to write; StackError for none, or for --all with some."""
    known = [t.name for t in stack.topics]
    if args.all:
        if args.topics:
            raise StackError("--all and names of topics exclude each other", "leave one of them out")
        return ([] if args.suites is False else [posting.FABRIC]) + known
    if not args.topics:
        raise StackError(f"export needs a topic (there are: {' '.join(known)} {posting.FABRIC}), or --all",
                         f"scripts/stack export {(known + [posting.FABRIC])[0]}")
    if posting.FABRIC in args.topics and args.suites is False:
        raise StackError(f"'{posting.FABRIC}' is nothing but suites", "leave --no-suites out")
    stack.select([n for n in args.topics if n != posting.FABRIC] or None)
    return list(dict.fromkeys(args.topics))


def identity(ws):
    """Return "Name <address>" of who runs this, from git's configuration; StackError without one."""
    proc = subprocess.run(["git", "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT"],
                          cwd=ws.repo, capture_output=True, text=True, check=False, env=env.child(LC_ALL="C"))
    if proc.returncode:
        raise StackError("--signoff: git does not know who you are", 'git config --global user.name "Your Name"\n'
                         "git config --global user.email you@example.org")
    return recipients.person(*re.match(r"(.*?) ?<(.*)>", proc.stdout).groups())


def refuse_unlisted(part, version) -> None:
    """Raise StackError (code 1) for a version of a Part whose cover letter does not say what it changes."""
    if version < 1:
        raise StackError(f"--version {version}: versions begin with 1")
    form = rf"^(Changes in v{version}\b|Changes (since|compared to) v{version - 1}\b|v{version}:)"
    if version > 1 and not re.search(form, part.cover.text, re.M):
        raise StackError(f"{part.cover.path}: no list 'Changes in v{version}:' in it",
                         f"write it there; what has changed: scripts/stack diff {part.name} OLD NEW", code=1)


def save(path: Path, data) -> None:
    """Write a mailbox, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StackError(f"{path.parent}: cannot be made: {exc.strerror}", "name another folder: -o DIR") from exc
    canonical.replace(path, data)
