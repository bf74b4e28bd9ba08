# SPDX-License-Identifier: GPL-2.0
"""Verb `test`: the project's own tests, then the stack's: what CI runs."""
import sys
import time
import traceback
import unittest

from stacklib import options
from stacklib.host import env, packages, term
from stacklib.host.workspace import Workspace
from stacklib.linux import tree
from stacklib.stack import series
from stacklib.verbs import check, kunit, lint, refresh


def register(subparsers):
    """Add the verb test."""
    sub = subparsers.add_parser(
        "test",
        description="Runs the tool's own tests, lint, every check on every patch, and all KUnit "
                    "configurations with\nthe coverage of the added lines. The last line is "
                    "'N passed, N failed'; exit 1 when anything\nfailed or nothing ran. A step "
                    "that breaks counts as one failure, and the others still run.",
        epilog="examples:\n  scripts/stack test\n  scripts/stack test --quick    "
               "the tool's own tests and lint\n  scripts/stack test --quick --only test_series")
    sub.add_argument("--quick", action="store_true", help="only the tool's own tests and lint")
    sub.add_argument("--jobs", type=int, default=0, metavar="N",
                     help="parallel jobs of make (default: one per processor)")
    sub.add_argument("--only", metavar="WORD", help="of the tool's own tests, those whose "
                     "name has WORD in it; nothing else is run")


class Result(unittest.TextTestResult):
    """Counts what passed, and shows which test runs."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0
        self.told = None

    def startTest(self, test):
        # Before what the test prints is caught; in a pipe only each new class is told.
        name = test.id() if term.is_terminal() else test.id().rpartition(".")[0]
        if name != self.told:
            term.progress(f"test {self.testsRun + 1}: {name}")
            self.told = name
        super().startTest(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def own_tests(repo, only=None):
    """Run the tests in scripts/tests, and those that topics bring in patches/BASE/TOPIC/tests; return (passed, failed).

    A skipped test counts as failed: what it would show was not shown.
    """
    folders = [repo / "scripts" / "tests", *sorted(repo.glob("patches/*/*/tests"))]
    for path in (*folders, repo / "scripts"):
        if str(path) not in sys.path:
            sys.path.insert(0, str(path))
    suite = unittest.TestSuite(unittest.TestLoader().discover(str(path), "test_*.py", str(path)) for path in folders)
    if only:
        suite = unittest.TestSuite(t for t in flat(suite) if only in t.id())
    runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0,
                                     buffer=True)
    result = runner.run(suite)
    term.done()
    for test, why in result.skipped:
        term.say(f"FAIL (skipped) {test.id()}: {why}")
    failed = result.testsRun - result.passed
    # A class or module whose setup failed is an error without a test that ran.
    failed = max(failed, len(result.failures) + len(result.errors))
    return result.passed, failed


def flat(suite):
    """Yield the single tests of a suite."""
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flat(item)
        else:
            yield item


def base_counts(ws, args):
    """Get the base and hand it to the tests (STACK_TEST_TREE); return (1, 0)."""
    tree.prepare(ws, series.load(ws.repo, args.base), [])
    env.for_tests(ws.out / "linux")
    return 1, 0


def lint_counts(args):
    """Run lint; return (patches and topics without finding, findings)."""
    ws = Workspace(args)
    found, (patches, topics) = lint.collect(ws, args.base, args.topics)
    lint.show(found, ws.repo)
    bad = len({item.path for item in found})
    return max(patches + topics - bad, 0), len(found)


def common(args):
    """Return the options of a verb test that other verbs have, too, as keywords."""
    return {"topics": args.topics, "base": args.base, "out": args.out, "tree": args.tree}


def canonical_counts(args):
    """Would refresh change anything? Return (1, 0) or (0, 1)."""
    failed = refresh.run(options.Refresh(**common(args), check=True))
    return (0, 1) if failed else (1, 0)


def check_counts(args):
    """Every check on every patch."""
    return check.run_counts(options.Check(**common(args)))


def kunit_counts(args):
    """Every KUnit configuration, and the coverage of the added lines."""
    return kunit.run_counts(options.Kunit(**common(args), jobs=args.jobs), list(kunit.CONFIGS))


def attempt(name, step, *args):
    """Run a step; return its (passed, failed). One that raises counts as one failure."""
    term.say(term.colour(f"== {name}", "bold"))
    began = time.monotonic()
    try:
        passed, failed = step(*args)
    except term.StackError as exc:
        term.error(exc)
        passed, failed = 0, 1
    except Exception:  # pylint: disable=broad-except
        term.done()
        traceback.print_exc(file=sys.stdout)
        passed, failed = 0, 1
    term.say(f"== {name}: {passed} passed, {failed} failed in {time.monotonic() - began:.0f} s")
    return passed, failed


def run(args):
    """Verb test."""
    packages.ensure_quickly("*")
    # The tests make work folders of their own: those of the caller must not leak in.
    ws = Workspace(args)
    steps = [("the tool's own tests", own_tests, ws.repo, args.only)]
    if not args.only:
        # Some of the tests need files of a real kernel; getting it shows its progress.
        steps.insert(0, ("base", base_counts, ws, args))
        steps.append(("lint", lint_counts, args))
        if not args.quick:
            steps += [("refresh --check", canonical_counts, args), ("check", check_counts, args),
                      ("kunit", kunit_counts, args)]
    counts = [attempt(*step) for step in steps]
    passed, failed = (sum(column) for column in zip(*counts))
    sys.stderr.flush()
    term.say(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0
