# SPDX-License-Identifier: GPL-2.0
"""Which added lines of each patch did no suite run: gcov under UML.

CONFIG_GCOV of UML gives every object to gcc's own libgcov, which writes its counts (.gcda) when the kernel, a process
of the host, exits. Two things are in the way on every kernel up to at least 7.1, and both are met from the make
command line, so that no tree has to be patched:

- libgcov.a and fs/seq_file.c both have a mangle_path(), and the link fails.
  The kernel's is renamed by -D, which is what arch/um/Makefile does for every
  other name that clashes with the C library.
- arch/um/include/asm/common.lds.S keeps .fini_array but not .fini_array.*,
  where gcc puts the function that writes the counts; so nobody calls it. One
  call is enough for all objects: the linker's -fini names it as the function
  to run when the program ends. With a tree whose linker script is right, it is
  called a second time, and libgcov then does nothing.

Both go into UM_GCOV_OPT, which the kernel adds to what is compiled and linked with CONFIG_GCOV and nowhere else.

gcc counts basic blocks, after its first optimizations. At the kernel's -O2 these have by then merged `return
-EINVAL;` into the block of its condition, which ran, and inlined callees into callers; such a line looks covered, or
not like code at all. -O0 does not build a kernel. The passes that do it are turned off one by one: on the test case
in scripts/tests the lines are then those of -O0.
"""
from dataclasses import dataclass, field
import json
from pathlib import Path
import re

from stacklib.host import gitcmd, term
from stacklib.host.files import read_text, write_whole
from stacklib.stack import stanza
from stacklib.suites import gcov

FLAGS = ("-fprofile-arcs -ftest-coverage -fno-early-inlining -fno-ssa-phiopt -fno-tree-ccp "
         "-fno-tree-fre -fno-tree-forwprop -fno-tree-vrp -fno-tree-switch-conversion")
_SOURCE = re.compile(r"\.[ch]$")
_EXCUSES = "uncovered"


def make_options(repo: Path, patches) -> list:
    """Options of make with which the folders of these patches are counted, and those of the drop-in, since inline
    functions of headers run there. All others are compiled as always, and come from ccache."""
    dropin = Path(repo) / "kunit"
    names = {path.relative_to(dropin) for path in dropin.rglob("*.c")}
    names |= {Path(name) for patch in patches for name in patch.files if name.endswith(".c")}
    folders = " ".join(sorted({str(name.parent) for name in names}))
    return [f"UM_GCOV_OPT={FLAGS} -Dmangle_path=kernel_mangle_path -Wl,-fini=__gcov_exit",
            f"ccflags-remove-y=$(if $(filter {folders},$(obj)),,{FLAGS})"]


def forget(build) -> None:
    """Remove the counts that an earlier run left in @build; libgcov adds to them."""
    for path in Path(build).rglob("*.gcda"):
        path.unlink()


@dataclass
class Line:
    """An added line; reason says why it need not run, where somebody says so."""

    path: str
    number: int
    text: str
    reason: str = ""

    def __str__(self):
        return f"{self.path}:{self.number}: {self.text.strip()}"


@dataclass
class PatchCoverage:
    """The added lines of one patch that are code.

    unbuilt: file that has no object on UML -> added lines; aside: such a file -> the
    reason why nothing can be done about it
    """

    name: str
    runnable: int = 0
    covered: int = 0
    uncovered: list = field(default_factory=list)
    excused: list = field(default_factory=list)
    unbuilt: dict = field(default_factory=dict)
    aside: dict = field(default_factory=dict)

    def findings(self) -> int:
        """How many lines, and files without an object, nobody ran and nobody explains."""
        return len(self.uncovered) + len(self.unbuilt) - len(self.aside)

    def percent(self) -> str:
        """The share of runnable added lines that ran, as text."""
        return percent(self.covered, self.runnable)


@dataclass
class Report:
    """The whole stack's; stale: excuses for what ran or does not exist."""

    patches: list
    stale: list

    def findings(self) -> int:
        """How many lines and files ran in no suite and are not excused, and stale excuses."""
        return sum(patch.findings() for patch in self.patches) + len(self.stale)

    def percent(self) -> str:
        """The share of all runnable added lines that ran, as text."""
        return percent(sum(patch.covered for patch in self.patches), sum(patch.runnable for patch in self.patches))


def percent(part, whole) -> str:
    """@part of @whole as text; rounds down, so that 100 % means all."""
    return f"{part * 1000 // whole / 10:.1f} %" if whole else "-"


def added_lines(repo: Path, base, last, path: Path):
    """The lines of @path in @last that commits after @base added: dict line number -> (commit id, text)."""
    text = gitcmd.git("blame", "--line-porcelain", f"{base}..{last}", "--", path, cwd=repo)
    lines, commit, number, boundary = {}, "", 0, False
    for row in text.split("\n"):
        match = re.match(r"^([0-9a-f]{40}) \d+ (\d+)", row)
        if match:
            commit, number, boundary = match.group(1), int(match.group(2)), False
        elif row == "boundary":
            boundary = True
        elif row.startswith("\t") and not boundary:
            lines[number] = (commit, row[1:])
    return lines


def map_file(path, added, counts, entries) -> None:
    """Sort the @added lines of one file (from added_lines()) into the @entries (commit id -> PatchCoverage).

    @counts: dict line number -> times run, None for a file that was not built
    """
    for number, (commit, text) in sorted(added.items()):
        entry = entries[commit]
        if counts is None:
            entry.unbuilt[path] = entry.unbuilt.get(path, 0) + 1
        elif number in counts:
            entry.runnable += 1
            if counts[number]:
                entry.covered += 1
            else:
                entry.uncovered.append(Line(path, number, text))


def excuse(entries, excuses, name: str):
    """Take the lines and files that @excuses name out of the findings of @entries (list of PatchCoverage).

    @excuses: list of stanza.Stanza with the keys line (`file: text`) or file, reason and until, in the file @name
    Returns texts for the excuses that nothing needs.
    """
    stale = []
    for item in excuses:
        file, hit, reason = item.get("file"), False, item.get("reason")
        path, text = (part.strip() for part in item.get("line").partition(":")[::2])
        for entry in entries:
            if file in entry.unbuilt:
                entry.aside[file], hit = reason, True
            for line in [line for line in entry.uncovered if (line.path, line.text.strip()) == (path, text)]:
                entry.uncovered.remove(line)
                entry.excused.append(line)
                line.reason, hit = reason, True
        if not hit:
            stale.append(f"{name}:{item.line}: no patch adds lines to a file without an object: {file}" if file else
                         f"{name}:{item.line}: no uncovered line is: {item.get('line')}")
    return stale


def _read_excuses(topic):
    path = Path(topic.dir) / _EXCUSES
    if not path.is_file():
        return [], ""
    name = f"{topic.name}/{_EXCUSES}"
    entries = stanza.parse(read_text(path), name, ("reason", "until"), ("line", "file"))
    for item in entries:
        if bool(item.get("line")) == bool(item.get("file")):
            raise term.StackError(f"{name}:{item.line}: the entry has to have either 'line' or "
                                  "'file'", mend=f"correct line {item.line} of {name}")
    return entries, name


def report(ws, tree, topics, boundary: int, source, env):
    """Compare the counts of the coverage run just made with the patches.

    Writes out/kunit/coverage/added.json; returns a Report. Raises term.StackError when the run left no counts.
    """
    build = ws.out / "build" / "kunit-coverage"
    patches = tree.patches[:boundary]
    files = sorted({name for patch in patches for name in patch.files if _SOURCE.search(name)})
    entries = {tree.commit(k): PatchCoverage(patch.name) for k, patch in enumerate(patches, 1)}
    counts = gcov.counts(build, source, files, env)
    for path in files:
        if not (Path(source) / path).is_file():
            continue
        added = added_lines(tree.path, tree.commit(0), tree.commit(boundary), path)
        # No code for a header's line: a declaration, or an inline function that
        # nothing in the instrumented folders calls.
        map_file(path, added, counts.get(path, {} if path.endswith(".h") else None), entries)
    result = Report(list(entries.values()), [])
    for topic in topics:
        excuses, name = _read_excuses(topic)
        stale = excuse(result.patches, excuses, name)
        if boundary == len(tree.patches):   # before, a later patch may need it
            result.stale += stale
    data = {"tree": tree.tree_id(boundary, dropin=True), "percent": result.percent(),
            "findings": result.findings(), "stale": result.stale,
            "patches": [{"patch": entry.name, "runnable": entry.runnable,
                         "covered": entry.covered, "percent": entry.percent(),
                         "uncovered": [str(line) for line in entry.uncovered],
                         "excused": {str(line): line.reason for line in entry.excused},
                         "not built on um": entry.unbuilt, "excused files": entry.aside} for entry in result.patches]}
    write_whole(ws.out / "kunit" / "coverage" / "added.json", json.dumps(data, indent=1))
    return result
