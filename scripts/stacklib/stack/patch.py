# SPDX-License-Identifier: GPL-2.0
"""The one parser of a patch: bytes in, its headers, log, files, hunks and lines out, with their places.

It reads what git am would: the log ends where git mailinfo ends it, and a diff is what git apply takes for
one (builtin/mailinfo.c and apply.c of git): `diff --git`, its names in C quotes or not, renames, copies,
modes, binary, and plain `---`/`+++` pairs, as quilt and diff write them. A test holds it against git. What a
commit changes is asked of git (git diff-tree); this is for a patch that is no commit yet, and for places.

A mail that is encoded (base64, quoted-printable, multipart) is made plain by applying.plain() before.
"""
import codecs
import email.errors
import email.header
import functools
import itertools
import posixpath
import re
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional, Tuple

_HEADER = re.compile(rb"[!-9;-~]+:([ \t]|\r?$)")
_BREAK = re.compile(rb"diff -|Index: |---[ \t\r\f\v]*$|--- \S")  # where git mailinfo ends the log
_HUNK = re.compile(rb"@@ -(\d{1,18})(?:,(\d{1,18}))? \+(\d{1,18})(?:,(\d{1,18}))? @@")
_STAMP = re.compile(rb"(?<![ \t])[ \t]+\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d\d:?\d\d)?\s*$")
_MODE = re.compile(rb"(new file|deleted file|old|new) mode (\d+)")
_MOVE = re.compile(rb"(?:rename|copy) (from|to|old|new) (.*)")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.S)
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
_NULL = re.compile(rb"/dev/null(\s|$)")
_BINARY = re.compile(rb"GIT binary patch\r?$|(?:Binary files|Files) .* differ\r?$")
# What checkpatch.pl takes for a file's name, in the log and within hunks, too: it counts no lines.
_TAKEN = re.compile(rb"^(?:\+\+\+[^\S\n]+(\S+)|diff --git(?:[^\n]*[^\S\n])?(\S+)$)", re.M)
# Where git mailsplit begins another mail (is_from_line() of builtin/mailsplit.c), here with the headers below it.
_MAIL = re.compile(rb"^From (?=[^\n]{14})[^\n]*\d[^\n]\d\d:\d\d[ \t]*\+?0*(?:9[1-9]|[1-9]\d\d)[^\n:]*\n"
                   rb"((?:[!-9;-~]+:[^\n]*\n|[ \t]+\S[^\n]*\n)*)", re.M)
_SHELL = re.compile(rb"[`$;|&<>()'\"\\]")
# What it hands to spdxcheck.py, in a shell's double quotes, when it counts the line among the first of a file; how it
# counts is its own affair. A quote that nothing but the end of a statement follows cannot run anything.
_LICENCE = re.compile(rb"^\+[^\n]*?SPDX-License-Identifier: ([^\n]*)", re.M)
_QUOTED = re.compile(rb'[`$\\]|"(?![);,\s]*$)')
# Files of the kernel have no others in their names. Blanks, quotes, $ ; | and their like are a shell's, = and % are
# make's, and a colon ends the name in a finding.
_ODD = re.compile(r"[^A-Za-z0-9_./+,@\x80-\U0010ffff-]")
# The diffstat: a line of a file, the sum, and what format-patch tells of modes and names below it.
_STAT, _SUM = re.compile(r" \S.* \|\s+(?:\d+|Bin)(?: |$)"), re.compile(r" (\d{1,6}) files? changed(?:,|$)")
_SUMMARY = re.compile(r" (?:(?:create|delete) mode \d{6} |mode change \d{6} => \d{6} |"
                      r"(?:rename|copy|rewrite) .* \(\d+%\)$)")
MOST = 50  # lines of one patch that are told to be refused
# What GNU patch takes for the begin of a diff, and what it does not see before it (pch.c).
_INDENT = re.compile(r"^(?:[ \tX]|- )*")
_DIFF_LINE = re.compile(r"diff --git |@@ -\d")
_NORMAL = re.compile(r"\d+(?:,\d+)?[acd]\d+(?:,\d+)?\s*$")
_ED = re.compile(r"\d+(?:,\d+)?[acd]\s*$")
# For bytes.decode(): what is no UTF-8 is Latin-1, byte by byte (verify_utf8() of git's commit.c).
LATIN1 = "stack-latin-1"
codecs.register_error(LATIN1, lambda e: (e.object[e.start:e.end].decode("latin-1"), e.end)
                      if isinstance(e, UnicodeDecodeError) else codecs.strict_errors(e))
LINK = "120000"  # git's mode of a symbolic link


@dataclass
class Line:
    """A line: .no (from 1) .text; of a hunk also .file and .src, its number after the patch (0: removed)."""

    no: int
    text: str
    file: str = ""
    src: int = 0


@dataclass
class Hunk:
    """A hunk: .no of its @@ line, .file, .lines, .whole (it has as many as the @@ line says)."""

    no: int
    file: str
    lines: List[Line] = field(default_factory=list)
    whole: bool = False


@dataclass
class File:
    """What a patch does to a file: .no of its first line, .old .new (path; None: not there), .mode (of the
    new one, "" when it is not said), .hunks, .index (the line with the ids), .binary, .noprefix (there is
    no a/ and b/, so that git would take away the first folder), .prefixed (they are a/ and b/)"""

    no: int
    old: Optional[str] = None
    new: Optional[str] = None
    mode: str = ""
    hunks: List[Hunk] = field(default_factory=list)
    index: Optional[Line] = None
    binary: bool = False
    noprefix: bool = False
    prefixed: bool = True

    @property
    def path(self) -> str:
        """The path after the patch, that before it for a file which goes."""
        return self.new or self.old or ""


class Parsed:
    """.lines (str) .headers {lower-case name: Line} .log [Line] .separator (number of the line `---`, or 0)
    .start (number of the line that ends the log) .files [File] .errors [Line] .signature (number of a line
    `-- ` behind a diff, or 0)"""

    def __init__(self, data: bytes):
        self.raw = data.split(b"\n")
        if not self.raw[-1]:
            self.raw.pop()
        self.lines = [line.decode("utf-8", "replace") for line in self.raw]
        self.headers: Dict[str, Line] = {}
        self.log: List[Line] = []
        self.files: List[File] = []
        self.errors: List[Line] = []
        self.separator = self.signature = 0
        self.strip = 1
        self.start = self._log(self._headers())
        self._diffs(self.start - 1)

    @property
    def paths(self) -> List[str]:
        """The sorted paths that the diffs touch, both of a rename."""
        return sorted({name for file in self.files for name in (file.old, file.new) if name})

    @property
    def hunks(self) -> List[Hunk]:
        """All hunks in order."""
        return [hunk for file in self.files for hunk in file.hunks]

    @functools.cached_property
    def context(self) -> Dict[int, Line]:
        """{number: Line} of the lines of all hunks."""
        return {line.no: line for hunk in self.hunks for line in hunk.lines}

    @property
    def added(self) -> List[Line]:
        """The lines that the diffs add."""
        return [line for line in self.context.values() if line.text[:1] == "+"]

    @property
    def below(self) -> List[Line]:
        """The lines between the end of the log and the first diff: a person's notes, and the diffstat."""
        first = self.files[0].no if self.files else len(self.lines) + 1
        begin = self.separator + 1 if self.separator else self.start
        return [Line(no, self.lines[no - 1]) for no in range(begin, first)]

    @property
    def notes(self) -> str:
        """What a person wrote below the `---`, without the diffstat and blank lines around."""
        texts = [line.text for line in self.below]
        begin, _, end = self._diffstat(texts)
        parts = ("\n".join(part).strip("\n") for part in (texts[:begin], texts[end:]))
        return "\n\n".join(filter(None, parts)) if self.separator and self.files else ""

    @property
    def stat(self) -> Optional[Line]:
        """The line of the diffstat that sums it up."""
        below = self.below
        begin, at, end = self._diffstat([line.text for line in below])
        return below[at] if begin < end else None

    @staticmethod
    def _diffstat(texts: List[str]) -> Tuple[int, int, int]:
        """Return the indices in the texts below the log of the last diffstat: begin, sum, end; all len(texts) for none.
        It has no more lines than it says files, so that a table of a person's above it is none of it."""
        for at in range(len(texts) - 1, 0, -1):
            found = _SUM.match(texts[at])
            if found and _STAT.match(texts[at - 1]):
                begin, end = at, at + 1
                while begin and at - begin < int(found.group(1)) and _STAT.match(texts[begin - 1]):
                    begin -= 1
                while end < len(texts) and _SUMMARY.match(texts[end]):
                    end += 1
                return begin, at, end
        return (len(texts),) * 3

    @property
    def in_log(self) -> Optional[Line]:
        """The line of the log, or of the notes, at which patch(1), and so quilt, would find a diff, indented or not."""
        lines, command = self.log + self.below, False
        for line, after in zip(lines, lines[1:] + [Line(0, "")]):
            text, below = (_INDENT.sub("", one.text) for one in (line, after))
            if _DIFF_LINE.match(text) or (text.startswith("--- ") and below.startswith("+++ ")) or (
                    text.startswith("********") and below.startswith("*** ")) or (
                    _NORMAL.match(text) and below[:2] in ("< ", "> ")) or (command and text == "."):
                return line
            command |= bool(_ED.match(text))
        return None

    def header(self, name: str) -> str:
        """Return a header decoded; "" when it is not there."""
        return decoded(self.headers[name.lower()].text).strip() if name.lower() in self.headers else ""

    def header_line(self, name: str) -> int:
        """Return the number of a header's line, 1 when it is not there."""
        return self.headers[name.lower()].no if name.lower() in self.headers else 1

    def where(self, no: int) -> str:
        """Return " (file:line)" of the source that line no of the patch shows, or ""."""
        line = self.context.get(no)
        if not line:
            return ""
        return f" ({line.file}:{line.src})" if line.src else f" ({line.file})"

    def _headers(self) -> int:
        """Read the mail's headers; return the index of the first line of the log."""
        name = ""
        for at, (raw, text) in enumerate(zip(self.raw, self.lines)):
            if not raw.strip():
                return at + 1 if self.headers else at
            if raw[:1] in b" \t" and name:
                self.headers[name].text += " " + text.strip()
            elif _HEADER.match(raw) and not _BREAK.match(raw):
                name, _, value = text.partition(":")
                name = name.lower()
                self.headers.setdefault(name, Line(at + 1, value.strip()))
            elif not raw.startswith((b"From ", b">From ")):
                return at
        return len(self.raw)

    def _log(self, at: int) -> int:
        """Read the log from index at; return the number of the line that ends it."""
        for no in range(at + 1, len(self.raw) + 1):
            raw = self.raw[no - 1]
            if _BREAK.match(raw):
                self.separator = no if not raw.strip(b"-").strip() else 0
                return no
            self.log.append(Line(no, self.lines[no - 1]))
        return len(self.raw) + 1

    def _diffs(self, at: int) -> None:
        """Find the diffs from index at, as find_header() of git's apply.c does."""
        while at < len(self.raw):
            line, *below = (self.raw[at:at + 3] + [b"", b""])[:3]
            if line.startswith(b"diff --git "):
                at = self._git(at)
            elif line.startswith(b"--- ") and below[0].startswith(b"+++ ") and below[1].startswith(b"@@ -"):
                at = self._plain(at)
            else:
                if _HUNK.match(line):
                    self.errors.append(Line(at + 1, "a hunk of no file"))
                if line == b"-- " and self.files:
                    self.signature = at + 1
                at += 1

    def _git(self, at: int) -> int:
        """Read a diff that begins with `diff --git` at index at; return the index behind it."""
        file, pair = File(at + 1), self._pair(self.raw[at][len(b"diff --git "):].rstrip(b"\r"))
        full = {"old": pair[0], "new": pair[1]}  # with what stands in front
        paths: Dict[str, Optional[bytes]] = {}
        while at + 1 < len(self.raw):
            line = self.raw[at + 1].rstrip(b"\r")
            mode, move = _MODE.match(line), _MOVE.match(line)
            if line.startswith((b"--- ", b"+++ ")):
                side = "old" if line[:1] == b"-" else "new"
                if side not in paths and b"/" in line[4:]:  # of a file that is new or gone, /dev/null
                    full[side] = named(line[4:])
                    paths[side] = stripped(full[side], self.strip)
            elif move:
                side = "old" if move.group(1) in (b"from", b"old") else "new"
                paths[side] = unquoted(move.group(2)) if move.group(2)[:1] == b'"' else move.group(2)
                file.noprefix |= paths[side] == full[side]
            elif mode:
                if mode.group(1).endswith(b"file"):
                    side, other = ("new", "old") if mode.group(1)[:3] == b"new" else ("old", "new")
                    paths[side], paths[other] = stripped(pair[side == "new"], self.strip), None
                if mode.group(1)[:3] == b"new":
                    file.mode = mode.group(2).decode()
            elif line.startswith(b"index "):
                file.index = Line(at + 2, self.lines[at + 1].rstrip("\r"))
            elif not line.startswith((b"similarity index ", b"dissimilarity index ")):
                break
            at += 1
        if at + 1 == file.no:  # git makes no diff of it, but keeps its names for the next one
            self.errors.append(Line(file.no, "a line 'diff --git' that nothing of a diff follows"))
            return at + 1
        file.old, file.new = (text(paths[s] if s in paths else stripped(full[s], self.strip)) for s in ("old", "new"))
        tops = [(full[s] or b"").split(b"/")[0] for s in ("old", "new")]
        file.noprefix |= bool(tops[0]) and tops[0] == tops[1]
        file.prefixed = not any(name and top != want for name, top, want in zip(pair, tops, (b"a", b"b")))
        return self._hunks(at + 1, file)

    def _plain(self, at: int) -> int:
        """Read a diff of `---` and `+++` lines at index at; return the index behind it."""
        file, names = File(at + 1, prefixed=False), []
        for line in self.raw[at:at + 2]:
            names.append(None if _NULL.match(line[4:]) else named(_STAMP.sub(b"", line[4:])))
        if names[1] and b"/" not in names[1]:
            self.strip = 0  # and for what follows: guess_p_value() of apply.c
        old, new = (name and stripped(name, self.strip) for name in names)
        if old and new:  # "x.orig" and "x" are x
            old = new = new if not new.startswith(old) else old
        file.old, file.new = text(old), text(new)
        return self._hunks(at + 2, file)

    def _pair(self, line: bytes) -> Tuple[Optional[bytes], Optional[bytes]]:
        """Return the two names of a `diff --git` line, (None, None) when it does not say where the first ends."""
        if line[:1] == b'"':
            end = re.match(rb'"(?:[^"\\]|\\.)*" ', line)
            return (unquoted(line[:end.end() - 1]), named(line[end.end():])) if end else (None, None)
        if line[-1:] == b'"' and b' "' in line:
            return line[:line.index(b' "')], unquoted(line[line.index(b' "') + 1:])
        for at in (m.start() for m in itertools.islice(re.finditer(rb"[ \t]", line), 64)):  # or it takes minutes
            first, second = line[:at], line[at + 1:]
            if first and stripped(first, self.strip) == stripped(second, self.strip):
                return first, second
        return None, None

    def _hunks(self, at: int, file: File) -> int:
        """Read the hunks of a file at index at; return the index behind them."""
        if not file.path:
            self.errors.append(Line(file.no, "a diff that names no file"))
        self.files.append(file)
        file.binary = at < len(self.raw) and bool(_BINARY.match(self.raw[at]))
        while at < len(self.raw) and _HUNK.match(self.raw[at]):
            at = self._hunk(at, file)
        return at

    def _hunk(self, at: int, file: File) -> int:
        """Read one hunk; return the index behind its last line."""
        match = _HUNK.match(self.raw[at])
        assert match
        old, new = (int(match.group(n) or 1) for n in (2, 4))
        src, hunk = int(match.group(3)), Hunk(at + 1, file.path)
        file.hunks.append(hunk)
        for at in range(at + 1, len(self.raw)):
            sign = self.raw[at][:1] or b" "
            if sign not in b" +-\\" or (sign != b"\\" and not old and not new) or \
                    (sign in b" -" and not old) or (sign in b" +" and not new):
                break
            hunk.lines.append(Line(at + 1, self.lines[at], file.path, src if sign in b" +" else 0))
            old, new, src = old - (sign in b" -"), new - (sign in b" +"), src + (sign in b" +")
        else:
            at = len(self.raw)
        hunk.whole = not old and not new
        if not hunk.whole:
            self.errors.append(Line(hunk.no, "the hunk ends before it should"))
        return at


def decoded(value: str) -> str:
    """Return a header's value with its encoded words (RFC 2047) decoded; as it is when they cannot be."""
    try:
        return str(email.header.make_header(email.header.decode_header(value)))
    except (LookupError, ValueError, email.errors.MessageError):
        return value


def text(name: Optional[bytes]) -> Optional[str]:
    """Return a path as str (what is not UTF-8 as surrogates), None for none."""
    return name.decode("utf-8", "surrogateescape") if name else None


def unquoted(name: bytes) -> bytes:
    """Return a name without its C quotes."""
    return _ESCAPE.sub(lambda m: bytes([int(m.group(1), 8) & 255]) if len(m.group(1)) == 3 and m.group(1).isdigit()
                       else _ESCAPES.get(m.group(1), m.group(1)), name[1:-1])


def named(rest: bytes) -> bytes:
    """Return the name at the beginning of what follows `--- `, `rename from ` and the like."""
    quoted = re.match(rb'"(?:[^"\\]|\\.)*"', rest)
    return unquoted(quoted.group()) if quoted else re.split(rb"[\0\t\r\n\f\v]", rest, maxsplit=1)[0]


def stripped(name: Optional[bytes], count: int) -> Optional[bytes]:
    """Return a name without its first `count` folders, None when it has no more."""
    if name is None or name.count(b"/") < count:
        return None
    return re.sub(rb"/+", b"/", name.split(b"/", count)[count]) or None


def odd(name: str) -> str:
    """Return what is wrong with the name of a file for a shell, make or the kernel's scripts; "" for nothing."""
    parts = name.lower().split("/")
    if not name.isprintable():
        return "is not UTF-8" if re.search("[\ud800-\udfff]", name) else "has a character that cannot be printed"
    if name[0] in "/-":
        return f"begins with {name[0]}"
    if {"", ".", "..", ".git"} & set(parts):
        return "has a part that is empty, . or .. or .git"
    found = _ODD.search(name)
    return f"has {found.group()!a}, which a shell, make or a script of the kernel would interpret" if found else ""


def second_mail(data: bytes) -> Optional[Line]:
    """Return the Line at which another mail begins, of which git am makes a commit of its own and git mailinfo more
    text of the first; None for one mail. A log may have such a line, which format-patch does not quote, but no From:
    below it."""
    top = len(data) - len(data.lstrip())
    found = [(no, match) for no, match in places(_MAIL, data) if match.start() > top]
    files = Parsed(data).files if found else []
    for no, match in found:
        if (files and no > files[0].no or re.search(rb"^from:", match.group(1), re.M | re.I)):
            return Line(no, "a second mail begins here")
    return None


def refused(data: bytes) -> List[Line]:
    """Return the lines of a patch for which no check and no tree may see it, each with the reason: names that a
    program would interpret, or that lead out of the tree, and what git and others read differently."""
    parsed = Parsed(data)
    found = [line for line in parsed.errors if "diff --git" in line.text][:MOST]
    for file in parsed.files:
        if len(found) >= MOST:
            break
        found += [Line(file.no, f"the name {name!a} {odd(name)}") for name in dict.fromkeys((file.old, file.new))
                  if name and odd(name)]
        target = "".join(line.text[1:] for hunk in file.hunks for line in hunk.lines if line.text[:1] == "+")
        if file.mode == LINK and leads_out(file.path, target):
            found.append(Line(file.no, f"the symbolic link {file.path} leads out of the tree, to {target!a}"))
    for no, match in places(_TAKEN, data):
        name = re.sub(rb"\\[0-7]{3}", b"", (match.group(1) or match.group(2)).strip(b'"'))
        if _SHELL.search(name):
            found.append(Line(no, f"checkpatch.pl takes {shown(name)} for a name, and has a shell read it"))
        if len(found) >= MOST:
            break
    for no, match in places(_LICENCE, data):
        if _QUOTED.search(match.group(1)):
            found.append(Line(no, f"checkpatch.pl has a shell read the licence {shown(match.group(1))}"))
        if len(found) >= MOST:
            break
    return sorted(found, key=lambda line: line.no)[:MOST]


def leads_out(path: str, target: str) -> bool:
    """Return whether a symbolic link at path of a tree may lead out of it: absolute, above the top, or with a .. behind
    a name, which may be a link itself."""
    inner = target.split("/")
    while inner and inner[0] in ("..", "."):
        inner.pop(0)
    where = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return posixpath.isabs(target) or ".." in inner or where == ".." or where.startswith("../")


def places(form: "re.Pattern[bytes]", data: bytes) -> Iterator[Tuple[int, "re.Match[bytes]"]]:
    """Yield (number of its line, match) of each match in data."""
    no, last = 1, 0
    for match in form.finditer(data):
        no, last = no + data.count(b"\n", last, match.start()), match.start()
        yield no, match


def shown(text: bytes) -> str:
    """Return what can be printed of bytes that a stranger chose."""
    return ascii(text[:80].decode("utf-8", "replace"))
