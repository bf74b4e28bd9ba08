# SPDX-License-Identifier: GPL-2.0
"""A fault on trial: its kernel is booted, suite by suite, until something notices it; and what that means.

What was noticed is a list of rows [where, line, kind, text], as the cache of results keeps them: where is
SUITE.CASE of a test that failed, the suite in which the kernel reported something, or "" for the kernel as a whole;
kind is failed, crashed, hang, panic, problem or the kind of the report (see splats.py).
"""
import shutil
from typing import Any, Dict, List, Optional, Sequence, Tuple

from stacklib.host import term
from stacklib.suites import boot, session

Rows = List[List[Any]]

# The fates of a mutant, or of a test in a state that is known to be bad, that are findings, and those that are well.
BAD = ("survived", "green", "otherwise", "untold", "stale", "unbuilt")
GOOD = ("caught", "elsewhere", "hang", "panic")
# A boot without a fault took so long: with one it may take SLOWER times that, and LEAST seconds.
SLOWER, LEAST = 6, 20


def rows(result: boot.Result, asked: str = "") -> Rows:
    """Return what was noticed in the boots that @result has; empty when all was well.

    asked: the suite that had to run, if only one had
    """
    found: Rows = [[f"{case.suite}.{case.name}", 0, case.status, case.where] for suite in result.suites
                   for case in suite.cases if case.status in ("failed", "crashed")]
    found += [[splat.suite, splat.line, splat.kind, splat.title] for splat in result.bad_splats()]
    panic = any(row[2] == "panic" for row in found)
    for text in result.problems:
        hang = text.startswith("timeout: ") or "did not come to its end" in text and not panic
        ended = not hang and panic
        found.append(["", 0, "hang" if hang else "panic" if ended else "problem", text.splitlines()[0]])
    if asked and not found:
        found += [["", 0, "problem", text] for text in session.missing_suites([asked], result.suites)]
    return found


def named(where: str, names: Sequence[str]) -> bool:
    """Whether what was noticed at @where is what one of the names (SUITE or SUITE.CASE) stands for."""
    return bool(where) and any(f"{where}.".startswith(f"{name}.") or f"{name}.".startswith(f"{where}.")
                               for name in names)


def fate(found: Rows, names: Sequence[str]) -> Tuple[str, str]:
    """Return (word, by what) for a mutant that was built and booted; names: of what is to catch it.

    caught: by one of the names; elsewhere: by something else; hang, panic: the kernel did not end, or died;
    survived: nothing was noticed
    """
    if not found:
        return "survived", ""
    hits = [row for row in found if named(row[0], names)]
    first = (hits or [row for row in found if row[0]] or found)[0]
    kinds = [row[2] for row in found]
    word = next((kind for kind in ("hang", "panic") if kind in kinds), "caught" if hits else "elsewhere")
    return word, first[0] or first[3]


class Bench:
    """Where the kernels of one configuration are tried: .builder .suites (those that run in it) .folder (of logs)
    .seconds {suite or "": what its boot takes at most without a fault} .took {suite: what it takes itself}"""

    def __init__(self, one: session.Session, config: str):
        self.builder, self.suites = one.builder(config)
        if not self.builder:
            raise term.StackError(f"no suite runs in the configuration {config}", "scripts/stack prove --help")
        self.folder = one.ws.out / "prove" / config
        self.allowed = session.allowed_reports()
        self.patience = self.builder.config.timeout
        self.seconds: Dict[str, float] = {}
        self.took: Dict[str, float] = {}
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def build(self) -> str:
        """Build the tree as it stands; return what is wrong, or ""."""
        return self.builder.build(self.folder / "build.log")

    def result(self, suite: str, *args: str) -> boot.Result:
        """Boot once, with one suite (or SUITE.CASE) or all (""), and kernel arguments."""
        config = self.builder.config
        before, known = config.kernel_args, self.seconds.get(suite, self.patience)
        config.kernel_args = [*before, *args]
        config.timeout = min(self.patience, max(LEAST, round(known * SLOWER)))
        result = boot.Result(config.name, self.folder / "test.log")
        try:
            session.boot_once(self.builder, result, self.folder, suite, self.allowed)
        finally:
            config.kernel_args, config.timeout = before, self.patience
        return result

    def boot(self, suite: str = "", *args: str) -> Rows:
        """Boot once, as result() does; return what was noticed."""
        result = self.result(suite, *args)
        found = rows(result, suite)
        if not found:
            self.seconds.setdefault(suite, result.run_seconds)
            for one in result.suites if not suite else []:
                self.took[one.name] = one.seconds or 0.0
                self.seconds.setdefault(one.name, result.run_seconds - sum(o.seconds or 0 for o in result.suites)
                                        + self.took[one.name])
        return found

    def sound(self, *args: str) -> None:
        """Boot all suites without a fault: StackError when something is noticed all the same."""
        found = self.boot("", *args)
        if found:
            raise term.StackError(f"{self.builder.config.name}: without any fault, {found[0][0] or 'the kernel'}: "
                                  f"{found[0][2]} {found[0][3]}", "scripts/stack kunit --config "
                                  f"{self.builder.config.name}, and mend that first", 1)

    def trial(self, suites: Sequence[str], names: Optional[Sequence[str]], *args: str) -> Tuple[Rows, str]:
        """Boot the suites one by one, then all of them, until something is noticed: best what @names (None: any)
        stand for.

        Returns (rows, the log of the boot that has them).
        """
        first: Tuple[Rows, str] = ([], "")
        for suite in suites:
            found = self.boot(suite, *args), str(self.folder / f"test-{suite}.log")
            if any(names is None or named(row[0], names) or row[2] in ("hang", "panic") for row in found[0]):
                return found
            first = first if first[0] else found
        return first if first[0] else (self.boot("", *args), str(self.folder / "test.log"))
