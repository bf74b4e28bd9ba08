# SPDX-License-Identifier: GPL-2.0
"""Tests of behaviour where the patches are not, or known-bad variants of them: do those fail, and only those, that the
section [before] of topic.ini says, for the reason that it gives (linux/mutants.py has the form)?

Each test has a boot of its own there: one that kills the kernel, or hangs, hides no other.
"""
import re
from typing import List, Sequence, Tuple

from stacklib import options
from stacklib.checking.proof import Run
from stacklib.host import term
from stacklib.host.files import read_text
from stacklib.linux import mutants
from stacklib.stack import series
from stacklib.suites import machine, session, trial

PATIENCE = 120  # seconds that the boot with one test may take
TEXT = 100000   # characters of what a test said that are kept


class Before(Run):
    """A run on the states that [before] names: .fates [(topic, mutants.Red or SUITE.CASE, word, what it said)]

    red: as told; green: it passes; otherwise: it fails, for another reason; untold: nobody said that it fails
    """

    def __init__(self, args: options.Prove):
        super().__init__(args)
        self.fates: List[Tuple[series.Topic, object, str, str]] = []

    def run(self) -> None:
        """Try what the options choose, state by state."""
        for topic in self.topics:
            reds = [red for red in mutants.before(topic) if (self.args.only or "") in str(red)]
            for state in dict.fromkeys(red.state for red in reds):
                self.state(topic, state, [red for red in reds if red.state == state])

    def state(self, topic: series.Topic, state: str, reds: Sequence[mutants.Red]) -> None:
        """Boot the suites of some lines in the state that they are about, those of a configuration together."""
        told, suites = series.suite_configs(self.ws.repo), tuple(dict.fromkeys(red.suite for red in reds))
        own, files = self.tree_of(topic, state, suites)
        for name in [name for name in session.CONFIGS if own and name in (self.args.config or session.CONFIGS)]:
            config = session.boot.load_config(session.config_folder(), name)
            mine = [suite for suite in suites if machine.suites(config, [suite], told)]
            suites = tuple(suite for suite in suites if suite not in mine)
            bench: List[trial.Bench] = []
            for suite in mine:
                term.progress(f"prove: before, {topic.name} {state} {suite}")
                found = self.attempt(self.key(own, name, files, suite=suite),
                                     lambda s=suite, n=name, b=bench: red_in(own, n, s, b))     # type: ignore[misc]
                if found is not None:
                    self.judge(topic, state, [red for red in reds if red.suite == suite], found)

    def tree_of(self, topic: series.Topic, state: str, suites: Tuple[str, ...]) -> tuple:
        """Return (a session in a state, files that make it); (None, []) for a variant that applies nowhere, which is
        told."""
        if state.isdigit():
            needed = [patch for one in self.stack.select([topic.name]) if one is not topic for patch in one.patches]
            return self.session_on((topic.name,), boundary=len(needed) + int(state), built=suites), []
        path, said = topic.dir / "mutants" / f"{state}.patch", []
        for topics in ((), (topic.name,)):
            said = mutants.tried(self.ws, self.stack, self.stack.select(topics), [path])
            if not said:
                return self.session_on(topics, extra=str(path)), [path]
        self.tell(topic, state, "stale", said[0][1])
        return None, []

    def judge(self, topic: series.Topic, state: str, reds: Sequence[mutants.Red], found: trial.Rows) -> None:
        """Hold what failed in a suite to what was told."""
        if found and found[0][2] == "unbuilt":
            return self.tell(topic, f"{state} {found[0][0]}", "unbuilt", found[0][3])
        for red in reds:
            said = [text for where, _, _, text in found if trial.named(where, [f"{red.suite}.{red.case}"])]
            word = "green" if not said else "red" if all(red.text in text for text in said) else "otherwise"
            self.tell(topic, red, word, red.text if word != "otherwise" else
                      f"not '{red.text}' but: " + next(text for text in said if red.text not in text)[:400])
        for where, _, _, text in found:
            if not trial.named(where, [f"{red.suite}.{red.case}" for red in reds]):
                self.tell(topic, f"{state} {where}", "untold", text[:400])
        return None

    def tell(self, topic: series.Topic, what: object, word: str, said: str) -> None:
        """Note what became of a test, and say it when it is a finding."""
        self.fates.append((topic, what, word, said))
        self.say(word, f"{topic.name} {what}", said)


def red_in(own: session.Session, config: str, suite: str, bench: List[trial.Bench]) -> Tuple[trial.Rows, str]:
    """Boot each test of a suite alone; (rows [SUITE.CASE, 0, kind, what was said] of those that fail, folder of logs).

    bench: empty before the first suite of a state
    """
    if not bench:
        own.choose()
        bench.append(trial.Bench(own, config))
        bench[0].patience = min(bench[0].patience, PATIENCE)
        why = bench[0].build()
        if why:
            bench.clear()
            return [[suite, 0, "unbuilt", why]], str(own.ws.out / "prove" / config / "build.log")
    log = read_text(bench[0].result(suite, "kunit.action=list").log)
    names = re.findall(rf"(?:^| ){suite}\.(\w+)$", log, re.MULTILINE)
    found: trial.Rows = [] if names else [[suite, 0, "problem", "the kernel lists no test of it"]]
    for name in dict.fromkeys(names):
        result = bench[0].result(f"{suite}.{name}")
        # kunit.py calls a run failed in which all is skipped
        skipped = {case.status for one in result.suites for case in one.cases} == {"skipped"}
        rows = trial.rows(result) if not skipped or result.bad_splats() else []
        said = [line for one in result.suites for case in one.cases if case.status in ("failed", "crashed")
                for line in case.lines]
        said += [line for splat in result.bad_splats() for line in splat.lines] + result.problems
        kinds = [row[2] for row in rows]
        found += [[f"{suite}.{name}", 0, next((k for k in kinds if k in ("hang", "panic")), kinds[0]),
                   " ".join(" ".join(said).split())[:TEXT]]] if rows else []
    return found, str(bench[0].folder)
