# SPDX-License-Identifier: GPL-2.0
"""Says what came of KUnit runs: tables, failures, results.json, coverage."""
from dataclasses import asdict
import json
import os

from stacklib.host import term
from stacklib.host.files import write_whole
from stacklib.suites import junit

_SHOWN = 30


def verdict(suite) -> str:
    """"pass" or "FAIL" of a ktap.Suite; one in which nothing passed fails."""
    return "FAIL" if suite.count("failed", "crashed") or not suite.count("passed") else "pass"


def _coloured(word):
    return term.colour(word, "red" if word == "FAIL" else "green")


def table(results) -> None:
    """Print suite x configuration: verdict, counts, time."""
    rows = [["suite", "config", "verdict", "passed", "failed", "skipped", "time"]]
    for result in results:
        for suite in result.suites:
            rows.append([suite.name, result.config, _coloured(verdict(suite)),
                         str(suite.count("passed")), str(suite.count("failed", "crashed")),
                         str(suite.count("skipped")), "-" if suite.seconds is None else f"{suite.seconds:.2f} s"])
    if len(rows) > 1:
        term.table(rows)
    for result in results:
        word = _coloured("pass" if result.ok() else "FAIL")
        allowed = len(result.splats) - len(result.bad_splats())
        term.say(f"kunit {result.config}: {word}, built in {result.build_seconds:.0f} s, ran "
                 f"{result.run_seconds:.1f} s, {len(result.bad_splats())} kernel reports"
                 + (f" ({allowed} allowed)" if allowed else "") + f", log {shown_path(result.log)}")


def shown_path(path) -> str:
    """@path from the current folder when it is below it, else whole."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _lines(lines):
    for line in lines[:_SHOWN]:
        term.say("    " + line)
    if len(lines) > _SHOWN:
        term.say(f"    ... {len(lines) - _SHOWN} more lines in the log")


def show(result) -> None:
    """Print what failed, was skipped or was reported in one configuration."""
    for suite in result.suites:
        for case in suite.cases:
            if case.status == "passed":
                continue
            colour = "yellow" if case.status == "skipped" else "red"
            at = f" at {case.where}" if case.where else ""
            term.say(term.colour(f"{case.status} ", colour) + f"{result.config} {case.suite}.{case.name}{at}")
            _lines(case.lines)
    for splat in result.bad_splats():
        running = f", in suite {splat.suite}" if splat.suite else ", before any suite"
        running += f" after {splat.after}" if splat.after else ""
        term.say(term.colour("report ", "red") + f"{result.config} "
                 f"{shown_path(result.log.with_name(splat.log))}:{splat.line} " f"({splat.kind}{running})")
        _lines(splat.lines)
    for splat in result.splats:
        if splat.reason:
            term.say(f"allowed {result.config}: {splat.title}\n    {splat.reason}")
    for text in result.unused:
        term.say(f"note: {result.config}: no report needed {text}; if none ever does, take it out")
    for problem in result.problems:
        term.say(term.colour("problem ", "red") + f"{result.config} {problem}")


def bad(results, report=None) -> list:
    """A line for each test that failed, kernel report and problem of the results, and finding of the coverage."""
    lines = []
    for result in results:
        own = [f"{case.status} {case.suite}.{case.name}" + (f" at {case.where}" if case.where else "")
               for suite in result.suites for case in suite.cases if case.status in ("failed", "crashed")]
        own += [f"report {splat.title}" for splat in result.bad_splats()]
        own += ["problem " + (problem.splitlines() or [""])[0] for problem in result.problems]
        lines += [f"kunit {result.config}: {line}" for line in own]
    if report:
        lines += [f"coverage: not run {line}" for entry in report.patches for line in entry.uncovered]
        lines += [f"coverage: stale excuse {text}" for text in report.stale]
    return lines


def write_json(result) -> None:
    """Write results.json, and junit.xml, beside the log: everything that show() and table() say."""
    data = {"config": result.config, "ok": result.ok(), "problems": result.problems,
            "built": result.built, "unused": result.unused, "build_seconds": round(result.build_seconds, 1),
            "run_seconds": round(result.run_seconds, 2),
            "passed": result.count("passed"), "skipped": result.count("skipped"),
            "failed": result.count("failed", "crashed"), "suites": [asdict(suite) for suite in result.suites],
            "splats": [asdict(splat) for splat in result.splats]}
    write_whole(result.log.parent / "results.json", json.dumps(data, indent=1))
    names = {"crashed": "error"}
    cases = [junit.Case(case.suite, case.name, names.get(case.status, case.status), "\n".join(case.lines), 0)
             for suite in result.suites for case in suite.cases]
    cases += [junit.Case("kernel log", f"line {splat.line}: {splat.title}", "failed", "\n".join(splat.lines), 0)
              for splat in result.bad_splats()]
    cases += [junit.Case("run", f"problem {n}", "error", text, 0) for n, text in enumerate(result.problems, 1)]
    junit.write(result.log.parent / "junit.xml", f"kunit {result.config}", cases)


def show_coverage(report) -> None:
    """Print the added-line table and every line that no suite ran."""
    rows = [["patch", "runnable added lines", "run", "percent", "excused", "not run"]]
    for entry in report.patches:
        rows.append([entry.name, str(entry.runnable), str(entry.covered), entry.percent(),
                     str(len(entry.excused)), str(len(entry.uncovered))])
    term.table(rows)
    for entry in report.patches:
        for line in entry.uncovered:
            term.say(term.colour("not run ", "red") + str(line))
        for line in entry.excused:
            term.say(f"excused {line}\n    {line.reason}")
        for path, count in entry.unbuilt.items():
            reason = entry.aside.get(path)
            text = f"{path} ({count} added lines of {entry.name})"
            term.say(f"excused, not built on um: {text}\n    {reason}" if reason else
                     term.colour("not built on um ", "red") + text)
    for text in report.stale:
        term.say(term.colour("stale excuse ", "red") + text)


def last_line(results, report, code) -> str:
    """The sentence that the verb ends with; code is its exit code."""
    passed, failed, skipped = (sum(result.count(*statuses) for result in results)
                               for statuses in (["passed"], ["failed", "crashed"], ["skipped"]))
    text = (f"kunit: {passed} passed, {failed} failed, {skipped} skipped in "
            f"{len(results)} configuration{'s' if len(results) != 1 else ''}, "
            f"{sum(len(result.bad_splats()) for result in results)} kernel reports, "
            f"{sum(len(result.problems) for result in results)} problems")
    if report:
        text += f"; added lines run: {report.percent()}, {report.findings()} findings"
    return text + (": all is well", ": FAILED", ": NOT BUILT with the diff, so nothing was tested")[code]
