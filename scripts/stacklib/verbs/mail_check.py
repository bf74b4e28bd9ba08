# SPDX-License-Identifier: GPL-2.0
"""Verb `mail-check`: judges one patch on standard input, for `b4 prep --check` and `b4 review`.

Runs the checks that need nothing but the patch and the scripts of a kernel tree
(kind: patch, less those that read the whole tree).
"""
import email.utils
import json
import sys
import tempfile
from pathlib import Path

from stacklib.checking import judge, runner
from stacklib.host import files, packages, process, usertree
from stacklib.host.term import StackError, clean
from stacklib.host.workspace import Workspace
from stacklib.stack import mailinfo, patch as parser

NAME = "0000-standard-input.patch"


def register(subparsers) -> None:
    """Add the verb mail-check."""
    sub = subparsers.add_parser(
        "mail-check",
        description="Runs the patch checks of scripts/checks on a mail. Its form is what b4 expects of "
                    "b4.prep-perpatch-check-cmd:\nnothing at all when all is well, else one finding a line; "
                    "what has 'ERROR:' in it is a failure,\nthe rest are warnings, and standard error is for "
                    "checks that broke. --format=b4-review gives the\nJSON that 'b4 review' (0.15) reads: a list "
                    "of {tool, status, summary, details}.",
        epilog="examples:\n  cd ~/linux && /path/to/stack/scripts/stack mail-check < 0001-x.patch\n"
               "  git config b4.prep-perpatch-check-cmd '/path/to/stack/scripts/stack mail-check'\n"
               "  git config b4.review-perpatch-check-cmd "
               "'/path/to/stack/scripts/stack mail-check --format=b4-review'")
    sub.add_argument("--format", choices=["lines", "b4-review"], default="lines",
                     help="lines (default), or the JSON of b4 review")


def run(args) -> int:
    """Verb mail-check: 0 when nothing is found (with b4-review always, the JSON tells), else 1."""
    ws = Workspace(args)
    if sys.stdin.isatty():
        raise StackError("mail-check reads a patch from standard input", "scripts/stack mail-check < FILE")
    data = sys.stdin.buffer.read(files.LIMIT + 1)
    if len(data) > files.LIMIT:
        raise StackError(f"standard input: larger than {files.LIMIT >> 20} MiB, the most that is read of a patch")
    if data.partition(b"\n")[0].endswith(b"\r"):  # on its way, as git mailsplit takes it; below an encoding: mailinfo
        data = data.replace(b"\r\n", b"\n")
    checks = [check for check in runner.load(ws.repo / "scripts" / "checks")
              if check.kind == "patch" and "tree" not in check.reads]
    packages.ensure_quickly(["git", *runner.tools(checks)])
    with tempfile.TemporaryDirectory(prefix="stack.") as folder:
        found = judged(checks, data, tree_at(Path.cwd(), folder), Path(folder))
    if args.format == "b4-review":
        print(json.dumps([entry(name, result) for name, result in found], indent=1))
        return 0
    return show(found)


def tree_at(folder: Path, ours):
    """Return the usertree.UserTree in which b4 runs checks; StackError when it is no kernel's. ours: see there."""
    tree = usertree.read(folder, ours, "the current folder")
    if not tree.top or not (tree.top / "scripts" / "checkpatch.pl").is_file():
        raise StackError(f"{folder} is not in a kernel tree that has scripts/checkpatch.pl",
                         "cd to the kernel tree that the patch is for, with its files checked out")
    return tree


def judged(checks, data, tree, folder: Path):
    """Return [(check's name, runner.Result)] for a patch (bytes)."""
    text, patch = plain(data, folder), folder / NAME
    second = parser.second_mail(data)
    bad = [parser.Line(1, f"line {second.no}: {second.text}")] if second else \
        parser.refused(data) or parser.refused(text)
    if bad:
        findings = [judge.Finding(NAME, line.no, "error", f"refused, no check was run: {line.text}") for line in bad]
        return [("patch", runner.Result(findings, "", 0.0, False, patch, ""))]
    patch.write_bytes(text)
    # No cache of results: b4 has one of its own, and the work folder may be busy.
    executor = runner.Executor(folder, None, packages.tool_path())
    # What a check asks git (checkpatch looks for the commits that a log names), it asks our repository.
    inputs = {"PATCH": str(patch), "TREE": str(tree.top), "STATE": "before", "GIT_DIR": str(tree.git)}
    found = []
    for check in checks:
        process.notes(folder).mkdir(exist_ok=True)
        found.append((check.name, executor.run(check, inputs, folder / (check.name + ".log"))))
    return found


def plain(data, folder: Path):
    """Return a mail (bytes) as format-patch would have written it: decoded, as git am does, in UTF-8, its author
    (whom a sender names in the first line) in From:. StackError when it has no diff.
    """
    fields, log, diff = mailinfo.read(data, folder)
    rest = diff.read_bytes() if diff else b""
    author, address = fields.get("Author", ""), fields.get("Email", "")
    if not parser.Parsed(b"---\n" + rest).files:
        raise StackError(f"standard input is no patch: it has no diff ({len(data)} bytes)",
                         "git format-patch --stdout -1 | scripts/stack mail-check")
    if not mailinfo.whole(diff):  # what git would not take, others may read in ways of their own
        raise StackError("standard input: git cannot read its diff; is it cut short?",
                         "get the mail anew, for example: b4 mbox MESSAGE-ID")
    heads = [f"{name}: {value}\n" for name, value in (
        ("From", f"{email.utils.quote(author)} <{address}>" if not address.isascii() else
         email.utils.formataddr((author, address))),
        ("Date", fields.get("Date", "")), ("Subject", "[PATCH] " + fields.get("Subject", ""))) if value]
    return "".join([*heads, "\n", log]).encode("utf-8", "replace") + rest


def counted(result) -> list:
    """The findings of a Result that count, errors and warnings."""
    return [f for f in result.findings if judge.counts(f)]


def line(finding) -> str:
    """A finding as text; the patch itself has no name in a mail."""
    place = "" if finding.file == NAME else f"{finding.file}:{finding.line}: "
    return clean(place + finding.text)


def show(found) -> int:
    """Print the findings in the form of b4's check command; return 0 when there are none, else 1."""
    bad = 0
    for name, result in found:
        if result.broken:
            bad += 1
            print(f"{name}: the check is broken: {clean(' '.join(result.broken.split()))}", file=sys.stderr)
        for finding in counted(result):
            bad += 1
            print(f"{name}: {'ERROR: ' if finding.level == 'error' else ''}{line(finding)}")
    return 1 if bad else 0


def entry(name: str, result):
    """One object of the JSON list that b4 review reads."""
    counting = counted(result)
    levels = {f.level for f in counting}
    status = "fail" if result.broken or "error" in levels else "warn" if levels else "pass"
    said = {"tool": name, "status": status}
    if result.broken:
        said.update(summary="the check is broken", details=result.broken)
    elif counting:
        said.update(summary=f"{len(counting)} findings", details="\n".join(map(line, counting)))
    return said
