# SPDX-License-Identifier: GPL-2.0
"""Verb `diff`: two states of a topic, or a topic and somebody's posting, as a range-diff."""
from pathlib import Path

from stacklib.host import term
from stacklib.host.term import StackError, done, say, warn
from stacklib.host.workspace import Workspace
from stacklib.mail import compare


def register(subparsers) -> None:
    """Add the verb diff."""
    sub = subparsers.add_parser(
        "diff",
        description="Holds the patches of a topic as of OLD, a commit or tag of this repository, against those as "
                    "of NEW\n(default: the files as they are), with git range-diff. The text is made for the "
                    "notes of the next posting.\nWith --compare-posting the other side is a mailbox: a thread "
                    "from lore (also .gz), an export, the file of\nb4 am, a maildir. The newest version in it "
                    "counts; what was taken and what left out is said on stderr.\nA posting that does not apply "
                    "to this base is compared patch by patch, as text.\nExit status as that of diff: 0 the same, "
                    "1 different, 2 trouble.",
        epilog="examples:\n  scripts/stack diff TOPIC old-state\n  scripts/stack diff TOPIC HEAD~5 HEAD\n"
               "  scripts/stack diff TOPIC --compare-posting ~/v3.mbx")
    sub.add_argument("topics", nargs=1, metavar="TOPIC", help="the topic")
    sub.add_argument("old", metavar="OLD", nargs="?", help="commit or tag of this repository")
    sub.add_argument("new", metavar="NEW", nargs="?", help="another one (default: the files as they are)")
    sub.add_argument("--compare-posting", metavar="FILE", help="a mailbox, instead of OLD")


def run(args) -> int:
    """Verb diff: 0 when both are the same, else 1."""
    ws, name, notes, unfit = Workspace(args), args.topics[0], [], ""
    if bool(args.old) == bool(args.compare_posting):
        raise StackError("diff needs OLD or --compare-posting FILE, one of them", f"scripts/stack diff {name} HEAD~1")
    with ws.lock():
        if args.compare_posting:
            text, notes, unfit = compare.with_posting(ws, args.base, name, args.compare_posting)
        else:
            text = compare.states(ws, args.base, name, args.old, args.new)
    done()
    if args.json:
        term.data({"topic": name, "same": not text, "notes": notes, "compared_as_text": unfit, "text": text})
        return 1 if text else 0
    for note in notes:
        warn(f"note: {note}")
    if unfit:
        say(unfit + "\n")
    say(f"Range-diff against {args.old or Path(args.compare_posting).name}:\n\n{text}" if text else
        f"{name}: no difference")
    return 1 if text else 0
