# SPDX-License-Identifier: GPL-2.0
"""Which check runs on which state of the tree, and the verdicts that come out of it.

Of a tree check there is a run on the state with the patch ("after"), and only when that has findings one
on the state that they are compared with ("before").
"""
import os
import re
import time

from stacklib.checking import cache, judge, lanes, runner, shard
from stacklib.host.files import write_whole
from stacklib.host.gitcmd import git

DEFAULT_ARCHES = "um x86_64"


class Job:
    """One run of one check: .check .patch (None for a boundary) .k .state .arch .inputs .key .log .dropin"""

    def __init__(self, check, patch, k, state, arch, inputs, key, log):
        self.check, self.patch, self.k, self.state, self.arch = check, patch, k, state, arch
        self.inputs, self.key, self.log = inputs, key, log
        self.dropin = check.kind == "boundary"


class Verdict:
    """What one check says of one patch (on one arch): .patch (None is the base) .check .arch .verdict
    .findings (those that count) .broken .seconds .cached .jobs"""

    def __init__(self, patch, check, arch, findings, broken, jobs, results):
        self.patch, self.check, self.arch, self.findings, self.broken = patch, check, arch, findings, broken
        self.verdict = judge.verdict(findings, bool(broken))
        self.jobs, self.results = jobs, results
        self.seconds = sum(r.seconds for r in results)
        self.cached = all(r.cached for r in results)


class Plan:
    """All jobs of a selection, their results, and the verdicts."""

    def __init__(self, ws, tree, checks, executor, shard=(1, 1)):
        self.ws, self.tree, self.checks, self.executor = ws, tree, checks, executor
        self.shard = shard  # (i, n): the i-th part of n, see shard.py
        self.topics = {t.name: t for t in tree.topics}
        self.digests = {c.name: c.digest() for c in checks}
        self.listings, self.results = {}, {}
        self.times = {}  # key -> (Job, seconds after the beginning at which it began)
        self.reached = {}  # stage of lanes.STAGES -> seconds after the beginning at which it was done

    def conf(self, patch, key: str, default: str = ""):
        return self.topics[patch.topic].conf.get("topic", key, fallback=default).split()

    def arches(self, check, patch):
        """Architectures of a check for a patch; [None] for a check that has none."""
        return self.own_arches(patch) if check.arches and patch else [None]

    def own_arches(self, patch):
        """Those that [arches] of topic.ini names for the patch's number, or else those of the topic."""
        conf = self.topics[patch.topic].conf
        return conf.get("arches", patch.name[:4], fallback="").split() or self.conf(patch, "arches", DEFAULT_ARCHES)

    def ids(self, k: int, paths):
        """{path: object id} of those paths that exist after k patches (files, or folders as one)."""
        asked = (k, tuple(paths))
        if asked not in self.listings:
            out = git("ls-tree", "-z", self.tree.commit(k), "--", *paths, cwd=self.tree.path) if paths else ""
            rows = (row.split("\t", 1) for row in out.split("\0") if "\t" in row)
            self.listings[asked] = {path: meta.split()[2] for meta, path in rows}
        return self.listings[asked]

    def job(self, check, patch, k: int, state, arch=None):
        """The job for a check at a boundary, with its inputs and the key of its result."""
        inputs = {"STATE": state, "JOBS": str(self.ws.jobs)}
        inputs.update(runner.arch_env(check, arch))
        content = dict(inputs, STATE="", JOBS="", check=self.digests[check.name],
                       version=self.executor.version(check, arch)[0])
        if check.kind == "patch":
            inputs["PATCH"] = str(patch.path)
            content["patch"] = f"{patch.name} {patch.sha256}"
        elif check.kind == "tree":
            there = self.ids(k, patch.files)
            inputs.update(FILES="\n".join(sorted(there)), GONE="\n".join(sorted(set(patch.files) - set(there))),
                          HEADER_USERS="\n".join(self.conf(patch, "header-users")),
                          KCONFIG_EXTRA="\n".join(self.conf(patch, "kconfig")))
            content.update((n, inputs[n]) for n in ("FILES", "GONE", "HEADER_USERS", "KCONFIG_EXTRA"))
        else:
            inputs.update(SUITES="\n".join(self.tree.suites(k)), QUICK_ARGS="\n".join(self.tree.quick_args()))
            content.update((n, inputs[n]) for n in ("SUITES", "QUICK_ARGS"))
        content["reads"] = self.reads(check, patch, k)
        inputs["BUILD"] = str(self.ws.out / "build" / (arch or "" if check.kind == "boundary" else arch or check.name))
        return Job(check, patch, k, state, arch, inputs, cache.key(**content), self.log(check, patch, k, state, arch))

    def reads(self, check, patch, k: int):
        """Hash(es) of what the check reads in the tree, as `# reads:` in its header says."""
        if check.kind == "boundary":
            return self.tree.tree_id(k, dropin=True)
        if check.kind == "tree" and not check.reads or "tree" in check.reads:
            return self.tree.tree_id(k)
        paths = [p for p in check.reads if p != "files"] + (patch.files if "files" in check.reads else [])
        return sorted("%s %s" % item for item in self.ids(k, sorted(paths)).items())

    def log(self, check, patch, k: int, state, arch):
        name = "-".join(filter(None, (check.name, arch)))
        if not patch:
            return self.ws.out / "logs" / (f"boundary-{k}") / (name + ".log")
        slug = re.sub(r"\.patch$", "", patch.name)[:48]
        suffix = "" if check.kind == "patch" else "-" + state
        return self.ws.out / "logs" / patch.topic / slug / (name + suffix + ".log")

    def jobs(self):
        """Every job in the order in which they are run."""
        patches, by_kind = self.tree.patches, {}
        for check in self.checks:
            by_kind.setdefault(check.kind, []).append(check)
        for number, patch in enumerate(patches, 1):
            for check in by_kind.get("patch", ()):
                yield self.job(check, patch, number - 1, "before")
        for k in range(len(patches) + 1):
            here = [(patches[k - 1], "after")] if k else []
            here += [(patches[k], "before")] if k < len(patches) else []
            yield from self.tree_jobs(by_kind.get("tree", ()), here, k)
            for check in by_kind.get("boundary", ()):
                yield self.job(check, None, k, "after" if k else "base")

    def tree_jobs(self, checks, here, k: int):
        """Jobs of the tree checks at boundary k: those without arch first, then arch after arch."""
        for check in (c for c in checks if not c.arches):
            for patch, state in here:
                yield self.job(check, patch, k, state)
        every = [a for patch, _ in here for a in self.own_arches(patch)]
        for arch in dict.fromkeys(every):
            for check in (c for c in checks if c.arches):
                for patch, state in here:
                    if arch in self.arches(check, patch):
                        yield self.job(check, patch, k, state, arch)

    def run(self, told=lambda event, what: None, began=None, until: float = 0, last: bool = False):
        """Run every job that has no result yet and may matter; returns the verdicts.

        told, until: see lanes.Lanes; began: time.monotonic() from which the times in .times count; last: of the
        boundaries only the last.
        """
        self.began = time.monotonic() if began is None else began
        jobs = [job for job in self.jobs() if shard.has(self.shard, self.place(job)[0], len(self.tree.patches))
                and (job.check.kind != "boundary" or not last or job.k == self.tree.boundaries)]
        self.old = {self.place(job): job for job in jobs if job.check.kind == "tree" and job.state == "before"}
        self.first = [job for job in jobs if job.check.kind != "tree" or job.state != "before"]
        self.places = {self.place(job): job for job in self.first}
        lanes.Lanes(self, list(filter(None, map(self.missing, self.first))), told, until).run()
        return self.verdicts()

    def now(self):
        """Seconds since the run began."""
        return time.monotonic() - self.began

    def missing(self, job):
        """What must run for a verdict: the job itself, or what its findings are compared with; None: nothing."""
        return next((each for each in self.needed(job) if not self.known(each)), None)

    def needed(self, job):
        """Yield the job and, once its result is there and has findings, the one that they are compared with."""
        yield job
        if any(map(judge.counts, self.results[job.key].findings)) and self.place(job) in self.old:
            yield self.old[self.place(job)]

    def known(self, job) -> bool:
        """Whether there is a result of a job: here, or in the cache."""
        if job.key not in self.results:
            why = self.executor.version(job.check, job.arch)[1]
            if not why and job.state == "after" and job.inputs.get("FILES") == "" \
                    and not self.ids(job.k - 1, job.patch.files):
                why = f"{job.patch.name} changes files, and none of them is known: nothing would be judged"
            if why:
                write_whole(job.log, why + "\n")
                found = runner.Result([], why, 0.0, False, job.log, why)
            else:
                found = self.executor.find(job.key, job.log)
            if not found:
                return False
            self.results[job.key] = found
            self.times[job.key] = (job, round(self.now(), 1))
        return True

    def run_job(self, job, path, beside: str = ""):
        """Run a job on the tree at `path`, which has its state; returns its result.

        beside: name of the folder in which boundaries are built while others are; "" for the usual one.
        """
        self.times[job.key] = (job, round(self.now(), 1))
        inputs = dict(job.inputs, TREE=str(path), TREE_ID=self.tree.tree_id(job.k, job.dropin), ALSO=self.also(job))
        if job.check.kind == "boundary":
            inputs["BUILD"] = os.path.join(job.inputs["BUILD"], beside)
        return self.executor.run(job.check, inputs, job.log, job.key)

    def also(self, job) -> str:
        """Names of the other checks that judge this patch and state on this arch, too, and have not yet."""
        number, name, arch = self.place(job)
        others = [(c.name, self.places.get((number, c.name, arch))) for c in self.checks if arch and c.name != name]
        waiting = [(other, self.missing(first)) for other, first in others if first]
        return " ".join(other for other, missing in waiting if missing and missing.state == job.state)

    @staticmethod
    def place(job) -> tuple:
        """(number of the patch, or of the boundary, check, arch) that a job helps to judge."""
        return job.k if not job.patch else job.k + (job.state == "before"), job.check.name, job.arch

    def label(self, job) -> str:
        """A job in a few words."""
        words = ["patch" if job.patch else "boundary", f"{self.place(job)[0]}/{len(self.tree.patches)}",
                 job.check.name, job.arch, job.state if job in self.old.values() else ""]
        return " ".join(filter(None, words))

    def verdicts(self):
        """The verdicts whose results are all there, in the order of the patches."""
        ready = sorted((job for job in self.first if not self.waits(job)), key=lambda job: self.place(job)[0])
        done = [self.verdict(job) for job in ready]
        self.orphans(done, {self.place(job)[:2] for job in self.first if self.waits(job)})
        return done

    def waits(self, job) -> bool:
        """Whether a result that its verdict needs is not there yet."""
        return job.key not in self.results or any(each.key not in self.results for each in self.needed(job))

    def verdict(self, job):
        """The Verdict of a job of .first that waits for nothing."""
        number, _, arch = self.place(job)
        states = {each.state: each for each in reversed(list(self.needed(job)))}
        return self.judge(self.tree.patches[number - 1] if number else None, job.check, arch, states)

    def judge(self, patch, check, arch, states):
        results = {state: self.results[job.key] for state, job in states.items()}
        broken = "; ".join(dict.fromkeys(r.broken for r in results.values() if r.broken))
        if check.kind == "tree":
            old = results["before"].findings if "before" in results else []
            findings = judge.new(old, results["after"].findings, check.errors_always)
        else:
            findings = [f for r in results.values() for f in r.findings]
        expected = self.topics[patch.topic].expected.get(check.name) if patch else None
        findings = [f._replace(level="hint") if expected and f.level == "note" and expected.search(f.text) else f
                    for f in findings]
        return Verdict(patch, check, arch, [] if broken else findings, broken, states, results.values())

    @staticmethod
    def orphans(verdicts, waiting=()):
        """Make a finding of each file that all architectures of a check put aside.

        waiting: (number, check) for which not all architectures have been asked.
        """
        grouped = {}
        for verdict in verdicts:
            if verdict.arch and verdict.patch:
                grouped.setdefault((verdict.patch.number, verdict.check.name), []).append(verdict)
        for place, group in grouped.items():
            if place not in waiting and not any(v.broken for v in group):
                lost = judge.orphans({v.arch: v.findings for v in group})
                group[0].findings = group[0].findings + lost
                group[0].verdict = judge.verdict(group[0].findings)
