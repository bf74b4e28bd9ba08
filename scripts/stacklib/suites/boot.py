# SPDX-License-Identifier: GPL-2.0
"""Builds one KUnit configuration of one tree with kunit.py, and boots it."""
from dataclasses import dataclass, field
from pathlib import Path
import re
import shutil
import subprocess
import sys
import threading
import time

from stacklib.host import env as host, process, term
from stacklib.suites import ktap, machine

KUNIT_PY = "tools/testing/kunit/kunit.py"
# What the environment must not decide: kunit.py chooses these.
_NOT_OURS = ("ARCH", "CROSS_COMPILE", "KBUILD_OUTPUT", "KCONFIG_CONFIG", "KCFLAGS", "LLVM",
             "MAKEFLAGS", "MFLAGS", "CC", "O")
_OPTION = re.compile(r"^(?:CONFIG_(\w+)=(.*)|# CONFIG_(\w+) is not set)$")
_HEAD_KEYS = ("kernel-args", "timeout", "make", "suites", "arch")
_HEAD = re.compile(rf"^# ({'|'.join(_HEAD_KEYS)}): +(\S.*)$", re.MULTILINE)
# kunit.py, of a kernel that took too long
_TIMED_OUT = re.compile(r"^Command .* timed out after [\d.]+ seconds$")
_GRACE = 20          # kunit.py ends the kernel at its timeout; if even that hangs, we do.
BUILD_LIMIT = 3600   # seconds, for a build
PARSE_LIMIT = 120    # seconds, for kunit.py to judge a log
_TAIL = 25


@dataclass
class Config:
    """A configuration, read from scripts/kunit/NAME.config; arch, named: see machine.py"""

    name: str
    path: Path
    kernel_args: list
    make: list
    timeout: int
    options: dict
    arch: str = ""
    named: bool = False


@dataclass
class Result:
    """What one configuration came to: suites (list of ktap.Suite) splats (list of splats.Splat) problems (texts, each a
    failure that belongs to no test case) unused (texts, the exceptions that no report needed) built (whether there was
    a kernel to boot) build_seconds, run_seconds (wall time, of all boots)"""

    config: str
    log: Path
    suites: list = field(default_factory=list)
    splats: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    unused: list = field(default_factory=list)
    built: bool = True
    build_seconds: float = 0.0
    run_seconds: float = 0.0

    def bad_splats(self) -> list:
        """The reports that no entry of the allow list names."""
        return [splat for splat in self.splats if not splat.reason]

    def count(self, *statuses):
        """How many test cases have one of @statuses."""
        return sum(suite.count(*statuses) for suite in self.suites)

    def ok(self) -> bool:
        """Whether everything is well."""
        return not (self.problems or self.bad_splats() or self.count("failed", "crashed"))


def read_options(path: Path):
    """The symbols that a Kconfig fragment or a .config sets: dict name -> value."""
    options = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        match = _OPTION.match(line.strip())
        if match:
            options[match.group(1) or match.group(3)] = match.group(2) or "n"
    return options


def load_config(folder, name):
    """Read the configuration @name from @folder; StackError when it cannot be."""
    path = Path(folder) / (name + ".config")
    if not path.is_file():
        known = sorted(item.stem for item in Path(folder).glob("*.config"))
        raise term.StackError(f"no configuration '{name}'{term.meant(name, known)} (known: {', '.join(known)})",
                              mend="scripts/stack kunit --help")
    head = {key: [] for key in _HEAD_KEYS}
    for key, value in _HEAD.findall(path.read_text(encoding="utf-8")):
        head[key].append(value.strip())
    try:
        timeout = int(head["timeout"][0])
    except (IndexError, ValueError):
        raise term.StackError(f"{path}: no '# timeout: SECONDS' line", mend=f"add it to {path}") from None
    config = Config(name, path, " ".join(head["kernel-args"]).split(), head["make"], timeout, read_options(path),
                    " ".join(head["arch"]), head["suites"] == ["named"])
    machine.check(config)
    return config


def dropped_options(wanted, dot_config) -> list:
    """Which symbols of @wanted the .config does not have, as list of texts: the proof that what is called KASAN in the
    report was that (kunit.py checks too, on most ways through it)."""
    got = read_options(dot_config)
    return [f"CONFIG_{name}={value} was asked for, .config has {got.get(name, 'n')}"
            for name, value in sorted(wanted.items()) if got.get(name, "n") != value]


def environment(work, cache, path=None):
    """The environment for kunit.py and make, with ccache told to hit across folders below @work, and to keep its files
    in @cache unless CCACHE_DIR says otherwise; @path: value for PATH"""
    env = host.child(_NOT_OURS)
    env.update(LC_ALL="C", PYTHONUNBUFFERED="1", PYTHONDONTWRITEBYTECODE="1")
    if path:
        env["PATH"] = path
    env.setdefault("CCACHE_DIR", str(Path(cache) / "ccache"))
    env["CCACHE_BASEDIR"] = str(work)
    env.update(CCACHE_NOHASHDIR="1", CCACHE_DEPEND="1")  # what is new is not preprocessed beforehand
    return env


class Builder:
    """Builds and boots a Config of the tree at @tree in @folder; @fragments: paths of the suites' .kunitconfig files;
    @env: from environment(); @work: work folder, where what runs is noted (in a check, its runner says where)"""

    def __init__(self, tree, folder, config, fragments, env, jobs, work=None):
        self.tree, self.folder, self.config = Path(tree), Path(folder), config
        self.env = machine.environment(config, env)
        self.jobs = jobs
        self.notes = process.notes(work or self.folder)
        if not work and host.variable(process.VARIABLE):
            self.notes = Path(host.variable(process.VARIABLE))
        self.kunit_py = self.tree / KUNIT_PY
        if not self.kunit_py.is_file():
            raise term.StackError(f"no {KUNIT_PY} in {tree}: this is no kernel tree", mend="scripts/stack apply")
        fragments = machine.fragments(config, self.folder, fragments)
        self.wanted = dict(config.options)
        for path in fragments:
            self.wanted.update(read_options(path))
        self.options = [f"--build_dir={self.folder}", *machine.options(config)]
        self.options += [f"--kunitconfig={path}" for path in [config.path, *fragments]]
        compiler = "ccache gcc" if shutil.which("ccache", path=env.get("PATH")) else "gcc"
        self.make = [f"--make_options=CC={compiler}"]
        self.make += [f"--make_options={option}" for option in config.make]

    def _command(self, verb, *more):
        return [sys.executable, str(self.kunit_py), verb, *more]

    def build(self, log) -> str:
        """Configure and build; @log: Path for what is said. Returns the problem as text, empty when all is well."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for tool in ("make", "gcc"):
            if not shutil.which(tool, path=self.env.get("PATH")):
                raise term.StackError(f"{tool} is not installed", mend="scripts/stack setup")
        command = self._command("build", *self.options, *self.make, f"--jobs={self.jobs}")
        try:
            with open(log, "w", encoding="utf-8") as out:
                status, _, _ = process.run(command, self.notes, BUILD_LIMIT, cwd=self.tree,
                                           env=self.env, stdout=out, stderr=subprocess.STDOUT)
        except process.Expired as err:
            return f"the build was ended: {err}, see {log}\n{tail(Path(log).read_text('utf-8', 'replace'))}"
        if status:
            why = error_lines(log)
            if "No space left on device" in why:
                raise term.StackError(f"the disk is full, see {log}",
                                      mend="free some space (df -h), then run this again")
            return f"the build failed, see {log}\n{why}"
        dropped = dropped_options(self.wanted, self.folder / ".config")
        return "options were dropped:\n" + "\n".join(dropped) if dropped else ""

    def boot(self, log, glob: str = "", told=None) -> tuple:
        """Boot the kernel once and write its log to @log; returns (list of ktap.Suite, list of problems, seconds).

        @glob: suites to run, as kunit.py takes it; empty: all that are built; @told: called with what runs now
        """
        command = self._command("exec", *self.options, "--raw_output=all", f"--timeout={self.config.timeout}",
                                *machine.boot_options(self.config, self.folder),
                                *[f"--kernel_args={arg}" for arg in self.config.kernel_args])
        reader, problems, begin = ktap.LogReader(self.tree.name), [], time.monotonic()
        with process.started(command + ([glob] if glob else []), self.notes, cwd=self.tree,
                             env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, errors="backslashreplace") as kernel:
            watch = threading.Timer(self.config.timeout + _GRACE, process.kill_group, [kernel.pid])
            watch.start()
            try:
                with open(log, "w", encoding="utf-8") as out:
                    for line in kernel.stdout:
                        out.write(line)
                        reader.feed(line, time.monotonic())
                        if _TIMED_OUT.match(line):
                            problems.append(f"timeout: no end after {self.config.timeout} s, "
                                            f"while {reader.where or 'booting'}")
                        if told:
                            told(reader.where)
            finally:
                watch.cancel()
                # The kernel's own processes are no children of kunit.py's.
                process.kill_group(kernel.pid)
                kernel.wait()
        reader.finish()
        took = time.monotonic() - begin
        suites, more = self.parse(log, reader)
        return suites, problems + more, took

    def parse(self, log, reader) -> tuple:
        """Have kunit.py judge @log. Returns (list of ktap.Suite, problems)."""
        json_path = Path(log).with_suffix(".json")
        json_path.unlink(missing_ok=True)
        command = self._command("parse", f"--json={json_path}", str(log))
        try:
            status, said, why = process.run(command, self.notes, PARSE_LIMIT, cwd=self.tree,
                                            env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                            errors="backslashreplace")
        except process.Expired as err:
            return [], [f"kunit.py parse {log}: {err}"]
        said = re.sub(r"\x1b\[[\d;]*m", "", said)
        problems = [line for line in said.splitlines() if "[ERROR]" in line]
        try:
            suites = ktap.read(json_path.read_text(encoding="utf-8", errors="replace"), reader)
        except (OSError, ValueError) as err:
            suites = []
            problems.append(f"kunit.py could not read the results: {err} {why[-300:]}")
        bad = any(suite.count("failed", "crashed") for suite in suites)
        if status and not bad and not problems:
            problems.append("kunit.py calls the run failed: " + said.strip()[-300:])
        text = Path(log).read_text(encoding="utf-8", errors="replace")
        if not machine.ended(self.config, text):
            problems.append(f"the kernel did not come to its end, see {log}\n{tail(text)}")
        return suites, problems


def tail(text: str) -> str:
    """The last lines of a log, indented."""
    return "\n".join("    " + line for line in text.rstrip().splitlines()[-_TAIL:])


def error_lines(log):
    """The lines of a build log that say why, or its tail."""
    text = Path(log).read_text(encoding="utf-8", errors="replace")
    found = [line for line in text.splitlines()
             if re.search(r"error:|Error \d|undefined reference|Missing:|No rule to make"
                          r"|Multiple values|command not found|does not exist", line)]
    return "\n".join("    " + line for line in found[:_TAIL]) or tail(text)
