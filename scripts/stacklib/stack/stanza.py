# SPDX-License-Identifier: GPL-2.0
"""Lists of exceptions that must be argued: stanzas of `key: value` lines.

    # a comment
    report: a regular expression
    reason: why this is no fault of what is under test;
            a value goes on in indented lines
    until:  what must happen before the entry can go

An empty line ends a stanza. Anything that cannot be read is an error, never
an entry that silently allows too much or nothing.
"""
from dataclasses import dataclass
import re

from stacklib.host import term

_KEY = re.compile(r"([a-z][a-z-]*):[ \t]*(.*)$")


@dataclass
class Stanza:
    """One entry: its values by key, and the line it starts on (from 1)."""

    line: int
    values: dict

    def get(self, key: str, default: str = ""):
        """The value of @key, or @default when the entry does not have it."""
        return self.values.get(key, default)


def _error(name, line, what):
    return term.StackError(f"{name}:{line}: {what}", mend=f"correct line {line} of {name}")


def parse(text, name, required, optional=()):
    """Return the Stanzas of a text; name: what messages call the file; required, optional: keys that an entry must and
    may have.

    Raises term.StackError, with file and line, for whatever cannot be read, is missing or is empty.
    """
    stanzas, current, key = [], None, ""
    for number, line in enumerate(text.splitlines(), 1):
        match = _KEY.match(line)
        if line.startswith("#"):
            continue
        if not line.strip():
            current = None
        elif line[0] in " \t":
            if not current:
                raise _error(name, number, "a continued line with nothing before it")
            current.values[key] += " " + line.strip()
        elif not match:
            raise _error(name, number, f"not a 'key: value' line: {line!r}")
        else:
            if not current:
                current = Stanza(number, {})
                stanzas.append(current)
            key = match.group(1)
            if key not in (*required, *optional):
                raise _error(name, number, f"unknown key '{key}' (known: {', '.join((*required, *optional))})")
            if key in current.values:
                raise _error(name, number, f"'{key}' stands twice in one entry")
            current.values[key] = match.group(2).strip()
    for entry in stanzas:
        for key in required:
            if not entry.get(key):
                raise _error(name, entry.line, f"the entry has no '{key}'")
    return stanzas
