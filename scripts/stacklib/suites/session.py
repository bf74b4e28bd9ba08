# SPDX-License-Identifier: GPL-2.0
"""One session of KUnit runs: which suites, on which tree, in which configurations; and one run of one of them."""
import contextlib
import shutil
import time
from concurrent import futures
from pathlib import Path

from stacklib.host import env, packages, process, term, workspace
from stacklib.host.files import read_text, write_whole
from stacklib.linux import tree
from stacklib.stack import series, suiteconfig
from stacklib.suites import boot, coverage, disturb, machine, splats, summary

CONFIGS = ("plain", "lockdep", "kasan", "numa", "coverage")

# What building for UML needs.
BUILD = ("make", "gcc", "flex", "bison", "bc", "perl", "python3", "uuid-dev")


def config_folder():
    """Where the configurations and the allow list are."""
    return env.SCRIPTS / "kunit"


def chosen_suites(wanted, known, boundary: int) -> list:
    """@wanted, or all @known suites; StackError for a name that is not known."""
    for name in wanted:
        if name not in known:
            raise term.StackError(f"suite '{name}' does not build after {boundary} patches{term.meant(name, known)} "
                                  f"(suites that do: {', '.join(known) or 'none'})",
                                  "name one of these, or leave --suite away")
    if not known:
        raise term.StackError(f"no suite builds after {boundary} patches", "name one in a topic.ini")
    return list(wanted) or list(known)


def fragments(repo: Path, source, suites, folder: Path, more: str = ""):
    """Write what the suites need in the tree @source into @folder/suites.kunitconfig; its path, in a list.

    @more: `kconfig` of base.ini
    """
    lines = sorted({*suiteconfig.lines(repo, source, suites), *more.split()})
    path = Path(folder) / "suites.kunitconfig"
    write_whole(path, "".join(f"{line}\n" for line in lines))
    return [path]


def missing_suites(asked, suites) -> list:
    """What is wrong with the choice of suites that ran, as list of texts."""
    ran = {suite.name: suite for suite in suites}
    problems = [f"suite {name} was asked for and did not run" for name in asked if name not in ran]
    return problems + [f"suite {suite.name}: no test passed" for suite in suites if not suite.count("passed")]


def run_config(builder, asked, folder: Path, isolated: bool = False):
    """Build and boot one configuration, return its boot.Result; never raises for what a kernel does.

    @builder: boot.Builder; @asked: the suites that must run; @folder: where logs and results go, made anew;
    @isolated: each suite in a boot of its own
    """
    return boot_config(builder, build_config(builder, folder), asked, isolated)


def build_config(builder, folder: Path):
    """The first half of run_config(): a boot.Result of what was built."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    result = boot.Result(builder.config.name, folder / "test.log")
    term.progress(f"kunit {result.config}: building")
    begin = time.monotonic()
    problem = builder.build(folder / "build.log")
    result.build_seconds, result.built = time.monotonic() - begin, not problem
    result.problems += [problem] if problem else []
    return result


def boot_config(builder, result, asked, isolated: bool, built=None):
    """The second half of run_config(), with the result of the first; @built: called before the first boot"""
    if not result.built:
        return result
    if built:
        built()
    allowed = allowed_reports()
    for glob in asked if isolated else [""]:
        boot_once(builder, result, result.log.parent, glob, allowed)
    result.unused = splats.unused(allowed, result.config)
    result.problems += missing_suites(asked, result.suites)
    return result


def allowed_reports() -> list:
    """The entries of all allow lists of the stack."""
    return [entry for path in splats.allow_lists(env.settings().repo) for entry in splats.read_allowed(path)]


def boot_once(builder, result, folder: Path, glob: str, allowed) -> None:
    """Boot the kernel of a boot.Builder once, and add what came of it to result (boot.Result).

    @glob: the suite to run, empty for all; @allowed: from splats.read_allowed()
    """
    name = builder.config.name
    result.log = log = folder / (f"test-{glob}.log" if glob else "test.log")
    term.progress(f"kunit {name}: booting {glob}")
    suites, problems, seconds = builder.boot(log, glob, _follow(name))
    result.run_seconds += seconds
    result.problems += problems
    result.suites += suites
    result.splats += splats.judge_log(log, allowed, name)


def outcomes(result) -> dict:
    """What came of the tests of a boot.Result, and which reports it has: {name: status, or how many}."""
    found = {f"{suite.name}.{case.name}": case.status for suite in result.suites for case in suite.cases}
    titles = [splat.kind for splat in result.bad_splats()]
    return {**found, **{f"kernel reports ({kind})": str(titles.count(kind)) for kind in titles}}


def again(builder, result, globs, times: int, seed=None) -> None:
    """Boot @times more what @result came of (@globs: of each boot); what comes out differently is a problem of it.

    @seed: of the order in the first of these boots, of a kernel with disturb.plant(); the next ones count up
    """
    first, folder, usual = outcomes(result), result.log.parent / "again", builder.config.kernel_args
    folder.mkdir(exist_ok=True)
    for count in range(2, times + 2):
        one, mine = type(result)(builder.config.name, result.log), seed and seed + count - 2
        name = f"boot {count} of {times + 1}" + (f" (--shuffle {mine})" if mine else "")
        builder.config.kernel_args = [*usual, *([f"stack_shuffle={mine}"] if mine else [])]
        for glob in globs:
            boot_once(builder, one, folder, glob, allowed_reports())
            if mine and f"stack_shuffle {mine}\n" not in read_text(one.log):
                one.problems.append("the order is the usual one, the kernel did not take the seed")
        result.run_seconds += one.run_seconds
        found = outcomes(one)
        odd = [test for test in {**first, **found} if first.get(test) != found.get(test)]
        result.problems += [f"{name}: {test} {found.get(test, 'did not run')}, in the first boot "
                            f"{first.get(test, 'it did not run')}" for test in odd]
        result.problems += [f"{name}: {text}" for text in one.problems]
        if odd or one.problems:
            for log in folder.glob("test*.log"):
                log.rename(log.with_name(f"{count}-{log.name}"))
    builder.config.kernel_args = usual


def _follow(config):
    """Shows which test runs; in a pipe that would be a line per test, so not there."""
    if not term.is_terminal():
        return None
    return lambda where: term.progress(f"kunit {config}: {where}" if where else f"kunit {config}: booting")


class Session:
    """One call of the verb: what to run, where, and on which tree."""

    def __init__(self, args):
        self.args = args
        self.ws = workspace.Workspace(args)
        disturb.check(args.shuffle)
        if args.extra and not Path(args.extra).is_file():
            raise term.StackError(f"no such file: {args.extra}", mend="--with PATH/OF/DIFF")
        if args.extra and args.coverage:
            raise term.StackError("--coverage counts the lines of the stack alone",
                                  mend="leave --with or --coverage away")
        self.env = boot.environment(self.ws.out, self.ws.cache, packages.tool_path())
        self.jobs = args.jobs or self.ws.jobs

    def prepare(self) -> None:
        """Make the tree; the caller holds the lock of the work folder."""
        stack = series.load(self.ws.repo, self.args.base)
        self.topics = stack.select(self.args.topics)
        self.tree = tree.prepare(self.ws, stack, self.topics)
        self.choose()

    def choose(self) -> None:
        """Choose boundary and suites, and bring out/check there."""
        last = self.tree.boundaries
        self.boundary = last if self.args.boundary is None else self.args.boundary
        if not 0 <= self.boundary <= last:
            raise term.StackError(f"there is no boundary {self.boundary}",
                                  mend=f"--boundary 0 (the base) to {last} (all patches)")
        known = list(self.args.built or self.tree.suites(self.boundary))
        self.known = chosen_suites([], known, self.boundary)
        self.asked = chosen_suites(self.args.suite, known, self.boundary)
        try:
            self.source = (self.tree.apply_extra(self.boundary, Path(self.args.extra).resolve()) if self.args.extra
                           else self.tree.checkout(self.boundary, dropin=True))
        except term.StackError as err:
            err.code = 2 if self.args.extra else err.code   # 1 would say that the tests noticed the diff
            raise
        if self.args.shuffle is not None:
            disturb.plant(self.source)

    def builder(self, name: str) -> tuple:
        """Return (boot.Builder of the configuration @name, names of the suites to run there); none: (None, [])."""
        config = boot.load_config(config_folder(), name)
        told = series.suite_configs(self.ws.repo)
        known, asked = (machine.suites(config, names, told) for names in (self.known, self.asked))
        if not asked:
            return None, []
        packages.ensure_quickly([*BUILD, *machine.tools(config)], ["ccache"])
        counted = name == "coverage"
        if not self.args.full and not counted:  # a line that a race reaches wants all of the counts
            config.kernel_args += self.tree.quick_args()
        # Other suites make another .config, with which nearly all would be compiled anew, and again afterwards.
        folder = self.ws.out / "build" / (f"kunit-{name}" + ("-before" if self.args.built else ""))
        if counted:
            config.make += coverage.make_options(self.ws.repo, self.tree.patches)
        # The kernel always holds all suites: a choice of them builds nothing anew.
        wanted = fragments(self.ws.repo, self.source, known, folder, self.tree.stack.base.get("kconfig", ""))
        return boot.Builder(self.source, folder, config, wanted, self.env, self.jobs, self.ws.out), asked

    def run(self, names):
        """Run the configurations; yields the boot.Result of each in which a suite runs.

        A boot keeps one processor busy, so the next ones are built meanwhile.
        """
        with futures.ThreadPoolExecutor(1) as pool:
            try:
                jobs = [pool.submit(self.build, name) for name in names]
                for name, job in zip(names, jobs):
                    builder, asked, result = job.result()
                    if not result:
                        term.say(f"note: kunit {name}: none of the suites runs in it, left away" if not builder else
                                 f"kunit {name}: not come to in time; scripts/stack kunit --config {name}")
                        continue
                    self.boot(name, builder, asked, result)
                    yield result
            except BaseException:  # ^C: what is built now is ended
                pool.shutdown(wait=False, cancel_futures=True)
                process.end_leftover(self.ws.out)
                raise

    def boot(self, name: str, builder, asked, result) -> None:
        """Boot what build() has built, as often as --repeat says."""
        alone, seed = self.args.isolated or bool(self.args.suite), self.args.shuffle
        times = max(self.args.repeat, 2 if seed else 1)
        with disturb.load(self.ws.out) if self.args.load else contextlib.nullcontext():
            boot_config(builder, result, asked, alone,
                        (lambda: coverage.forget(builder.folder)) if name == "coverage" else None)
            if result.built and times > 1:
                again(builder, result, asked if alone else [""], times - 1, seed)
        summary.write_json(result)

    def build(self, name: str) -> tuple:
        """Build the configuration @name; (boot.Builder, suites to run, boot.Result), the first None when none runs,
        the last when it is too late."""
        builder, asked = self.builder(name)
        late = 0 < self.args.until < time.monotonic()
        return builder, asked, build_config(builder, self.ws.out / "kunit" / name) if builder and not late else None

    def coverage(self):
        """The added-line report of the coverage run before; a coverage.Report."""
        return coverage.report(self.ws, self.tree, self.topics, self.boundary, self.source, self.env)
