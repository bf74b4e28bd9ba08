# SPDX-License-Identifier: GPL-2.0
"""What prove found, kept: TOPIC/proof beside the patches, and a page for each patch in out/prove/TOPIC.

TOPIC/proof has totals, no times, and the digest of what they were made from: the topic's patches, mutants, tests and
excuses, its suites, and what topic.ini says of these. Noticed stands for each way in which a fault is: which one it is,
a crash or a timeout, may be the machine's choice.
"""
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from stacklib.checking import before, cache, proof
from stacklib.host.files import read_json, write_whole
from stacklib.host.term import StackError
from stacklib.linux import mutants
from stacklib.stack import series
from stacklib.suites import trial

NAME = "proof"
HEAD = "# Written by scripts/stack prove {}; scripts/stack lint says when it is of other patches or suites.\n"


def digest(repo: Path, topic: series.Topic) -> str:
    """Return the hash of what a proof of the topic is made from."""
    told = [sorted(topic.conf.items(name)) for name in ("suites", "configs", "before") if topic.conf.has_section(name)]
    own = [topic.dir / "equivalent", *(topic.dir / "tests").glob("*.py")]
    files = [*(patch.path for patch in topic.patches), *mutants.stored(topic), *filter(Path.is_file, own)]
    files += [path for suite in topic.suites for path in (Path(repo) / "kunit").rglob(f"{suite}_kunit.c")]
    return cache.key(told=told, files=cache.digest(files))


def kept(repo: Path, topic: series.Topic) -> Optional[Dict[str, Any]]:
    """Return what TOPIC/proof says: {"stale": bool, "stored", "before": totals, "made": {number of a patch: totals}};
    None when there is none. What cannot be read (a merge that was left, say) is stale."""
    path = topic.dir / NAME
    if not path.is_file():
        return None
    try:
        conf = series.read_ini(path)
    except StackError:
        return {"stale": True, "made": {}}
    data = {name: dict(conf[name]) if conf.has_section(name) else {} for name in ("proof", "made")}
    return {"stale": data["proof"].pop("digest", "") != digest(repo, topic), **data["proof"], "made": data["made"]}


def totals(words: Iterable[str]) -> str:
    """Return "N word, ..." of fates."""
    counts = Counter("noticed" if word in trial.GOOD else word for word in words)
    return ", ".join(f"{counts[word]} {word}" for word in ("noticed", *proof.WORDS) if counts[word]) or "none"


def write(repo: Path, topic: series.Topic, stored: proof.Stored, red: before.Before, made: proof.Made) -> None:
    """Write TOPIC/proof of a run that left nothing out."""
    rows = {"digest": digest(repo, topic),
            "stored": totals(word for path, (word, _) in stored.fates.items() if path.parent.parent == topic.dir),
            "before": totals(word for one, _, word, _ in red.fates if one.name == topic.name)}
    own: Dict[str, List[str]] = {patch.name[:4]: [] for patch in topic.patches}
    for patch, _, word, _ in made.fates:
        if patch.topic == topic.name:
            own[patch.name[:4]].append(word)
    text = HEAD.format(topic.name) + "\n[proof]\n" + "".join(f"{key} = {said}\n" for key, said in rows.items())
    text += "\n[made]\n" + "".join(f"{number} = {totals(words)}\n" for number, words in own.items() if words)
    write_whole(topic.dir / NAME, text)


Faults = Dict[Tuple[str, int], List[str]]


def pages(made: proof.Made, stored: Dict[Path, Tuple[str, str]], reds: Sequence[tuple]) -> None:
    """Write a page for each patch of a run, and 0000 of each topic for what belongs to no line.

    stored, reds: .fates of proof.Stored and before.Before, empty when these did not run
    """
    out, counts, marks = made.ws.out / "prove", *covered(made)
    faults: Faults = {}
    for _, site, word, by in made.fates:
        text = f"{word}: {site.op}: {site.text}" + (f": {by}" if by else "")
        faults.setdefault((site.path, site.line), []).append(text)
    rest: Dict[str, List[str]] = {topic.name: [] for topic in made.topics}
    for path, (word, by) in stored.items():
        place, text = spot(path, made.lines), f"{word}: mutants/{path.name}" + (f": {by}" if by else "")
        (faults.setdefault(place, []) if place else rest.setdefault(path.parent.parent.name, [])).append(text)
    for topic, what, word, said in reds:
        rest.setdefault(topic.name, []).append(f"{word}: before, {what}: {said}")
    for topic in made.topics:
        write_whole(out / topic.name / "0000.txt", "\n".join([
            f"{topic.name}: stored mutants that change none of its lines, tests that fail without it", "",
            *rest[topic.name], ""]))
        for patch in topic.patches:
            said = counts.get(patch.name, "no coverage run of this tree: scripts/stack kunit --coverage")
            write_whole(out / topic.name / f"{patch.path.stem}.txt", "\n".join([
                patch.subject, "", said, "", *page(patch, made.lines, marks, faults), ""]))


def page(patch: series.Patch, lines: Dict[str, dict], marks: Dict[str, str], faults: Faults) -> List[str]:
    """Return the added lines of a patch, each with its mark and its faults."""
    out: List[str] = []
    for path, added in lines.items():
        mine = {number: text for number, (owner, text) in sorted(added.items()) if owner is patch}
        out += [path] if mine else []
        for number, text in mine.items():
            out.append(f"{marks.get(f'{path}:{number}', ' ')} {number:5} | {text}".rstrip())
            out += [f"        | {' ' * 8}^ {said}" for said in faults.get((path, number), [])]
    return out


def covered(made: proof.Made) -> Tuple[Dict[str, str], Dict[str, str]]:
    """Return ({name of a patch: what was run}, {FILE:LINE: mark}) of the last coverage run, empty when it was of
    another tree."""
    try:
        data = read_json(made.ws.out / "kunit" / "coverage" / "added.json")
    except StackError:
        return {}, {}
    if data.get("tree") != made.tree:
        return {}, {}
    counts = {patch["patch"]: f"the suites run {patch['covered']} of {patch['runnable']} lines that can run "
              "(! not run, ~ excused)" for patch in data["patches"]}
    return counts, {":".join(line.split(":")[:2]): mark for patch in data["patches"]
                    for key, mark in (("uncovered", "!"), ("excused", "~")) for line in patch[key]}


def spot(path: Path, lines: Dict[str, dict]) -> Optional[Tuple[str, int]]:
    """Return (file, number) of the first added line that a stored mutant changes, or stands at; None: of none."""
    for hunk in series.Patch(path, "").parsed.hunks:
        about = next((line.src for line in hunk.lines if line.src), 0)
        for marks in ("-", " "):
            texts = {line.text[1:] for line in hunk.lines if line.text[:1] == marks and line.text.strip(" -\t{}")}
            near = [number for number, (_, text) in lines.get(hunk.file, {}).items() if text in texts]
            if near:
                return hunk.file, min(near, key=lambda number: abs(number - about))
    return None
