# SPDX-License-Identifier: GPL-2.0
"""Commits to canonical patch files, and those files and `series` to the disk.

The same commit always gives the same bytes: nothing of the user's configuration,
of git's version line or of a commit id is in them.
"""
import hashlib
import os
import re

from gitcmd import git, git_bytes
from term import StackError

FORMAT = ["format-patch", "--stdout", "-1", "--zero-commit", "--no-signature", "--no-numbered",
          "--no-cover-letter", "--no-base", "--no-notes", "--no-attach", "--no-thread",
          "--no-signoff", "--no-add-header", "--no-to", "--no-cc", "--subject-prefix=PATCH",
          "--abbrev=12", "--diff-algorithm=myers", "-M", "--src-prefix=a/", "--dst-prefix=b/",
          "--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--stat=72"]
# What git itself cuts file names to (format.filenameMaxLength).
_NAME_LENGTH = 64 - len(".patch") - 1
_STAT = re.compile(r"^ (\S.*\|\s+(\d+|Bin)|\d+ files? changed)", re.M)


def format_all(git_dir, commits, topic):
    """Return [(file name, bytes)] for commits, oldest first.

    A patch that the topic has already, known by its subject, keeps its name behind
    the number, and the notes that it has below its `---`.
    """
    known = {p.subject: p for p in topic.patches}
    result = []
    for number, commit in enumerate(commits, 1):
        data = git_bytes(*FORMAT, commit, cwd=git_dir)
        subject = git("log", "-1", "--format=%s", commit, cwd=git_dir)
        old = known.pop(subject, None)
        if old:
            name = "%04d-%s" % (number, old.name[5:])
            data = with_notes(data, notes_of(old.text))
        else:
            slug = git("log", "-1", "--format=%f", commit, cwd=git_dir)
            name = ("%04d-%s" % (number, slug))[:_NAME_LENGTH].rstrip("-.") + ".patch"
        result.append((name, data))
    return result


def notes_of(text):
    """Return what stands between `---` and the diffstat of a patch, less blank lines around."""
    _, found, rest = text.partition("\n---\n")
    stat = _STAT.search(rest) if found else None
    diff = re.search(r"^diff --git ", rest, re.M)
    ends = [m.start() for m in (stat, diff) if m]
    return rest[:min(ends)].strip("\n") if found and ends else ""


def with_notes(data, notes):
    """Return a patch (bytes) with notes put below its `---`."""
    if not notes:
        return data
    head, mark, rest = data.partition(b"\n---\n")
    return head + mark + notes.encode() + b"\n\n" + rest


def sha256(data):
    """Return the sha256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def differences(topic, wanted):
    """Return [(file name, "changed"|"new"|"gone")] between the topic's files and wanted."""
    have = {p.name: p.data for p in topic.patches}
    rows = []
    for name, data in wanted:
        if name not in have:
            rows.append((name, "new"))
        elif have[name] != data:
            rows.append((name, "changed"))
    names = {name for name, _ in wanted}
    rows += [(name, "gone") for name in have if name not in names]
    return rows


def write(stack, topic, wanted):
    """Bring the topic's patch files and its part of `series` to wanted.

    Only what differs is touched. Every file is replaced whole; `series` changes
    after the files that it names are there and before those that it no longer
    names go, so that a run cut short leaves a series that can be read.
    """
    for stale in topic.dir.glob(".refresh.*"):
        stale.unlink()
    old_series = stack.file.read_text(encoding="utf-8")
    new_series = series_text(stack, topic, wanted, old_series)
    rows = differences(topic, wanted)
    data = dict(wanted)
    for name, what in rows:
        if what != "gone":
            replace(topic.dir / name, data[name])
    if new_series != old_series:
        replace(stack.file, new_series.encode())
    for name, what in rows:
        if what == "gone":
            (topic.dir / name).unlink(missing_ok=True)
    return rows


def replace(path, data):
    """Give path the content data, whole or not at all."""
    fresh = path.with_name(".refresh." + path.name)
    try:
        fresh.write_bytes(data)
        os.replace(fresh, path)
    except OSError as exc:
        fresh.unlink(missing_ok=True)
        raise StackError("%s: cannot be written: %s" % (path, exc.strerror),
                         "make room or give the right to write, then run the same again") from exc


def series_text(stack, topic, wanted, text):
    """Return the text of `series` with the topic's lines replaced by wanted's; comments stay."""
    prefix = "%s/%s/" % (stack.base_name, topic.name)
    lines = text.splitlines()
    own = [i for i, line in enumerate(lines) if line.strip().startswith(prefix)]
    new = [prefix + name for name, _ in wanted]
    if not own:
        return "\n".join(lines + new) + "\n"
    first, last = own[0], own[-1]
    comments, tails, pending = {}, {}, []
    for line in lines[first:last + 1]:
        if not line.strip().startswith(prefix):
            if line.strip() and not line.strip().startswith("#"):
                raise StackError("%s: the lines of topic %s are mixed with others ('%s')"
                                 % (stack.file, topic.name, line.strip()),
                                 "bring them together in %s" % stack.file)
            pending.append(line)
            continue
        entry, _, tail = line.strip().partition(" ")
        slug = entry[len(prefix) + 5:]
        comments[slug], pending = pending, []
        tails[slug] = " " + tail if tail else ""
    body = []
    for entry in new:
        slug = entry[len(prefix) + 5:]
        body += comments.pop(slug, []) + [entry + tails.get(slug, "")]
    for left in comments.values():  # of patches that are gone
        body += left
    return "\n".join(lines[:first] + body + lines[last + 1:]) + "\n"
