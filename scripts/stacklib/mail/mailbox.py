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
from itertools import count, islice
from pathlib import Path

from stacklib.host import gitcmd
from stacklib.host.term import StackError
from stacklib.stack import mailinfo, series

LIMIT, MAILS = 64 << 20, 20000  # of a mailbox: a month of a busy list has less
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
        self.refs = re.findall(r"<[^<>\s]+>", self.patch.header("References") + self.patch.header("In-Reply-To"))
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
        mails = [mail for mail in map(Mail, split(Path(path).expanduser(), Path(folder))) if not mail.reply]
    except RecursionError as exc:
        raise StackError(f"{path}: cannot be read: parts in parts in parts of a mail", "take that mail out") from exc
    seen = {}
    for mail in mails:  # a copy of the list and one of one's own
        seen.setdefault(mail.id or mail, mail)
    tagged = [mail for mail in seen.values() if mail.tagged and (mail.diff or mail.total)]
    if not any(mail.diff for mail in tagged):  # git format-patch -k: as they come
        tagged = [mail for mail in seen.values() if mail.diff]
        for number, mail in enumerate(tagged, 1):
            mail.number, mail.total = number, len(tagged)
    if not any(mail.diff for mail in tagged):
        raise StackError(f"{path}: no patch in it ({len(list(Path(folder).iterdir()))} mails)", AGAIN)
    chosen, notes = choose(tagged, set(titles))
    total = max(mail.total for mail in chosen.values()) or 1
    missing = list(islice((n for n in count(1) if n not in chosen), 4))
    missing = [n for n in missing if n <= total]
    if missing:
        notes = notes[1:]
        raise StackError(f"{path}: of {total} patches, {', '.join(map(str, missing[:3]))}{' ...' * (len(missing) > 3)} "
                         f"{'are' if missing[1:] else 'is'} missing; is it cut short?"
                         + "".join(f"\n  {note}" for note in notes), AGAIN)
    for number, mail in sorted(chosen.items()):
        check(path, mail, f"patch {number} of {total}")
    return [chosen[number].patch for number in sorted(chosen)], notes


def split(path, folder):
    """Put the mails of a mailbox into files of folder; return their paths in order."""
    data = b""
    try:
        if not path.is_dir():  # a maildir
            with open(path, "rb") as file:
                data = file.read(LIMIT + 1)
            if data[:2] == b"\x1f\x8b":
                with gzip.open(io.BytesIO(data)) as file:
                    data = file.read(LIMIT + 1)
    except (OSError, EOFError, zlib.error) as exc:
        raise StackError(f"{path}: cannot be read: {getattr(exc, 'strerror', None) or exc}", "name a mailbox") from exc
    if len(data) > LIMIT or data.count(b"\nFrom ") > MAILS:
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


def choose(mails, titles):
    """Return ({number: Mail} of the newest version of the author's, [notes])."""
    ids, people = {mail.id: mail for mail in mails if mail.id}, {}
    names = {}
    for mail in mails:
        mail.sender = names.setdefault(mail.name.casefold(), mail.sender)  # who has two addresses
        people.setdefault(mail.sender, []).append(mail)

    def weight(own) -> tuple:
        answers = all(any(ids[r].sender != mail.sender for r in mail.refs if r in ids) for mail in own)
        return not answers, sum(mail.title in titles for mail in own), len(own)

    own = max(people.values(), key=weight)
    for mail in own:  # one patch sent anew, without a number of its own
        old = next((ids[r] for r in reversed(mail.refs) if r in ids and ids[r] in own and ids[r].number), None)
        if mail.total < 2 and old and old.total > 1 and mail.version > old.version:
            mail.number, mail.total = old.number, old.total
        elif not mail.total:
            mail.number, mail.total = 1, 1
    groups = {}
    for mail in own:
        groups.setdefault((mail.version, mail.total), []).append(mail)
    version, total = max(groups, key=lambda key: (key[0], sum(m.title in titles for m in groups[key]),
                                                  len(groups[key])))
    chosen, others = {}, []
    for mail in sorted(groups[version, total], key=lambda m: (m.title in titles, m.resend, m.date)):
        if mail.number in chosen and chosen[mail.number].patch.text != mail.patch.text:
            others.append(chosen[mail.number])
        chosen[mail.number] = mail
    newest = next(iter(chosen.values()))
    notes = [f"{newest.shown} by {newest.name}: {total} patches"]
    for older in sorted((v for v, t in groups if t == total and v < version), reverse=True):
        group = {m.number: m for m in groups[older, total]}
        reach = {r for m in chosen.values() for r in m.refs}
        gaps = [n for n in group if n and n not in chosen] if reach & {m.id for m in group.values()} else []
        chosen.update((n, group[n]) for n in gaps)
        notes += [f"of {group[n].shown}, as nothing newer is there: {group[n]}" for n in sorted(gaps)]
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
