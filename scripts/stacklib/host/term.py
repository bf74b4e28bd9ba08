# SPDX-License-Identifier: GPL-2.0
"""What the tool says: errors, progress, tables, colour.

On a terminal progress is one line that rewrites itself; in a pipe it is one
plain line per step, where two texts that differ only in numbers are one step.
"""
import contextlib
import difflib
import json
import os
import re
import shutil
import sys

from stacklib.host import env

COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "grey": 90, "bold": 1}

# What begins a sequence of our own, until it is printed: nobody else can know it.
_ESC = "\0" + os.urandom(8).hex()
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# open: a progress line is; step: the last one told in a pipe; to: where all goes, None for standard output;
# level: -1 with --quiet, 1 with --verbose
_state: dict = {"open": False, "step": None, "to": None, "level": 0}


class StackError(Exception):
    """A failure to report to the user.

    msg says what is wrong and where; mend is the command (or advice) that mends it, or None; code is the exit status:
    2 for wrong use or a broken environment, 1 for a finding.
    """

    def __init__(self, msg, mend=None, code=2):
        super().__init__(msg)
        self.msg = msg
        self.mend = mend
        self.code = code


def set_level(level: int) -> None:
    """How much is told: -1 no progress and no notes, 0 as always, 1 also what is expected."""
    _state["level"] = level


def verbose() -> bool:
    """True with --verbose."""
    return _state["level"] > 0


def stream():
    """Where everything that is told goes."""
    return _state["to"] or sys.stdout


@contextlib.contextmanager
def on_stderr(wanted: bool = True):
    """Have everything told on standard error: standard output is for data (a mailbox, JSON)."""
    before = _state["to"]
    _state["to"] = sys.stderr if wanted else before
    try:
        yield
    finally:
        done()
        _state["to"] = before


def data(value) -> None:
    """Print a value as JSON on standard output, which has nothing else then."""
    done()
    print(json.dumps(value, indent=1), flush=True)


def is_terminal() -> bool:
    """True when what is told goes to a terminal that can rewrite a line."""
    return stream().isatty() and env.variable("TERM") not in ("", "dumb")


def colour(text: str, name: str):
    """Return text in the named colour of COLOURS; unchanged in a pipe or with NO_COLOR."""
    if not is_terminal() or env.variable("NO_COLOR"):
        return text
    return f"{_ESC}[{COLOURS[name]}m{text}{_ESC}[0m"


def clean(text) -> str:
    """Return text as it may be printed: of what could steer a terminal, only our own colours do so.

    Subjects, logs and file names are strangers' words.
    """
    parts = str(text).split(_ESC)
    return "\033".join(_CONTROL.sub(lambda m: m.group().encode("unicode_escape").decode(), part) for part in parts)


def progress(text: str) -> None:
    """Show what is being done now; a later call or done() takes it away."""
    if _state["level"] < 0:
        return
    if is_terminal():
        width = shutil.get_terminal_size().columns - 1
        stream().write("\r\033[K" + clean(text[:width]))
        stream().flush()
        _state["open"] = True
        return
    step = re.sub(r"\s*\d+", "#", text)
    if step != _state["step"]:
        _state["step"] = step
        print(clean(text), file=stream(), flush=True)


def done() -> None:
    """End the progress line, if one is open."""
    if _state["open"]:
        stream().write("\r\033[K")
        stream().flush()
        _state["open"] = False
    _state["step"] = None


def say(text: str = "") -> None:
    """Print one line, past any progress line."""
    done()
    print(clean(text), file=stream(), flush=True)


def note(text: str) -> None:
    """Print one line that --quiet leaves away."""
    if _state["level"] >= 0:
        say(text)


def warn(text: str) -> None:
    """Print one note on standard error, past any progress line."""
    done()
    print("stack: " + clean(text), file=sys.stderr, flush=True)


def meant(word: str, known) -> str:
    """Return ", did you mean 'x'?" for the one of known that is nearest to a mistyped word, "" when none is near."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f", did you mean '{near[0]}'?" if near else ""


def error(exc) -> None:
    """Print a StackError on standard error: the message, then what mends it."""
    done()
    print(clean(colour("stack: error: ", "red") + exc.msg), file=sys.stderr)
    for line in filter(None, (exc.mend or "").split("\n")):
        print("  mend: " + clean(line), file=sys.stderr)
    sys.stderr.flush()


def table(rows, indent: str = "") -> None:
    """Print rows (lists of str; the first is the header) in aligned columns."""
    if not rows:
        return
    done()
    rows = [[clean(cell) for cell in row] for row in rows]
    plain = [[re.sub(r"\033\[\d+m", "", cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in plain if i < len(row)) for i in range(max(len(row) for row in plain))]
    for row, bare in zip(rows, plain):
        cells = [cell + " " * (widths[i] - len(bare[i])) for i, cell in enumerate(row)]
        print((indent + "  ".join(cells)).rstrip(), file=stream())
    stream().flush()
