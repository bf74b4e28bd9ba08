# SPDX-License-Identifier: GPL-2.0
"""What a test run said: verdicts from kunit.py's JSON, the why from the log.

The kernel's own parser decides what passed. Its JSON has neither the failed
expectation nor the time, so those are read from the log, by the test's path.
"""
from dataclasses import dataclass, field
import json
import re
from typing import List, Optional

_SUBTEST = re.compile(r"^( *)# Subtest: (\S.*?)\s*$")
_RESULT = re.compile(r"^( *)(not )?ok \d+(?: -)? ?([^#\s]\S*)?(?:\s*# SKIP ?(.*))?")
_START = re.compile(r"^ *KTAP version|^ *1\.\.\d+")
_STATS = re.compile(r"^ *# (?:\S+: pass:\d+ fail:|Totals: pass:|module: )")
_WHERE = re.compile(r" (?:FAILED|at) (?:at )?((?:[\w.-]+/)*[\w.-]+\.[ch]:\d+)")

STATUS = {"PASS": "passed", "SKIP": "skipped", "ERROR": "crashed", "FAIL": "failed"}


@dataclass
class Case:
    """One test case, or one parameter of one. status: passed, failed, skipped or crashed; lines: its diagnostic
    lines; where: `file:line` of the first failed expectation, else empty."""

    suite: str
    name: str
    status: str
    lines: list = field(default_factory=list)
    where: str = ""


@dataclass
class Suite:
    """One suite of one run; seconds is wall time, None when it did not end."""

    name: str
    cases: list = field(default_factory=list)
    seconds: Optional[float] = None

    def count(self, *statuses) -> int:
        """How many cases have one of @statuses."""
        return sum(case.status in statuses for case in self.cases)


@dataclass
class Detail:
    """What the log says about one path of names: diagnostics and times."""

    lines: list = field(default_factory=list)
    begin: Optional[float] = None
    end: Optional[float] = None


class LogReader:
    """Follows a KTAP log line by line; feed() it, then look into details {(suite, test[, parameter]): Detail}.

    tree: name of the kernel tree's folder. gcc writes file names as ccache has rewritten them, ../../check/drivers/...;
    what is shown starts at drivers/.
    """

    def __init__(self, tree=""):
        self._outside = re.compile(r"(?<![\w.])[\w./-]*/" + re.escape(tree) + "/")
        self.details = {}
        self._path = []
        self._pending = []

    @property
    def where(self) -> str:
        """The name of what runs now, `suite` or `suite.test`; may be empty."""
        return ".".join(self._path)

    def feed(self, line, now) -> None:
        """Take one line of the log, read @now (seconds, of any clock)."""
        line = line.rstrip("\r\n")
        if _START.match(line):
            return
        match = _SUBTEST.match(line)
        if match:
            depth = max(len(match.group(1)) // 4 - 1, 0)
            self._path = self._path[:depth] + [match.group(2)]
            self.details.setdefault(tuple(self._path), Detail()).begin = now
            self._pending = []
            return
        match = _RESULT.match(line)
        if match:
            self._result(match, now)
        elif line.strip() and not _STATS.match(line):
            self._pending.append(self._outside.sub("", line.strip()))

    def _result(self, match, now):
        depth = len(match.group(1)) // 4
        path = tuple(self._path[:depth] + [match.group(3) or "?"])
        detail = self.details.setdefault(path, Detail())
        detail.end = now
        detail.lines += self._pending
        if match.group(4) is not None:
            detail.lines.append(match.group(4) or "no reason given")
        self._path = list(path[:depth])
        self._pending = []

    def finish(self) -> None:
        """The log is over: what was said last belongs to what was running."""
        if self._pending and self._path:
            self.details.setdefault(tuple(self._path), Detail()).lines += self._pending


def _case(path, status, details):
    if not path[-1]:
        # The kernel stopped before this test had a result, or even a name.
        lines = details.get(tuple(path[:-1]), Detail()).lines
        return Case(path[0], ".".join(path[1:-1] + ["(no result)"]), status, lines[-40:])
    detail = details.get(tuple(path), Detail())
    lines = list(detail.lines)
    if status in ("failed", "crashed") and len(path) > 2:
        lines += details.get(tuple(path[:2]), Detail()).lines
    match = _WHERE.search("\n".join(lines)) if status == "failed" else None
    return Case(path[0], ".".join(path[1:]), status, lines, match.group(1) if match else "")


def _walk(group, path, details):
    """All cases below @group, whose names so far are @path."""
    for item in group.get("test_cases", []):
        status = STATUS.get(item["status"], "failed")
        yield _case(path + [item["name"]], status, details)
    for sub in group.get("sub_groups", []):
        yield from _walk(sub, path + [sub["name"]], details)


def read(json_text, reader) -> List[Suite]:
    """The suites of a run; @json_text: what `kunit.py parse --json` wrote; @reader: the LogReader that saw the log.
    ValueError when @json_text is not such a document."""
    try:
        top = json.loads(json_text)
        suites = []
        for group in top["sub_groups"]:
            name = group["name"]
            detail = reader.details.get((name,), Detail())
            took = detail.end - detail.begin if None not in (detail.begin, detail.end) else None
            suites.append(Suite(name, list(_walk(group, [name], reader.details)), took))
        # A suite whose init failed has a result and no cases.
        for item in top["test_cases"]:
            name, status = item["name"], STATUS.get(item["status"], "failed")
            suites.append(Suite(name, [Case(name, "(suite)", status, reader.details.get((name,), Detail()).lines)]))
        return suites
    except (KeyError, TypeError, AttributeError) as err:
        raise ValueError(f"no KUnit results: {err!r}") from err
