# SPDX-License-Identifier: GPL-2.0
"""The verb `check`: every check on every patch, the verdict table, the report."""
import collections
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

from stacklib.checking import cache, fit, judge, lanes, planning, report, runner, shard
from stacklib.host import packages, process, term
from stacklib.host.gitcmd import git
from stacklib.host.workspace import Workspace
from stacklib.linux import applying, tree
from stacklib.stack import series

COLOURS = {judge.PASS: "green", judge.NOTE: "yellow", judge.FAIL: "red", judge.BROKEN: "red"}


def register(subparsers) -> None:
    """Add the verb check."""
    sub = subparsers.add_parser(
        "check",
        description="Applies the topics' patches and judges each with every executable of scripts/checks\n"
                    "(scripts/checks/README says how to add one). Only what is new with a patch counts.\n"
                    "Results are kept by content: what has not changed does not run again.\n"
                    "Writes report.json, report.html and logs/ into the work folder.",
        epilog="examples:\n  scripts/stack check\n  scripts/stack check --only sparse --only build TOPIC\n"
               "  scripts/stack check --no-cache --only apply\n"
               "  scripts/stack check --fit --tree ~/linux:next/master TOPIC     does it fit there?\n"
               "  scripts/stack check --shard 2/4 --out /tmp/2              a quarter of the work\n"
               "  scripts/stack check --merge /tmp/*/report.json            the whole of it")
    sub.add_argument("--only", action="append", metavar="CHECK", help="only this check (may be given again)")
    sub.add_argument("--fit", action="store_true",
                     help="with --tree: say how each patch fits on that tree: clean, offset, fuzz, merged, there\n"
                          "(already), upstream (topic.ini), CONFLICT (-v: its hunks). Done by itself when REF,\n"
                          "or HEAD where the base's tag is not in that tree, is another version")
    sub.add_argument("--kunit", action="store_true", help="with --fit: build and run the suites there, too")
    sub.add_argument("--shard", metavar="I/N", help="only the I-th of N parts of the patches")
    sub.add_argument("--merge", nargs="+", metavar="REPORT", help="join the report.json of all shards")
    sub.add_argument("--list", action="store_true", help="list the checks; run none")
    sub.add_argument("--profile", action="store_true", help="print where the time went, in the end")
    sub.add_argument("--no-cache", action="store_true", help="run everything anew")


def execute(args, only=None) -> dict:
    """Run the checks (names in `only`, or all); returns the report's data after writing the report.

    The report of an earlier run goes first: what is there was said of the patches as they are.
    A patch that does not apply is an ApplyError, and a report with nothing but that.
    """
    ws, began = Workspace(args), time.monotonic()
    part = shard.parse(args.shard) if args.shard else None
    checks = runner.load(ws.repo / "scripts" / "checks", only)
    stack = series.load(ws.repo, args.base)
    topics = stack.select(args.topics)
    arches = [arch for topic in topics for arch in series.all_arches(topic)] + planning.DEFAULT_ARCHES.split()
    packages.ensure_quickly(runner.tools(checks, arches), ["ccache"])
    with ws.lock():
        process.end_leftover(ws.out)
        report.remove(ws.out)
        try:
            prepared = tree.prepare(ws, stack, topics)
        except applying.ApplyError as err:
            patches = [patch for topic in topics for patch in topic.patches]
            data = report.unapplied(ws, stack, patches, err, time.monotonic() - began, only)
            report.save(ws.out, dict(data, shard=part))
            raise
        if not prepared.patches:
            raise term.StackError("no patches are selected: there is nothing to check", f"name them in {stack.file}")
        results = cache.Cache(ws.cache / "results", not args.no_cache)
        executor = runner.Executor(ws.out, results, packages.tool_path())
        plan = planning.Plan(ws, prepared, checks, executor, part or (1, 1))
        ask_versions(plan)
        base_tree = git("rev-parse", prepared.commit(0) + "^{tree}", cwd=prepared.path)

        def collect() -> dict:
            verdicts = plan.verdicts()
            data = report.build(ws, stack, plan, verdicts, plan.now(), only, len(plan.first) - len(verdicts))
            return dict(data, shard=part, base=dict(data["base"], tree=base_tree))
        plan.run(Teller(ws, plan, collect), began, args.until, args.last)
        term.done()
        data = collect()
        report.save(ws.out, data)
    return data


class Teller:
    """Tells what is known while the rest still runs: what fails at once, each patch when it is done, the cheap
    checks as a table, and the report, written anew every SAVE seconds at most."""

    SAVE = 10

    def __init__(self, ws, plan, collect):
        self.ws, self.plan, self.collect, self.saved = ws, plan, collect, 0.0
        self.waiting = collections.Counter()  # number of a patch (0: the base) -> verdicts that it waits for

    def __call__(self, event, what):
        """An event of lanes.Lanes; both lanes bring some, one at a time."""
        getattr(self, event)(what)
        if event != "verdict" or self.plan.now() - self.saved > self.SAVE:
            self.saved = self.plan.now()
            report.save(self.ws.out, self.collect())

    def begin(self, places) -> None:
        """Nothing has run yet; the verdicts of these places will come."""
        self.waiting.update(place[0] for place in places)

    def verdict(self, place) -> None:
        """A verdict is there."""
        self.waiting[place[0]] -= 1
        bad = self.plan.verdict(self.plan.places[place]).verdict in (judge.FAIL, judge.BROKEN)
        if not bad and self.waiting[place[0]]:
            return
        data = self.collect()
        own = [v for v in data["verdicts"] if v["patch"] == place[0]]
        if bad:
            one = next(v for v in own if (v["check"], v["arch"] or None) == place[1:])
            show_group(data, one, [one["arch"]] if one["arch"] else [])
        if not self.waiting[place[0]]:
            names = dict.fromkeys(v["check"] for v in own)
            cells = [(name, *cell([v for v in own if v["check"] == name])) for name in names]
            other = [f"{name} {term.colour(text, how)}" for name, text, how in cells if text != judge.PASS]
            patch = next((p for p in data["patches"] if p["number"] == place[0]), None)
            term.say((f"{place[0]}/{len(data['patches'])} {patch['topic']}/{patch['subject']:.60}" if patch else "base")
                     + f": {len(own)} verdicts, {', '.join(other) or judge.PASS}")

    def stage(self, name: str) -> None:
        """A stage of the run is done."""
        data = self.collect()
        if data["waiting"]:
            if name == lanes.STAGES[lanes.CHEAP]:
                show_table(data)
            term.say(f"{name}: done after {lanes.duration(self.plan.now())}, {data['waiting']} verdicts to come")


def ask_versions(plan) -> None:
    """Ask every tool for its version at once: that is most of the time of a run without news."""
    asked = {(c.name, arch): c for c in plan.checks for p in plan.tree.patches for arch in plan.arches(c, p)}
    term.progress(f"asking {len(asked)} tools for their version")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda item: plan.executor.version(item[1], item[0][1]), asked.items()))


def run(args) -> int:
    """Verb check: 0 when every verdict is pass or note, else 1."""
    ws = Workspace(args)
    if args.list:
        return list_checks(args)
    if args.merge:
        data = shard.merge(args.merge, ws)
        ws.out.mkdir(parents=True, exist_ok=True)
        report.save(ws.out, data)
    else:
        stack = series.load(ws.repo, args.base)
        where = fit.foreign(ws, args, stack.base)
        if where:
            return fit.run(ws, stack, args, where)
        if args.kunit:
            raise term.StackError("--kunit goes with --fit: the check boots the suites anyway",
                                  "scripts/stack check --fit --kunit --tree ~/linux")
        data = execute(args, args.only)
    if args.json:
        term.data(data)
    show_table(data)
    show_findings(data)
    if args.profile:
        show_profile(data)
    total = collections.Counter(v["verdict"] for v in data["verdicts"])
    bad = total[judge.FAIL] + total[judge.BROKEN]
    term.say(f"report: {data['files']['html']}")
    passed = total[judge.PASS] + total[judge.NOTE]
    term.say(f"{len(data['patches'])} patches, {len(data['verdicts'])} verdicts: {passed} passed "
             f"({total[judge.NOTE]} with notes), {total[judge.FAIL]} failed, {total[judge.BROKEN]} broken checks; "
             f"{data['seconds']:.0f} s, {data['runs']['cached']} of {data['runs']['all']} runs from cache")
    return 1 if bad else 0


def list_checks(args) -> int:
    """Print what each check is and why; 0."""
    checks = runner.load(Workspace(args).repo / "scripts" / "checks", args.only)
    if args.json:
        term.data([{"name": c.name, "kind": c.kind, "arches": c.arches, "why": c.why} for c in checks])
    term.table([["check", "judges", "why"]] + [[c.name, c.kind + " on each arch" * c.arches, c.why] for c in checks])
    return 0


def run_counts(args, shared) -> tuple:
    """Run all checks as `check` does, and return (passed, failed): one per verdict; `shared` gets the report.

    What a report in `shared` had already is not shown again.
    """
    told = [(v["patch"], v["check"], v["arch"], v["verdict"]) for v in shared.get("verdicts", ())]
    data = execute(args)
    shared.update(data)
    show_table(data)
    show_findings(dict(data, verdicts=[v for v in data["verdicts"]
                                       if (v["patch"], v["check"], v["arch"], v["verdict"]) not in told]))
    show_profile(data)
    if data["waiting"]:
        term.say(f"{data['waiting']} verdicts were not come to in time; scripts/stack check goes on from here")
    failed = sum(v["verdict"] in (judge.FAIL, judge.BROKEN) for v in data["verdicts"])
    return len(data["verdicts"]) - failed, failed


def told_bad(data) -> list:
    """A line for each verdict of a report that is not good: patch, check, architecture, the first finding."""
    names = {p["number"]: p["path"] for p in data.get("patches", ())}
    lines = []
    for one in data.get("verdicts", ()):
        if one["verdict"] in (judge.FAIL, judge.BROKEN):
            worst = next((f for f in one["findings"] if f["level"] in judge.LEVELS[:2]), None)
            why = f"{worst['file']}:{worst['line']}: {worst['text']}" if worst else one["reason"]
            lines.append(f"{one['verdict']} {names.get(one['patch'], 'base')} {one['check']} {one['arch']}: {why}")
    return lines


def cell(verdicts) -> tuple:
    """One cell of the table: (text, colour) for the verdicts of all arches of a check."""
    worst = judge.worst(v["verdict"] for v in verdicts)
    where = [v["arch"] for v in verdicts if v["verdict"] == worst and v["arch"]]
    if worst in (judge.PASS, judge.NOTE) or not where:
        return worst, COLOURS[worst]
    return f"{worst} {','.join(where) if len(where) < len(verdicts) else 'all'}", COLOURS[worst]


def show_table(data) -> None:
    """Print a row per patch and a column per check, broken over several tables when too wide."""
    names = [c["name"] for c in data["checks"]]
    width = shutil.get_terminal_size((120, 24)).columns
    rows = [(0, "base")] if any(v["patch"] == 0 for v in data["verdicts"]) else []
    rows += [(p["number"], f"{p['number']} {p['topic']}/{p['subject']}") for p in data["patches"]]
    cells = {(number, name): cell([v for v in data["verdicts"] if (v["patch"], v["check"]) == (number, name)])
             for number, _ in rows for name in names
             if any((v["patch"], v["check"]) == (number, name) for v in data["verdicts"])}
    label = max(20, min(48, width // 3))
    while names:
        used, take = label, 0
        for name in names:
            used += 2 + max([len(name)] + [len(cells[(n, name)][0]) for n, _ in rows if (n, name) in cells])
            if take and used > width:
                break
            take += 1
        now, names = names[:take], names[take:]
        table = [["patch"] + now]
        for number, text in rows:
            shown = text if len(text) <= label else text[:label - 3] + "..."
            table.append([shown.ljust(label)] + [term.colour(*cells[(number, n)]) if (number, n) in cells else "-"
                                                 for n in now])
        term.table(table)
        term.say()


def show_profile(data) -> None:
    """Print where the time of a run went: its stages, its checks, its longest runs."""
    for stage, seconds in data["reached"].items():
        term.say(f"{stage}: done after {seconds:.0f} s")
    rows = [[r["check"], r["arch"], str(r["runs"]), str(r["runs"] - r["cached"]), f"{r['now']:.1f}",
             f"{r['seconds']:.1f}"] for r in sorted(data["timing"], key=lambda r: -r["now"])]
    term.table([["check", "arch", "runs", "ran now", "s now", "s ever"]] + rows)
    ran = sorted((t for t in data["times"] if not t["cached"]), key=lambda t: -t["seconds"])[:10]
    rows = [[t["check"], t["arch"], str(t["patch"]), t["state"], f"{t['seconds']:.1f}", f"{t['began']:.0f}"]
            for t in ran]
    term.table([["longest", "arch", "patch", "state", "s", "from"]] + rows)


def show_findings(data):
    """Print what was found, where, the log, and the command that runs it again; arches that agree once."""
    groups, hints = {}, collections.Counter()
    for verdict in data["verdicts"]:
        findings = [f for f in verdict["findings"] if f["level"] != "hint" or term.verbose()]
        hints[verdict["check"]] += len(verdict["findings"]) - len(findings)
        if verdict["verdict"] == judge.PASS and not findings:
            continue
        verdict = dict(verdict, findings=findings)
        same = (verdict["patch"], verdict["check"], verdict["verdict"], verdict["reason"],
                tuple(tuple(sorted(f.items())) for f in verdict["findings"]))
        groups.setdefault(same, []).append(verdict)
    for group in groups.values():
        show_group(data, group[0], [v["arch"] for v in group if v["arch"]])
    if sum(hints.values()):
        term.note(f"{sum(hints.values())} hints ({', '.join(f'{n} {name}' for name, n in hints.items() if n)}) "
                  "say what was to be expected: -v shows them")


def show_group(data, verdict, arches) -> None:
    """Print one verdict that is that of all `arches`."""
    name = verdict["check"] + (f" ({' '.join(arches)})" if arches else "")
    patch = next((p for p in data["patches"] if p["number"] == verdict["patch"]), None)
    place = f"{patch['number']}/{len(data['patches'])} {patch['path']}" if patch else "base"
    term.say(f"{term.colour(verdict['verdict'], COLOURS[verdict['verdict']])} {place}  {term.colour(name, 'bold')}")
    for finding in verdict["findings"][:40]:
        term.say(f"  {finding['file']}:{finding['line']}: {finding['level']}: {finding['text']}")
    if len(verdict["findings"]) > 40:
        term.say(f"  ... and {len(verdict['findings']) - 40} more in the report")
    if verdict["reason"]:
        term.say("  the check is broken: " + verdict["reason"])
    if verdict["verdict"] in (judge.FAIL, judge.BROKEN):
        term.say(f"  log: {verdict['log']}")
        term.say("  again: " + verdict["again"])
