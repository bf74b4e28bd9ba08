# SPDX-License-Identifier: GPL-2.0
"""One mail as git am reads it: who, what and when, the log, and the diff."""
import binascii
import codecs
import email
import email.errors
import email.policy
import re
from pathlib import Path

from stacklib.host import gitcmd
from stacklib.host.gitcmd import git
from stacklib.stack.patch import LATIN1

# What a diff begins with, in all forms that git takes.
DIFF = re.compile(r"^(?:diff --git |Index: |--- \S.*\n\+\+\+ \S)", re.M)
_CR = re.compile(rb"^(?:diff --git |--- |\+\+\+ ).*\r$", re.M)
_WORD = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?(?=[bq]\?)", re.I)
# Names of character sets; Python's codecs of other names are no text, or take a time that nobody bounds.
_CHARSET = re.compile(r"(?:utf|iso|windows|cp|koi|gb|big5|euc|latin|shift|us-ascii)[\w-]*$", re.I)


def read(data, folder: Path):
    """Split a mail (bytes) as git am does; return (fields, log, path of the diff), all in UTF-8.

    fields: {"Author", "Email", "Subject", "Date"}, those that the mail has. folder: one for scratch files.
    Lines that end in CR LF below an encoding (Exchange) lose the CR. What git cannot make a patch of, as
    its character set is unknown or UTF-16, or HTML stands beside it, is made a plain mail first.
    """
    folder = Path(folder)
    found = _split(data, folder)
    if found[2] and _CR.search(found[2].read_bytes()):
        found = _split(data, folder, "--quoted-cr=strip")
    if re.search(rb"(?im)^content-t|=\?", data.partition(b"\n\n")[0]) and not (found[2] and whole(found[2])):
        plain = _plain(data)
        again = _split(plain, folder) if plain else found
        found = again if again[2] and whole(again[2]) else _split(data, folder)
    return found


def whole(diff) -> bool:
    """Return whether git can read the diff (a path)."""
    return gitcmd.ok("apply", "--numstat", diff, cwd=diff.parent, env=_alone(diff.parent))


def _alone(folder):
    """The folder may be in a repository: its settings are not ours."""
    return {"GIT_CEILING_DIRECTORIES": folder.parent}


def _split(data, folder, cr="--quoted-cr=nowarn"):
    """Return git mailinfo's (fields, log, path of the diff); ({}, "", None) where it fails."""
    # Not --encoding: git 2.34 to 2.39 take it for "as it is".
    status, said, _ = gitcmd.run("-c", "i18n.commitEncoding=UTF-8", "mailinfo", "--no-scissors", cr, folder / "msg",
                                 folder / "diff", cwd=folder, input=data, env=_alone(folder))
    if status:
        return {}, "", None
    fields = dict(line.split(": ", 1) for line in said.decode("utf-8", LATIN1).split("\n") if ": " in line)
    return fields, (folder / "msg").read_bytes().decode("utf-8", LATIN1), folder / "diff"


def message(fields, log, folder: Path):
    """Return what git am makes the message of the commit."""
    return git("stripspace", cwd=folder, input=f"{fields['Subject']}\n\n{log}", env=_alone(Path(folder)))


def _plain(data):
    """Return a mail as one of plain UTF-8 text; None when its parts cannot be told apart."""
    try:
        mail = email.message_from_bytes(data, policy=email.policy.compat32)
        body = text(mail)
    except (RecursionError, ValueError, LookupError):
        return None
    heads = [f"{key}: {_WORD.sub(lambda m: m.group() if known(m.group(1)) else '=?utf-8?', str(value))}"
             for key, value in mail.raw_items() if key.lower() in ("from", "date", "subject")]
    heads += ["Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: 8bit"]
    return "\n\n".join(["\n".join(heads), body]).encode("utf-8", "surrogateescape")


def known(charset) -> bool:
    """Return whether Python can decode text of that character set."""
    try:
        return bool(_CHARSET.match(charset) and codecs.lookup(charset))
    except (LookupError, ValueError):
        return False


def _base64(data: bytes) -> bytes:
    """Return what the lines encode, up to the first that encodes nothing: a list has put a plain footer below."""
    found = []
    for line in data.split(b"\n"):
        try:
            found.append(binascii.a2b_base64(line))
        except binascii.Error:
            break
    return b"".join(found)


def text(mail) -> str:
    """Return the text of an email.message.Message, its parts one after the other, without HTML and signatures."""
    texts = []
    for part in mail.walk():
        kind = part.get_content_type()
        if part.is_multipart() or kind in ("text/html", "application/pgp-signature", "application/pkcs7-signature"):
            continue
        charset = str(part.get_content_charset("utf-8"))
        body = part.get_payload(decode=True) or b""
        if any(isinstance(wrong, email.errors.InvalidBase64LengthDefect) for wrong in part.defects):
            body = _base64(str(part.get_payload()).encode("ascii", "replace"))
        texts.append(body.decode(charset if known(charset) and "ascii" not in charset else "utf-8", LATIN1))
    return "\n".join(texts).replace("\r\n", "\n")
