# SPDX-License-Identifier: GPL-2.0
"""Lint of one patch file or cover letter: headers, canonical form, whole hunks."""
import email.utils
import re
from collections import namedtuple

# path: Path; line: 1-based, 0 for the file as a whole; mend: a command or None.
Finding = namedtuple("Finding", "path line level text mend")

FROM_LINE = "From " + "0" * 40 + " Mon Sep 17 00:00:00 2001"
_HUNK = re.compile(r"^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


def check_patch(patch, repo):
    """Return the findings in a series.Patch; repo is the stack's repository."""
    found = []
    refresh = "scripts/stack refresh " + patch.topic
    where = patch.path.relative_to(repo)

    def add(line, text, mend=refresh, level="error"):
        found.append(Finding(patch.path, line, level, text, mend))

    lines = patch.text.split("\n")
    if lines[0] != FROM_LINE:
        add(1, "the first line is not format-patch's with a zero commit id")
    if patch.data.count(b"\r\n"):
        add(line_of(lines, r"\r$"), "lines end in CR LF", f"sed -i 's/\\r$//' {where}")
    if not patch.text.endswith("\n"):
        add(len(lines), "the last line has no end: is the file cut short?",
            "git checkout -- %s" % where)
    check_headers(patch, lines, add, where)
    for number, line in enumerate(lines, 1):
        if line == "-- " and number >= len(lines) - 3:
            add(number, "a version signature ends the file")
        if line.startswith(("base-commit: ", "Change-Id: ", "prerequisite-patch-id: ")):
            add(number, f"'{line.split(':')[0]}' does not belong into the stored form")
        index = re.match(r"index ([0-9a-f]+)\.\.([0-9a-f]+)( \d+)?$", line)
        if index and not 12 <= len(index.group(1)) <= 16:
            add(number, "object ids are not of 12 digits")
    check_hunks(lines, add, where)
    return found


def line_of(lines, pattern):
    """Return the 1-based number of the first line that matches, or 0."""
    return next((n for n, line in enumerate(lines, 1) if re.search(pattern, line)), 0)


def check_headers(patch, lines, add, where):
    """Check From, Date, Subject and Signed-off-by."""
    edit = f"scripts/stack edit {patch.topic}"
    for name in ("From", "Date", "Subject"):
        if not patch.header(name):
            add(0, "no %s: header" % name, f"git checkout -- {where}, or: {edit}")
    date = patch.header("Date")
    if date and email.utils.parsedate_tz(date) is None:
        add(line_of(lines, "^Date:"), f"the date cannot be read: {date}")
    if patch.header("Subject") and not patch.header("Subject").startswith("[PATCH] "):
        add(line_of(lines, "^Subject:"), "the subject does not begin with [PATCH]")
    author = email.utils.parseaddr(patch.author)[1].lower()
    log = patch.text.split("\n---\n")[0]
    signers = [email.utils.parseaddr(s)[1].lower()
               for s in re.findall(r"^Signed-off-by: (.+)$", log, re.M)]
    if author and author not in signers:
        add(line_of(lines, "^From: "), f"no Signed-off-by of the author ({patch.author})",
            edit + " && git -C out/linux commit --amend -s")
    if "\n---\n" not in patch.text:
        add(0, "no line '---' between log and diff: not a patch, or cut short",
            f"git checkout -- {where}")


def check_hunks(lines, add, where):
    """Check that every hunk is whole and that the diffstat tells the truth."""
    restore = f"git checkout -- {where}, or: git apply --stat {where}"
    files, added, removed, position = 0, 0, 0, 0
    while position < len(lines):
        files += lines[position].startswith("diff --git ")
        hunk = _HUNK.match(lines[position])
        position += 1
        if not hunk:
            continue
        begin, old, new = position, int(hunk.group(1) or 1), int(hunk.group(2) or 1)
        while position < len(lines) and (old > 0 or new > 0):
            sign = lines[position][:1]
            # An empty last item is the end of the file, not an empty context line.
            if sign not in (" ", "+", "-", "\\", "") or position == len(lines) - 1:
                break
            old -= sign in (" ", "-", "")
            new -= sign in (" ", "+", "")
            added += sign == "+"
            removed += sign == "-"
            position += 1
        if old or new:
            add(begin, "the hunk ends before it should: cut short, or edited by hand", restore)
            return
    stat = [line for line in lines if re.match(r" \d+ files? changed", line)]
    if not stat:
        add(0, "no diffstat", restore)
        return
    said = {word: int(count) for count, word in re.findall(r"(\d+) (file|insertion|deletion)",
                                                           stat[0])}
    have = {"file": files, "insertion": added, "deletion": removed}
    wrong = [f"{have[w]} {w}s, not {said.get(w, 0)}" for w in have
             if have[w] != said.get(w, 0)]
    if wrong:
        add(lines.index(stat[0]) + 1, f"the diffstat is not that of the diff (there are {', '.join(wrong)}): "
            "cut short, or edited by hand", restore)


def check_cover(topic, repo):
    """Return the findings in a topic's cover letter."""
    path = topic.dir / "0000-cover-letter.patch"
    if topic.cover is None:
        return [Finding(path, 0, "error", f"topic {topic.name} has no cover letter",
                        "git -C out/linux format-patch --cover-letter --zero-commit "
                        f"--no-signature, then write {path.relative_to(repo)}")]
    return check_letter(topic.cover, [patch.subject for patch in topic.patches], repo)


def check_letter(path, subjects, repo):
    """Return the findings in the cover letter of patches with these subjects."""
    found, text = [], path.read_text(encoding="utf-8", errors="replace")
    lines, edit = text.split("\n"), f"$EDITOR {path.relative_to(repo)}"

    def add(line, said):
        found.append(Finding(path, line, "error", said, edit))

    for name in ("From", "Date", "Subject"):
        if not line_of(lines, f"^{name}: "):
            add(0, f"no {name}: header")
    line = line_of(lines, "^Subject: ")
    number = re.search(r"\[[^]]*\b0+/(\d+)\]", lines[line - 1]) if line else None
    if number and int(number.group(1)) != len(subjects):
        add(line, f"says {number.group(1)} patches, the series has {len(subjects)}")
    if re.search(r"\*\*\* (SUBJECT|BLURB) HERE", text):
        add(line_of(lines, r"\*\*\* (SUBJECT|BLURB)"), "still the template of format-patch")
    flat = re.sub(r"\s+", " ", text)
    for subject in subjects:
        if subject and re.sub(r"\s+", " ", subject) not in flat:
            add(0, f"does not list '{subject}'")
    return found
