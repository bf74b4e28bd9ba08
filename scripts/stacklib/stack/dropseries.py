# SPDX-License-Identifier: GPL-2.0
"""The drop-in as patches: kunit/commits says which files go into which, and with what words.

Each file kunit/commits/NN-NAME is a mail: the headers Subject, Files (patterns of paths in the kernel) and Topic
(none: the fabric, which all suites need), then the log. A file belongs to the one with the longest pattern that fits.
The files that name others (Kconfig, Makefile, .kunitconfig, the table in kunit.rst) grow from patch to patch: what
speaks of files that are not there yet is left out. A line of kunit/hooks comes with the file that it names, and so do
the entries of MAINTAINERS.snippet. Author and date are those of the cover letter, the fabric's being
kunit/commits/0000-cover-letter.patch.
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
GROWING = ("Kconfig", "Makefile", ".kunitconfig", "kunit.rst")
_OBJECT = re.compile(r"(?:CFLAGS_)?([\w-]+)\.[oc]\b")
_LIST = re.compile(r"([\w-]+?)-\S*\s*[:+]?=(.*)")
_ENTRY = re.compile(r"^(?:#.*\n)*config (\w+)\n(?:[ \t].*\n|\n)*", re.M)
_SETTING = re.compile(r"^(?:# )?CONFIG_(\w+)[= ].*\n?", re.M)
_LOGICAL = re.compile(r"(?:[^\n]*\\\n)*[^\n]+\n?|\n")
_SWITCH = re.compile(r"(?:obj|always)-\$\(CONFIG_(\w+)\)")
_FOLDER = re.compile(r"obj-\S+\s*\+?=\s*([\w./-]+)/\s*$")
_ROW = re.compile(r"^   \* - (\w+)\n(?:     .*\n)*", re.M)
_SOURCE = re.compile(r'^source "([^"]+)"\n', re.M)


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
            raise StackError(f"{path}: needs the headers Subject and Files, an empty line, and a log",
                             f"$EDITOR {path}")


def load(repo: Path):
    """Return the DropCommits of kunit/commits in order, each with its .files."""
    commits = [DropCommit(p) for p in sorted((Path(repo) / "kunit" / "commits").glob("[0-9]*"))
               if not p.name.startswith("0000-") and not p.name.endswith("~")]
    for name, _, _ in dropin.files(repo):
        fits = [(len(pattern), commit) for commit in commits for pattern in commit.patterns
                if fnmatch.fnmatchcase(name, pattern)]
        if fits:
            max(fits, key=lambda fit: fit[0])[1].files.add(name)
    return commits


def orphans(repo: Path, commits) -> list:
    """Return the paths of the drop-in that no commit takes."""
    taken = set().union(*[c.files for c in commits]) if commits else set()
    return [name for name, _, _ in dropin.files(repo) if name not in taken]


def growing(repo: Path, have) -> dict:
    """Return {path: text} of the files that name others (GROWING) when only the files in have are there.

    Left out are Makefile lines that need a source or a folder that is not there, paragraphs with nothing else in them,
    source lines of a Kconfig that is not there, the symbols that only such lines build, or that only such symbols
    use, of Kconfig and .kunitconfig, and rows of kunit.rst for suites that are not there.
    """
    found = dropin.files(repo)
    every = {n: read_text(p) for n, p, _ in found if posixpath.basename(n) in GROWING}
    sources = {posixpath.basename(n)[:-2]: n for n, _, _ in found if n.endswith(".c")}
    away = {stem for stem, n in sources.items() if n not in have}
    text = "\n".join(every.values())
    lines = text.replace("\\\n", " ").splitlines()
    made = [(part.group(1), set(_OBJECT.findall(part.group(2)))) for part in map(_LIST.match, lines) if part]
    away |= {name for name, objects in made if objects & away}
    switches = [m for m in map(_SWITCH.match, lines) if m]
    built = {m.group(1) for m in switches}
    gone = {m.group(1) for m in switches if away & set(_OBJECT.findall(m.string))}
    for symbol in {m.group(1) for m in _ENTRY.finditer(text)} - built:
        users = {m.group(1) for m in _ENTRY.finditer(text) if re.search(rf"\b{symbol}\b", m.group())} - {symbol}
        if users and users <= gone:
            gone.add(symbol)

    def stays(name, line):
        """Whether a line of the Makefile name stays; None for one that names nothing of ours."""
        switch, named, folder = _SWITCH.match(line), set(_OBJECT.findall(line)), _FOLDER.match(line)
        if folder:
            return posixpath.join(posixpath.dirname(name), folder.group(1), "Makefile") in have
        if switch:
            return switch.group(1) not in gone
        return False if named & away else True if named & set(sources) else None

    def makefile(name: str, text: str) -> str:
        parts = []
        for part in re.split(r"\n\n+", text.strip("\n")):
            kept = [(raw, stays(name, raw.replace("\\\n", " "))) for raw in _LOGICAL.findall(part)]
            if not any(s is False for _, s in kept) or any(s for _, s in kept):
                parts.append("".join(raw for raw, s in kept if s is not False).rstrip("\n"))
        return "\n\n".join(parts) + "\n"

    def kconfig(_, text: str) -> str:
        text = _SOURCE.sub(lambda m: m.group() if m.group(1) in have else "", text)
        return _without(_ENTRY, text, gone).rstrip("\n") + "\n"

    suites = {stem[:-len("_kunit")] for stem in away if stem.endswith("_kunit")}
    rules = {"Makefile": makefile, "Kconfig": kconfig, ".kunitconfig": lambda _, t: _without(_SETTING, t, gone),
             "kunit.rst": lambda _, t: _without(_ROW, t, suites)}
    return {n: rules[posixpath.basename(n)](n, text) for n, text in every.items() if n in have}


def _without(pattern, text, gone):
    """Return text without what pattern finds of the symbols in gone."""
    return pattern.sub(lambda m: "" if m.group(1) in gone else m.group(), text)


def tree_with(git_dir: Path, parent, repo: Path, have, new):
    """Return the tree id of parent plus the files new; have: all that are there then.

    parent: commit with the files of `have` less `new`.
    """
    texts = growing(repo, have)
    found = [item for item in dropin.files(repo) if item[0] in new or item[0] in texts]
    hooked = [h for h in dropin.hooks(repo) if dropin.hooked_file(h[1], h[3]) in new]
    return dropin.add(git_dir, parent, found, hooked, dropin.people(repo, have), texts)
