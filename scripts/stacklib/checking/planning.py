# SPDX-License-Identifier: GPL-2.0
"""Which check runs on which state of the tree, and the verdicts that come out of it.

The states are walked twice: at each boundary first what judges the patch below it ("after") and
the boundary itself; then, for patches with findings only, what these are compared with ("before").
"""
import re

from stacklib.checking import cache, judge, runner, shard
from stacklib.host.gitcmd import git
from stacklib.host.term import progress

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
        self.listings, self.results, self.at = {}, {}, None

    def conf(self, patch, key, default=""):
        return self.topics[patch.topic].conf.get("topic", key, fallback=default).split()

    def arches(self, check, patch):
        """Architectures of a check for a patch; [None] for a check that has none."""
        return self.own_arches(patch) if check.arches and patch else [None]

    def own_arches(self, patch):
        """Those that [arches] of topic.ini names for the patch's number, or else those of the topic."""
        conf = self.topics[patch.topic].conf
        return conf.get("arches", patch.name[:4], fallback="").split() or self.conf(patch, "arches", DEFAULT_ARCHES)

    def expected(self, patch, check, note):
        """Whether [expected] of topic.ini has a regular expression for this note of a check."""
        wanted = self.topics[patch.topic].expected.get(check.name) if patch else None
        return bool(wanted and wanted.search(note.text))

    def ids(self, k, paths):
        """{path: object id} of those paths that exist after k patches (files, or folders as one)."""
        asked = (k, tuple(paths))
        if asked not in self.listings:
            out = git("ls-tree", "-z", self.tree.commit(k), "--", *paths, cwd=self.tree.path) if paths else ""
            rows = (row.split("\t", 1) for row in out.split("\0") if "\t" in row)
            self.listings[asked] = {path: meta.split()[2] for meta, path in rows}
        return self.listings[asked]

    def job(self, check, patch, k, state, arch=None):
        """The job for a check at a boundary, with its inputs and the key of its result."""
        inputs = {"STATE": state, "JOBS": str(self.ws.jobs)}
        inputs.update(runner.arch_env(check, arch))
        content = dict(inputs, STATE="", JOBS="", check=self.digests[check.name],
                       version=self.executor.version(check, arch)[0])
        if check.kind == "patch":
            inputs["PATCH"] = str(patch.path)
            content["patch"] = f"{patch.name} {patch.sha256}"
        elif check.kind == "tree":
            inputs.update(FILES="\n".join(sorted(self.ids(k, patch.files))),
                          HEADER_USERS="\n".join(self.conf(patch, "header-users")),
                          KCONFIG_EXTRA="\n".join(self.conf(patch, "kconfig")))
            content.update((n, inputs[n]) for n in ("FILES", "HEADER_USERS", "KCONFIG_EXTRA"))
        else:
            inputs["SUITES"] = "\n".join(self.tree.suites(k))
            content["SUITES"] = inputs["SUITES"]
        content["reads"] = self.reads(check, patch, k)
        inputs["BUILD"] = str(self.ws.out / "build" / (arch or "" if check.kind == "boundary" else arch or check.name))
        return Job(check, patch, k, state, arch, inputs, cache.key(**content), self.log(check, patch, k, state, arch))

    def reads(self, check, patch, k):
        """Hash(es) of what the check reads in the tree, as `# reads:` in its header says."""
        if check.kind == "boundary":
            return self.tree.tree_id(k, dropin=True)
        if check.kind == "tree" and not check.reads or "tree" in check.reads:
            return self.tree.tree_id(k)
        paths = [p for p in check.reads if p != "files"] + (patch.files if "files" in check.reads else [])
        return sorted("%s %s" % item for item in self.ids(k, sorted(paths)).items())

    def log(self, check, patch, k, state, arch):
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

    def tree_jobs(self, checks, here, k):
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

    def run(self):
        """Run every job that has no result yet and may matter; returns the verdicts."""
        jobs = [job for job in self.jobs() if shard.has(self.shard, self.place(job)[0], len(self.tree.patches))]
        first = [job for job in jobs if job.check.kind != "tree" or job.state != "before"]
        self.run_jobs(first)
        compare = {self.place(job) for job in first
                   if any(map(judge.counts, self.results[job.key].findings))}
        second = [job for job in jobs
                  if job.check.kind == "tree" and job.state == "before" and self.place(job) in compare]
        self.run_jobs(second)
        return self.verdicts(second + first)

    def run_jobs(self, jobs):
        """Run those of the jobs that have no result yet."""
        for job in jobs:
            if job.key not in self.results:
                self.results[job.key] = self.result(job)

    @staticmethod
    def place(job):
        """(number of the patch, or of the boundary, check, arch) that a job helps to judge."""
        return job.k if not job.patch else job.k + (job.state == "before"), job.check.name, job.arch

    def result(self, job):
        """The result of a job: the stored one, or a new one."""
        why = self.executor.version(job.check, job.arch)[1]
        if why:
            runner.write(job.log, why + "\n")
            return runner.Result([], why, 0.0, False, job.log, why)
        if job.state == "after" and job.inputs.get("FILES") == "" and not self.ids(job.k - 1, job.patch.files):
            why = f"{job.patch.name} changes files, and none of them is known: nothing would be judged"
            return runner.Result([], why, 0.0, False, job.log, why)
        found = self.executor.find(job.key, job.log)
        if found:
            return found
        total = len(self.tree.patches)
        where = f"patch {job.k + (job.state == 'before')}/{total}" if job.patch else \
            f"boundary {job.k}/{total}"
        progress(" ".join(filter(None, (where, job.check.name, job.arch,
                                        job.state if job.check.kind == "tree" else ""))))
        if self.at != (job.k, job.dropin):
            self.at = (job.k, job.dropin)
            self.path = self.tree.checkout(job.k, dropin=job.dropin)
        return self.executor.run(job.check, dict(job.inputs, TREE=str(self.path)), job.log, job.key)

    def verdicts(self, jobs):
        """Join the jobs of each (patch, check, arch) into a Verdict."""
        grouped = {}
        for job in jobs:
            grouped.setdefault(self.place(job), {})[job.state] = job
        done = []
        for (number, name, arch), states in sorted(grouped.items(), key=lambda item: item[0][0]):
            patch = self.tree.patches[number - 1] if number else None
            done.append(self.judge(patch, next(c for c in self.checks if c.name == name), arch, states))
        self.orphans(done)
        return done

    def judge(self, patch, check, arch, states):
        results = {state: self.results[job.key] for state, job in states.items()}
        broken = "; ".join(dict.fromkeys(r.broken for r in results.values() if r.broken))
        if check.kind == "tree":
            old = results["before"].findings if "before" in results else []
            findings = judge.new(old, results["after"].findings, check.errors_always)
        else:
            findings = [f for r in results.values() for f in r.findings]
        findings = [f._replace(level="hint") if f.level == "note" and self.expected(patch, check, f) else f
                    for f in findings]
        return Verdict(patch, check, arch, [] if broken else findings, broken, states, results.values())

    @staticmethod
    def orphans(verdicts):
        """Make a finding of each file that all architectures of a check put aside."""
        grouped = {}
        for verdict in verdicts:
            if verdict.arch and verdict.patch:
                grouped.setdefault((verdict.patch.number, verdict.check.name), []).append(verdict)
        for group in grouped.values():
            if not any(v.broken for v in group):
                lost = judge.orphans({v.arch: v.findings for v in group})
                group[0].findings = group[0].findings + lost
                group[0].verdict = judge.verdict(group[0].findings)
