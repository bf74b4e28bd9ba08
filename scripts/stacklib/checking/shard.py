# SPDX-License-Identifier: GPL-2.0
"""A check divided over machines: --shard I/N does a part of the patches, --merge joins the reports."""
import json
import re
from pathlib import Path

from stacklib.checking import report, shape
from stacklib.host.files import read_json
from stacklib.host.term import StackError


def parse(text: str) -> tuple:
    """Return (i, n) of "I/N", 1 <= I <= N; StackError for anything else."""
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    i, n = (int(v) for v in found.groups()) if found else (0, 0)
    if not 1 <= i <= n:
        raise StackError(f"--shard {text}: not of the form I/N with 1 <= I <= N", "--shard 1/4 to --shard 4/4")
    return i, n


def has(shard, number: int, total) -> bool:
    """Return whether the shard (i, n) judges patch `number` of total; 0, the base, is with the first.

    Each has patches that follow each other: their trees differ least, so least is built.
    """
    i, n = shard
    return (max(number, 1) - 1) * n // max(total, 1) == i - 1


def merge(paths, ws) -> dict:
    """Return the report's data of all shards as one; StackError when they are not all shards of one run."""
    if (ws.out / report.NAMES[0]).resolve() in [Path(path).resolve() for path in paths]:
        raise StackError(f"{ws.out / report.NAMES[0]} is where the whole goes, and would be lost",
                         "name another work folder: --out DIR")
    parts = [read(path) for path in paths]
    for path, part in parts[1:]:
        for what, wanted in common(parts[0][1]).items():
            if common(part)[what] != wanted:
                raise StackError(f"{parts[0][0]} and {path} differ in '{what}': not shards of one run",
                                 "run all shards on the same state of the repository, and the same base")
    sizes = {part["shard"][1] for _, part in parts}
    have = sorted(part["shard"][0] for _, part in parts)
    if len(sizes) > 1 or max(sizes) != len(have) or have != list(range(1, len(have) + 1)):
        raise StackError(f"{' '.join(map(str, paths))}: of {' or '.join(map(str, sorted(sizes)))} shards there are "
                         f"{' '.join(map(str, have))}", "name the report.json of each shard, once")
    return joined([part for _, part in parts], ws)


def common(part) -> dict:
    """What all shards of a run have in common; the commit of a base is another where it comes from a tarball."""
    return {"base": [part["base"].get(key) for key in ("name", "version", "tree")], "--only": part["only"],
            "patches": [(p["number"], p["sha256"]) for p in part["patches"]],
            "checks": [(c["name"], c.get("sha256")) for c in part["checks"]]}


def read(path: Path) -> tuple:
    """Return (path, data) of a shard's report.json; StackError when it is none."""
    data = read_json(path)
    if not isinstance(data, dict) or data.get("format") != report.FORMAT or not data.get("shard"):
        raise StackError(f"{path}: not the report of a shard",
                         "scripts/stack check --shard I/N writes one into its work folder")
    why = shape.fault(data, report.SHAPE) or ("" if len(data["shard"]) == 2 else "shard is not [I, N]")
    if why:
        raise StackError(f"{path}: not a whole report: {why}", "run that shard again")
    if data.get("waiting"):
        raise StackError(f"{path}: {data['waiting']} verdicts are missing, its run did not come to its end",
                         "run that shard again: what is done is kept")
    return path, data


def joined(parts, ws):
    """Join the data of shards into one report."""
    data = dict(parts[0], shard=None, files={"json": str(ws.out / report.NAMES[0]),
                                             "html": str(ws.out / report.NAMES[1])})
    # A patch that does not apply is the verdict of every shard.
    verdicts = {(v["patch"], v["check"], v["arch"]): v for part in reversed(parts) for v in part["verdicts"]}
    data["verdicts"] = sorted(verdicts.values(), key=lambda v: v["patch"])
    data["seconds"] = max(part["seconds"] for part in parts)
    data["runs"] = {key: sum(part["runs"][key] for part in parts) for key in ("all", "cached")}
    data["tools"] = list({json.dumps(t, sort_keys=True): t for part in parts for t in part["tools"]}.values())
    rows = {}
    for row in (r for part in parts for r in part["timing"]):
        known = rows.setdefault((row["check"], row["arch"]), dict(row, runs=0, cached=0, seconds=0.0, now=0.0))
        for key in ("runs", "cached", "seconds", "now"):
            known[key] = round(known[key] + row[key], 1)
    data["timing"] = list(rows.values())
    data["times"] = [row for part in parts for row in part.get("times", ())]
    data["reached"] = {stage: max(each.get("reached", {}).get(stage, 0) for each in parts) for part in parts
                       for stage in part.get("reached", ())}
    return data
