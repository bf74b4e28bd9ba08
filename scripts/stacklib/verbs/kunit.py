# SPDX-License-Identifier: GPL-2.0
"""Verb `kunit`: builds and boots the suites through the kernel's kunit.py."""
from stacklib.host import process, term
from stacklib.suites import summary
from stacklib.suites.session import CONFIGS, Session

DESCRIPTION = """\
Builds the tree for User-Mode Linux (configuration numa: for x86_64, in qemu) with the kernel's kunit.py, boots it,
and runs the suites of the topics. Logs, results.json and junit.xml are left in out/kunit/NAME/. A report of the
kernel (WARN, lockdep, KASAN ...) that no splats.allow names fails the run, as does a suite that did not run, or of
which nothing passed. A line that no suite can run is excused in the file "uncovered" beside its patches."""

EPILOG = """\
exit status: 0 all is well, 1 findings, 2 wrong use, or with --with: DIFF does not apply or build

examples:
  scripts/stack kunit                        all suites, configuration plain
  scripts/stack kunit TOPIC --config all     one topic's suites, every configuration
  scripts/stack kunit --suite NAME --config kasan
  scripts/stack kunit --boundary 0           the suites that build on the base
  scripts/stack kunit --with fault.patch     one more patch on top (is it noticed?)
  scripts/stack kunit --repeat 100           is a test flaky?
  scripts/stack kunit --repeat 100 --shuffle ... or needs those before it? (--isolated: alone)
  scripts/stack kunit --coverage             which added lines did no suite run"""


def register(subparsers) -> None:
    """Add the verb kunit."""
    sub = subparsers.add_parser("kunit", description=DESCRIPTION, epilog=EPILOG)
    sub.add_argument("--config", action="append", default=[], metavar="NAME",
                     help=f"{', '.join(CONFIGS)}, all of these, or bench (default: plain)")
    sub.add_argument("--suite", action="append", default=[], metavar="NAME",
                     help="run only this suite, in a boot of its own (may be given again)")
    sub.add_argument("--isolated", action="store_true", help="run each suite in a boot of its own")
    sub.add_argument("--repeat", type=int, default=1, metavar="N",
                     help="boot N times: a test that comes out differently is a problem")
    sub.add_argument("--shuffle", nargs="?", type=int, const=1, metavar="SEED",
                     help="after the first boot, one (--repeat N: N - 1) with the suites, and the tests in each, in "
                     "another order: that of SEED (default: 1), then of SEED + 1 ...")
    sub.add_argument("--load", action="store_true", help="keep all processors busy meanwhile")
    sub.add_argument("--boundary", type=int, metavar="K", help="the tree after the first K patches (default: all)")
    sub.add_argument("--with", dest="extra", metavar="DIFF", help="apply one more diff on top, for this run only")
    sub.add_argument("--coverage", action="store_true",
                     help="configuration coverage, and the added lines that no suite ran")
    sub.add_argument("--jobs", type=int, default=0, metavar="N", help="jobs of make (default: one per processor)")


def chosen_configs(args) -> list:
    """The names of the configurations that the command line asks for, in order."""
    names = list(args.config)
    for name in names:
        if name not in CONFIGS + ("bench", "all"):
            raise term.StackError(f"no configuration '{name}'{term.meant(name, CONFIGS)} "
                                  f"(there are: {' '.join(CONFIGS)} bench, or all)", "scripts/stack kunit --help")
    if "all" in names:
        return list(CONFIGS)
    names += ["coverage"] if args.coverage else []
    return [name for name in CONFIGS + ("bench",) if name in names] or ["plain"]


def _run_all(args, configs, with_coverage):
    session = Session(args)
    with session.ws.lock():
        process.end_leftover(session.ws.out)
        session.prepare()
        results = []
        for result in session.run(configs):
            summary.show(result)
            results.append(result)
        if not results and not args.until:
            raise term.StackError("nothing was run", mend="another --suite or --config")
        report = None
        if with_coverage and results and results[-1].config == "coverage" and not results[-1].problems:
            report = session.coverage()
            summary.show_coverage(report)
    return results, report


def run(args) -> int:
    """Run the verb; returns 0 when every test passed and nothing was reported, else 1.

    With one more diff, 2 when a kernel was not built: no test noticed such a diff.
    """
    configs = chosen_configs(args)
    results, report = _run_all(args, configs, args.coverage)
    summary.table(results)
    good = all(result.ok() for result in results)
    if args.coverage:
        good = good and report is not None and not report.findings()
    code = 2 if args.extra and not all(result.built for result in results) else 0 if good else 1
    term.say(summary.last_line(results, report, code))
    return code


def run_counts(args, configs, bad: list) -> tuple:
    """For the verb `test`: run @configs, coverage report included where named; @bad gets a line for what failed.

    Returns (passed, failed): one per test case (a skipped one is neither), one per configuration for "no report, no
    other problem", one for the coverage of the added lines.
    """
    wanted = [name for name in CONFIGS if name in configs]
    results, report = _run_all(args, wanted, "coverage" in wanted)
    summary.table(results)
    bad += summary.bad(results, report)
    clean = [not result.problems and not result.bad_splats() for result in results]
    late = args.until and "coverage" not in [result.config for result in results]
    if "coverage" in wanted and not late:
        clean.append(report is not None and not report.findings())
    return (sum(result.count("passed") for result in results) + sum(clean),
            sum(result.count("failed", "crashed") for result in results) + len(clean) - sum(clean))
