# SPDX-License-Identifier: GPL-2.0
"""MAINTAINERS.snippet: the entries for what the stack adds to a kernel tree, and their place in it."""
import fnmatch
import re
from pathlib import Path

from stacklib.host.files import read_text
from stacklib.host.term import StackError

SNIPPET = "MAINTAINERS.snippet"
TARGET = "MAINTAINERS"
_ENTRY = re.compile(r"^(?![A-Z]:\t)(\S.*)\n(?=[A-Z]:\t)", re.M)


def entries(repo: Path):
    """Return [(title, text)] of MAINTAINERS.snippet, in its order; [] without one."""
    path, found = Path(repo) / SNIPPET, []
    for block in re.split(r"\n\s*\n", read_text(path).strip("\n")) if path.is_file() else ():
        title, _, rest = block.partition("\n")
        if not rest or not all(re.match(r"[A-Z]:\t\S", line) for line in rest.splitlines()):
            raise StackError(f"{path}: the entry '{title}' is not a title and lines of the form "
                             "X:<TAB>text", f"$EDITOR {SNIPPET}")
        found.append((title, block + "\n"))
    return found


def limited(found, names) -> list:
    """Return the entries with those F: lines alone that fit one of names; without any, none."""
    result = []
    for title, text in found:
        lines = [line for line in text.splitlines(True) if not line.startswith("F:") or fits(line[2:].strip(), names)]
        if any(line.startswith("F:") for line in lines):
            result.append((title, "".join(lines)))
    return result


def fits(pattern: str, names) -> bool:
    """Return whether a pattern of an F: line, as get_maintainer.pl reads it, fits one of names."""
    return any(name.startswith(pattern) if pattern.endswith("/") else
               fnmatch.fnmatchcase(name, pattern) and name.count("/") == pattern.count("/") for name in names)


def merge(text: str, found):
    """Return the text of a MAINTAINERS with entries put where the alphabet wants them.

    An entry of a title that is there already takes its place: it has grown. Nothing else changes.
    """
    heading = re.search(r"^Maintainers List\n", text, re.M)
    start = heading.end() if heading else 0
    for title, entry in found:
        same = re.compile(rf"^{re.escape(title)}\n(?:[A-Z]:\t.*\n)+", re.M).search(text, start)
        if same:
            text = text[:same.start()] + entry + text[same.end():]
            continue
        later = next((m for m in _ENTRY.finditer(text, start) if key(m.group(1)) > key(title)), None)
        if later:
            text = text[:later.start()] + entry + "\n" + text[later.start():]
        else:
            text = text.rstrip("\n") + "\n\n" + entry
    return text


def key(title: str) -> tuple:
    """What parse-maintainers.pl sorts by; THE REST is the last."""
    return (title == "THE REST", title.upper())
