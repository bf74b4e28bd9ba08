# SPDX-License-Identifier: GPL-2.0
"""Commits and a cover letter as a thread of mails, in the form that git am and b4 both read.

git format-patch writes the patches. What it cannot do is done here: message ids
that are the same for the same version, To and Cc, a cover letter that is kept in a
file, and bodies that no mailbox reader can misread: one with a line that begins
with "From " or with a line too long for mail is sent quoted-printable.
"""
import binascii
import email.header
import email.utils
import re
import tempfile
from pathlib import Path

from stacklib.host.gitcmd import git, git_bytes
from stacklib.host.term import StackError
from stacklib.stack import canonical

SEPARATOR = b"From " + b"0" * 40 + b" Mon Sep 17 00:00:00 2001\n"
_RISKY = re.compile(rb"^>*From |\r|[^\n]{998}", re.M)


class Letterhead:
    """What the mails of one posting share.

    version: int; rfc: bool; sender: "Name <address>" who sends and signs off, or "";
    to, cc: lists of "Name <address>"; stem: what the message ids begin with; variant: words that
    tell them from those of the same version with other contents.
    """

    def __init__(self, stem, domain, version=1, rfc=False, sender="", to=(), cc=(), variant=()):
        self.version, self.rfc, self.sender = version, rfc, sender
        self.to, self.cc = list(to), list(cc)
        left, _, right = stem.rpartition("-")
        words = [left] + ["rfc"] * bool(rfc) + list(variant)
        self.form = f"<{'-'.join(words)}-v{version}-%d-{right}@{domain}>"

    def message_id(self, number):
        """Return the id of mail number `number` (0: the cover letter)."""
        return self.form % number

    def prefix(self, number, total):
        """Return "PATCH v2 03/12"."""
        words = ["RFC"] if self.rfc else []
        words.append("PATCH")
        if self.version > 1:
            words.append(f"v{self.version}")
        return " ".join(words + ["%0*d/%d" % (len(str(total)), number, total)])


def patch(git_dir, commit, origin, number, total, head):
    """Return one patch as the bytes of a mail; origin: series.Patch (for its notes) or DropCommit."""
    extra = ["--subject-prefix=" + head.prefix(number, total)]
    env = {}
    if head.sender:
        name, address = email.utils.parseaddr(head.sender)
        extra += [f"--from={name} <{address}>", "--signoff"]
        env = {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": address}
    data = formatted(git_dir, commit, extra, env)
    data = canonical.with_notes(data, canonical.notes_of(getattr(origin, "text", "")))
    _, _, data = data.partition(b"\n")
    top, _, body = data.partition(b"\n\n")
    return whole(top, body, head, number)


def formatted(git_dir, commit, extra, env):
    """Return what format-patch says; files with carriage returns, which mail loses, go as base85."""
    options = [o for o in canonical.FORMAT if o not in ("--no-signoff",)]
    data = git_bytes(*options, *extra, commit, cwd=git_dir, env=env)
    if b"\r" not in data:
        return data
    names = git("diff-tree", "-r", "--name-only", "--no-commit-id", "--root", commit, cwd=git_dir)
    lines = [f'"{n}" -diff\n' for n in names.splitlines()
             if b"\r" in git_bytes("diff-tree", "-p", "--root", "--no-textconv", commit, "--", n,
                                   cwd=git_dir)]
    # Attributes are a repository's: one with the same objects gets them.
    with tempfile.TemporaryDirectory(prefix="stack.") as folder:
        git("init", "-q", "--bare", folder, cwd=git_dir)
        info = Path(folder, "info")
        info.mkdir(exist_ok=True)
        info.joinpath("attributes").write_text("".join(lines), encoding="utf-8")
        env = dict(env, GIT_ALTERNATE_OBJECT_DIRECTORIES=git_dir / "objects")
        return git_bytes(*options, *extra, "--binary", commit, cwd=folder, env=env)


def cover(part, body, total, head):
    """Return the cover letter as the bytes of a mail; body: its text (str)."""
    subject = re.sub(r"^(\[[^]]*\]\s*)+", "", part.cover.header("Subject"))
    sender = head.sender or part.cover.author
    top = b"\n".join([
        header("From", address(sender)), b"Date: " + part.cover.header("Date").encode(),
        header("Subject", f"[{head.prefix(0, total)}] {subject}")])
    return whole(top, body.encode(), head, 0)


def whole(top, body, head, number):
    """Return a mail from the headers and the body that it has, with the headers of the thread."""
    extra = [b"Message-ID: " + head.message_id(number).encode()]
    if number:
        first = head.message_id(0).encode()
        extra += [b"In-Reply-To: " + first, b"References: " + first]
    for name, people in (("To", head.to), ("Cc", head.cc)):
        if people:
            extra.append(("%s: %s" % (name, ",\n\t".join(address(p) for p in people))).encode())
    top = re.sub(rb"^(MIME-Version|Content-(Type|Transfer-Encoding)):.*(\n[ \t].*)*\n?", b"", top,
                 flags=re.M).strip(b"\n")
    risky = _RISKY.search(body)
    if risky or any(byte > 127 for byte in body):
        extra += [b"MIME-Version: 1.0", b"Content-Type: text/plain; charset=UTF-8",
                  b"Content-Transfer-Encoding: " + (b"quoted-printable" if risky else b"8bit")]
    if risky:
        body = quoted(body)
    return top + b"\n" + b"\n".join(extra) + b"\n\n" + body.rstrip(b"\n") + b"\n\n"


def quoted(body):
    """Return a body (bytes) as quoted-printable in which no line begins with "From " or ">"."""
    lines = b"\n".join(binascii.b2a_qp(line, istext=False) for line in body.split(b"\n"))
    return re.sub(rb"^>", b"=3E", re.sub(rb"^From ", b"=46rom ", lines, flags=re.M), flags=re.M)


def address(person):
    """Return "Name <address>" as a header needs it: quoted or encoded where it must be."""
    try:
        return email.utils.formataddr(email.utils.parseaddr(person), "utf-8")
    except UnicodeEncodeError as exc:
        raise StackError(f"the address in '{person}' is not ASCII, which mail needs",
                         "correct it in the cover letter, the patch, or .b4-config") from exc


def header(name, text):
    """Return a header as bytes, folded, encoded where it is not ASCII."""
    value = email.header.Header(text, None if text.isascii() else "utf-8", header_name=name,
                                maxlinelen=75)
    return (f"{name}: {value.encode()}").encode()


def mailbox(mails):
    """Return mails (bytes) as one mailbox."""
    return b"".join(SEPARATOR + mail for mail in mails)
