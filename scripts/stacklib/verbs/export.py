# SPDX-License-Identifier: GPL-2.0
"""Verb `export`: a topic as a mailbox for the mailing list."""
import email.utils
import re
import subprocess
import sys
from pathlib import Path

from stacklib.host import env, term
from stacklib.host.gitcmd import git
from stacklib.host.term import StackError, progress, say, warn
from stacklib.host.workspace import Workspace
from stacklib.mail import letters, posting, recipients
from stacklib.stack import canonical, dropseries, series

# What format-patch made of a stored cover letter: a shortlog with a diffstat right after it.
_MADE = re.compile(r"^(?:\S.* \(\d+\):\n(?:  .*\n)+\n)+(?= \S.*\| +(?:\d|Bin)| \d+ files? changed)", re.M)


def register(subparsers):
    """Add the verb export."""
    sub = subparsers.add_parser(
        "export",
        description="Writes a mailbox for each topic: cover letter, patches, then its KUnit suites, as one "
                    "thread with\nmessage ids that are the same whenever that version is exported. To and "
                    "Cc are what\nget_maintainer.pl of the tree says, what the cover letter names (To:, Cc:) "
                    "and .b4-config.\n'base-commit:' is written when the base comes from a git tree (--tree). "
                    f"Suites need the series\n'{dropseries.NAME}', the fabric, which the cover letter names.",
        epilog="examples:\n  scripts/stack export TOPIC\n  scripts/stack export --all\n"
               "  scripts/stack export TOPIC --tree ~/linux --signoff --version 2\n"
               "  scripts/stack export TOPIC --no-suites -o - | git -C ~/linux am -3")
    sub.add_argument("--all", action="store_true", help="every topic and the fabric, each on those before")
    sub.add_argument("--signoff", action="store_true",
                     help="send as, and sign off by, you (git config user.name, user.email)")
    sub.add_argument("--rfc", action="store_true", help="[RFC PATCH]")
    sub.add_argument("--version", type=int, metavar="N",
                     help="[PATCH vN] (default: what the cover letter says)")
    sub.add_argument("--no-suites", action="store_true", help="the patches alone, without the drop-in")
    sub.add_argument("-o", "--output", metavar="PATH",
                     help="folder for the mailboxes (default: export/ in the work folder), or - for stdout")


def run(args):
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
            parts = posting.chain(ws, stack, group, not args.no_suites)
            posting.demand(parts, [n for n in group if not args.all or n != dropseries.NAME])
            for part in posting.only(parts, group):
                progress(f"export: {part.name}")
                heads = letterheads(part, args.version, args.rfc, sender, names)
                written.append((part, mailbox(ws, part, heads), heads[part.name]))
    if not written:
        raise StackError(f"there is nothing to export: {stack.file} names no patch", "scripts/stack lint")
    if quiet:
        sys.stdout.buffer.write(written[0][1])
        sys.stdout.buffer.flush()
        return 0
    store(written, Path(args.output).expanduser() if args.output else ws.out / "export", args.all)
    say(f"exported {len(written)} series, {sum(len(p.commits) for p, *_ in written)} patches")
    return 0


def store(written, folder, whole):
    """Write the mailboxes [(part, data, head)]; whole: they are all series, numbered in their order."""
    names = [file_name(part, head, number if whole else 0) for number, (part, _, head) in enumerate(written, 1)]
    for name, (part, data, _) in zip(names, written):
        save(folder / name, data)
        say(f"{folder / name}: cover letter and {len(part.commits)} patches{after(part)}")
    left = sorted(path.name for path in folder.glob("*.mbx") if path.name not in names)
    if whole and left:
        warn(f"note: {folder} has mailboxes of another export: {' '.join(left)}")


def wanted(stack, args):
    """Return the names of the series to write; StackError for none, or for --all with some."""
    known = [t.name for t in stack.topics]
    if args.all:
        if args.topics:
            raise StackError("--all and names of topics exclude each other", "leave one of them out")
        return ([] if args.no_suites else [dropseries.NAME]) + known
    if not args.topics:
        raise StackError("export needs a topic (there are: %s %s), or --all"
                         % (" ".join(known), dropseries.NAME), f"scripts/stack export {(known + [dropseries.NAME])[0]}")
    if dropseries.NAME in args.topics and args.no_suites:
        raise StackError(f"'{dropseries.NAME}' is nothing but suites", "leave --no-suites out")
    stack.select([n for n in args.topics if n != dropseries.NAME] or None)
    return list(dict.fromkeys(args.topics))


def after(part):
    """Return " (apply before: X Y)" for what a series stands on, or ""."""
    names = [p.name for p in part.before]
    return f" (apply before: {' '.join(names)})" if names else ""


def identity(ws):
    """Return "Name <address>" of who runs this, from git's configuration; StackError without one."""
    proc = subprocess.run(["git", "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT"],
                          cwd=ws.repo, capture_output=True, text=True, check=False,
                          env=env.child(LC_ALL="C"))
    if proc.returncode:
        raise StackError("--signoff: git does not know who you are",
                         'git config --global user.name "Your Name"\n'
                         "git config --global user.email you@example.org")
    return recipients.person(*re.match(r"(.*?) ?<(.*)>", proc.stdout).groups())


def letterheads(part, version, asked_rfc, sender, names):
    """Return {name: letters.Letterhead} of a posting.Part and of those that it needs.

    names: the series of this run, which --version and --rfc speak of; the others are as stored.
    """
    heads = {}
    for one in part.needs + [part]:
        asked = version if one.name in names else None
        rfc = one.rfc or one.name in names and asked_rfc
        domain = email.utils.parseaddr(sender or one.cover.author)[1].rpartition("@")[2]
        heads[one.name] = letters.Letterhead(one.change_id, domain, one.version if asked is None else asked, rfc,
                                             sender, variant=one.variant)
    return heads


def mailbox(ws, part, heads):
    """Return the mailbox of one posting.Part as bytes; its Letterhead gets To and Cc."""
    git_dir = ws.out / "linux" / ".git"
    head = heads[part.name]
    if head.version < 1:
        raise StackError(f"--version {head.version}: versions begin with 1")
    if head.version > 1 and not re.search(r"^(Changes in v%d\b|Changes (since|compared to) v%d\b|v%d:)" % (
            head.version, head.version - 1, head.version), part.cover.text, re.M):
        raise StackError(f"{part.cover.path}: no list 'Changes in v{head.version}:' in it",
                         f"write it there; what has changed: scripts/stack diff {part.name} OLD NEW",
                         code=1)
    head.to, head.cc = recipients.people(ws, part, git_dir)
    total = len(part.commits)
    mails = [letters.cover(part, cover_body(git_dir, part, heads), total, head)]
    mails += [letters.patch(git_dir, commit, origin, number, total, head)
              for number, (commit, origin) in enumerate(zip(part.commits, part.origins), 1)]
    return letters.mailbox(mails)


def cover_body(git_dir, part, heads):
    """Return the text of the cover letter: as stored, then what belongs to these very commits."""
    span = f"{part.start}..{part.end}"
    shortlog = git("shortlog", "-w72,2,4", "--no-merges", span, cwd=git_dir, input="").rstrip()
    stat = git("diff", "--stat=72", "--summary", "-M", part.start, part.end, cwd=git_dir)
    return "\n\n".join([cover_text(part, heads), shortlog, stat, trailer(git_dir, part, heads)]) + "\n"


def cover_text(part, heads):
    """Return what a person wrote of the cover letter, and which series are needed."""
    text = part.cover.text.partition("\n\n")[2]
    text = re.sub(r"^(To|Cc):[ \t]*.+@.+\n", "", text, flags=re.M)
    text = _MADE.split(text)[0].rstrip("\n")
    return "\n\n".join(t for t in (text, needed(part, heads)) if t)


def needed(part, heads):
    """Return the paragraphs that name the series to apply before, and what else it stands on, or ""."""
    lines = []
    if part.needs:
        lines += ["To be applied before, in this order (the suites need the fabric):", ""]
    for other in part.needs:
        head = heads[other.name]
        lines += [f"  {title(other)}, v{head.version}, {len(other.commits)} patches",
                  f"    Message-ID: {head.message_id(0)}"]
    rest = [other for other in part.before if other not in part.needs]
    if rest:
        lines += [""] * bool(lines) + ["Not needed, but applied before when these mails were made:", ""]
        lines += ["  " + title(other) for other in rest]
    return "\n".join(lines)


def title(part):
    """Return the subject of a cover letter without what is in brackets."""
    return re.sub(r"^(\[[^]]*\]\s*)+", "", part.cover.header("Subject"))


def trailer(git_dir, part, heads):
    """Return the lines that tools read: base-commit (of a real tree only), change-id, prerequisites.

    Patch ids are written with base-commit only, as git does: for them b4 shazam asks the network.
    """
    lines = ["change-id: " + part.change_id]
    lines += [f"prerequisite-change-id: {p.change_id}:v{heads[p.name].version}" for p in part.needs]
    if part.base.commit:
        lines.insert(0, "base-commit: " + part.base.commit)
        lines += ["prerequisite-patch-id: " + i
                  for i in posting.patch_ids(git_dir, part.root, part.start)]
    return "\n".join(lines)


def file_name(part, head, number):
    """Return the name of a mailbox: [N-][rfc-][vN-]TOPIC.mbx."""
    words = [f"{number:02d}"] if number else []
    words += ["rfc"] if head.rfc else []
    words += [f"v{head.version}"] if head.version > 1 else []
    return "-".join(words + [part.name]) + ".mbx"


def save(path, data):
    """Write a mailbox, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StackError(f"{path.parent}: cannot be made: {exc.strerror}",
                         "name another folder: -o DIR") from exc
    canonical.replace(path, data)
