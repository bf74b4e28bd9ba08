# SPDX-License-Identifier: GPL-2.0
"""Faults, planted one at a time, and what notices each: those beside the patches, and made ones (mutate.py).

A made mutant that no test can notice is excused in the file `equivalent` beside the patches, in stanzas of
`mutant:` (FILE:FUNCTION: KIND: TEXT, as it is told) and `reason:`.
"""
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from stacklib import options
from stacklib.checking import cache as results
from stacklib.host import env, packages, term, workspace
from stacklib.host.files import read_text
from stacklib.linux import mutants
from stacklib.stack import series, stanza
from stacklib.suites import coverage, ktap, mutate, session, splats, trial

ROUNDS = 12     # builds, until every fault that the compiler refuses is out
FIRST = 3       # suites that are booted with a made mutant one by one, before all of them at once
WORDS = (*trial.GOOD, "red", "equivalent", "unmet", "refused", *trial.BAD)


@dataclass(frozen=True)
class Mutant:
    """A stored mutant: .path .topic (series.Topic) .config (or "tests") .names (of what catches it)"""

    path: Path
    topic: series.Topic
    config: str
    names: Tuple[str, ...]


class Run:
    """One run: .left (how many the budget left out) .ran (how many were tried now) .busy (seconds that took)"""

    def __init__(self, args: options.Prove):
        self.args, self.ws = args, workspace.Workspace(args)
        self.stack = series.load(self.ws.repo, args.base)
        self.topics = [topic for topic in self.stack.select(args.topics)
                       if not args.topics or topic.name in args.topics]
        self.cache = results.Cache(self.ws.cache / "mutants", not args.no_cache)
        self.left, self.ran, self.busy = 0, 0, 0.0
        self.began = time.monotonic()

    def session_on(self, topics: Tuple[str, ...], **more: Any) -> session.Session:
        """Return a prepared session on the tree of the topics (none: all); more: options of kunit."""
        own = session.Session(options.Kunit(verb="prove", topics=topics, base=self.args.base, out=self.args.out,
                                            tree=self.args.tree, jobs=self.args.jobs, full=False, **more))
        own.ws = self.ws    # which holds the lock
        own.prepare()
        return own

    def attempt(self, key: str, trying: Callable[[], Tuple[trial.Rows, str]]) -> Optional[trial.Rows]:
        """Return the rows that are known by a key, or that trying gives; None when the time is over."""
        known = self.cache.get(key)
        if not known and self.args.budget and time.monotonic() - self.began > self.args.budget * 60:
            self.left += 1
            return None
        if not known:
            began = time.monotonic()
            found, log = trying()
            self.ran, self.busy = self.ran + 1, self.busy + time.monotonic() - began
            known = {"findings": found, "seconds": time.monotonic() - began, "log": log}
            if not any(row[2] in ("hang", "unbuilt") for row in found):    # which may be the machine's fault
                self.cache.put(key, known)
        return known["findings"]

    def key(self, own: session.Session, config: str, files: Sequence[Path], **more: Any) -> str:
        """Name a result by all that it depends on."""
        files = [*files, *splats.allow_lists(self.ws.repo), env.SCRIPTS / "kunit"]
        return results.key(tree=own.tree.tree_id(own.boundary, dropin=True), config=config, suites=own.known,
                           files=results.digest(files), **more)

    @staticmethod
    def say(word: str, what: str, by: str, always: bool = False) -> None:
        """Say a fate when it is a finding, or always."""
        if word in trial.BAD or always or term.verbose():
            term.say(f"{term.colour(word, 'red' if word in trial.BAD else 'green')} {what}" + (f": {by}" if by else ""))

    def told(self, what: str, counts: Counter) -> str:
        """Return the line that sums up a run."""
        told = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
        return (f"prove: {sum(counts.values())} {what}: {told}"
                + (f"; {self.left} not run, the time is over" if self.left else "")
                + (f"; {self.ran} run now, {self.ran / (self.busy / 3600):.0f} an hour" if self.ran else ""))


class Stored(Run):
    """A run on stored mutants: .fates {path: (word, by what)}"""

    def __init__(self, args: options.Prove, test: Callable[..., tuple]):
        super().__init__(args)
        self.test = test    # verbs/test.one_module
        self.fates: Dict[Path, Tuple[str, str]] = {}

    def chosen(self) -> List[Mutant]:
        """Return the mutants that the options choose."""
        known = (*session.CONFIGS, "tests")
        for name in self.args.config:
            if name not in known:
                raise term.StackError(f"no configuration '{name}'{term.meant(name, known)} (there are: "
                                      f"{' '.join(known)})", "scripts/stack prove --help")
        every = []
        for path, topic in [(path, topic) for topic in self.topics for path in mutants.stored(topic)]:
            if (self.args.only or "") in path.stem:
                config, names = mutants.told(path)
                every.append(Mutant(path, topic, config, tuple(names)))
        every = [one for one in every if not self.args.config or one.config in self.args.config]
        if not every and self.args.stored:
            raise term.StackError("no mutant is chosen", "ls patches/*/*/mutants, or leave options away")
        return every

    def run(self) -> None:
        """Try what is chosen: on the whole stack, or, where it applies only there, on its topic alone."""
        every = self.chosen()
        alone = dict(mutants.tried(self.ws, self.stack, self.stack.topics, [one.path for one in every]))
        self.on_tree((), [one for one in every if one.path not in alone])
        for topic in self.stack.topics:
            own = [one for one in every if one.path in alone and one.topic is topic]
            stale = dict(mutants.tried(self.ws, self.stack, self.stack.select([topic.name]), [o.path for o in own]))
            for path, said in stale.items():
                self.tell(path, "stale", said)
            self.on_tree((topic.name,), [one for one in own if one.path not in stale])

    def on_tree(self, topics: Tuple[str, ...], every: Sequence[Mutant]) -> None:
        """Try mutants on the tree of the topics, a configuration after the other."""
        if not every:
            return
        own = self.session_on(topics)
        for config in (*session.CONFIGS, "tests"):
            bench: List[trial.Bench] = []
            for one in [one for one in every if one.config == config]:
                self.one(own, one, bench)

    def one(self, own: session.Session, one: Mutant, bench: List[trial.Bench]) -> None:
        """Try one mutant, or take what is known of it."""
        term.progress(f"prove: {one.topic.name} {one.path.stem}")
        tests = [one.topic.dir / "tests"] if one.config == "tests" else []
        found = self.attempt(self.key(own, one.config, [one.path, *tests], names=list(one.names)),
                             lambda: in_tests(own, one, self.test) if tests else in_suites(own, one, bench))
        if found is not None:
            unbuilt = found[:1] if found and found[0][2] == "unbuilt" else []
            word, by = ("unbuilt", unbuilt[0][3]) if unbuilt else trial.fate(found, one.names)
            self.tell(one.path, word, by)

    def tell(self, path: Path, word: str, by: str) -> None:
        """Note the fate of a mutant, and say it."""
        self.fates[path] = word, by
        self.say(word, str(path.relative_to(self.ws.repo)), by, always=True)


def in_suites(own: session.Session, one: Mutant, bench: List[trial.Bench]) -> Tuple[trial.Rows, str]:
    """Build and boot with a mutant; (rows, log). bench: empty before the first one of a configuration."""
    if not bench:
        own.choose()
        fresh = trial.Bench(own, one.config)
        said = fresh.build()
        if said:
            raise term.StackError(f"{one.config}, without any fault: {said}", "scripts/stack kunit", 1)
        fresh.sound()
        bench.append(fresh)
    own.tree.apply_extra(own.boundary, one.path)
    said = bench[0].build()
    if said:
        return [["", 0, "unbuilt", said]], str(bench[0].folder / "build.log")
    suites = list(dict.fromkeys(name.partition(".")[0] for name in one.names))
    return bench[0].trial([suite for suite in suites if suite in bench[0].suites], one.names)


def in_tests(own: session.Session, one: Mutant, test: Callable[..., tuple]) -> Tuple[trial.Rows, str]:
    """Run those of a topic's tests that a mutant names, with it and, where one fails, without it; (rows, "").

    test: verbs/test.one_module
    """
    env.for_tests(own.ws.out / "linux")
    found = []
    for name in one.names:
        module, _, case = name.partition(".")
        path = one.topic.dir / "tests" / f"{module}.py"
        _, said, passed, failed, _ = test(path, case, STACK_TEST_EXTRA=one.path)
        if not passed + failed:
            raise term.StackError(f"{one.path.name}: no test is called {name}", f"$EDITOR {one.path}", 1)
        if failed and test(path, case)[3]:
            raise term.StackError(f"{name} fails without any fault", f"scripts/stack test --quick --only {case}", 1)
        found += [[name, 0, "failed", (said.strip().splitlines() or [""])[-1]]] if failed else []
    return found, ""


class Made(Run):
    """A run on made mutants: .fates [(patch, site, word, by what)] .lines (added lines, from added()) .tree (its id)"""

    def __init__(self, args: options.Prove, config: str):
        super().__init__(args)
        self.config = config
        self.fates: List[Tuple[series.Patch, mutate.Site, str, str]] = []
        self.excuses = excuses(self.topics)     # {mutant: where it stands}
        self.needed: List[str] = []             # those that a survivor needed
        self.lines: Dict[str, dict] = {}
        self.tree = ""

    def run(self) -> None:
        """Plant all faults in one kernel, see which a suite meets, and boot with each of these."""
        own = self.session_on(())
        packages.ensure_quickly(["spatch"])
        patches = [patch for topic in self.topics for patch in topic.patches]
        self.tree = own.tree.tree_id(own.boundary, dropin=True)
        self.lines = added(own, patches, sorted({name for patch in patches for name in patch.files}))
        owner = {path: {n: patch for n, (patch, _) in lines.items()} for path, lines in self.lines.items()
                 if path.endswith(".c") and not path.startswith("tools/")}   # programs are no part of the kernel
        with tempfile.TemporaryDirectory() as folder:
            every = mutate.nested(mutate.find(own.source, list(owner), Path(folder), own.env)) if owner else []
        every = [site for site in every if site.line in owner[site.path] and (self.args.only or "") in site.key]
        sites = dict(enumerate(every, 1))
        if not sites:
            raise term.StackError("the patches of the topic have no line to plant a fault in", "another topic")
        bench = trial.Bench(own, self.config)
        bench.builder.make.append("--make_options=-k")
        for number, site in planted(own, bench, sites).items():
            self.fates.append((owner[site.path][site.line], site, "refused", ""))
            del sites[number]
        bench.sound("stack_mutant=-1")
        with open(bench.folder / "test.log", encoding="utf-8", errors="replace") as log:
            met = mutate.met(log, ktap.LogReader())
        order = sorted(sites)
        random.Random(self.args.seed).shuffle(order)
        self.began = time.monotonic()   # the budget is that of the mutants, however long the kernel was built
        for count, number in enumerate(order, 1):
            site = sites[number]
            term.progress(f"prove: {count}/{len(order)} {site.path}:{site.line} {site.op}")
            self.one(own, bench, number, site, owner[site.path][site.line], met.get(number, []))

    def one(self, own, bench: trial.Bench, number: int, site: mutate.Site, patch: series.Patch, suites) -> None:
        """Try one made mutant in the suites that meet it, those of its topic and the quickest first; a boot with all
        of them is as good as one with each, and sooner over than many."""
        if not suites:
            return self.tell(patch, site, "unmet", "")
        mine = next(topic.suites for topic in self.topics if topic.name == patch.topic)
        suites = sorted(suites, key=lambda suite: (suite not in mine, bench.took.get(suite, 0.0)))[:FIRST]
        edits = [[a - site.edits[0][0], b - a, new] for a, b, new in site.edits]
        found = self.attempt(self.key(own, self.config, [], site=site.key, edits=edits, line=site.line),
                             lambda: bench.trial(suites, None, f"stack_mutant={number}"))
        if found is None:
            return None
        word, by = trial.fate(found, [row[0] for row in found])
        if word == "survived" and site.key in self.excuses:
            word = "equivalent"
            self.needed.append(site.key)
        return self.tell(patch, site, word, by)

    def tell(self, patch: series.Patch, site: mutate.Site, word: str, by: str) -> None:
        """Note the fate of a made mutant, and say it when it is a finding."""
        self.fates.append((patch, site, word, by))
        self.say(word, f"{site.path}:{site.line}: {site.op}: {site.text} (in {site.function})", by)

    def stale(self) -> List[str]:
        """Return texts for the excuses that no survivor needed, when all mutants were tried."""
        return [f"{place}: no survivor is: {key}" for key, place in self.excuses.items()
                if key not in self.needed and not self.left and not self.args.only]


def excuses(topics: Sequence[series.Topic]) -> Dict[str, str]:
    """Return {mutant: "TOPIC/equivalent:LINE"} of the files `equivalent`; StackError for what cannot be read."""
    found = {}
    for topic in topics:
        path, name = topic.dir / "equivalent", f"{topic.name}/equivalent"
        for item in stanza.parse(read_text(path), name, ("mutant", "reason")) if path.is_file() else []:
            found[" ".join(item.get("mutant").split())] = f"{name}:{item.line}"
    return found


def added(own: session.Session, patches: Sequence[series.Patch], files: Sequence[str]) -> Dict[str, dict]:
    """Return {path: {line: (the patch that added it, text)}} in the tree of a session; C files that it has."""
    of = {own.tree.commit(k): patch for k, patch in enumerate(own.tree.patches, 1)}
    wanted = {patch.sha256: patch for patch in patches}
    found: Dict[str, dict] = {}
    first, last = own.tree.commit(0), own.tree.commit(own.boundary, dropin=True)
    for path in [path for path in files if path.endswith((".c", ".h")) and (Path(own.source) / path).is_file()]:
        lines = coverage.added_lines(own.tree.path, first, last, Path(path))
        mine = {n: (wanted[of[commit].sha256], text) for n, (commit, text) in lines.items()
                if commit in of and of[commit].sha256 in wanted}
        if mine:
            found[path] = mine
    return found


def planted(own: session.Session, bench: trial.Bench, sites: Dict[int, mutate.Site]) -> Dict[int, mutate.Site]:
    """Build one kernel with all faults; return those without which it builds."""
    out: Dict[int, mutate.Site] = {}
    for _ in range(ROUNDS):
        own.choose()
        mutate.plant(own.source, {n: site for n, site in sites.items() if n not in out})
        said = bench.build()
        if not said:
            return out
        bad = mutate.refused((bench.folder / "build.log").read_text(encoding="utf-8", errors="replace"),
                             {n: site for n, site in sites.items() if n not in out})
        if not bad:
            break
        out.update({n: sites[n] for n in bad})
    raise term.StackError(f"the kernel with the faults does not build: {said}", "look at scripts/kunit/operators", 1)
