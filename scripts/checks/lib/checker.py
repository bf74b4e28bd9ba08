# SPDX-License-Identifier: GPL-2.0
"""sparse as the checker of make (C=2), for the checks `sparse` and `build`.

build compiles each object once for both: what sparse said meanwhile is left in the build folder, with the
state that it was said of, and the check sparse takes it from there.  Without it sparse runs make itself.
"""
import hashlib
import json
import os
import re
import tempfile

import checklib as c
import kbuild
import saved

CANARY = "int canary(int __attribute__((noderef)) *p);\nint canary(int __attribute__((noderef)) *p) { return *p; }\n"
# The probe file that checker-valid.sh writes is passed through; every source of the kernel is
# recorded with the arguments, and a sparse that fails to run at all leaves "exit N" instead of "ran".
WRAPPER = """#!/bin/sh
for last; do :; done
case "$last" in
*.c) ;;
*) exec %(sparse)s "$@" ;;
esac
out=$(%(sparse)s "$@" 2>&1)
status=$?
state="exit $status"
if [ $status -eq 0 ] || { [ $status -lt 126 ] && [ -n "$out" ]; }; then state=ran; fi
printf '%%s\\n' "$out" "@@ $state $last" >> "%(out)s.$$"
printf '%%s\\0' "$@" > "%(out)s-arguments.$$"
exit 0
"""


def version():
    """sparse's own version stays the same between releases: the program's hash is added."""
    path = c.tool("sparse")
    text = c.first_line([path, "--version"], r"^v?\d+\.\d+")
    with open(path, "rb") as src:
        return "%s\nsparse %s %s" % (kbuild.versions(), text, hashlib.sha256(src.read()).hexdigest()[:16])


def valid(kb):
    """Broken unless the tree accepts this sparse, as its own Makefile asks, and it finds a planted fault."""
    res = c.run(["sh", c.tree_tool("scripts/checker-valid.sh"), c.tool("sparse")], cwd=kb.tree)
    c.log("$ checker-valid.sh %s: %s" % (c.tool("sparse"), res.stdout.strip() or res.stderr.strip()))
    if res.stdout.strip() != "1":
        raise c.Broken("the tree's scripts/checker-valid.sh does not accept %s (it is too old), and make would "
                       "silently go on without it; mend: scripts/stack setup" % c.tool("sparse"))
    # checker-valid.sh only looks for "error", which a program that does nothing does not print
    with tempfile.NamedTemporaryFile("w", suffix=".c", prefix="canary-") as canary:
        canary.write(CANARY)
        canary.flush()
        res = c.run([c.tool("sparse"), canary.name])
    if not re.search(r"canary-\S+:2:\d+: warning: dereference of noderef expression", res.stdout + res.stderr):
        raise c.Broken("sparse did not report the fault planted for it (exit status %d: %.200s); "
                       "mend: scripts/stack setup"
                       % (res.returncode, (res.stdout + res.stderr).strip()))


def make(kb, goals, compiled=True):
    """Compile the goals with W=1 and have sparse read each source; (CompletedProcess, what the wrapper wrote).

    compiled: False when the objects are of no use, and sparse may do without them.
    """
    with tempfile.TemporaryDirectory() as folder:
        wrapper, out = os.path.join(folder, "sparse"), os.path.join(folder, "report")
        with open(wrapper, "w", encoding="utf-8") as dst:
            dst.write(WRAPPER % {"sparse": c.tool("sparse"), "out": out})
        os.chmod(wrapper, 0o755)
        res = saved.compile_again(kb, goals, compiled, wrapper)
        if not res:
            res = kb.make("-s", "-k", "W=1", "cmd_checkdoc=", "C=2", "CHECK=" + wrapper,
                          "CF=-fmax-warnings=unlimited", *goals)
            given = (text.split("\0")[:-1] for text in texts(folder, "report-arguments."))
            saved.remember(kb, goals, {kb.relative(words[-1]): words for words in given})
        return res, "".join(texts(folder, "report."))


def texts(folder, start):
    """Yield what is in the files of a folder whose names begin so."""
    for name in sorted(n for n in os.listdir(folder) if n.startswith(start)):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as src:
            yield src.read()


def place(kb):
    return os.path.join(kb.out, ".stack-sparse")


def state(kb, goals):
    """What a run of make depends on, as text; None when nobody says which state TREE has."""
    if not c.env("TREE_ID", ""):
        return None
    with open(os.path.join(kb.out, ".stack-config"), encoding="utf-8") as src:
        return json.dumps([c.env("TREE_ID"), kb.tree, goals, src.read(), version(), WRAPPER])


def compile_both(kb, goals):
    """make(), its output left for the check sparse; None when sparse does not work, which that check will say."""
    try:
        valid(kb)
    except c.Broken:
        return None
    res, said = make(kb, goals)
    with open(place(kb), "w", encoding="utf-8") as out:
        json.dump([state(kb, goals), res.stdout + res.stderr, said], out)
    return res


def left(kb, goals):
    """(output of make, what the wrapper wrote) that compile_both() left for this very state, once; or None."""
    try:
        with open(place(kb), encoding="utf-8") as src:
            known, output, said = json.load(src)
        os.unlink(place(kb))
    except (OSError, ValueError):
        return None
    return (output, said) if known and known == state(kb, goals) else None
