# SPDX-License-Identifier: GPL-2.0
"""Commits to canonical patch files, and those files and `series` to the disk.

The same commit always gives the same bytes: nothing of the user's configuration,
of git's version line or of a commit id is in them.
"""
import hashlib
import os

from stacklib.host.files import read_text
from stacklib.host.gitcmd import git, git_bytes
from stacklib.host.term import StackError
from stacklib.stack import patch as parser

FORMAT = ["format-patch", "--stdout", "-1", "--zero-commit", "--no-signature", "--no-numbered",
          "--no-cover-letter", "--no-base", "--no-notes", "--no-attach", "--no-thread",
          "--no-signoff", "--no-add-header", "--no-to", "--no-cc", "--subject-prefix=PATCH",
          "--abbrev=12", "--diff-algorithm=myers", "-M", "--src-prefix=a/", "--dst-prefix=b/",
          "--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--stat=72"]
# What git itself cuts file names to (format.filenameMaxLength).
_NAME_LENGTH = 64 - len(".patch") - 1


def format_all(git_dir, commits, topic, drop_notes=False):
    """Return [(file name, bytes)] for commits, oldest first.

    A patch that the topic has already, known by its subject, keeps its name behind the number, and the notes that it
    has below its `---`. One with another subject takes over the notes of the one it seems to have been. StackError
    (code 1) when notes would be lost, unless drop_notes.
    """
    fresh = []
    said = git("log", "--no-walk=unsorted", "--format=%s%x00%f", *commits, cwd=git_dir).split("\n") if commits else []
    for number, (commit, line) in enumerate(zip(commits, said), 1):
        data, (subject, slug) = git_bytes(*FORMAT, commit, cwd=git_dir), line.split("\0")
        for line in parser.refused(data):
            raise StackError(f"commit {commit[:12]} ({subject}): line {line.no} of its patch is refused: {line.text}",
                             f"reword or amend it: git -C {git_dir.parent} rebase -i refs/stack/edit/{topic.name}/base",
                             code=1)
        fresh.append(Fresh(number, subject, slug, parser.Parsed(data).paths, data))
    named, noted, left = match(fresh, topic.patches)
    lost = [p for p in left if notes_of(p.text)]
    if lost and not drop_notes:
        raise lost_notes(topic, lost)
    result = []
    for one in fresh:
        number = f"{one.number:04d}-"
        name = (number + one.slug)[:_NAME_LENGTH].rstrip("-.") + ".patch"
        if one in named:
            name = number + named[one].name[5:]
        result.append((name, with_notes(one.data, notes_of(noted[one].text)) if one in noted else one.data))
    return result


class Fresh:
    """A commit to be written: .number .subject .slug (of a file name) .files .data (its patch)."""

    def __init__(self, number, subject, slug, files, data):
        self.number, self.subject, self.slug = number, subject, slug
        self.files, self.data = files, data


def match(fresh, patches):
    """Find out which patch each commit was; return ({Fresh: Patch}, {Fresh: Patch}, [Patch]).

    The first by subject, of equal ones by files and number. The second those and, for the rest, the patch of the same
    files, else that of the same number which has a file in common. The third: patches that no commit was.
    """
    place = {p: n for n, p in enumerate(patches, 1)}
    left, named = list(patches), {}

    def take(found, fits) -> None:
        # The best pairs first, so that none takes the patch that another is.
        pairs = sorted(((one.files != p.files, abs(one.number - place[p]), one.number, place[p])
                        for one in fresh for p in left if one not in found and fits(one, p)))
        for *_, number, position in pairs:
            one, patch = fresh[number - 1], patches[position - 1]
            if one not in found and patch in left:
                found[one] = patch
                left.remove(patch)

    take(named, lambda one, p: one.subject == p.subject)
    noted = dict(named)
    take(noted, lambda one, p: one.files == p.files or (one.number == place[p] and set(one.files) & set(p.files)))
    return named, noted, left


def lost_notes(topic, patches) -> StackError:
    """Return the error that shows the notes of patches that no commit is any more."""
    lines = []
    for patch in patches:
        lines.append(f"{patch.path}: it is gone or was rewritten, and has notes below its '---':")
        lines += ["  | " + text for text in notes_of(patch.text).splitlines()]
    return StackError("\n".join(lines), "copy what is still of use, then: scripts/stack refresh "
                      f"--drop-notes {topic.name}\nand put it below the '---' of the patch that it belongs to", code=1)


def notes_of(text: str):
    """Return what stands between `---` and the diffstat of a patch, less blank lines around."""
    return parser.Parsed(text.encode("utf-8", "replace")).notes


def with_notes(data, notes) -> bytes:
    """Return a patch (bytes) with notes put below its `---`."""
    if not notes:
        return data
    head, mark, rest = data.partition(b"\n---\n")
    return head + mark + notes.encode() + b"\n\n" + rest


def sha256(data) -> str:
    """Return the sha256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def differences(topic, wanted) -> list:
    """Return [(file name, "changed"|"new"|"gone")] between the topic's files and wanted."""
    have, names = {p.name: p.data for p in topic.patches}, {name for name, _ in wanted}
    rows = [(name, "changed" if name in have else "new") for name, data in wanted if have.get(name) != data]
    return rows + [(name, "gone") for name in have if name not in names]


def write(stack, topic, wanted) -> list:
    """Bring the topic's patch files and its part of `series` to wanted.

    Only what differs is touched. Every file is replaced whole; `series` changes after the files that it names are
    there and before those that it no longer names go, so that a run cut short leaves a series that can be read.
    """
    for stale in topic.dir.glob(".refresh.*"):
        stale.unlink()
    old_series = read_text(stack.file)
    new_series = series_text(stack, topic, wanted, old_series)
    rows, data = differences(topic, wanted), dict(wanted)
    for name, what in rows:
        if what != "gone":
            replace(topic.dir / name, data[name])
    if new_series != old_series:
        replace(stack.file, new_series.encode())
    for name, what in rows:
        if what == "gone":
            (topic.dir / name).unlink(missing_ok=True)
    return rows


def replace(path, data) -> None:
    """Give path the content data, whole or not at all."""
    fresh = path.with_name(".refresh." + path.name)
    try:
        fresh.write_bytes(data)
        os.replace(fresh, path)
    except OSError as exc:
        fresh.unlink(missing_ok=True)
        raise StackError(f"{path}: cannot be written: {exc.strerror}",
                         "make room or give the right to write, then run the same again") from exc


def series_text(stack, topic, wanted, text):
    """Return the text of `series` with the topic's lines replaced by wanted's; comments stay."""
    prefix = f"{stack.base_name}/{topic.name}/"
    lines = text.splitlines()
    own = [i for i, line in enumerate(lines) if line.strip().startswith(prefix)]
    new = [prefix + name for name, _ in wanted]
    if not own:
        return "\n".join(lines + new) + "\n"
    first, last = own[0], own[-1]
    known, above, body = {}, [], []  # slug: [(the comments above its line, what follows in it)]
    for line in lines[first:last + 1]:
        entry, _, tail = line.strip().partition(" ")
        if entry.startswith(prefix):
            # Two patches may have one subject, and so one slug: first come, first served.
            known.setdefault(entry[len(prefix) + 5:], []).append((above, " " + tail if tail else ""))
            above = []
        elif entry and not entry.startswith("#"):
            raise StackError(f"{stack.file}: the lines of topic {topic.name} are mixed with others "
                             f"('{line.strip()}')", f"bring them together in {stack.file}")
        else:
            above.append(line)
    for entry in new:
        same = known.get(entry[len(prefix) + 5:])
        above, tail = same.pop(0) if same else ([], "")
        body += [*above, entry + tail]
    for above, _ in sum(known.values(), []):  # of patches that are gone
        body += above
    return "\n".join(lines[:first] + body + lines[last + 1:]) + "\n"
