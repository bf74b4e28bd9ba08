# SPDX-License-Identifier: GPL-2.0
"""What a check's findings mean: reading them, what is new, which verdict that is."""
import collections
import re

LEVELS = ("error", "warning", "note", "hint")  # the first two count; a hint is what was to be expected
LINE = re.compile(r"^([^:\s][^:]*):(\d+): (error|warning|note|hint): (\S.*)$")
NOT_HERE = "not here: "
PASS, NOTE, FAIL, BROKEN = "pass", "note", "FAIL", "BROKEN"

Finding = collections.namedtuple("Finding", "file line level text")


class Unreadable(Exception):
    """A line on a check's standard output that is no finding; the text is that line."""


def read(text: str):
    """Standard output of a check -> list of Finding.  Unreadable on any other line."""
    found = []
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            raise Unreadable(line)
        path, number, level, message = match.groups()
        found.append(Finding(path, int(number), level, message))
    return found


def new(before, after, errors_always: bool = False):
    """Findings of `after` that `before` does not have, as a multiset; two are the same but for the line, which moves.

    Of n equal findings where there were m before, the last n - m are new: a second copy of an old
    warning is found, and a warning that went away pays for no other one.  Notes and hints are
    never compared.  `errors_always`: what is an error counts even when it was there before.
    """
    old = collections.Counter(f._replace(line=0) for f in before)
    fresh = []
    for finding in after:
        same = finding._replace(line=0)
        if counts(finding) and not (errors_always and finding.level == "error") and old[same] > 0:
            old[same] -= 1
        else:
            fresh.append(finding)
    return fresh


def verdict(findings, broken: bool = False):
    """The verdict for a list of (new) findings."""
    if broken:
        return BROKEN
    return FAIL if any(map(counts, findings)) else NOTE if any(f.level == "note" for f in findings) else PASS


def counts(finding) -> bool:
    """True for what makes a verdict FAIL."""
    return finding.level in ("error", "warning")


def worst(verdicts) -> str:
    """The gravest of some verdicts (pass for none)."""
    order = (PASS, NOTE, FAIL, BROKEN)
    return max(verdicts, key=order.index, default=PASS)


def orphans(by_arch) -> list:
    """Files that every architecture put aside, as error findings.

    by_arch: {arch: findings after the patch}.  A source that no architecture builds has been
    judged by nobody: it is an orphan, and a green row would be a lie.
    """
    if not by_arch:
        return []
    aside = [set(f.file for f in findings if f.text.startswith(NOT_HERE)) for findings in by_arch.values()]
    return [Finding(path, 0, "error", "judged on none of the architectures %s: no object is built from it; "
                                      "name what is missing in `arches`, `kconfig` or `header-users` of topic.ini"
                    % " ".join(by_arch)) for path in sorted(set.intersection(*aside))]
