# SPDX-License-Identifier: GPL-2.0
"""A mailbox as somebody saved it: whose patches are in it, of which version, and in which order.

The rules are those of b4: the newest version counts, patches that were sent anew in its thread take the
place of those that they replace, and what others sent is left out. Whatever is left out is said.
"""
import email.utils
import gzip
import io
import re
import zlib
from collections import Counter
from itertools import count, islice
from pathlib import Path
from typing import Any, Dict, List

from stacklib.host import gitcmd
from stacklib.host.term import StackError
from stacklib.stack import mailinfo, patch as parser, series

LIMIT, MAILS = 64 << 20, 20000  # of a mailbox: a month of a busy list has less
DEPTH = 64  # ids that are followed from one mail
AGAIN = "get the thread anew, for example: b4 mbox MESSAGE-ID"
# mailboxes of git and b4, which have ">From " where the mail has it; those of mail programs and lists quote
_GIT = re.compile(rb"From (?:[0-9a-f]{40,64} Mon Sep 17 00:00:00 2001|git@z Thu Jan  1 00:00:00 1970)\r?\n")
_REPLY = re.compile(r"\s*(?:re|aw|antw|sv|fwd?|wg|\u56de\u590d|\u7b54\u590d|\u8f6c\u53d1)(?:\[\d+\])?\s*[:\uff1a]",
                    re.I)
_VERSION = re.compile(r"(?<![\w.-])(?:patch|rfc|resend)?-?v(\d{1,4})(?:\.(\d{1,4}))?(?![\w.])", re.I)
_NUMBER = re.compile(r"(?<![\w.])(\d{1,9})\s*(?:/|of)\s*(\d{1,30})(?![\w.])")


class Mail:
    """One mail: .patch (series.Patch) .sender (key) .name (of who sent it) .title (subject without tags) .reply
    .version (N, 0; 2.1 is (2, 1)) .number and .total (0: it says none) .resend .diff .id .refs (ids) .tagged"""

    def __init__(self, path):
        self.patch = series.Patch(path, "posting")
        self.name, self.sender = self._sender()
        self.reply, tag, self.title = dissect(self.patch.header("Subject"))
        found = _VERSION.findall(tag)
        version = next((v for v in found if not v[1]), found[0] if found else ("1", ""))
        self.version = (int(version[0]), int(version[1] or 0))
        number = _NUMBER.search(tag)
        self.number, self.total = map(int, number.groups()) if number else (0, 0)
        self.cover = bool(number) and not self.number
        self.resend = bool(re.search("resend|repost", tag, re.I))
        self.tagged = bool(found or number or re.search(r"\b(?:patch|rfc)", tag, re.I))
        try:
            self.diff = bool(mailinfo.DIFF.search(mailinfo.text(self.patch.message)))
        except (RecursionError, ValueError, LookupError):
            self.diff = False
        self.id = self.patch.header("Message-ID")
        answered = self.patch.header("References") + self.patch.header("In-Reply-To")
        self.refs = re.findall(r"<[^<>\s]+>", answered)[-DEPTH:]
        try:
            self.date = email.utils.mktime_tz(email.utils.parsedate_tz(self.patch.header("Date")[:99]))
        except (TypeError, ValueError, IndexError, OverflowError):
            self.date = 0

    def _sender(self):
        """Return (name, key) of who sent it; a list that put itself into From: is taken out again."""
        name, address = parsed(self.patch.header("From"))
        via = re.match(r"'?(.+?)'? via .+", name)
        if via:
            real = self.patch.header("X-Original-From") or self.patch.header("Reply-To")
            name, address = parsed(real)[0] or via.group(1), parsed(real)[1] or address
            if real:
                self.patch.data = re.sub(rb"(?im)^from:.*(?:\n[ \t].*)*", lambda _: b"From: " + email.utils.formataddr(
                    (name, address), "utf-8").encode("utf-8", "replace"), self.patch.data, count=1)
        return name or address, address.lower()

    @property
    def shown(self) -> str:
        """The version as people write it."""
        return f"v{self.version[0]}{f'.{self.version[1]}' if self.version[1] else ''}"

    def __str__(self):
        part = f" {self.number}/{self.total}" if self.total else ""
        return f"[{self.shown}{part}] {self.title} ({self.name})"


def parsed(address) -> tuple:
    """Return (name, address) of one in a header; what is too long for one is cut."""
    return email.utils.parseaddr(address[:400])


def dissect(subject: str) -> tuple:
    """Return (whether it is a reply, the text of its [tags], the rest) of a subject."""
    reply, tags, subject = False, [], subject[:1000]
    while True:
        found = re.match(r"\s*\[([^]]*)\]", subject)
        if found:
            tags.append(found.group(1))
        else:
            found = _REPLY.match(subject)
            if not found or re.search(r"patch|rfc|\d/\d", " ".join(tags), re.I):
                return reply, " ".join(tags), subject.strip()
            reply = True
        subject = subject[found.end():]


def read(path, folder, titles=()):
    """Return ([series.Patch] of the newest version in order, [notes: what was taken, and what left out]).

    path: a mailbox, its gzip, or a maildir. folder: where its mails may be put. titles: subjects that the
    posting is thought to have, which decide between people who sent equally much.
    StackError when it cannot be read, has no patch, or lacks some.
    """
    try:
        everything = list(map(Mail, split(Path(path).expanduser(), Path(folder))))
        patches = unique([mail for mail in everything if not mail.reply])
    except RecursionError as exc:
        raise StackError(f"{path}: cannot be read: parts in parts in parts of a mail", "take that mail out") from exc
    tagged = [mail for mail in patches if mail.tagged and (mail.diff or mail.total)]
    if not any(mail.diff for mail in tagged):  # git format-patch -k: as they come
        tagged = [mail for mail in patches if mail.diff]
        for place, mail in enumerate(tagged, 1):
            mail.number, mail.total = place, len(tagged)
    if not any(mail.diff for mail in tagged):
        raise StackError(f"{path}: no patch in it ({len(list(Path(folder).iterdir()))} mails)", AGAIN)
    thread = Thread(everything, tagged)
    chosen, notes = choose(tagged, set(titles), thread)
    notes += [f"{len(same)} mails, which are not the same, have the Message-ID {ident}"
              for ident, same in thread.mails.items() if same[1:]]
    total = max(mail.total for mail in chosen.values()) or 1
    missing = list(islice((n for n in count(1) if n not in chosen), 4))
    missing = [n for n in missing if n <= total]
    if missing:
        notes = notes[1:]
        raise StackError(f"{path}: of {total} patches, {', '.join(map(str, missing[:3]))}{' ...' * (len(missing) > 3)} "
                         f"{'are' if missing[1:] else 'is'} missing; is it cut short?"
                         + "".join(f"\n  {note}" for note in notes), AGAIN)
    for place, mail in sorted(chosen.items()):
        check(path, mail, f"patch {place} of {total}")
    return [chosen[place].patch for place in sorted(chosen)], notes


def unique(mails) -> list:
    """Return the mails less second copies of one (the list's, and one's own): of the same id, sender, title, diff."""
    times = Counter(mail.id for mail in mails)
    seen: Dict[Any, Mail] = {}
    for mail in mails:
        key: Any = (mail.id, mail.name.casefold(), mail.title, mail.number) if mail.id and times[mail.id] > 1 else mail
        if key is not mail:
            parsed = parser.Parsed(mailinfo.text(mail.patch.message).encode())
            key += (*parsed.paths, *(line.text for line in parsed.context.values()))
        seen.setdefault(key, mail)
    return list(seen.values())


def split(path, folder):
    """Put the mails of a mailbox into files of folder; return their paths in order."""
    data, large = b"", False
    try:
        if path.is_dir():  # a maildir
            inside = [file for name in ("cur", "new") for file in islice((path / name).glob("*"), MAILS + 1)]
            odd = next((file for file in inside if not file.is_file()), None)
            if odd:
                raise StackError(f"{odd}: not a regular file", f"ls -l {odd}")
            large = len(inside) > MAILS or sum(file.stat().st_size for file in inside) > LIMIT
        else:
            with open(path, "rb") as file:
                data = file.read(LIMIT + 1)
            if data[:2] == b"\x1f\x8b":
                with gzip.open(io.BytesIO(data)) as file:
                    data = file.read(LIMIT + 1)
    except (OSError, EOFError, zlib.error) as exc:
        raise StackError(f"{path}: cannot be read: {getattr(exc, 'strerror', None) or exc}", "name a mailbox") from exc
    if large or len(data) > LIMIT or data.count(b"\nFrom ") > MAILS:
        raise StackError(f"{path}: has more than {LIMIT >> 20} MB or {MAILS} mails", "name a mailbox of one thread")
    source = path.absolute()
    if not path.is_dir():
        source = folder.with_name("all.mbx")
        source.write_bytes(data)
    folder.mkdir()
    quoted = [] if _GIT.match(data) or path.is_dir() else ["--mboxrd"]
    status, _, said = gitcmd.run("mailsplit", "-b", *quoted, f"-o{folder}", "--", source, cwd=folder)
    if status or not (data.strip() or path.is_dir()):
        raise StackError(f"{path}: not a mailbox: {said.strip() or 'it is empty'}", AGAIN)
    return sorted(folder.iterdir(), key=lambda file: int(file.name))


class Thread:
    """Who answers whom in a mailbox: .mails {Message-ID: [Mail that is a patch or a cover letter]}"""

    def __init__(self, everything, patches):
        self.mails, self.refs = {}, {}
        for mail in everything:  # reviews, too, which stand between a patch and the next version of it
            self.refs.setdefault(mail.id, mail.refs)
        for mail in patches:
            if mail.id:
                self.mails.setdefault(mail.id, []).append(mail)

    def above(self, mail):
        """Yield [Mail] for each patch's id that a mail answers, or what it answers does, the nearest first."""
        todo, seen = mail.refs[::-1], set()
        for ident in todo:
            if ident not in seen and len(seen) < DEPTH:
                seen.add(ident)
                todo += self.refs.get(ident, ())[::-1]
                if ident in self.mails:
                    yield self.mails[ident]

    def own(self, mail):
        """Yield the Mails above a mail that its own sender sent."""
        for mails in self.above(mail):
            yield from (other for other in mails if other.sender == mail.sender and other is not mail)


def author_of(mails, titles, thread):
    """Return the mails of the one whose patches these are: not of who answers others, with most of the titles."""
    people, names = {}, {}
    for mail in mails:
        mail.sender = names.setdefault(mail.name.casefold(), mail.sender)  # who has two addresses
        people.setdefault(mail.sender, []).append(mail)

    def weight(own) -> tuple:
        answers = all(any(all(other.sender != mail.sender for other in found) for found in thread.above(mail))
                      for mail in own)
        return not answers, sum(mail.title in titles for mail in own), len(own)

    return max(people.values(), key=weight)


def number(own, titles, thread) -> None:
    """Give each mail that says no number one: that of the patch that it was sent anew for, or as they come."""
    versions: Dict[tuple, List[Mail]] = {}
    for mail in own:
        versions.setdefault(mail.version, []).append(mail)
    for version in sorted(versions):
        answers = {mail: next((other for other in thread.own(mail) if other.number), None)
                   for mail in versions[version] if mail.total < 2}
        loose = [mail for mail, old in answers.items() if not old and not mail.total]
        for mail, old in answers.items():
            if old and old.total > 1 and version > old.version:
                mail.number, mail.total = old.number, old.total
            elif not mail.total:
                mail.number, mail.total = 1, 1
        several = list(dict.fromkeys(mail.title for mail in loose))
        several = [title for title in several if title in titles] or several
        for mail in loose:
            if mail.title in several:
                mail.number, mail.total = several.index(mail.title) + 1, len(several)


def reached(start, edges) -> set:
    """Return what can be reached from the keys of start over edges {key: [key]}, start itself with it."""
    found, todo = set(start), list(start)
    while todo:
        more = set(edges.get(todo.pop(), ())) - found
        found |= more
        todo += more
    return found


def choose(mails, titles, thread):
    """Return ({number: Mail} of the newest version of the author's, [notes])."""
    own = author_of(mails, titles, thread)
    number(own, titles, thread)
    groups, kin, anew = {}, {}, {}  # anew, as b4 has it: the same number of a version answers that of an older one
    for mail in own:
        key = mail.version, mail.total
        groups.setdefault(key, []).append(mail)
        for old in thread.own(mail):
            pair = key, (old.version, old.total)
            for edges in [kin] + [anew] * (old.number == mail.number > 0 and old.total == mail.total):
                edges.setdefault(pair[0], set()).add(pair[1])
                edges.setdefault(pair[1], set()).add(pair[0])
    known = {mail.title for group in groups.values() if any(m.title in titles for m in group) for mail in group}
    topical = reached([key for key in groups if any(mail.title in known for mail in groups[key])], kin)
    version, total = max(groups, key=lambda key: (key in topical, key[0], sum(m.title in titles for m in groups[key]),
                                                  len(groups[key])))

    def latest(key) -> dict:
        return {m.number: m for m in sorted(groups[key], key=lambda m: (m.title in titles, m.resend, m.date))}

    chosen = latest((version, total))
    newest = next(iter(chosen.values()))
    notes = [f"{newest.shown} by {newest.name}: {total} patches"]
    for older in sorted(reached([(version, total)], anew), reverse=True):
        gaps = {n: mail for n, mail in latest(older).items() if n and n not in chosen and older[0] < version}
        chosen.update(gaps)
        notes += [f"of {mail.shown}, as nothing newer is there: {mail}" for _, mail in sorted(gaps.items())]
    for mail in mails:  # a series of several authors, each sent as its own
        if (mail.version, mail.total) == (version, total) and mail.number <= total and mail.number not in chosen:
            chosen[mail.number] = mail
            notes.append(f"of another sender: {mail}")
    chosen.pop(0, None)
    taken = set(map(id, chosen.values()))
    notes += [f"left out: {mail}" for mail in mails if id(mail) not in taken and not mail.cover]
    return chosen, notes


def check(path: Path, mail, what: str) -> None:
    """Raise StackError when git cannot read the patch of a mail; sets .log and .diff (str) of its Patch."""
    folder = mail.patch.path.parent.parent
    fields, log, diff = mailinfo.read(mail.patch.data, folder)
    if not diff or not mailinfo.whole(diff):
        raise StackError(f"{path}: {what} cannot be read, is it cut short? {mail}", AGAIN)
    mail.patch.subject, mail.patch.log = fields.get("Subject", ""), log
    mail.patch.diff = diff.read_text("utf-8", "replace")
