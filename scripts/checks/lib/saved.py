# SPDX-License-Identifier: GPL-2.0
"""Compiles objects again by the commands that make left in its .cmd files, for the checks `build` and `sparse`.

make reads every Makefile, asks the compiler what it can do and looks after the tools of the tree before it
compiles one object: seven seconds of a processor, more than the object takes. From one patch to the next the
commands and what `make prepare` makes are the same, as long as only sources and headers differ that nothing
of that was made from. Anything else, and an object that was not made here yet, is a case for make.
"""
import concurrent.futures
import json
import os
import re
import subprocess

import checklib as c

# What a patch may change without make having a say: everything else could decide about commands and tools.
_FREE = re.compile(r"(?!arch/|scripts/|tools/|usr/)\S+\.[ch]|Documentation/(?!Kbuild|Makefile).*|MAINTAINERS")
_ASKED = re.compile(r"(?:^|(?<=\s))([^\s$()\\:]+\.[ch])(?=\s|$)")


def place(kb):
    return os.path.join(kb.out, ".stack-made")


def stamp(kb):
    """What the configuration was made from."""
    with open(os.path.join(kb.out, ".stack-config"), encoding="utf-8") as src:
        return src.read()


def load(kb):
    """What remember() wrote for this configuration; nothing is known otherwise."""
    try:
        with open(place(kb), encoding="utf-8") as src:
            made = json.load(src)
        if made["stamp"] == stamp(kb):
            return made
    except (OSError, ValueError, KeyError):
        pass
    return {"stamp": stamp(kb), "last": "", "goals": {}, "sparse": {}, "inputs": []}


def remember(kb, goals, sparse):
    """Note after a run of make of which state the goals are. sparse: {source: arguments} that make gave it."""
    made, state = load(kb), c.env("TREE_ID", "")
    for goal in goals:
        made["goals"].pop(goal, None)
        made["sparse"].pop(goal[:-2] + ".c", None)
        if state and os.path.exists(os.path.join(kb.out, goal)) and not goal.endswith("/"):
            made["goals"][goal] = state
    made["sparse"].update(sparse)
    made.update(last=state, inputs=inputs(kb))
    with open(place(kb), "w", encoding="utf-8") as out:
        json.dump(made, out)


def inputs(kb):
    """Sources and headers of the tree from which `make prepare` has made something: tools, vdso, generated headers."""
    found = set()
    for top, folders, names in os.walk(kb.out):
        here = os.path.relpath(top, kb.out)
        folders[:] = [name for name in folders if os.path.join(here, name) != "include/config"]
        for name in names:
            if name.endswith(".cmd") and (not name.endswith(".o.cmd") or here.startswith(("arch", "scripts", "tools"))):
                with open(os.path.join(top, name), encoding="utf-8", errors="replace") as src:
                    found.update(map(kb.relative, _ASKED.findall(src.read())))
    return sorted(found)


def same(kb, made, goals):
    """Whether no patch between the states of the last runs of make and this one is a case for make."""
    now = c.env("TREE_ID", "")
    states = {made["last"], *(made["goals"].get(goal, "") for goal in goals)}
    if not now or "" in states:
        return False
    for state in states - {now}:
        res = c.run(["git", "diff-tree", "-r", "-z", "--name-only", "--no-renames", state, now], cwd=kb.tree)
        names = res.stdout.split("\0")[:-1]
        if res.returncode or not all(map(_FREE.fullmatch, names)) or set(names) & set(made["inputs"]):
            return False
    return True


def command(kb, goal):
    """The shell command by which make has made an object; None when it left none."""
    folder, name = os.path.split(os.path.join(kb.out, goal))
    try:
        with open(os.path.join(folder, "." + name + ".cmd"), encoding="utf-8") as src:
            first = src.readline()
    except OSError:
        return None
    start = "savedcmd_%s := " % goal
    return first[len(start):].replace("$(pound)", "#").replace("$$", "$") if first.startswith(start) else None


def own_source(kb, goal) -> str:
    """The suffix of the source that an object is compiled from; "" for a folder, and for what is linked of several."""
    return next((suffix for suffix in (".c", ".S") if goal.endswith(".o")
                 and os.path.exists(os.path.join(kb.tree, goal[:-2] + suffix))), "")


def compile_again(kb, goals, compiled=True, wrapper=None):
    """Compile the goals as make did, if compiled; wrapper: a program that gets sparse's arguments of each source.

    A CompletedProcess, as from make; None when this is a case for make.
    """
    made = load(kb)
    commands = {goal: command(kb, goal) for goal in goals}
    sources = [goal[:-2] + ".c" for goal in goals if own_source(kb, goal) == ".c"]
    if not all(map(commands.get, goals)) or not all(own_source(kb, goal) for goal in goals) \
            or wrapper and not all(source in made["sparse"] for source in sources) or not same(kb, made, goals):
        return None
    jobs = [["sh", "-c", text] for text in commands.values()] if compiled else []
    jobs += [[wrapper] + made["sparse"][source] for source in sources] if wrapper else []
    # As the kernel's Makefile sets the language of messages.
    env = dict({k: v for k, v in os.environ.items() if k != "LC_ALL"}, LC_COLLATE="C", LC_NUMERIC="C")

    def run(argv):
        return subprocess.run(argv, cwd=kb.out, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, encoding="utf-8", errors="replace")

    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "1"))) as pool:
        done = list(pool.map(run, jobs))
    res = subprocess.CompletedProcess("the commands that make left", max(p.returncode for p in done),
                                      "".join(p.stdout for p in done), "".join(p.stderr for p in done))
    c.log("".join("$ %s\n%s%s" % (" ".join(p.args), p.stdout, p.stderr) for p in done))
    return res
