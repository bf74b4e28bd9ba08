# SPDX-License-Identifier: GPL-2.0
"""What every check written in Python needs: inputs, findings, and one way to be broken.

The contract is in scripts/checks/README.  This file is part of the cache key of the
checks whose header says `uses: lib/checklib.py`.
"""
import os
import re
import shutil
import subprocess
import sys

LEVELS = ("error", "warning", "note", "hint")


class Broken(Exception):
    """The check itself cannot say anything; the text is the reason, shown to the user."""


def env(name, default=None):
    """Value of the environment variable NAME; without a default a missing one is Broken."""
    value = os.environ.get(name, default)
    if value is None:
        raise Broken("%s is not set (scripts/checks/README lists the inputs)" % name)
    return value


def env_lines(name):
    """The words of a list variable; the lists hold file names, which have no blanks in a kernel tree."""
    return env(name, "").split()


def patch(needed=True):
    """The patch in the file that PATCH names, read by the tool's one parser (stacklib/stack/patch.py).

    Broken when it is `needed` and there is no diff to judge: the file is encoded, as mail is, or is no patch.
    """
    # Where the tool is that runs this check, else the one that this file is part of.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
    from stacklib.stack import patch as parser
    with open(env("PATCH"), "rb") as src:
        parsed = parser.Parsed(src.read())
    if needed and not parsed.files:
        raise Broken("%s: no diff can be read in it; mend: scripts/stack refresh" % env("PATCH"))
    return parsed


def tool(name):
    """Absolute path of a program in PATH, or Broken with the command that mends it."""
    path = shutil.which(name)
    if not path:
        raise Broken("%s: not found in PATH; mend: scripts/stack setup" % name)
    return path


def tree_tool(path):
    """Absolute path of a script of the kernel tree, or Broken."""
    full = os.path.join(env("TREE"), path)
    if not os.path.isfile(full):
        raise Broken("%s: not in the kernel tree %s; mend: scripts/stack apply" % (path, env("TREE")))
    return full


def first_line(argv, pattern):
    """First line that `argv` prints and that matches `pattern`; Broken if there is none."""
    res = run(argv)
    for line in (res.stdout + res.stderr).splitlines():
        if re.search(pattern, line):
            return line.strip()
    raise Broken("%s: exit status %d and no version in its output: %.200s; mend: scripts/stack setup"
                 % (" ".join(argv), res.returncode, (res.stdout + res.stderr).strip()))


def run(argv, cwd=None, stdin=None, timeout=None):
    """Run a program with LC_ALL=C, `stdin` (bytes) on its input; returns CompletedProcess with text output.

    A program that cannot start, dies by a signal or exceeds `timeout` (seconds) is Broken.
    """
    full = dict(os.environ, LC_ALL="C", LANGUAGE="")
    try:
        res = subprocess.run(argv, cwd=cwd, input=stdin, env=full, timeout=timeout,
                             stdin=None if stdin is not None else subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except OSError as err:
        raise Broken("%s: %s; mend: scripts/stack setup" % (argv[0], err.strerror or err)) from err
    except subprocess.TimeoutExpired as err:
        raise Broken("%s: no end after %d s" % (" ".join(argv), timeout)) from err
    res.stdout, res.stderr = (out.decode("utf-8", "replace").replace("\r\n", "\n") for out in (res.stdout, res.stderr))
    if res.returncode < 0:
        raise Broken("%s: killed by signal %d" % (argv[0], -res.returncode))
    return res


def log(text):
    """Append raw output to the file that LOG names (no LOG: nowhere)."""
    path = os.environ.get("LOG")
    if path and text:
        with open(path, "a", encoding="utf-8", errors="replace") as out:
            out.write(text if text.endswith("\n") else text + "\n")


def finding(path, line, level, text):
    """Print one finding.  `line` counts from 1, 0 means the whole file."""
    assert level in LEVELS, level
    print("%s:%d: %s: %s" % (path, int(line), level, " ".join(str(text).split())))


def main(script, version, check):
    """Run a check: `version()` returns its version text, `check()` prints findings."""
    try:
        if sys.argv[1:] == ["--help"]:
            print_header(script)
        elif sys.argv[1:] == ["--version"]:
            print(version())
        elif sys.argv[1:]:
            print("usage: %s [--help|--version]" % script, file=sys.stderr)
            return 2
        else:
            check()
    except Broken as err:
        print("%s: %s" % (os.path.basename(script), err), file=sys.stderr)
        return 3
    sys.stdout.flush()
    return 0


def print_header(script):
    """Print the comment block at the top of a check: that is its documentation."""
    with open(script, encoding="utf-8") as src:
        for line in src.read().splitlines()[1:]:
            if not line.startswith("#"):
                break
            if "SPDX" not in line:
                print(line[2:])
