# SPDX-License-Identifier: GPL-2.0
"""Made mutants: faults of a few kinds in lines that patches add, all in one kernel, one chosen when it boots.

A kind is a semantic patch, scripts/kunit/operators/NAME.cocci: spatch finds the places, the comments at its head say
what is written there:

    // mutant: RANGE: TEXT [| RANGE: TEXT]    a fault; RANGE: p, what the position p is at, or p-q, from p to q
    // not: REGULAR EXPRESSION                of places that are left alone

In TEXT {} is what stood there, {x} what stands at x (or x-y), {M} the identifier M, and STACK is true in the kernel
that was booted with the fault, stack_mutant=N. With stack_mutant=-1 the kernel says once in each suite which it meets.
"""
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from stacklib.host import env, term

# What only talks, or asserts, or would take its scope along.
_ARID = re.compile(r"^(\w*_(dbg|info|warn|notice|err|printk)|WARN\w*|pr_\w+|lockdep_\w+|might_\w+|\w*KUNIT\w*|kunit_\w+"
                   r"|guard|scoped_guard|CLASS|DE[CF]\w+|static_assert|BUILD_BUG\w*)\b")
_POSITIONS = re.compile(r"^position (.*);$", re.MULTILINE)
# Kinds that the compiler may refuse, the most likely last.
RISK = ("bound", "equal", "errno", "removed", "return", "swapped", "label", "constant", "sibling")
_MET = re.compile(r"stack_mutated (\d+)$")
_SCRIPT = """
@script:python@
{inherit}
@@
import json
def at(t): return [int(t.line), int(t.column), int(t.line_end), int(t.column_end)]
for n in range(len(p)):
    print("MUTANT " + json.dumps({{"op": "{name}", "file": p[n].file, "in": p[n].current_element, "M": {M},
                                  "at": {{{at}}}}}))
"""
# Appended to lib/kunit/test.c, for the number of the suite.
_KERNEL = """
static int stack_mutant;
core_param(stack_mutant, stack_mutant, int, 0444);
static size_t stack_met[100000];
bool stack_mutated(int n);
bool stack_mutated(int n)
{
	if (stack_mutant == -1 && stack_met[n] != kunit_suite_counter) {
		stack_met[n] = kunit_suite_counter;
		printk(KERN_INFO "stack_mutated %d\\n", n);
	}
	return stack_mutant == n;
}
EXPORT_SYMBOL_GPL(stack_mutated);
"""


@dataclass(frozen=True)
class Site:
    """A place for a fault: .op .path .function .line .last (from 1) .text (what stands there)
    .edits ((start, end, text that is written, with {} for what stood there), from 0 in the file)"""

    op: str
    path: str
    function: str
    line: int
    last: int
    text: str
    edits: Tuple[Tuple[int, int, str], ...]

    @property
    def key(self) -> str:
        """Names it whatever stands before it in the file."""
        return f"{self.path}:{self.function}: {self.op}: {self.text}"


def operators() -> Dict[str, str]:
    """Return {name: text} of the semantic patches."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(
        (env.SCRIPTS / "kunit" / "operators").glob("*.cocci"))}


def joined(texts: Dict[str, str]) -> str:
    """Return one semantic patch with the rules of all operators, which prints what they match."""
    out = []
    for name, text in texts.items():
        names = ", ".join(_POSITIONS.findall(text)).split(", ")
        has = re.search(r"\bM\b", text.partition("@r@")[2])
        inherit = "\n".join(f"{v} << op_{name}.{v};" for v in [*names, *(["M"] if has else [])])
        out += [text.replace("@r@", f"@op_{name}@"),
                _SCRIPT.format(inherit=inherit, name=name, M="str(M)" if has else '""',
                               at=", ".join(f'"{v}": at({v}[n])' for v in names))]
    return "\n".join(out)


def find(tree: Path, paths: Sequence[str], folder: Path, environment: dict) -> List[Site]:
    """Return all places in the C files at paths of a kernel tree, in the order of the files.

    folder: where the joined semantic patch goes. StackError when spatch cannot be had, or fails.
    """
    texts, rule = operators(), folder / "operators.cocci"
    rule.write_text(joined(texts), encoding="utf-8")
    command = ["spatch", "--very-quiet", "--no-includes", "--no-show-diff", "--cocci-file", rule, *paths]
    done = subprocess.run(list(map(str, command)), cwd=tree, env=environment, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise term.StackError(f"spatch failed: {done.stderr.strip()[-300:]}", "scripts/stack setup")
    sites: Dict[tuple, Site] = {}
    sources = {path: (Path(tree) / path).read_bytes().decode("latin-1") for path in paths}
    for line in done.stdout.splitlines():
        data = json.loads(line[7:]) if line.startswith("MUTANT ") else {"in": "something_else"}
        if data["in"] != "something_else":      # which is what spatch calls what is in no function
            for site in made_of(texts[data["op"]], data, sources[data["file"]]):
                sites.setdefault((site.path, site.edits), site)
    return sorted(sites.values(), key=lambda site: (site.path, site.edits, site.op))


def made_of(text: str, data: dict, source: str) -> List[Site]:
    """Return the places that one match of an operator makes; text: the operator, data: what its script printed."""
    starts = [0, *(match.end() for match in re.finditer("\n", source))]

    def span(names: str) -> Tuple[int, int]:
        first, _, last = names.partition("-")
        begin, end = data["at"][first], data["at"][last or first]
        return starts[begin[0] - 1] + begin[1], starts[end[2] - 1] + end[3]

    found, skip = [], re.search(r"^// not: (.*)$", text, re.MULTILINE)
    other = span("x-y" if "y" in data["at"] else "x") if "x" in data["at"] else (0, 0)
    for fault in re.findall(r"^// mutant: (.*)$", text, re.MULTILINE):
        parts = [part.split(": ", 1) for part in fault.split(" | ")]
        spans = [span(names) for names, _ in parts]
        texts = [source[a:b] for a, b in [*spans, other]]
        if any(a >= b for a, b in spans) or any(_ARID.match(t) or re.search(r"^\s*#|//|\\$", t, re.M) for t in texts):
            continue
        if skip and re.search(skip[1], texts[0]):
            continue
        flat = " ".join(texts[-1].split())
        edits = tuple((a, b, new.replace("{x}", flat).replace("{M}", data["M"]))
                      for (a, b), (_, new) in zip(spans, parts))
        found.append(Site(data["op"], data["file"], data["in"], source.count("\n", 0, spans[0][0]) + 1,
                          source.count("\n", 0, max(b for _, b in spans)) + 1, " ".join(texts[0].split()), edits))
    return found


def nested(sites: Sequence[Site]) -> List[Site]:
    """Return the sites without those of which a part overlaps one before them without lying in it or around it."""
    kept, spans = [], set()     # type: ignore[var-annotated]
    for site in sites:
        own = [(site.path, a, b) for a, b, _ in site.edits]
        if not any(path == other and (a < c < b < d or c < a < d < b) for path, a, b in own for other, c, d in spans):
            spans.update(own)
            kept.append(site)
    return kept


def render(source: str, edits: Sequence[Tuple[int, int, str]]) -> str:
    """Return a text with edits (start, end, new) that nest, those of the same range around each other."""
    def inner(start: int, end: int, mine: List[Tuple[int, int, str]]) -> str:
        out, at = [], start
        while mine:
            first, *mine = mine
            below = [edit for edit in mine if edit[0] < first[1]]
            mine = mine[len(below):]
            out += [source[at:first[0]], first[2].replace("{}", inner(first[0], first[1], below))]
            at = first[1]
        return "".join(out) + source[at:end]
    return inner(0, len(source), sorted(edits, key=lambda edit: (edit[0], -edit[1])))


def plant(tree: Path, sites: Dict[int, Site]) -> None:
    """Write the faults {number: Site} into a tree that has none yet; line numbers stay as they are."""
    for path in sorted({site.path for site in sites.values()}):
        file = Path(tree) / path
        edits = [(a, b, new.replace("STACK", f"stack_mutated({number})")) for number, site in sites.items()
                 if site.path == path for a, b, new in site.edits]
        text = render(file.read_bytes().decode("latin-1"), edits)
        file.write_bytes(f"extern _Bool stack_mutated(int); {text}".encode("latin-1"))
    with open(Path(tree) / "lib/kunit/test.c", "a", encoding="utf-8") as kunit:
        kunit.write(_KERNEL)


def refused(log: str, sites: Dict[int, Site]) -> List[int]:
    """Return the numbers of those that the errors in the log of a build are about: of each place, one kind's."""
    names = "|".join(re.escape(path) for path in {site.path for site in sites.values()})
    place = re.compile(rf"(?:^|[/ ])({names}):(\d+):")
    found: set = set()
    before, blamed = None, True
    for line in log.splitlines():
        match, error = place.search(line), re.search(r"^\S+:\d+:\d+: error: ", line)
        where = (match[1], int(match[2])) if match and not line.lstrip().startswith(("from ", "In file inc")) else None
        if error:
            found.update({before} if not blamed else ())
            blamed = bool(where)
        if where and (error or not blamed and ": note: " in line):
            found.add(where)
            blamed = True
        before = where if where and " inlined from " in line else before
    out = []
    for path, number in filter(None, found | ({before} if not blamed else set())):
        here = {n: site for n, site in sites.items() if site.path == path and site.line <= number <= site.last}
        worst = max((RISK.index(site.op) if site.op in RISK else -1 for site in here.values()), default=-1)
        out += [n for n, site in here.items() if worst < 0 or site.op == RISK[worst]]
    return sorted(set(out))


def met(lines, reader) -> Dict[int, List[str]]:
    """Return {number: suites in which the kernel met the fault} of the lines of a log; reader: a ktap.LogReader."""
    found: Dict[int, List[str]] = {}
    for line in lines:
        reader.feed(line, 0)
        match = _MET.search(line.rstrip())
        suite = reader.where.partition(".")[0]
        if match and suite not in found.setdefault(int(match[1]), []):
            found[int(match[1])].append(suite)
    return found
