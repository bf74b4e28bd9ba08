# SPDX-License-Identifier: GPL-2.0
"""Finds what the kernel complained about in the log of a test run.

A suite can pass while lockdep, KASAN or a WARN says that the code under test is wrong. Every report in the log
counts, unless an allow list (splats.allow) names it, with a reason.
"""
from dataclasses import dataclass, field
from pathlib import Path
import re

from stacklib.host import env, term
from stacklib.host.files import read_text
from stacklib.stack import stanza

ALLOW = "splats.allow"

# A report starts at a line which, after the printk prefix, matches one of these.
# Order matters: the first that matches names the kind.
HEADERS = [(kind, re.compile(regex)) for kind, regex in (
    ("kasan", r"BUG: KASAN: |BUG: KFENCE: |==\d+==ERROR: AddressSanitizer"),
    ("ubsan", r"UBSAN: "),
    ("kmemleak", r"kmemleak: (?:\d+ new suspected memory leaks|.*disabled|Cannot )|unreferenced object"),
    ("rcu", r"WARNING: suspicious RCU usage|(?:rcu: )?INFO: rcu\w* (?:self-)?detected|(?:rcu: )?INFO: rcu_\w+ .*stall"),
    ("lockdep", r"WARNING: (?:possible (?:circular|recursive|irq)|inconsistent lock|bad unlock|held lock freed"
                r"|lock held when|Nested lock|.*lock order|.*->.* (?:un)?safe lock)"
                r"|(?:\[ )?BUG: (?:Invalid wait context|MAX_\w+ too low)"
                r"|INFO: (?:trying to register non-static key|lockdep is turned off)"
                r"|DEBUG_LOCKS_WARN_ON|turning off the locking correctness validator"),
    ("sleep", r"BUG: (?:sleeping function called|scheduling while atomic)|BUG: .*invalid context"),
    ("hung-task", r"INFO: task .* blocked"),
    ("lockup", r"(?:watchdog: )?BUG: (?:soft lockup|workqueue lockup)|workqueue: .*hogged CPU"
               r"|(?:watchdog: )?Watchdog detected"),
    ("fault-injection", r"FAULT_INJECTION: forcing a failure"),
    ("dma-api", r"(?:\S+ )?(?:\S+: )?DMA-API: (?!preallocated|debugging (?:en|dis)abled|dma_debug_entry pool"
                r"|enable driver filter|switching off)"),
    ("odebug", r"ODEBUG: "),
    ("list", r"list_(?:add|del) corruption|slab .*corrupt|Slab corruption"),
    ("slub", r"BUG [\w-]+(?: \(.*\))?: "),
    ("bug", r"kernel BUG at |(?:\[ )?BUG: "),
    ("warn", r"WARNING: |WARNING \w+ at "),
    ("panic", r"Kernel panic - not syncing|Kernel mode (?:fault|signal)|Oops|Internal error: "
              r"|general protection fault|Unable to handle kernel"),
    ("irq", r"irq \d+: nobody cared|Unbalanced enable for IRQ|Trying to free already-free IRQ"),
    ("sysfs", r"(?:\S+: )?sysfs: cannot create duplicate filename|kobject_add_internal failed"),
    ("refcount", r"refcount_t: "),
    ("info", r"INFO: (?:possible|task|inconsistent|suspicious)"),
)]

_PREFIX = re.compile(r"^(?:<\d+>)?(?:\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? )?\s*")
_KTAP = re.compile(r"^\s*(?:(?:not )?ok \d+ |# |KTAP version|1\.\.\d+)")
_SUBTEST = re.compile(r"^\s*# Subtest: (\S+)")
_RESULT = re.compile(r"^\s*(?:not )?ok \d+ (\S+)")
# gcc's names may be relative to the build folder: ../../check/drivers/pci/msi.c
_WHERE = re.compile(r"(?:(?:\.\./)+[\w.-]+/)?((?:[\w-]+/)*[\w-]+\.[chS]:\d+)")
_CUT = "------------[ cut here ]"
# A stack further than this from its report's first line belongs to something
# else. Lockdep prints the whole chain of dependencies before the stack.
_REACH = {"lockdep": 400, "rcu": 80}
_REACH_DEFAULT = 40
_MAX_LINES = 400
# Kinds that are often the text of a WARN rather than a report of their own.
_WORDS = ("list", "odebug", "refcount", "dma-api")


@dataclass
class Splat:
    """One report. line counts from 1 in the file log, where there is one; reason is empty unless it is allowed."""

    kind: str
    title: str
    line: int
    suite: str = ""
    after: str = ""
    lines: list = field(default_factory=list)
    reason: str = ""
    log: str = ""

    @property
    def where(self) -> str:
        """The first `file:line` that the report names, or an empty string."""
        match = _WHERE.search("\n".join(self.lines))
        return match.group(1) if match else ""


class _Scanner:
    """Splits a log into reports, one line at a time."""

    def __init__(self):
        self.found = []
        self.open = None
        self.stack_seen = False
        self.cut = False
        self.suite = self.after = ""

    def _same_report(self, kind):
        """Whether the header @kind goes on with the open report.

        Inside one "cut here" the words of a WARN follow its first line, and a list corruption is followed by the BUG
        that reports it. Everything else is a report of its own, so that none hides behind another.
        """
        if not self.open:
            return False
        if self.cut and self.open.kind in _WORDS:
            return kind in ("warn", "bug")
        if kind in _WORDS:
            return self.cut and self.open.kind == "warn" and len(self.open.lines) == 1
        return kind == "panic" and self.open.kind in ("panic", "bug", "kasan")

    def feed(self, number: int, raw) -> None:
        """Take line @number of the log."""
        if _KTAP.match(raw):
            subtest, result = _SUBTEST.match(raw), _RESULT.match(raw)
            if subtest and (raw.startswith("    # Subtest") or not self.suite):
                self.suite = subtest.group(1)
            if result:
                self.after = result.group(1)
            return
        text = _PREFIX.sub("", raw).rstrip()
        if text.startswith(_CUT):
            self.open, self.cut = None, True
            return
        trace = text.startswith("Call Trace")
        kind = next((kind for kind, regex in HEADERS if regex.match(text)), "call-trace" if trace else "")
        if kind and not (self._stack_of_it() if trace else self._same_report(kind)):
            self.cut = self.cut and not self.open
            self.open = Splat(kind, text, number, self.suite, self.after, [text])
            self.found.append(self.open)
            self.stack_seen = trace
        elif self.open:
            self.open.lines.append(text)
            self.stack_seen = self.stack_seen or trace
            if not kind and (text.startswith("---[ end") or len(self.open.lines) > _MAX_LINES):
                self.open, self.cut = None, False

    def _stack_of_it(self):
        """Whether a stack that begins is that of the open report."""
        return self.open and not self.stack_seen and len(self.open.lines) <= _REACH.get(self.open.kind, _REACH_DEFAULT)


def find(text: str):
    """Every report in the log @text, as a list of Splat, none of them judged.

    Raises term.StackError for a log with nothing in it: silence is no proof.
    """
    if not text.strip():
        raise term.StackError("the log of the run is empty",
                              mend="look at the build and run messages above, then run again")
    scanner = _Scanner()
    for number, raw in enumerate(text.splitlines(), 1):
        scanner.feed(number, raw)
    return scanner.found


@dataclass
class Allowed:
    """An entry of an allow list, place its "FOLDER/FILE:LINE"; most: how often per boot, left: how often still in
    this one, used: how often in all."""

    place: str
    report: re.Pattern
    detail: object
    configs: list
    most: int
    reason: str
    left: int = 0
    used: int = 0

    def covers(self, splat, config):
        """Whether the entry is about @splat, in the configuration named @config."""
        if self.configs and config not in self.configs:
            return False
        if not self.report.search(splat.title):
            return False
        return not self.detail or any(self.detail.search(line) for line in splat.lines)


def _regex(entry, key, name):
    try:
        return re.compile(entry.get(key))
    except re.error as err:
        raise term.StackError(f"{name}:{entry.line}: '{key}' is no regular expression: {err}",
                              mend=f"correct the entry at line {entry.line} of {name}") from err


def allow_lists(repo: Path) -> list:
    """The allow lists: that of the tool, of the drop-in, and of each topic that has one."""
    found = [Path(repo) / "kunit" / ALLOW, *sorted(Path(repo).glob(f"patches/*/*/{ALLOW}"))]
    return [env.SCRIPTS / "kunit" / ALLOW] + [path for path in found if path.is_file()]


def read_allowed(path: Path):
    """The entries of the allow list at path (see the head of scripts/kunit/splats.allow).

    Raises term.StackError when the file is missing or a line cannot be read.
    """
    path = Path(path)
    entries = []
    for item in stanza.parse(read_text(path), path.name, ("report", "reason", "until"),
                             ("line", "config", "max")):
        if not re.fullmatch("[0-9]{1,6}", item.get("max", "1")):
            raise term.StackError(f"{path.name}:{item.line}: 'max' is no number",
                                  mend=f"correct the entry at line {item.line}")
        entries.append(Allowed(
            f"{path.parent.name}/{path.name}:{item.line}", _regex(item, "report", path.name),
            _regex(item, "line", path.name) if item.get("line") else None,
            item.get("config").split(), int(item.get("max", "1")), item.get("reason")))
    return entries


def judge(text: str, entries, config):
    """Find the reports in the log @text of configuration @config, and give those that @entries (from read_allowed())
    allow a reason: those without one fail the run. For each boot entries count anew, used goes on."""
    found = find(text)
    for entry in entries:
        entry.left = entry.most
    for splat in found:
        for entry in entries:
            if entry.left > 0 and entry.covers(splat, config):
                entry.left -= 1
                entry.used += 1
                splat.reason = entry.reason
                break
    return found


def unused(entries, config) -> list:
    """Texts for the entries that are for a configuration and that no report needed so far."""
    return [f"{entry.place}: {entry.report.pattern}" for entry in entries
            if not entry.used and (not entry.configs or config in entry.configs)]


def judge_log(path: Path, entries, config):
    """judge() for the log file @path; a log that is empty or absent is an error."""
    found = judge(Path(path).read_text("utf-8", "replace") if Path(path).is_file() else "", entries, config)
    for splat in found:
        splat.log = Path(path).name
    return found
