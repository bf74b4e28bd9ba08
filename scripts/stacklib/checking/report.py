# SPDX-License-Identifier: GPL-2.0
"""out/report.json, and out/report.html that shows the same without any other file."""
import html
import json
import shlex
import string
import time
from pathlib import Path

from stacklib.checking import judge, lanes, proven
from stacklib.host.files import write_whole
from stacklib.suites import junit

FORMAT = 1
NAMES = ("report.json", "report.html", "junit.xml")
TEMPLATE = Path(__file__).resolve().parent / "report.html"
JUNIT = {judge.FAIL: "failed", judge.BROKEN: "error"}
# What a report is at least, for one that comes from another machine (shape.py).
SHAPE = {
    "format": int, "made": str, "base": {"name": str, "version": str, "commit": str, "tree?": str}, "only": [str],
    "seconds": float, "runs": {"all": int, "cached": int}, "not judged": [int], "shard": [int],
    "files": {"json": str, "html": str}, "tools": [{"check": str, "arch": str, "version": str}],
    "checks": [{"name": str, "kind": str, "why": str, "sha256": str}],
    "patches": [{"number": int, "topic": str, "name": str, "subject": str, "path": str, "sha256": str}],
    "verdicts": [{"patch": int, "check": str, "arch": str, "reason": str, "seconds": float, "cached": bool,
                  "verdict": (judge.PASS, judge.NOTE, judge.FAIL, judge.BROKEN), "log": str, "text": str,
                  "again": str, "findings": [{"file": str, "line": int, "level": judge.LEVELS, "text": str}]}],
    "timing": [{"check": str, "arch": str, "runs": int, "cached": int, "seconds": float, "now": float}],
    "waiting?": int, "proof?": dict, "reached?": {f"{stage}?": float for stage in lanes.STAGES},
    "times?": [{"check": str, "arch": str, "patch": int, "state": str, "began": float, "seconds": float,
                "cached": bool}],
}
CLASS = {judge.PASS: "pass", judge.NOTE: "note", judge.FAIL: "fail", judge.BROKEN: "broken"}


def build(ws, stack, plan, verdicts, seconds: float, only=None, waiting: int = 0) -> dict:
    """The report as plain data; seconds is the wall clock so far, waiting how many verdicts are still to come."""
    unique = list(plan.results.values())
    return dict(
        frame(ws, stack, plan.tree.patches, seconds, only),
        base={"name": stack.base_name, "version": stack.base["version"], "commit": plan.tree.commit(0)},
        runs={"all": len(unique), "cached": sum(r.cached for r in unique)},
        checks=[{"name": c.name, "kind": c.kind, "why": c.why, "sha256": c.digest()} for c in plan.checks],
        tools=[{"check": name, "arch": arch or "", "version": version or why}
               for (name, arch), (version, why) in sorted(plan.executor.versions.items(), key=str)],
        verdicts=[one(v, ws) for v in verdicts], timing=timing(plan, verdicts), waiting=waiting, reached=plan.reached,
        times=[{"check": job.check.name, "arch": job.arch or "", "patch": plan.place(job)[0], "state": job.state,
                "began": began, "seconds": plan.results[key].seconds, "cached": plan.results[key].cached}
               for key, (job, began) in list(plan.times.items()) if key in plan.results])


def frame(ws, stack, patches, seconds: float, only=None) -> dict:
    """What every report has, as the report of a run in which nothing was judged."""
    return {
        "format": FORMAT, "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "base": {"name": stack.base_name, "version": stack.base["version"], "commit": ""},
        "only": only or [], "seconds": round(seconds, 1), "runs": {"all": 0, "cached": 0}, "checks": [], "tools": [],
        "patches": [{"number": p.number, "topic": p.topic, "name": p.name, "subject": p.subject, "files": p.files,
                     "path": relative(p.path, ws.repo), "sha256": p.sha256} for p in patches],
        "verdicts": [], "timing": [], "times": [], "reached": {}, "waiting": 0, "not judged": [],
        "proof": {topic.name: found for topic, found in ((t, proven.kept(ws.repo, t)) for t in stack.topics) if found},
        "files": {"json": str(ws.out / "report.json"), "html": str(ws.out / "report.html")},
    }


def unapplied(ws, stack, patches, error, seconds: float, only=None):
    """The report when a patch does not apply (error: applying.ApplyError): that, and nothing judged."""
    for number, patch in enumerate(patches, 1):
        patch.number = number
    data, bad = frame(ws, stack, patches, seconds, only), error.patch
    finding = judge.Finding(relative(bad.path, ws.repo), 0, "error", " ".join(error.msg.splitlines()[0].split()))
    data["checks"] = [{"name": "apply", "kind": "patch", "why": "no tree, so that no check ran", "sha256": ""}]
    data["verdicts"] = [{
        "patch": bad.number, "check": "apply", "arch": "", "verdict": judge.FAIL, "findings": [finding._asdict()],
        "reason": "", "seconds": 0, "cached": False, "log": str(ws.out / "rejects"),
        "text": error.msg + "\n\n" + error.reject, "again": "scripts/stack apply " + shlex.quote(bad.topic)}]
    data["not judged"] = [p.number for p in patches if p is not bad]
    return data


def one(verdict, ws) -> dict:
    """A Verdict as data; a finding in the patch file itself gets the file's path in the repository."""
    patch = verdict.patch
    place = {patch.name: relative(patch.path, ws.repo)} if patch else {}
    worst = [r for r in verdict.results if r.broken] or list(verdict.results)[-1:]
    findings = [dict(f._asdict(), file=place.get(f.file, f.file)) for f in verdict.findings]
    again = ["scripts/stack", "check", "--only", verdict.check.name] + ([patch.topic] if patch else [])
    return {"patch": patch.number if patch else 0, "check": verdict.check.name, "arch": verdict.arch or "",
            "verdict": verdict.verdict, "findings": findings, "reason": verdict.broken,
            "seconds": round(verdict.seconds, 2), "cached": verdict.cached,
            "log": str(worst[0].log), "text": worst[0].text if CLASS[verdict.verdict] in ("fail", "broken") else "",
            "again": " ".join(shlex.quote(word) for word in again)}


def timing(plan, verdicts):
    """Seconds of each check and arch: all its runs together, and those that really ran now."""
    rows = {}
    seen = set()
    for verdict in verdicts:
        for job in verdict.jobs.values():
            if job.key in seen:
                continue
            seen.add(job.key)
            result = plan.results[job.key]
            row = rows.setdefault((job.check.name, job.arch or ""), dict(runs=0, cached=0, seconds=0.0, now=0.0))
            row["runs"] += 1
            row["cached"] += result.cached
            row["seconds"] += result.seconds
            row["now"] += 0 if result.cached else result.seconds
    return [dict(check=name, arch=arch, runs=row["runs"], cached=row["cached"], seconds=round(row["seconds"], 1),
                 now=round(row["now"], 1)) for (name, arch), row in rows.items()]


def relative(path: Path, repo: Path) -> str:
    """A path below the repository, or the path itself."""
    try:
        return str(Path(path).resolve().relative_to(repo))
    except ValueError:
        return str(path)


def save(out, data) -> None:
    """Write report.json, report.html and junit.xml into a folder, each whole or not at all."""
    write_whole(Path(out) / NAMES[0], json.dumps(data, indent=1) + "\n")
    write_whole(Path(out) / NAMES[1], page(data))
    junit.write(Path(out) / NAMES[2], "stack check", map(case, data["verdicts"]))


def case(verdict) -> junit.Case:
    """A verdict of the report as a case of JUnit, in the suite of its check."""
    said = "\n".join(f"{f['file']}:{f['line']}: {f['level']}: {f['text']}" for f in verdict["findings"])
    name = f"patch {verdict['patch']}" if verdict["patch"] else "base"
    return junit.Case(verdict["check"], f"{name} {verdict['arch']}".strip(), JUNIT.get(verdict["verdict"], "passed"),
                      verdict["reason"] or said, verdict["seconds"])


def remove(out) -> None:
    """Take the report of an earlier run away."""
    for name in NAMES:
        (Path(out) / name).unlink(missing_ok=True)


def page(data) -> str:
    """The report as one HTML page."""
    counts = {name: sum(v["verdict"] == name for v in data["verdicts"]) for name in CLASS}
    bad = counts[judge.FAIL] + counts[judge.BROKEN]
    parts = {
        "title": ", ".join(f"{counts[n]} {w}" for n, w in ((judge.FAIL, "failed"), (judge.BROKEN, "broken"))
                           if counts[n]) or ("none failed so far" if data["waiting"] else "all passed"),
        "state": "fail" if bad else "note" if data["waiting"] else "pass",
        "summary": "".join(f'<span class="badge {CLASS[n]}">{count} {n}</span> '
                           for n, count in counts.items() if count),
        "facts": facts(data), "table": table(data), "details": details(data), "timing": timing_table(data),
        "checks": "".join(f"<dt>{text(c['name'])}</dt><dd>{text(c['why'])}</dd>" for c in data["checks"]),
        "tools": tools(data),
    }
    return string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(parts)


def text(value) -> str:
    """A value as HTML text."""
    return html.escape(str(value))


def facts(data) -> str:
    """The lines below the title."""
    runs = data["runs"]
    facts_ = [f"Linux {data['base']['version']} (base {data['base']['name']})",
              f"{len(data['patches'])} patches", f"{len(data['verdicts'])} verdicts", data["made"],
              f"{data['seconds']:.0f} s, {runs['cached']} of {runs['all']} runs from the cache"]
    if data.get("shard"):
        facts_.insert(0, "PARTIAL: shard {} of {}".format(*data["shard"]))
    if data["only"]:
        facts_.insert(0, "PARTIAL: only " + " ".join(data["only"]))
    if data.get("waiting"):
        facts_.insert(0, f"NOT YET WHOLE: {data['waiting']} verdicts are still to come")
    if data["not judged"]:
        facts_.insert(0, "NOT JUDGED, since a patch does not apply: patches " + " ".join(map(str, data["not judged"])))
    return "".join(f"<li>{text(f)}</li>" for f in facts_)


def anchor(verdict) -> str:
    return f"v{verdict['patch']}-{verdict['check']}-{verdict['arch']}"


def table(data) -> str:
    """A row per patch, a column per check, in each cell a mark per arch that links to its details."""
    names = [c["name"] for c in data["checks"]]
    rows = [(p["number"], f"{p['subject']}", p["topic"]) for p in data["patches"]]
    if any(v["patch"] == 0 for v in data["verdicts"]):
        rows.insert(0, (0, "base, no patch applied", ""))
    out = [f"<thead><tr><th>patch</th>{''.join(f'<th>{text(n)}</th>' for n in names)}</tr></thead><tbody>"]
    for number, subject, topic in rows:
        out.append(f'<tr><th scope="row"><small>{number or ""} {text(topic)}</small> {text(subject)}</th>')
        for name in names:
            own = [v for v in data["verdicts"] if (v["patch"], v["check"]) == (number, name)]
            none = "" if own else ' class="none"'
            out.append(f'<td{none} data-check="{text(name)}">{" ".join(map(mark, own))}</td>')
        out.append("</tr>")
    return "".join(out) + "</tbody>"


def mark(verdict) -> str:
    label = verdict["verdict"]
    if verdict["arch"]:
        label = verdict["arch"] + (" " + label if label != judge.PASS else "")
    return f'<a class="badge {CLASS[verdict["verdict"]]}" href="#{text(anchor(verdict))}">{text(label)}</a>'


def details(data) -> str:
    """Everything that was found, the failures open, with log and command."""
    out = []
    for number in dict.fromkeys(v["patch"] for v in data["verdicts"]):
        patch = next((p for p in data["patches"] if p["number"] == number), None)
        out.append("<h3>%s</h3>" % text(f"{number}. {patch['subject']}" if patch else "Base"))
        if patch:
            out.append(f'<p class="path">{text(patch["path"])}</p>')
        own = [v for v in data["verdicts"] if v["patch"] == number]
        order = (judge.BROKEN, judge.FAIL, judge.NOTE)
        out += [detail(v) for word in order for v in own if v["verdict"] == word]
        passed = [detail(v) for v in own if v["verdict"] == judge.PASS]
        if passed:
            out.append(f"<details><summary>{len(passed)} passed</summary>{''.join(passed)}</details>")
    return "".join(out)


def detail(verdict) -> str:
    kind = CLASS[verdict["verdict"]]
    found = "".join('<li class="%s"><code>%s:%d</code> <b>%s</b> %s</li>'
                    % (text(f["level"]), text(f["file"]), f["line"], text(f["level"]), text(f["text"]))
                    for f in verdict["findings"])
    body = f"<ul>{found}</ul>" if found else ""
    if verdict["reason"]:
        body += f"<p><b>The check is broken:</b></p><pre>{text(verdict['reason'])}</pre>"
    if verdict["text"].strip():
        body += f"<details><summary>log</summary><pre>{text(verdict['text'])}</pre></details>"
    body += f"<p>again: <code>{text(verdict['again'])}</code><br>log: <code>{text(verdict['log'])}</code></p>"
    return ('<details class="verdict" id="%s"%s><summary><span class="badge %s">%s</span> %s %s <small>%.1f s%s</small>'
            "</summary>%s</details>"
            % (text(anchor(verdict)), " open" if kind in ("fail", "broken") else "", kind, text(verdict["verdict"]),
               text(verdict["check"]), text(verdict["arch"]), verdict["seconds"],
               ", cached" if verdict["cached"] else "", body))


def timing_table(data) -> str:
    longest = max([row["seconds"] for row in data["timing"]], default=0) or 1
    return "".join('<tr><td>%s</td><td>%s</td><td class="n">%d</td><td class="n">%d</td><td class="n">%.1f</td>'
                   '<td class="n">%.1f</td><td class="bar"><i style="width:%.1f%%"></i></td></tr>'
                   % (text(r["check"]), text(r["arch"]), r["runs"], r["cached"], r["now"], r["seconds"],
                      100 * r["seconds"] / longest) for r in data["timing"])


def tools(data) -> str:
    cells = ((t["check"], t["arch"], t["version"]) for t in data["tools"])
    rows = ("".join(f"<td>{text(cell)}</td>" for cell in row).replace("\n", "<br>") for row in cells)
    return "".join(f"<tr>{row}</tr>" for row in rows)
