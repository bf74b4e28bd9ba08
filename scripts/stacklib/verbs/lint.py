# SPDX-License-Identifier: GPL-2.0
"""Verb `lint`: the stored form of the stack, without a kernel tree."""
from pathlib import Path

from stacklib.checking import proven
from stacklib.host.term import StackError, colour, data, note, say
from stacklib.host.workspace import Workspace
from stacklib.linux import mutants
from stacklib.stack import dropseries, lintfiles, lintpatch, series
from stacklib.stack.lintpatch import Finding
from stacklib.suites.session import CONFIGS


def register(subparsers) -> None:
    """Add the verb lint."""
    subparsers.add_parser(
        "lint",
        description="Checks what is stored, without a kernel tree: series against files both "
                    "ways, patch headers and\nform, cover letters, manifests, .b4-config, hooks, "
                    "the heads of scripts. Every finding comes with\nthe command that mends it.",
        epilog="examples:\n  scripts/stack lint\n  scripts/stack lint TOPIC")


def run(args) -> int:
    """Verb lint: 0 when nothing is found, else 1."""
    ws = Workspace(args)
    found, checked = collect(ws, args.base, args.topics)
    show(found, ws.repo)
    if args.json:
        data([dict(item._asdict(), level="error", path=str(shown(item.path, ws.repo))) for item in found])
    what = f"{len(found)} findings" if found else "nothing found"
    say(f"lint: {what} in {checked[0]} patches of {checked[1]} topics")
    return 1 if found else 0


def show(found, repo: Path) -> None:
    """Print findings, each with what mends it."""
    for item in found:
        say(f"{shown(item.path, repo)}:{item.line}: {colour('error', 'red')}: {item.text}")
        if item.mend:
            say("    mend: " + item.mend)


def shown(path: Path, repo: Path):
    """Return path relative to the repository, where it is in there."""
    try:
        return Path(path).relative_to(repo)
    except ValueError:
        return path


def collect(ws: Workspace, base_name=None, names=None) -> tuple:
    """Return ([Finding], (patches, topics)) for the stack in the repository of a Workspace.

    Of one base (default: that of the series), and without base and names of the others that have a series file, too;
    what belongs to no topic is always looked at.
    """
    repo, found, counts = ws.repo, [], [0, 0]
    others = [path.name[len("series."):] for path in sorted(repo.glob("series.*"))
              if (repo / "patches" / path.name[len("series."):] / "base.ini").is_file()]
    for base in [base_name] if base_name or names else [None, *others]:
        more, patches, topics = of_base(ws, base, names)
        found += more
        counts = [counts[0] + patches, counts[1] + topics]
    for check in (lintfiles.check_bases, lintfiles.check_b4, lintfiles.check_hooks,
                  lintfiles.check_suites, lintfiles.check_commits, lintfiles.check_checks, lintfiles.check_texts):
        found += check(repo)
    return found, tuple(counts)


def of_base(ws: Workspace, base_name=None, names=None) -> tuple:
    """Return ([Finding], number of patches, of topics) of one base; names limits the topics.

    Mutants are tried where a kernel is in the work folder; else it is said that they were not.
    """
    repo = ws.repo
    found = check_series(repo, base_name)
    if found:
        return found, 0, 0
    stack = series.load(repo, base_name)
    topics = stack.select(names)
    patches = [p for t in topics for p in t.patches]
    for patch in patches:
        found += lintpatch.check_patch(patch, repo)
    for topic in topics:
        found += lintpatch.check_cover(topic, repo)
        found += lintfiles.check_topic(topic, repo)
    stale, why = mutants.stale(ws, stack, [topic for topic in topics if not names or topic.name in names])
    found += [Finding(path, 0, f"does not apply to its topic any more: {said}",
                      "write it anew on what scripts/stack apply gives, or: git rm it") for path, said in stale]
    every = [*series.common_suites(repo), *(name for topic in stack.topics for name in topic.suites)]
    found += [Finding(path, 0, said, f"$EDITOR {shown(path, repo)}") for topic in topics
              for path, said in mutants.untold(repo, topic, CONFIGS, every).items()]
    found += [Finding(topic.dir / proven.NAME, 0, "is of other patches, mutants or suites than stand here",
                      f"scripts/stack prove {topic.name}, or: git rm it") for topic in topics
              if (proven.kept(repo, topic) or {}).get("stale")]
    if why:
        note("note: not all mutants were tried: " + why)
    return found, len(patches), len(topics)


def check_series(repo, base_name=None):
    """Return the findings in a series file and between it and the files."""
    try:
        base_name = base_name or series.default_base(repo)
        series.manifest(repo, base_name)
    except StackError as exc:
        return [Finding(repo / "series", 0, exc.msg, exc.mend)]
    path = series.series_file(repo, base_name)
    if not path.is_file():
        return [Finding(path, 0, "there is no series file",
                        f"ls patches/{base_name}/*/[0-9]*.patch > series, then mend its paths")]
    found, listed, last = [], {}, {}
    for line, entry in series.entries(path):
        try:
            topic, name = series.split_entry(path, entry, base_name)
        except StackError as exc:
            found.append(Finding(path, line, exc.msg.split(": ", 1)[1], f"correct the line in {path.name}"))
            continue
        found += check_entry(repo, path, line, entry, topic, name, listed, last)
    for file in sorted((repo / "patches" / base_name).glob("*/[0-9]*.patch")):
        entry = file.relative_to(repo / "patches").as_posix()
        if entry not in listed and not file.name.startswith("0000-"):
            found.append(Finding(file, 0, f"is not in {path.name}",
                                 f"echo {entry} >> {path.name}, or: git rm {file.relative_to(repo)}"))
    return found


def check_entry(repo: Path, path: Path, line, entry, topic: series.Topic, name: str, listed, last):
    """Return the findings in one line of a series; notes it in listed and last {topic: number}."""
    found = []
    if entry in listed:
        found.append(Finding(path, line, f"{entry} stands here twice (first in line {listed[entry]})",
                             f"$EDITOR +{line} {path.name}"))
    listed.setdefault(entry, line)
    if not (repo / "patches" / entry).is_file():
        return found + [Finding(path, line, f"patches/{entry} is not there",
                                f"$EDITOR +{line} {path.name}, or: git checkout -- patches/{entry}")]
    if topic == dropseries.NAME and topic not in last:
        found.append(Finding(path, line, f"a topic cannot be called {topic}: the drop-in's patches are",
                             f"git mv patches/{entry.rpartition('/')[0]} NEW, and say so in {path.name}"))
    match = series.PATCH_NAME.match(name)
    if not match:
        return found + [Finding(path, line, f"{name} is not of the form NNNN-name.patch",
                                f"git mv it, or: scripts/stack refresh {topic}")]
    if int(match.group(1)) != last.get(topic, 0) + 1:
        found.append(Finding(path, line, f"{name} is out of order: number {last.get(topic, 0) + 1:04d} expected",
                             f"scripts/stack refresh {topic}"))
    last[topic] = int(match.group(1))
    return found
