# SPDX-License-Identifier: GPL-2.0
"""One check as an executable: its header, its inputs, running it, its result in the cache."""
import itertools
import os
import re
import subprocess
import time
from pathlib import Path

from stacklib.checking import cache, judge
from stacklib.host import env as host, process
from stacklib.host.files import write_whole
from stacklib.host.term import StackError, meant
from stacklib.stack import arches

KINDS = ("patch", "tree", "boundary")
# Variables that would change what make does, or be taken for an input
NOT_PASSED = set("MAKEFLAGS MFLAGS MAKELEVEL MAKEFILES KCFLAGS KCPPFLAGS ARCH CROSS_COMPILE SUBARCH CC HOSTCC CHECK CF "
                 "FLAVOUR ARCH_NAME C M O V W LLVM LOG PATCH FILES GONE SUITES QUICK_ARGS SPATCH SPFLAGS COCCI "
                 "MODE".split())
CHECK_LIMIT = 3600  # seconds, for one run of a check
VERSION_LIMIT = 60  # seconds, for its --version
LOG_KEPT = 60000  # characters of a log that are kept with the result


class Check:
    """An executable of scripts/checks: .name .path .kind .arches .reads .uses .errors_always .why"""

    def __init__(self, path):
        self.path = Path(path)
        self.name = self.path.name
        text = self.path.read_text(encoding="utf-8", errors="replace")
        head = list(itertools.takewhile(lambda line: line.startswith("#"), text.splitlines()))
        words = r"^#\s+(kind|arches|needs|reads|uses|errors):\s*(.*?)\s*$"
        self.fields = dict(re.findall(words, "\n".join(head), re.M))
        self.kind = self.fields.get("kind", "").split(" ")[0]
        if self.kind not in KINDS:
            raise StackError(f"{self.path}: no line `# kind: patch|tree|boundary` in its header",
                             "see scripts/checks/README")
        self.arches = self.fields.get("arches", "").startswith("yes")
        self.reads = self.fields.get("reads", "").split()
        self.needs = self.fields.get("needs", "").split()
        self.errors_always = self.fields.get("errors", "").startswith("always")
        self.why = " ".join(re.findall(rf"^# {re.escape(self.name)}: (.*)$", "\n".join(head[:8]), re.M))

    def digest(self):
        """Hash of the executable and of the files that its header names as used."""
        try:
            # What begins with stacklib/ is the tool's own; what ends in ? need not be there.
            paths = [((host.SCRIPTS if name.startswith("stacklib/") else self.path.parent) / name.rstrip("?"), name)
                     for name in self.fields.get("uses", "").split()]
            return cache.digest([self.path] + [path for path, name in paths if name[-1] != "?" or path.exists()])
        except OSError as err:
            raise StackError(f"{self.path}: {err.filename}, named in `# uses:`, is not there") from err


def load(folder: Path, only=None) -> list:
    """All checks of a folder in a sensible order (cheap ones first); StackError for an unknown `only`."""
    found = [Check(p) for p in sorted(Path(folder).iterdir())
             if p.is_file() and os.access(p, os.X_OK) and not p.name.startswith(".")]
    order = {"patch": 0, "tree": 1, "boundary": 3}
    found.sort(key=lambda c: (order[c.kind] + (c.arches and c.kind == "tree"), c.name))
    names = [c.name for c in found]
    for name in only or []:
        if name not in names:
            raise StackError(f"no check '{name}' in {folder}{meant(name, names)}", "name one of: " + " ".join(names))
    if not found:
        raise StackError(f"no executable check in {folder}")
    return [c for c in found if not only or c.name in only]


def tools(checks, names_of_arches=()) -> list:
    """Return the tools (host/tools.py) that these checks need on architectures, as their heads say."""
    names = [need for check in checks for need in check.needs]
    if any(check.arches for check in checks):
        names += [arches.environment(name)["CROSS_COMPILE"] + "gcc" for name in names_of_arches]
    return list(dict.fromkeys(names))


class Result:
    """Outcome of one run: .findings .broken (reason or "") .seconds .cached .log (Path) .text (of the log)"""

    def __init__(self, findings, broken, seconds, cached, log, text):
        self.findings, self.broken, self.seconds = findings, broken, seconds
        self.cached, self.log, self.text = cached, log, text


class Executor:
    """Runs checks with the tool's PATH; knows their versions; stores and finds results."""

    def __init__(self, out, results, path):
        self.out, self.results = Path(out), results
        self.path, self.versions = path, {}

    def environment(self, inputs):
        """The environment of a check: ours without git's and make's variables, plus the inputs."""
        env = host.child(("GIT_", "KBUILD_", "KCONFIG_", *NOT_PASSED))
        env.update(PATH=self.path, PYTHONDONTWRITEBYTECODE="1", LC_ALL="C.UTF-8", CCACHE_NOHASHDIR="1",
                   PYTHONPATH=str(host.SCRIPTS), CCACHE_BASEDIR=str(self.out), CCACHE_DEPEND="1")
        if self.results:
            env.setdefault("CCACHE_DIR", str(self.results.folder.parent / "ccache"))
        env.update(inputs)
        return env

    def start(self, argv, inputs, limit) -> tuple:
        """Run argv in a process group of its own; (status, stdout, stderr). ^C ends the group.

        limit: seconds after which the group is ended, and the status is 124.
        """
        folder = process.notes(self.out)
        env = dict(self.environment(inputs), **{process.VARIABLE: str(folder)})
        try:
            status, out, err = process.run(argv, folder, limit, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError as exc:
            return 126, "", f"{argv[0]}: {exc.strerror}"
        except process.Expired as exc:
            return 124, "", f"{' '.join(argv)}: {exc}, so it was ended"
        return status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    def version(self, check, arch):
        """(version text, "") or ("", why the tool cannot be used); asked once per arch."""
        if (check.name, arch) not in self.versions:
            status, out, err = self.start([str(check.path), "--version"], arch_env(check, arch), VERSION_LIMIT)
            why = err.strip() or f"{check.name} --version: exit status {status} and no version"
            self.versions[check.name, arch] = ("", why) if status or not out.strip() else (out.strip(), "")
        return self.versions[check.name, arch]

    def find(self, name: str, log):
        """The stored result of a key, its log file put back when it is gone; or None."""
        data = self.results.get(name)
        if not data:
            return None
        if not log.exists():
            write_whole(log, data["log"])
        return Result([judge.Finding(*f) for f in data["findings"]], "", data["seconds"], True, log, data["log"])

    def run(self, check, inputs, log, name=None):
        """Run a check now; a sound result is stored under the key `name`.

        What a boundary check finds may be the machine's bad luck (a boot that took too long on a
        loaded one), so that only its clean results are.
        """
        write_whole(log, "")
        began = time.monotonic()
        status, out, err = self.start([str(check.path)], dict(inputs, LOG=str(log)), CHECK_LIMIT)
        seconds = round(time.monotonic() - began, 2)
        findings, broken = [], ""
        if status:
            how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
            broken = err.strip() or f"{how} and no reason on standard error"
        else:
            try:
                findings = judge.read(out)
            except judge.Unreadable as line:
                broken = f"a line of its output is no finding: {line!s:.300}"
        text = log.read_text(encoding="utf-8", errors="replace") + \
            "".join("\n--- %s ---\n%s" % part for part in (("findings", out), ("standard error", err)) if part[1])
        write_whole(log, text)
        text = text if len(text) <= LOG_KEPT else "[... cut, whole in the log file ...]\n" + text[-LOG_KEPT:]
        if name and not broken and not (findings and check.kind == "boundary"):
            self.results.put(name, {"check": check.name, "findings": [list(f) for f in findings],
                                    "seconds": seconds, "log": text})
        return Result(findings, broken, seconds, False, log, text)


def arch_env(check, arch):
    """What a check that runs per architecture gets of it."""
    return arches.environment(arch) if check.arches and arch else {}
