# SPDX-License-Identifier: GPL-2.0
"""A posting.Part as a thread of mails, in the form that git am and b4 both read.

git format-patch writes the patches. What it cannot do is done here: message ids that are the same for the same
version, To and Cc, a cover letter that is kept in a file, and bodies that no mailbox reader can misread: one with
a line that begins with "From " or with a line too long for mail is sent quoted-printable. From: and Subject: are
one line each, for b4 0.12 cannot read two.
"""
import binascii
import email.header
import email.utils
import re
import tempfile
from pathlib import Path

from stacklib.host.gitcmd import git, git_bytes
from stacklib.host.term import StackError
from stacklib.mail import posting
from stacklib.stack import canonical

SEPARATOR = b"From " + b"0" * 40 + b" Mon Sep 17 00:00:00 2001\n"
_RISKY = re.compile(rb"^>*From |\r|[^\n]{998}", re.M)
# What format-patch made of a stored cover letter: a shortlog with a diffstat right after it.
_MADE = re.compile(r"^(?:\S.* \(\d+\):\n(?:  .*\n)+\n)+(?= \S.*\| +(?:\d|Bin)| \d+ files? changed)", re.M)


class Letterhead:
    """What the mails of one posting share.

    version: int; rfc: bool; sender: "Name <address>" who sends and signs off, or ""; to, cc: lists of
    "Name <address>"; stem: what the message ids begin with; variant: words that tell them from those of the
    same version with other contents.
    """

    def __init__(self, stem, domain, version=1, rfc=False, sender="", variant=()):
        self.version, self.rfc, self.sender = version, rfc, sender
        self.to, self.cc = [], []
        left, _, right = stem.rpartition("-")
        self.form = f"<{'-'.join([left, *['rfc'] * bool(rfc), *variant])}-v{version}-%d-{right}@{domain}>"

    def message_id(self, number: int):
        """Return the id of mail number `number` (0: the cover letter)."""
        return self.form % number

    @property
    def prefix(self) -> str:
        """What stands before the number in the brackets of a subject."""
        return " ".join(["RFC"] * bool(self.rfc) + ["PATCH"] + [f"v{self.version}"] * (self.version > 1))


def heads(part, version, asked_rfc, sender, names) -> dict:
    """Return {name: Letterhead} of a posting.Part and of those that it needs.

    names: the series of this run, of which version (None: as stored) and asked_rfc speak; the others are as stored.
    """
    found = {}
    for one in part.needs + [part]:
        asked = version if one.name in names else None
        domain = email.utils.parseaddr(sender or one.cover.author)[1].rpartition("@")[2]
        found[one.name] = Letterhead(one.change_id, domain, one.version if asked is None else asked,
                                     one.rfc or one.name in names and asked_rfc, sender, one.variant)
    return found


def mailbox(git_dir, part, known):
    """Return a posting.Part as a mailbox (bytes); known: as heads() gives them, with To and Cc."""
    head = known[part.name]
    mails = [cover(git_dir, part, known)] + [_whole(*data.partition(b"\n")[2].split(b"\n\n", 1), head, number)
                                             for number, data in enumerate(_patches(git_dir, part, head), 1)]
    return b"".join(SEPARATOR + mail for mail in mails)


def _patches(git_dir, part, head):
    """Return what format-patch makes of the commits of a Part, each with the notes of its file."""
    options = [o for o in canonical.FORMAT if o not in ("-1", "--no-signoff", "--zero-commit", "--no-numbered")]
    options += ["--numbered", "--subject-prefix=" + head.prefix]
    about = {}
    if head.sender:
        name, address = email.utils.parseaddr(head.sender)
        options += [f"--from={name} <{address}>", "--signoff"]
        about = {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": address}
    data = git_bytes(*options, f"{part.start}..{part.end}", cwd=git_dir, env=about)
    if b"\r" in data:
        data = _binary(git_dir, part, options, about)
    mails, starts = [], [data.index(f"From {commit} Mon Sep".encode()) for commit in part.commits]
    for origin, start, end in zip(part.origins, starts, [*starts[1:], len(data)]):
        mails.append(canonical.with_notes(data[start:end], canonical.notes_of(getattr(origin, "text", ""))))
    return mails


def _binary(git_dir, part, options, about):
    """Return format-patch of a Part in which files with carriage returns, which mail loses, are base85."""
    names = git("diff", "--name-only", "--no-renames", part.start, part.end, cwd=git_dir).splitlines()
    lines = [f'"{n}" -diff\n' for n in names if b"\r" in git_bytes(
        "diff", "--no-textconv", "--no-ext-diff", part.start, part.end, "--", n, cwd=git_dir)]
    # Attributes are a repository's: one with the same objects gets them.
    with tempfile.TemporaryDirectory(prefix="stack.") as folder:
        git("init", "-q", "--bare", folder, cwd=git_dir)
        Path(folder, "info").mkdir(exist_ok=True)
        Path(folder, "info", "attributes").write_text("".join(lines), encoding="utf-8")
        return git_bytes(*options, "--binary", f"{part.start}..{part.end}", cwd=folder,
                         env=dict(about, GIT_ALTERNATE_OBJECT_DIRECTORIES=git_dir / "objects"))


def cover(git_dir: Path, part, known):
    """Return the cover letter as a mail: as stored, then what belongs to these very commits."""
    head, total = known[part.name], len(part.commits)
    shortlog = git("shortlog", "-w72,2,4", "--no-merges", f"{part.start}..{part.end}", cwd=git_dir, input="").rstrip()
    stat = git("diff", "--stat=72", "--summary", "-M", part.start, part.end, cwd=git_dir)
    body = "\n\n".join([cover_text(part, known), shortlog, stat, _for_tools(git_dir, part, known)]) + "\n"
    top = "\n".join(["From: " + address(head.sender or part.cover.author), "Date: " + part.cover.header("Date"),
                     _header("Subject", f"[{head.prefix} {0:0{len(str(total))}}/{total}] {part.cover.subject}")])
    return _whole(top.encode(), body.encode(), head, 0)


def cover_text(part, known) -> str:
    """Return what a person wrote of the cover letter, and which series are needed."""
    text = re.sub(r"^(To|Cc):[ \t]*.+@.+\n", "", part.cover.text.partition("\n\n")[2], flags=re.M)
    lines = []
    if part.needs:
        fabric = " (the suites need the fabric)" * (part.needs[0].name == posting.FABRIC)
        lines = [f"To be applied before, in this order{fabric}:", ""]
    for other in part.needs:
        head = known[other.name]
        lines += [f"  {other.cover.subject}, v{head.version}, {len(other.commits)} patches",
                  f"    Message-ID: {head.message_id(0)}"]
    rest = ["  " + other.cover.subject for other in part.before if other not in part.needs]
    if rest:
        lines += [""] * bool(lines) + ["Not needed, but applied before when these mails were made:", "", *rest]
    return "\n\n".join(t for t in (_MADE.split(text)[0].rstrip("\n"), "\n".join(lines)) if t)


def _for_tools(git_dir, part, known):
    """Return the lines that tools read: base-commit (of a real tree only), change-id, prerequisites.

    Patch ids are written with base-commit only, as git does: for them b4 shazam asks the network.
    """
    lines = ["base-commit: " + part.base.commit] if part.base.commit else []
    lines += ["change-id: " + part.change_id]
    lines += [f"prerequisite-change-id: {p.change_id}:v{known[p.name].version}" for p in part.needs]
    if part.base.commit:
        lines += ["prerequisite-patch-id: " + i for i in posting.patch_ids(git_dir, part.root, part.start)]
    return "\n".join(lines)


def _whole(top, body, head, number):
    """Return a mail from the headers and the body that it has, with the headers of the thread."""
    extra = [b"Message-ID: " + head.message_id(number).encode()]
    if number:
        first = head.message_id(0).encode()
        extra += [b"In-Reply-To: " + first, b"References: " + first]
    for name, people in (("To", head.to), ("Cc", head.cc)):
        if people:
            extra.append(f"{name}: {(',' + chr(10) + chr(9)).join(map(address, people))}".encode())
    top = re.sub(rb"^(MIME-Version|Content-(Type|Transfer-Encoding)):.*(\n[ \t].*)*\n?", b"", top,
                 flags=re.M).strip(b"\n")
    top = re.sub(rb"^(?:From|Subject):.*(?:\n[ \t].*)+", lambda m: re.sub(rb"\n[ \t]+", b" ", m.group()), top,
                 flags=re.M)
    risky = _RISKY.search(body)
    if risky or any(byte > 127 for byte in body):
        extra += [b"MIME-Version: 1.0", b"Content-Type: text/plain; charset=UTF-8",
                  b"Content-Transfer-Encoding: " + (b"quoted-printable" if risky else b"8bit")]
    if risky:
        body = quoted(body)
    return top + b"\n" + b"\n".join(extra) + b"\n\n" + body.rstrip(b"\n") + b"\n\n"


def quoted(body) -> bytes:
    """Return a body (bytes) as quoted-printable in which no line begins with "From " or ">"."""
    lines = b"\n".join(binascii.b2a_qp(line, istext=False) for line in body.split(b"\n"))
    return re.sub(rb"^>", b"=3E", re.sub(rb"^From ", b"=46rom ", lines, flags=re.M), flags=re.M)


def address(person) -> str:
    """Return "Name <address>" as a header needs it: quoted or encoded where it must be."""
    try:
        return email.utils.formataddr(email.utils.parseaddr(person), "utf-8")
    except UnicodeEncodeError as exc:
        raise StackError(f"the address in '{person}' is not ASCII, which mail needs",
                         "correct it in the cover letter, the patch, or .b4-config") from exc


def _header(name, text):
    """Return a header, folded, encoded where it is not ASCII."""
    value = email.header.Header(text, None if text.isascii() else "utf-8", header_name=name, maxlinelen=75)
    return f"{name}: {value.encode()}"
