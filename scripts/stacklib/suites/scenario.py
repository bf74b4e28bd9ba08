# SPDX-License-Identifier: GPL-2.0
"""What scripts/e2e is told to do, and what came of it.

The folder e2e/ of a topic has
  scenarios      sections [NAME], see Scenario
  machines       sections [NAME], see Machine
  guest.sh       shell functions: the words that scenarios use, and begin, left, again (see guest.INIT)
  kernel.config  what the kernel has on top of allnoconfig
  *.c            programs for the guest, each linked statically
  selftests      lines "FOLDER PROGRAM": the same of the kernel's tools/testing/selftests, where the kernel has them
"""
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
import re
import shlex
from typing import Dict, List, Sequence, Tuple

from stacklib.host import term
from stacklib.stack import series

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ,.:+_-]{0,90}")
_STEP = re.compile(r"(\d{1,5}) ([^;\0-\x1f]{1,200})")
_KEYS = {"machines": "", "begin": "", "runs": "1", "steps": "", "loop": "0", "limit": "120"}
_MACHINE_KEYS = {"devices": "", "hot": "", "globals": "", "kernel": "", "guest": ""}
# In this order; a report of the kernel names its kind (see splats.HEADERS).
OOPS = ("panic", "bug", "kasan", "list", "refcount", "slub")
LATE = ("hung-task", "lockup", "rcu")


@dataclass
class Scenario:
    """One section of the file scenarios: .machines (names) .begin (of the guest, before) .runs (per machine)
    .steps [(milliseconds after the first, command)] .loop (seconds in which each step is done again and again; 0:
    once) .limit (seconds until it is called hung)"""

    name: str
    machines: List[str]
    begin: str
    runs: int
    steps: List[Tuple[int, str]]
    loop: int
    limit: int


@dataclass
class Machine:
    """One section of the file machines: .devices (-device, in order) .globals (-global) .hot (the device that comes
    and goes, its id is hot) .kernel (arguments of the kernel) .guest (NAME=VALUE, for guest.sh)"""

    name: str
    devices: List[str]
    hot: Dict[str, str]
    globals: List[str]
    kernel: str
    guest: List[str]


@dataclass
class Outcome:
    """What came of one run: .words (none: it ended, with nothing to tell; else see scripts/e2e)
    .titles (of the kernel's reports) .said (lines of the guest) .seconds .log (path)"""

    scenario: str
    machine: str
    number: int
    words: List[str] = field(default_factory=list)
    titles: List[str] = field(default_factory=list)
    said: List[str] = field(default_factory=list)
    seconds: float = 0.0
    log: str = ""


def _sections(path: Path, known: Dict[str, str]):
    """Yield (name, dict of all keys) of each section of an ini file; StackError for what is not known."""
    conf = series.read_ini(path)
    for name in conf.sections():
        if not _NAME.fullmatch(name):
            raise term.StackError(f"{path}: [{name[:60]}] is no name for a section", f"$EDITOR {path}")
        odd = [key for key in conf[name] if key not in known]
        if odd:
            raise term.StackError(f"{path}: [{name}] has an unknown key '{odd[0]}'{term.meant(odd[0], known)}",
                                  f"one of {', '.join(known)}")
        yield name, {**known, **conf[name]}


def _number(path: Path, name: str, key: str, text: str, least: int, most: int) -> int:
    if not re.fullmatch("[0-9]{1,6}", text) or not least <= int(text) <= most:
        raise term.StackError(f"{path}: [{name}] {key}: '{text[:40]}' is no number from {least} to {most}",
                              f"$EDITOR {path}")
    return int(text)


def _steps(path: Path, name: str, text: str) -> List[Tuple[int, str]]:
    """The steps "0 COMMAND; MILLISECONDS COMMAND ..." of a scenario."""
    found = []
    for part in filter(None, map(str.strip, text.split(";"))):
        match = _STEP.fullmatch(part)
        if not match:
            raise term.StackError(f"{path}: [{name}] steps: '{part[:60]}' is not MILLISECONDS COMMAND",
                                  f"$EDITOR {path}")
        found.append((int(match.group(1)), match.group(2)))
    if not 1 <= len(found) <= 6:
        raise term.StackError(f"{path}: [{name}] has {len(found)} steps, wanted are 1 to 6", f"$EDITOR {path}")
    return found


def read_scenarios(path: Path, machines: Sequence[str]) -> List[Scenario]:
    """The scenarios in a file; StackError that names the place for one that cannot be."""
    found = []
    for name, keys in _sections(path, _KEYS):
        names = keys["machines"].split()
        odd = [one for one in names if one not in machines]
        if odd or not names:
            raise term.StackError(f"{path}: [{name}] machines: " + (f"no machine '{odd[0]}'" if odd else "none named"),
                                  "one of " + ", ".join(machines))
        number = {key: _number(path, name, key, keys[key], *span) for key, span in
                  {"runs": (1, 1000), "loop": (0, 600), "limit": (10, 1200)}.items()}
        found.append(Scenario(name, names, keys["begin"], number["runs"], _steps(path, name, keys["steps"]),
                              number["loop"], number["limit"]))
    return found


def read_machines(path: Path) -> Dict[str, Machine]:
    """The machines in a file by name; StackError that names the place for one that cannot be."""
    found = {}
    for name, keys in _sections(path, _MACHINE_KEYS):
        try:
            hot = dict((["driver"] + part.split("=", 1))[-2:] for part in keys["hot"].split(",") if part)
            guest = shlex.split(keys["guest"])
        except ValueError as exc:
            raise term.StackError(f"{path}: [{name}]: {exc}", f"$EDITOR {path}") from exc
        if not hot.get("driver"):
            raise term.StackError(f"{path}: [{name}] has no hot, the device that comes and goes", f"$EDITOR {path}")
        odd = [word for word in guest if not re.fullmatch(r"[A-Z_]+=[\w:.,/ -]*", word)]
        if odd:
            raise term.StackError(f"{path}: [{name}] guest: '{odd[0][:60]}' is not NAME=VALUE", f"$EDITOR {path}")
        found[name] = Machine(name, keys["devices"].split(), {**hot, "id": "hot"}, keys["globals"].split(),
                              keys["kernel"], guest)
    return found


def judge(outcome: Outcome, begun: bool, kinds: Sequence[str], said: Sequence[str], ended: bool, again: bool) -> None:
    """Fill outcome.words: whether it has @begun, the @kinds of the kernel's reports, what the guest @said, whether the
    steps @ended, and whether all could be used @again."""
    words = [] if begun else ["unbegun"]
    words += ["hung"] if begun and not ended or any(kind in LATE for kind in kinds) else []
    words += ["oops"] if any(kind in OOPS for kind in kinds) else []
    words += ["lockdep"] if "lockdep" in kinds else []
    words += ["report"] if any(kind not in (*OOPS, *LATE, "lockdep") for kind in kinds) else []
    left = [line.split()[1] for line in said if re.fullmatch(r"left [1-9]\d{0,5}", line)]
    words += [f"left {left[-1]}"] if left else []
    words += ["wrong"] if any(line.startswith("fail ") for line in said) else []
    words += ["stays"] if ended and not again else []
    outcome.words, outcome.said = words, list(said)


def cell(outcomes: Sequence[Outcome]) -> str:
    """What a column of the table says of the runs of one scenario on one machine."""
    if not outcomes:
        return "-"
    good = sum(not one.words for one in outcomes)
    ended = sum(not {"hung", "unbegun"} & set(one.words) for one in outcomes)
    said = Counter(word.split()[0] for one in outcomes for word in one.words)
    rest = ", ".join(f"{count} {word}" for word, count in said.items())
    return f"{ended} of {len(outcomes)}" + (f" ({rest})" if good < len(outcomes) else "")


def table(scenarios: Sequence[Scenario], columns: Dict[str, Sequence[Outcome]]) -> List[List[str]]:
    """The rows of the table: of each scenario and machine how many runs ended, in each of the columns."""
    rows = [["scenario", "machine", *columns]]
    for one in scenarios:
        for machine in one.machines:
            cells = [cell([run for run in runs if (run.scenario, run.machine) == (one.name, machine)])
                     for runs in columns.values()]
            if any(text != "-" for text in cells):
                rows.append([one.name, machine, *cells])
    return rows
