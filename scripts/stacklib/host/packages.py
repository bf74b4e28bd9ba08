# SPDX-License-Identifier: GPL-2.0
"""Installs what is missing of the programs that the stack uses: ensure() for the verbs that need some."""
import os
import re
import shutil
import signal
import subprocess

from stacklib.host import env, special, tools
from stacklib.host.term import StackError, done, progress, say
from stacklib.host.workspace import Workspace

SPECIAL = ("sparse", "b4")
# What no verb that makes a tree can do without; the rest is asked for where it is used, after the arguments
# have been judged.
GIT = ("git", "xz")


def tool_path() -> str:
    """Return the PATH under which checks and builds run: tools that setup made come first."""
    return tools.search_path(Workspace().cache)


def ensure(names):
    """Install what is missing of the named tools (tools.TOOLS, or names of their packages).

    As root through apt-get; otherwise, or with STACK_NO_INSTALL set, StackError with the command to run. What Debian
    has too old is made in the cache, but not with STACK_NO_INSTALL.
    """
    ws = Workspace()
    by_package = {p: name for name, (packages, _) in tools.TOOLS.items() for p in packages}
    for name in names:
        if name not in tools.TOOLS and name not in by_package:
            raise StackError(f"setup knows no tool of the name '{name}'")
    wanted = [name if name in tools.TOOLS else by_package[name] for name in names]
    bad = bad_tools(wanted)
    if set(SPECIAL) & set(bad):
        bad = bad_tools(["make", "gcc", "xz", "patch", "dpkg-dev"]) + bad
    missing = [p for name in bad for p in tools.TOOLS[name][0] if name not in SPECIAL or not installed(p)]
    if missing:
        install(list(dict.fromkeys(missing)))
        bad = bad_tools(bad)
    broken = [name for name in bad if name not in SPECIAL]
    if broken:
        raise StackError(f"installed, but still not there or not working: {', '.join(broken)}",
                         f"apt-get install --reinstall {' '.join(p for n in broken for p in tools.TOOLS[n][0])}")
    making = [name for name in SPECIAL if name in bad]
    if making and env.settings().no_install:
        raise StackError(f"missing here or too old: {' '.join(making)}; STACK_NO_INSTALL forbids to make what is "
                         "missing", "env -u STACK_NO_INSTALL scripts/stack setup")
    for name in making:
        special.make(ws, name)


def ensure_quickly(names, likes=()) -> None:
    """As ensure(), but only look whether each tool ("*": all) is there, not whether it works.

    likes: tools to install as well, if any of the others is missing.
    """
    path = tool_path()
    names = list(tools.TOOLS) if names == "*" else names
    if not all(tools.present(name, path) for name in names):
        ensure([*names, *likes])


def bad_tools(names) -> list:
    """Return those of the tools that are not there, or do not work."""
    path = tool_path()
    return [name for name in dict.fromkeys(names) if not tools.good(name, path)]


def installed(package: str) -> bool:
    """Return whether dpkg has the package installed."""
    if not shutil.which("dpkg-query"):
        return False
    proc = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package],
                          capture_output=True, text=True, check=False)
    return proc.returncode == 0 and proc.stdout.strip() == "installed"


def install(packages) -> None:
    """Install Debian packages as root, with progress; else StackError with the command."""
    line = "apt-get install -y --no-install-recommends " + " ".join(packages)
    if not shutil.which("apt-get"):
        raise StackError("missing here, by the names of Debian's packages: " + " ".join(packages),
                         "install them with this system's package manager")
    if os.geteuid() or env.settings().no_install:
        raise StackError("missing packages: " + " ".join(packages), "sudo apt-get update && sudo " + line)
    if run_apt(line.split(), tell=False) == 0:
        return
    # No list, or one so old that its files are gone: update it, and only then.
    if run_apt(["apt-get", "update"]):
        raise StackError("apt-get update failed", "apt-get update")
    if run_apt(line.split()):
        raise StackError("the packages could not be installed: " + " ".join(packages), line)


def run_apt(words, tell=True):
    """Run apt-get with progress; return its exit status. tell: show how a failure ended."""
    settings = env.child(DEBIAN_FRONTEND="noninteractive", LC_ALL="C")
    words = words[:1] + ["-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300"] + words[1:]
    counts, tail = {"Get": 0, "Setting": 0}, []
    with subprocess.Popen(words, env=settings, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as proc:
        try:
            for line in proc.stdout:
                tail = (tail + [line.rstrip()])[-6:]
                word = re.match(r"Get|Setting", line)
                if word:
                    counts[word.group(0)] += 1
                    progress(f"setup: apt-get: {counts['Get']} files fetched, {counts['Setting']} packages set up")
        except BaseException:
            proc.send_signal(signal.SIGINT)  # apt ends a download; dpkg it lets come to its end
            proc.communicate()
            raise
    done()
    if proc.returncode and tell:
        say("\n".join("  | " + text for text in tail))
    return proc.returncode
