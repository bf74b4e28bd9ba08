# SPDX-License-Identifier: GPL-2.0
"""Stored mutants (patches/BASE/TOPIC/mutants/*.patch): small faults that a suite must find. Do they still apply?

A comment at the head of one says by what it is caught, for the tool:

    # run: CONFIG NAME...     CONFIG of KUnit, NAME: SUITE or SUITE.CASE, kernel reports in SUITE included
    # run: tests NAME...      tests of the topic that are no suites of KUnit, NAME: MODULE or MODULE.TEST

The section [before] of a topic.ini says which tests fail in a state that lacks what the topic mends, and why:

    STATE SUITE.CASE = TEXT   STATE: the number of the topic's patches that are applied (0: none, but all of what it
                              needs), or the name of a stored mutant; TEXT: words of the failure
"""
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

from stacklib.host import gitcmd, workspace
from stacklib.host.files import read_text
from stacklib.host.term import StackError
from stacklib.linux import tree as trees
from stacklib.stack import series


@dataclass(frozen=True)
class Red:
    """A line of [before]: .state .suite .case .text"""

    state: str
    suite: str
    case: str
    text: str

    def __str__(self):
        return f"{self.state} {self.suite}.{self.case}"


def before(topic: series.Topic) -> List[Red]:
    """Return the lines of [before] of a topic; StackError for one that nobody can read."""
    found = []
    for key, text in topic.conf.items("before") if topic.conf.has_section("before") else []:
        match = re.fullmatch(r"(\S+) (\w+)\.(\w+)", key)
        if not match or len(text) < 4:
            raise StackError(f"{topic.dir / 'topic.ini'}: [before] {key}: not STATE SUITE.CASE = TEXT of the failure",
                             f"$EDITOR {topic.dir / 'topic.ini'}")
        found.append(Red(match[1], match[2], match[3], " ".join(text.split())))
    return found


def stored(topic: series.Topic) -> List[Path]:
    """Return the mutants of a topic."""
    return sorted((topic.dir / "mutants").glob("*.patch"))


def told(path: Path) -> Tuple[str, List[str]]:
    """Return (configuration or "tests", names) of the line `# run:` of a mutant; StackError when there is not one."""
    lines = re.findall(r"^# run: (\S+) +(\S.*)$", read_text(path).partition("\n--- ")[0], re.MULTILINE)
    if len(lines) != 1:
        raise StackError(f"{path.name}: {len(lines)} lines '# run: CONFIG SUITE.CASE...' at its head instead of one",
                         f"name what catches it: $EDITOR {path}")
    return lines[0][0], lines[0][1].split()


def untold(repo: Path, topic: series.Topic, configs, suites) -> Dict[Path, str]:
    """Return {mutant: what is wrong with its line `# run:`} of a topic, and {topic.ini: what is with its [before]}.

    configs: names of configurations; suites: names of all suites of the stack
    """
    found = {}
    for path in stored(topic):
        try:
            config, names = told(path)
        except StackError as exc:
            found[path] = exc.msg
            continue
        if config not in (*configs, "tests"):
            found[path] = f"no configuration '{config}' (there are: {' '.join(configs)} tests)"
        for name in names:
            unit, _, case = name.partition(".")
            if not exists(repo, topic, unit, case, suites if config != "tests" else None):
                found[path] = f"nothing is called {name}"
    try:
        reds = before(topic)
    except StackError as exc:
        return {**found, topic.dir / "topic.ini": exc.msg.partition(": ")[2]}
    known = [*map(str, range(len(topic.patches) + 1)), *(path.stem for path in stored(topic))]
    for red in reds:
        if red.state not in known:
            found[topic.dir / "topic.ini"] = f"[before] {red}: neither a number of patches nor a stored mutant"
        elif not exists(repo, topic, red.suite, red.case, suites):
            found[topic.dir / "topic.ini"] = f"[before] {red}: nothing is called that"
    return found


def exists(repo: Path, topic: series.Topic, unit: str, case: str, suites) -> bool:
    """Whether there is a test case of a suite that suites has; suites None: of a module of the topic's tests."""
    at = sorted((repo / "kunit").rglob(f"{unit}_kunit.c")) if suites else [topic.dir / "tests" / f"{unit}.py"]
    texts = [read_text(file) for file in at if file.is_file() and (not suites or unit in suites)]
    return any(re.search(rf"\b{re.escape(case)}\b", text) for text in texts)


def stale(ws: workspace.Workspace, stack: series.Stack, topics) -> Tuple[List[Tuple[Path, str]], str]:
    """Return ([(mutant that applies neither to the whole stack nor to its topic alone, what git says)],
    why not all could be tried, "" when they were). Both states are those with all patches and the drop-in.

    Nothing is built or checked out; without a kernel in the work folder nothing is tried.
    """
    found: List[Tuple[Path, str]] = []
    every = [path for topic in topics for path in stored(topic)]
    if every and not (ws.out / "linux" / ".git" / "stack-state").is_dir():
        return [], "no kernel is in the work folder yet: scripts/stack apply"
    try:
        left = dict(tried(ws, stack, stack.topics, every)) if every else {}
        for topic in topics:
            own = [path for path in left if path.parent.parent == topic.dir]
            if own:
                found += [(path, left[path]) for path, _ in tried(ws, stack, stack.select([topic.name]), own)]
    except StackError as exc:
        return found, exc.msg.splitlines()[0]
    return found, ""


def tried(ws: workspace.Workspace, stack: series.Stack, topics, paths: List[Path]) -> List[Tuple[Path, str]]:
    """Return those of the diffs at paths that do not apply to the topics, each with what git says."""
    with ws.lock():
        tree = trees.prepare(ws, stack, topics)
        commit = tree.commit(tree.boundaries, dropin=True)
        files = sorted({name for path in paths for name in series.Patch(path, "").files})
        listed = gitcmd.git_bytes("ls-tree", "-z", "--name-only", commit, "--", *files, cwd=tree.path) if files else b""
        found = []
        with tempfile.TemporaryDirectory(prefix="stack.") as folder:
            there = os.fsdecode(listed).split("\0")[:-1]
            for name, body in zip(there, gitcmd.blobs([f"{commit}:{name}" for name in there], tree.path)):
                place = Path(folder, name)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(body)
            for path in paths:
                status, _, said = gitcmd.run("apply", "--check", path.absolute(), cwd=folder,
                                             env={"GIT_CEILING_DIRECTORIES": Path(folder).parent})
                if status:
                    found.append((path, (said.strip().splitlines() or ["git apply failed"])[-1].replace("error: ", "")))
    return found
