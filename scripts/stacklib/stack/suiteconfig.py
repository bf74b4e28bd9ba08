# SPDX-License-Identifier: GPL-2.0
"""What a suite of the drop-in needs in .config: from its Kconfig symbol, and the .kunitconfig beside it.

The symbol of suite x is X_KUNIT_TEST, in one Kconfig below kunit/. It is set, and so is what it `depends on` (SYMBOL
or SYMBOL=y; of what has ||, ! or another value in it, the configuration makes its choice), what the `if` around it
names, and what these depend on as far as they are symbols of the drop-in. The lines of .kunitconfig before its first
empty one are for each suite of the folder; the rest is for those who call kunit.py by hand.
"""
import posixpath
import re
from pathlib import Path

from stacklib.host.files import read_text
from stacklib.host.term import StackError
from stacklib.stack import dropin

_LINE = re.compile(r"if (?P<if>.+)|(?P<endif>endif)\b|(?:menu)?config (?P<name>\w+)|"
                   r"\t(?:depends on|def_bool) (?P<needs>.+)")
_TERM = re.compile(r"([A-Z0-9_]+)(?:=y)?")


def symbol(suite: str) -> str:
    """Return the Kconfig symbol of a suite."""
    return f"{suite.upper()}_KUNIT_TEST"


def terms(expression: str) -> list:
    """Return the symbols that must be y for a Kconfig expression, as far as there is one way only."""
    depth, outside = 0, []  # what is in parentheses is for the configuration
    for part in re.split(r"([()])", expression):
        depth += (part == "(") - (part == ")")
        outside += [part] if not depth else []
    expression = "".join(outside)
    found = [] if "||" in expression else [_TERM.fullmatch(part.strip()) for part in expression.split("&&")]
    return [match.group(1) for match in found if match]


def read(repo: Path, top=None) -> dict:
    """Return {symbol: (path of its Kconfig in the kernel, [symbols that it needs])} of the drop-in.

    top: read the files there, a kernel tree with the drop-in (default: in the drop-in)
    """
    found = {}
    for path in (name for name, _, _ in dropin.files(repo) if posixpath.basename(name) == "Kconfig"):
        file, around, needs = Path(top or Path(repo) / "kunit") / path, [], []
        if not file.is_file():
            raise StackError(f"{file} is not in the tree: the drop-in is not applied", "scripts/stack apply")
        for match in map(_LINE.match, read_text(file).replace("\\\n", " ").splitlines()):
            if not match:
                continue
            if match["if"]:
                around.append(terms(match["if"].partition("#")[0]))
            elif match["endif"]:
                around = around[:-1]
            elif match["name"]:
                needs = [name for names in around for name in names]
                found[match["name"]] = (path, needs)
            else:
                needs += terms(match["needs"])
    return found


def lines(repo: Path, top, suites) -> list:
    """Return the lines of the .kunitconfig with which these suites are built in top, sorted; top: as for read()."""
    known, every = read(repo, top), set()
    for suite in suites:
        if symbol(suite) not in known:
            raise StackError(f"suite '{suite}' has no symbol {symbol(suite)} in a Kconfig below kunit/",
                             "write it into the Kconfig beside the source of the suite")
        common = Path(top or Path(repo) / "kunit") / posixpath.dirname(known[symbol(suite)][0]) / ".kunitconfig"
        if common.is_file():
            every |= set(read_text(common).partition("\n\n")[0].splitlines())
        todo, seen = [symbol(suite)], set()
        while todo:
            name = todo.pop()
            seen.add(name)
            todo += [need for need in known.get(name, ("", []))[1] if need not in seen]
        every |= {f"CONFIG_{name}=y" for name in seen}
    return sorted(every)
