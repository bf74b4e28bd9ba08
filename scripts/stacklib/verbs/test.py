# SPDX-License-Identifier: GPL-2.0
"""Verb `test`: the project's own tests, then the stack's: what CI runs."""
import os
import re
import subprocess
import sys
import time
import traceback
import unittest
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from stacklib import options
from stacklib.checking import judge, proof, proven
from stacklib.host import env, packages, process, term
from stacklib.host.workspace import Workspace
from stacklib.linux import tree
from stacklib.stack import series
from stacklib.suites import trial
from stacklib.verbs import check, kunit, lint, refresh

MINUTES = 55  # after which nothing more is begun: what runs then may take half an hour on a slow machine
MODULE_LIMIT = 2400  # seconds, for the tests of one module
PROVE = 5  # minutes for made mutants of topics that have changed since they were proven
SHOWN = 40   # lines of what failed, at the end
FUZZ_ALL = 200000  # inputs of the fuzz test with --all, unless FUZZ_INPUTS says how many


def register(subparsers) -> None:
    """Add the verb test."""
    sub = subparsers.add_parser(
        "test",
        description="Runs the tool's own tests, lint, every check on every patch, and all KUnit "
                    "configurations with\nthe coverage of the added lines; then, for "
                    f"{PROVE} minutes, made mutants of the topics whose file\nproof is stale. The last line is "
                    "'N passed, N failed'; exit 1 when anything failed or nothing\nran. A step "
                    "that breaks counts as one failure, and the others still run.",
        epilog="examples:\n  scripts/stack test\n  scripts/stack test --quick    "
               "the tool's own tests and lint\n  scripts/stack test --quick --only test_series")
    sub.add_argument("--quick", action="store_true", help="only the tool's own tests and lint")
    sub.add_argument("--all", action="store_true", help="stress suites with all of their counts, not those of CI "
                     "(quick-args of topic.ini), and ten times the inputs of the fuzz test")
    sub.add_argument("--jobs", type=int, default=0, metavar="N",
                     help="parallel jobs of make (default: one per processor)")
    sub.add_argument("--minutes", type=int, default=MINUTES, metavar="N", help="after N minutes begin no more of the "
                     f"configurations and boundaries, and say\nwhich were left (default: {MINUTES}; 0: no limit)")
    sub.add_argument("--only", metavar="WORD", help="of the tool's own tests, those whose "
                     "name has WORD in it; nothing else is run")


class Result(unittest.TextTestResult):
    """Counts what passed."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0

    def addSuccess(self, test) -> None:
        super().addSuccess(test)
        self.passed += 1


def own_tests(repo: Path, bad: list, only=None, jobs: int = 1, whole: bool = False) -> tuple:
    """Run the tests in scripts/tests, and those that topics bring in patches/BASE/TOPIC/tests, `jobs` modules
    at once, each in a process of its own; return (passed, failed). whole: fuzz with FUZZ_ALL inputs.
    """
    modules = [path for pattern in ("scripts/tests/test_*.py", "patches/*/*/tests/test_*.py")
               for path in Path(repo).glob(pattern)
               if all(word in path.stem + path.read_text(encoding="utf-8") for word in (only or "").split("."))]
    # The largest first: the last one to end should be a short one.
    modules.sort(key=lambda path: -path.stat().st_size)
    left, counts = len(modules), [0, 0]
    with ThreadPoolExecutor(jobs) as pool:
        for job in as_completed([pool.submit(one_module, path, only, whole) for path in modules]):
            name, said, passed, failed, seconds = job.result()
            left -= 1
            counts = [counts[0] + passed, counts[1] + failed]
            if failed:
                term.say(said)
                bad += [f"{name}: {line}" for line in said.splitlines() if re.match("(FAIL|ERROR)[: ]", line)] or [name]
            if passed or failed:
                term.say(f"{name}: {passed} passed, {failed} failed in {seconds:.0f} s")
            term.progress(f"the tool's own tests: {left} modules left")
    term.done()
    return tuple(counts)


def one_module(path: Path, only, whole: bool = False, **extra) -> tuple:
    """Run one module of tests in a process of its own, with more variables; (name, what it said, passed, failed,
    seconds)."""
    began = time.monotonic()
    own = env.child(PYTHONPATH=os.pathsep.join(map(str, (env.SCRIPTS, env.SCRIPTS / "tests"))), **extra)
    if whole:
        own.setdefault("FUZZ_INPUTS", str(FUZZ_ALL))
    code = "from stacklib.verbs import test; test.module_main()"
    try:
        proc = subprocess.run([sys.executable, "-c", code, str(path), only or ""], check=False, timeout=MODULE_LIMIT,
                              env=own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              encoding="utf-8", errors="replace")
    except subprocess.TimeoutExpired:
        return path.stem, f"{path}: no end after {MODULE_LIMIT} s", 0, 1, time.monotonic() - began
    said, _, last = proc.stdout.rstrip().rpartition("\n")
    counts = re.fullmatch(r"(\d+) passed, (\d+) failed", last)
    if not counts or proc.returncode:
        return path.stem, f"{proc.stdout}\n{path}: exit status {proc.returncode}", 0, 1, time.monotonic() - began
    return path.stem, said, int(counts[1]), int(counts[2]), time.monotonic() - began


def module_main():
    """The process of one_module(): run the tests of the file argv[1] whose id has argv[2] in it.

    A skipped test counts as failed: what it would show was not shown.
    """
    path, only = Path(sys.argv[1]), sys.argv[2]
    suite = unittest.TestLoader().discover(str(path.parent), pattern=path.name)
    suite = unittest.TestSuite(t for t in flat(suite) if only in t.id())
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0, buffer=True).run(suite)
    for test, why in result.skipped:
        print(f"FAIL (skipped) {test.id()}: {why}")
    # A class or module whose setup failed is an error without a test that ran.
    failed = max(result.testsRun - result.passed, len(result.failures) + len(result.errors))
    print(f"{result.passed} passed, {failed} failed")


def flat(suite):
    """Yield the single tests of a suite."""
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flat(item)
        else:
            yield item


def base_counts(ws: Workspace, args) -> tuple:
    """Get the base and hand it to the tests (STACK_TEST_TREE); return (1, 0)."""
    tree.prepare(ws, series.load(ws.repo, args.base), [])
    env.for_tests(ws.out / "linux")
    return 1, 0


def lint_counts(args, bad: list) -> tuple:
    """Run lint; return (patches and topics without finding, findings)."""
    ws = Workspace(args)
    found, (patches, topics) = lint.collect(ws, args.base, args.topics)
    lint.show(found, ws.repo)
    bad += [f"{item.path}:{item.line}: {item.text}" for item in found]
    return max(patches + topics - len({item.path for item in found}), 0), len(found)


def common(args) -> dict:
    """Return the options of a verb test that other verbs have, too, as keywords."""
    return {"topics": args.topics, "base": args.base, "out": args.out, "tree": args.tree}


def canonical_counts(args, bad: list) -> tuple:
    """Would refresh change anything? Return (1, 0) or (0, 1), which is named in `bad`."""
    failed = refresh.run(options.Refresh(**common(args), check=True))
    mend = "scripts/stack refresh" + (f" --base {args.base}" if args.base else "")
    bad += [f"refresh --check: a patch file is not canonical; mend: {mend}"] * bool(failed)
    return (0, 1) if failed else (1, 0)


def check_counts(args, report, until: float) -> tuple:
    """Every check on every patch, of the boundaries the whole stack; `report` (a dict) gets what it came to."""
    return check.run_counts(options.Check(**common(args), until=until, last=True), report)


def boundary_counts(args, report, until: float) -> tuple:
    """What check_counts() has left: the boundaries. `report` has what that came to."""
    known = {(v["patch"], v["check"], v["arch"]) for v in report.get("verdicts", ())}
    passed, failed = check.run_counts(options.Check(**common(args), until=until), report)
    again = [v for v in report["verdicts"] if (v["patch"], v["check"], v["arch"]) in known]
    bad = sum(v["verdict"] in (judge.FAIL, judge.BROKEN) for v in again)
    return passed - (len(again) - bad), failed - bad


def kunit_counts(args, bad: list, report, until: float) -> tuple:
    """Every KUnit configuration, and the coverage of the added lines.

    Not plain, if by `report` check has just booted it on this tree, the whole stack, and all was well.
    """
    configs = list(kunit.CONFIGS)
    booted = not report.get("waiting", 1) and any(
        v["check"] == "kunit" and v["patch"] == len(report["patches"]) and v["verdict"] == judge.PASS
        for v in report["verdicts"])
    if booted and not args.all:
        term.say("kunit plain: not again, check had it on the whole stack, and all of its suites passed")
        configs.remove("plain")
    return kunit.run_counts(options.Kunit(**common(args), jobs=args.jobs, full=args.all, until=until), configs, bad)


def prove_counts(args, bad: list, until: float) -> tuple:
    """Made mutants, for PROVE minutes, of the topics whose patches or suites are not those of their TOPIC/proof."""
    ws = Workspace(args)
    left = min(PROVE, int(until - time.monotonic()) // 60) if until else PROVE
    names = [topic.name for topic in series.load(ws.repo, args.base).select(args.topics)
             if (proven.kept(ws.repo, topic) or {}).get("stale")]
    if not names or left < 1:
        term.say(f"prove: not come to in time; scripts/stack prove {' '.join(names)}" if names else
                 "prove: no topic has changed since its file proof was written")
        return 0, 0
    made = proof.Made(options.Prove(topics=tuple(names), base=args.base, out=args.out, tree=args.tree, budget=left,
                                    jobs=args.jobs), "plain")
    with made.ws.lock():
        process.end_leftover(made.ws.out)
        made.run()
    words = [word for _, _, word, _ in made.fates]
    bad += [f"{patch.name}: survived: {site.key}" for patch, site, word, _ in made.fates if word == "survived"]
    term.say(made.told("made mutants, plain", Counter(words)))
    return sum(word in trial.GOOD for word in words), words.count("survived")


def attempt(bad: list, name: str, step, *args) -> tuple:
    """Run a step; return its (passed, failed). One that raises counts as one failure, and is named in `bad`."""
    term.say(term.colour(f"== {name}", "bold"))
    began = time.monotonic()
    try:
        passed, failed = step(*args)
    except term.StackError as exc:
        term.error(exc)
        passed, failed = 0, 1
        bad.append(f"{name}: {exc}")
    except Exception as exc:  # pylint: disable=broad-except
        term.done()
        traceback.print_exc(file=sys.stdout)
        passed, failed = 0, 1
        bad.append(f"{name}: {exc!r}")
    term.say(f"== {name}: {passed} passed, {failed} failed in {time.monotonic() - began:.0f} s")
    return passed, failed


def show_bad(lines: list) -> None:
    """Say once more what failed: who sees only the end of a long log shall see it."""
    if lines:
        term.say(term.colour("== what failed", "bold"))
    for line in lines[:SHOWN]:
        term.say(f"  {line}")
    if len(lines) > SHOWN:
        term.say(f"  ... and {len(lines) - SHOWN} more, above")


def run(args):
    """Verb test."""
    packages.ensure_quickly("*")
    # The tests make work folders of their own: those of the caller must not leak in.
    ws, report, bad = Workspace(args), {}, []
    until = time.monotonic() + 60 * args.minutes if args.minutes else 0.0
    steps = [("the tool's own tests", own_tests, ws.repo, bad, args.only, args.jobs or ws.jobs, args.all)]
    if not args.only:
        # Some of the tests need files of a real kernel; getting it shows its progress.
        steps.insert(0, ("base", base_counts, ws, args))
        steps.append(("lint", lint_counts, args, bad))
        if not args.quick:
            steps += [("refresh --check", canonical_counts, args, bad), ("check", check_counts, args, report, until),
                      ("kunit", kunit_counts, args, bad, report, until),
                      ("prove", prove_counts, args, bad, until),
                      ("check, all boundaries", boundary_counts, args, report, until)]
    counts = [attempt(bad, *step) for step in steps]
    passed, failed = (sum(column) for column in zip(*counts))
    sys.stderr.flush()
    show_bad(bad + check.told_bad(report))
    term.say(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0
