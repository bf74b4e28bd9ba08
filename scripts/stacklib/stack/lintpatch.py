# SPDX-License-Identifier: GPL-2.0
"""Lint of one patch file or cover letter: headers, canonical form, whole hunks."""
import email.utils
import re
from collections import namedtuple

from stacklib.stack import patch as parser

# path: Path; line: 1-based, 0 for the file as a whole; mend: a command or None.
Finding = namedtuple("Finding", "path line text mend")

FROM_LINE = "From " + "0" * 40 + " Mon Sep 17 00:00:00 2001"
_BOM = b"\xef\xbb\xbf"
LETTER = 110   # lines of a cover letter that a maintainer reads to their end


def check_patch(patch, repo) -> list:
    """Return the findings in a series.Patch; repo is the stack's repository."""
    found, parsed = [], patch.parsed
    where = patch.path.relative_to(repo)
    refresh, restore = f"scripts/stack refresh {patch.topic}", f"git checkout -- {where}"

    def add(line, text: str, mend=refresh) -> None:
        found.append(Finding(patch.path, line, text, mend))

    if patch.data.startswith(_BOM):
        add(1, "a byte order mark, so that git sees no headers", f"sed -i '1s/^\\xef\\xbb\\xbf//' {where}")
        return found
    check_mail(patch, add, where)
    second = parser.second_mail(patch.data)
    for line in parser.refused(patch.data) + ([second] if second else []):
        add(line.no, line.text, f"$EDITOR +{line.no} {where}")
    if parsed.lines[:1] != [FROM_LINE]:
        add(1, "the first line is not format-patch's with a zero commit id")
    if not patch.data.endswith(b"\n"):
        add(len(parsed.lines), "the last line has no end: is the file cut short?", restore)
    if not parsed.files:
        add(parsed.start, "no diff in it that git would apply: not a patch, or cut short", restore)
        return found
    check_headers(patch, add, where)
    for line in parsed.log + parsed.below:
        if line.text.startswith(("base-commit: ", "Change-Id: ", "prerequisite-patch-id: ")):
            add(line.no, f"'{line.text.split(':')[0]}' does not belong into the stored form")
    check_diff(parsed, add, f"{restore}, or: git apply --stat {where}")
    return found


def check_mail(patch, add, where) -> None:
    """Check that the file is plain text in UTF-8, without the CR of a mail's lines."""
    parsed = patch.parsed
    kind, way = parsed.headers.get("content-type"), parsed.headers.get("content-transfer-encoding")
    if way and way.text.lower() not in ("7bit", "8bit") or kind and not re.match(r"text/plain\b", kind.text, re.I):
        add((way or kind).no, f"an encoded mail ({(way or kind).text.split(';')[0]}), which no check can read")
    elif kind and not re.search(r"charset=\"?(utf-8|us-ascii)", kind.text, re.I):
        add(kind.no, f"the character set is not UTF-8: {kind.text}")
    outside = [no for no in range(1, len(parsed.raw) + 1) if no not in parsed.context]
    ends = next((no for no in outside if parsed.raw[no - 1].endswith(b"\r")), 0)
    if ends:
        add(ends, "lines end in CR LF", f"sed -i 's/\\r$//' {where}")
    bad = next((no for no in outside if "\ufffd" in parsed.lines[no - 1]), 0)
    if bad:
        add(bad, "not UTF-8")
    nul = next((line.no for line in parsed.log if "\0" in line.text), 0)
    if nul:
        add(nul, "a NUL byte in the log", f"sed -i 's/\\x00//g' {where}")


def check_headers(patch, add, where) -> None:
    """Check From, Date, Subject and Signed-off-by, and that the log ends where it should."""
    parsed = patch.parsed
    for name in ("From", "Date", "Subject"):
        if not patch.header(name):
            add(0, f"no {name}: header", f"git checkout -- {where}, or: $EDITOR {where}")
    date = patch.header("Date")
    if date and email.utils.parsedate_tz(date) is None:
        line = parsed.header_line("Date")
        add(line, f"the date cannot be read: {date}", f"$EDITOR +{line} {where}")
    if patch.header("Subject") and not patch.header("Subject").startswith("[PATCH] "):
        add(parsed.header_line("Subject"), "the subject does not begin with [PATCH]")
    author = email.utils.parseaddr(patch.author)[1].lower()
    signers = [email.utils.parseaddr(line.text[len("Signed-off-by: "):])[1].lower()
               for line in parsed.log if line.text.startswith("Signed-off-by: ")]
    if author and author not in signers:
        add(parsed.header_line("From"), f"no Signed-off-by of the author ({patch.author})",
            f"scripts/stack edit {patch.topic} && git -C out/linux commit --amend -s")
    later = next((no for no, text in enumerate(parsed.lines, 1)
                  if no > parsed.start and text == "---" and no not in parsed.context), 0)
    if not parsed.separator and later:
        add(parsed.start, f"a diff in the log, above the '---' of line {later}: git applies it, and ends the log there",
            f"$EDITOR +{parsed.start} {where}")
    elif not parsed.separator:
        add(parsed.start, "no line '---' between log and diff")
    if parsed.in_log:
        add(parsed.in_log.no, "a diff in the log: patch(1), and so quilt, would apply it, indented or not",
            f"$EDITOR +{parsed.in_log.no} {where}")


def check_diff(parsed, add, restore) -> None:
    """Check the form of the diffs, that every hunk is whole and that the diffstat tells the truth."""
    if parsed.signature:
        add(parsed.signature, "a version signature ends the file")
    for file in parsed.files:
        if file.noprefix:
            add(file.no, "the paths have no a/ and b/ in front: diff.noprefix was set where it was made",
                "make it anew: git -c diff.noprefix=false format-patch")
        elif not file.prefixed:
            add(file.no, "the paths do not stand below a/ and b/, as git writes them")
        if file.index and not file.binary and not re.match(r"index [0-9a-f]{12,16}\.\.", file.index.text):
            add(file.index.no, "object ids are not of 12 digits")
    for line in parsed.errors:
        add(line.no, f"{line.text}: cut short, or edited by hand", restore)
    if parsed.errors:
        return
    stat = parsed.stat
    if stat is None:
        add(parsed.start, "no diffstat")
        return
    said = {word: int(count) for count, word in re.findall(r"(\d+) (file|insertion|deletion)", stat.text)}
    have = {"file": len({file.path for file in parsed.files}), "insertion": len(parsed.added),
            "deletion": sum(line.text[:1] == "-" for line in parsed.context.values())}
    wrong = [f"{have[w]} {w}s, not {said.get(w, 0)}" for w in have if have[w] != said.get(w, 0)]
    if wrong:
        add(stat.no, f"the diffstat is not that of the diff (there are {', '.join(wrong)}): "
            "cut short, or edited by hand", restore)


def line_of(lines, pattern: str):
    """Return the 1-based number of the first line that matches, or 0."""
    return next((n for n, l in enumerate(lines, 1) if re.search(pattern, l)), 0)


def check_cover(topic, repo) -> list:
    """Return the findings in a topic's cover letter."""
    path = topic.dir / "0000-cover-letter.patch"
    if topic.cover is None:
        return [Finding(path, 0, f"topic {topic.name} has no cover letter",
                        "git -C out/linux format-patch --cover-letter --zero-commit "
                        f"--no-signature, then write {path.relative_to(repo)}")]
    return check_letter(topic.cover, [patch.subject for patch in topic.patches], repo)


def check_letter(path, subjects, repo) -> list:
    """Return the findings in the cover letter of patches with these subjects."""
    found, text = [], path.read_text(encoding="utf-8", errors="replace")
    lines, edit = text.split("\n"), f"$EDITOR {path.relative_to(repo)}"

    def add(line, said) -> None:
        found.append(Finding(path, line, said, edit))

    for name in ("From", "Date", "Subject"):
        if not line_of(lines, f"^{name}: "):
            add(0, f"no {name}: header")
    line = line_of(lines, "^Subject: ")
    number = re.search(r"\[[^]]*\b0+/(\d+)\]", lines[line - 1]) if line else None
    if number and int(number.group(1)) != len(subjects):
        add(line, f"says {number.group(1)} patches, the series has {len(subjects)}")
    if re.search(r"\*\*\* (SUBJECT|BLURB) HERE", text):
        add(line_of(lines, r"\*\*\* (SUBJECT|BLURB)"), "still the template of format-patch")
    body = text.strip().partition("\n\n")[2].count("\n") + 1
    if body > LETTER:
        add(len(lines), f"has {body} lines, and nobody reads more than {LETTER} of them; evidence goes to a file NOTES")
    flat = re.sub(r"\s+", " ", text)
    for subject in subjects:
        if subject and re.sub(r"\s+", " ", subject) not in flat:
            add(0, f"does not list '{subject}'")
    return found
