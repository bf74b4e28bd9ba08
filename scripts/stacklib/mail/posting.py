# SPDX-License-Identifier: GPL-2.0
"""What a posting consists of: the commits of a topic and its suites, and what must precede them.

A topic stands on the base, the fabric of its suites, and the topics that it needs,
each with its own suites: the order in which a taker applies the mailboxes.
"""
import email.utils
import hashlib
import re

from stacklib.host import gitcmd
from stacklib.host.term import StackError, done, progress
from stacklib.linux import applying, tree as trees
from stacklib.stack import dropin, dropseries, series


FABRIC = dropseries.NAME


class Part:
    """One series: .name .cover (series.Patch) .start (commit that it stands on) .commits .origins (series.Patch or
    dropseries.DropCommit of each) .before [Part] (all that it stands on) .needs (those of them that it cannot do
    without) .variant (words for letters.Letterhead) .base (base.Base) .root (its commit)"""

    def __init__(self, name, cover, start, found, root):
        self.name, self.cover, self.start = name, cover, start
        self.before, self.needs, self.variant = [], [], []
        self.base, self.root = found, root
        self.commits, self.origins = [], []

    @property
    def end(self) -> str:
        """The last commit."""
        return self.commits[-1] if self.commits else self.start

    @property
    def change_id(self) -> str:
        """What stays the same from version to version as long as the cover letter's author does, in b4's form."""
        text = f"{self.name}\n{email.utils.parseaddr(self.cover.author)[1]}"
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    @property
    def version(self) -> int:
        """The version that the cover letter says (1 when it says none)."""
        found = re.search(r"\[[^]]*\bv(\d+)\b[^]]*\]", self.cover.header("Subject"))
        return int(found.group(1)) if found else 1

    @property
    def rfc(self) -> bool:
        """Whether the cover letter says [RFC PATCH]."""
        return bool(re.match(r"(\[[^]]*\]\s*)*\[[^]]*\bRFC\b", self.cover.header("Subject")))


def cover_of(ws, topic: series.Topic):
    """Return the cover letter of a topic (None: of the fabric) as a series.Patch; StackError without."""
    if topic is not None:
        path = topic.cover or topic.dir / "0000-cover-letter.patch"
    else:
        path = ws.repo / "kunit" / "commits" / "0000-cover-letter.patch"
    if not path.is_file():
        raise StackError(f"{path}: there is no cover letter",
                         "write one: git format-patch --cover-letter shows the form")
    cover = series.Patch(path, topic.name if topic else dropseries.NAME)
    for name in ("From", "Date", "Subject"):
        if not cover.header(name):
            raise StackError(f"{path}: no {name}: header", f"$EDITOR {path}")
    return cover


def chain(ws, stack, names, suites) -> list:
    """Return the Parts for these topics (FABRIC: the fabric) and all that they need, in order.

    suites: each topic has its own suites behind its patches, and the fabric stands before them.
    Raises applying.ApplyError when a patch does not apply, StackError when there is no base.
    """
    wanted = [n for n in names if n != FABRIC]
    topics = stack.select(wanted) if wanted else []
    drops = dropseries.load(ws.repo) if suites or FABRIC in names else []
    missing = dropseries.orphans(ws.repo, drops) if drops else []
    if missing:
        raise StackError(f"{len(missing)} files of the drop-in belong to no patch, the first is {missing[0]}",
                         "name it in Files: of one of kunit/commits/*", code=1)
    with ws.lock():
        maker = Maker(ws, *trees.ground(ws, stack))
        words = variant(ws, stack)
        maker.part(None, FABRIC, [d for d in drops if not d.topic], [], words)
        for topic in topics:
            needs = [FABRIC] * suites + [t.name for t in stack.select([topic.name])]
            maker.part(topic, topic.name, [d for d in drops if suites and d.topic == topic.name], needs,
                       ["suites"] * suites + words)
    done()
    return maker.parts


def variant(ws, stack: series.Stack) -> list:
    """Return the words that tell message ids from those of the default base."""
    try:
        default = series.default_base(ws.repo)
    except StackError:  # none of several
        default = None
    return [re.sub(r"[^\w.]", "_", stack.base_name)] if stack.base_name != default else []


class Maker:
    """Makes the commits of one Part after the other: .parts"""

    def __init__(self, ws, git_dir, root, memory, found):
        self.ws, self.git_dir, self.memory = ws, git_dir, memory
        self.found, self.root, self.at = found, root, root
        self.parts, self.have = [], set()
        self.digest = dropin.digest(ws.repo)

    def part(self, topic, name, drops, needs, words) -> None:
        """Make the Part of a topic (None: the fabric): its patches, then drops; needs: names of others."""
        if topic is None and not drops:
            return
        made = Part(name, cover_of(self.ws, topic), self.at, self.found, self.root)
        made.before, made.needs = list(self.parts), only(self.parts, needs)
        # On more than it needs, its hunks may have another context.
        made.variant = words + ["all"] * (made.before != made.needs)
        if topic is not None:
            made.commits = trees.apply_all(self.ws, self.memory, topic.patches, self.at)[0][1:]
            made.origins = list(topic.patches)
            self.at = made.end
        for drop in drops:
            if drop.files:
                progress(f"export: {name}: {drop.subject}")
                self.drop(drop, made.cover)
                made.commits.append(self.at)
                made.origins.append(drop)
        if made.commits:
            self.parts.append(made)

    def drop(self, drop, cover) -> None:
        """Make the commit of one patch of the drop-in; author and date are the cover letter's."""
        self.have |= drop.files
        message = f"{drop.subject}\n\n{drop.log}\n\nSigned-off-by: {cover.author}"
        author, address = email.utils.parseaddr(cover.author)
        fields = {"Author": author, "Email": address, "Date": cover.header("Date")}
        key = ("posted", self.at, self.digest, message, str(fields), *sorted(drop.files), "", *sorted(self.have))
        if not self.memory.get(*key):
            fresh = dropseries.tree_with(self.git_dir, self.at, self.ws.repo, self.have, drop.files)
            self.memory.put(applying.commit_tree(self.git_dir, fresh, self.at, message, fields), [], *key)
        self.at = self.memory.get(*key)[0]


def patch_ids(git_dir, start, end) -> list:
    """Return the stable patch ids of the commits after start up to end, oldest first."""
    return [name for name, _ in gitcmd.patch_ids(git_dir, "--reverse", f"{start}..{end}")] if start != end else []


def only(parts, names) -> list:
    """Return those Parts that names name."""
    return [p for p in parts if p.name in names]


def demand(parts, names) -> None:
    """Raise StackError when one of these names has no Part, as it has neither patches nor suites."""
    for name in names:
        if not only(parts, [name]):
            raise StackError(f"'{name}' has no patches in this stack", "name one that has some, or write "
                             "kunit/commits/NN-NAME (its form is in scripts/stacklib/stack/dropseries.py)"
                             if name == FABRIC else "add its patches to the series")
