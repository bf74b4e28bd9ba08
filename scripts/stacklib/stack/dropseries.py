# SPDX-License-Identifier: GPL-2.0
"""The drop-in as patches: kunit/commits says which files go into which, and with what words.

Each file kunit/commits/NN-NAME is a mail: the headers Subject, Files (patterns of
paths in the kernel) and Topic (none: the fabric, which all suites need), then the
log. A file belongs to the one with the longest pattern that fits. The files that
name others (Kconfig, Makefile, .kunitconfig) grow from patch to patch: what speaks
of files that are not there yet is left out. A line of kunit/hooks comes with the
file that it names, and so do the entries of MAINTAINERS.snippet. Author and date
are those of the cover letter, the fabric's being kunit/commits/0000-cover-letter.patch.
"""
import email
import email.policy
import fnmatch
import posixpath
import re
from pathlib import Path

from stacklib.host.files import read_text
from stacklib.host.term import StackError
from stacklib.stack import dropin

NAME = "kunit"
GROWING = ("Kconfig", "Makefile", ".kunitconfig")
_OBJECT = re.compile(r"(?:CFLAGS_)?([\w-]+)\.[oc]\b")
_SWITCH = re.compile(r"(?:obj|always)-\$\(CONFIG_(\w+)\)")


class DropCommit:
    """One patch to be: .path .topic ("" for the fabric) .subject .log .patterns .files (set)."""

    def __init__(self, path):
        self.path = Path(path)
        mail = email.message_from_string(read_text(self.path), policy=email.policy.default)
        self.topic = (mail["Topic"] or "").strip()
        self.subject = (mail["Subject"] or "").strip()
        self.patterns = (mail["Files"] or "").split()
        self.log = mail.get_payload().strip("\n")
        self.files = set()
        if not self.subject or not self.patterns or not self.log:
            raise StackError("%s: needs the headers Subject and Files, an empty line, and a log"
                             % path, f"$EDITOR {path}")


def load(repo):
    """Return the DropCommits of kunit/commits in order, each with its .files."""
    commits = [DropCommit(p) for p in sorted((Path(repo) / "kunit" / "commits").glob("[0-9]*"))
               if not p.name.startswith("0000-") and not p.name.endswith("~")]
    for name, _, _ in dropin.files(repo):
        fits = [(len(pattern), commit) for commit in commits for pattern in commit.patterns
                if fnmatch.fnmatchcase(name, pattern)]
        if fits:
            max(fits, key=lambda fit: fit[0])[1].files.add(name)
    return commits


def orphans(repo, commits):
    """Return the paths of the drop-in that no commit takes."""
    taken = set().union(*[c.files for c in commits]) if commits else set()
    return [name for name, _, _ in dropin.files(repo) if name not in taken]


class State:
    """What the drop-in is when only some of its files are there: .have (set of paths)."""

    def __init__(self, repo, have):
        self.found = dropin.files(repo)
        self.have = have
        names = {name for name, _, _ in self.found}
        self.texts = {name: read_text(path) for name, path, _ in self.found
                      if posixpath.basename(name) in GROWING and name in have}
        stems = {posixpath.basename(n)[:-2]: n for n in names if n.endswith(".c")}
        self.here = {s for s, n in stems.items() if n in have}
        self.away = set(stems) - self.here
        every = [read_text(p) for n, p, _ in self.found
                 if posixpath.basename(n) in GROWING]
        self.gone = self.absent("\n".join(every))

    def absent(self, every):
        """Return the Kconfig symbols of the drop-in that nothing is there for; every: all texts."""
        defined = set(re.findall(r"^config (\w+)$", every, re.M))
        lines = joined(every)
        gone = set()
        for line in lines:
            switch = _SWITCH.match(line)
            if switch and self.needs_absent(line, lines):
                gone.add(switch.group(1))
        switched = {m.group(1) for m in map(_SWITCH.match, lines) if m}
        # One that builds nothing itself is there for those that name it.
        for symbol in defined - switched:
            users = [b for name, b in blocks(every) if name and name != symbol
                     and re.search(rf"\b{symbol}\b", b)]
            if users and all(re.match(r"(?:#.*\n)*config (\w+)", b).group(1) in gone
                             for b in users):
                gone.add(symbol)
        return gone

    def needs_absent(self, line, lines):
        """Return whether a Makefile line names an object whose source is not there."""
        for stem in _OBJECT.findall(line):
            if stem in self.away:
                return True
            parts = [p for p in lines if re.match(rf"{re.escape(stem)}-\S*\s*[:+]?=", p)]
            if any(s in self.away for p in parts for s in _OBJECT.findall(p)):
                return True
        return False

    def text(self, name):
        """Return what a growing file holds in this state."""
        rule = {"Kconfig": self.kconfig, "Makefile": self.makefile}.get(posixpath.basename(name),
                                                                        self.kunitconfig)
        return rule(self.texts[name])

    def kconfig(self, text):
        """Leave out the entries of symbols that nothing is there for."""
        kept = "".join(b for name, b in blocks(text) if name not in self.gone)
        return kept.rstrip("\n") + "\n"

    def kunitconfig(self, text):
        """Leave out the lines of such symbols."""
        return "".join(line for line in text.splitlines(True)
                       if re.sub(r"^(# )?CONFIG_(\w+)[= ].*\n?", r"\2", line) not in self.gone)

    def makefile(self, text):
        """Leave out the lines that need what is not there, and paragraphs left with none."""
        kept = []
        for part in re.split(r"\n\n+", text.strip("\n")):
            lines = [(raw, self.stays(raw.replace("\\\n", " "))) for raw in logical(part)]
            if any(s is False for _, s in lines) and not any(s for _, s in lines):
                continue
            kept.append("".join(raw for raw, s in lines if s is not False).rstrip("\n"))
        return "\n\n".join(kept) + "\n"

    def stays(self, line):
        """Return True or False for a Makefile line that names something of ours, else None."""
        switch = _SWITCH.match(line)
        if switch:
            return switch.group(1) not in self.gone
        named = set(_OBJECT.findall(line))
        if named & self.away:
            return False
        return True if named & self.here else None


def logical(text):
    """Return the lines of a Makefile, each with those that go on in it."""
    return re.findall(r"(?:[^\n]*\\\n)*[^\n]+\n?|\n", text)


def joined(text):
    """Return the same lines with their parts joined."""
    return text.replace("\\\n", " ").splitlines()


def blocks(text):
    """Return [(symbol or "", text)] of a Kconfig file: entries with their comments, and the rest."""
    found, comments = [], ""
    for line in text.splitlines(True):
        begins = re.match(r"config (\w+)$", line.rstrip())
        if line.startswith("#"):
            comments += line
            continue
        if begins:
            found.append((begins.group(1), comments + line))
        elif line[:1] in (" ", "\t", "\n") and not comments and found:
            found[-1] = (found[-1][0], found[-1][1] + line)
        else:
            found.append(("", comments + line))
        comments = ""
    return found + ([("", comments)] if comments else [])


def tree_with(git_dir, parent, repo, have, new, index):
    """Return the tree id of parent plus the files new; have: all that are there then.

    parent: commit with the files of `have` less `new`. index: a scratch index file.
    """
    state = State(repo, have)
    texts = {name: state.text(name) for name in state.texts}
    found = [item for item in dropin.files(repo) if item[0] in new or item[0] in texts]
    before = have - new
    hooked = [h for h in dropin.hooks(repo)
              if hook_ready(h, have) and not hook_ready(h, before)]
    return dropin.add(git_dir, parent, found, hooked, index, dropin.people(repo, have), texts)


def hook_ready(hook, have):
    """Return whether the file that a line of kunit/hooks names is among have.

    `source "F"`, `#include "F"` (from the file's folder) and `+= FOLDER/` (its Makefile).
    A line that names none is ready with the first file.
    """
    _, name, _, line = hook
    folder = posixpath.dirname(name)
    quoted = re.search(r'"([^"]+)"', line)
    subdir = re.search(r"\+=\s*(\S+)/$", line)
    if subdir:
        return posixpath.join(folder, subdir.group(1), "Makefile") in have
    if not quoted:
        return bool(have)
    base = "" if line.lstrip().startswith("source") else folder
    return posixpath.normpath(posixpath.join(base, quoted.group(1))) in have
