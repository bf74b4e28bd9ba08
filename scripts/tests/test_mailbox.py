# SPDX-License-Identifier: GPL-2.0
"""Mailboxes as people have them: encodings, subjects, versions, and whose patch it is."""
import base64
import gzip
import os
import quopri
import re
import sys
import tempfile
import time
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402,F401

from stacklib.host.term import StackError  # noqa: E402
from stacklib.mail import mailbox  # noqa: E402
from stacklib.stack import mailinfo  # noqa: E402

LORE = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"
ME, OTHER = "Ann Author <ann@example.org>", "Rae Viewer <rae@example.org>"
LOG = "Für Jürgen, who asks.\n\nFrom here on it is as it was.\n\nSigned-off-by: %s\n" % ME


def diff(number, value="1"):
    """A diff of a file of its own."""
    return ("---\n f%d.c | 1 +\n 1 file changed, 1 insertion(+)\n\ndiff --git a/f%d.c b/f%d.c\nnew file mode 100644\n"
            "index 000000000000..%012x\n--- /dev/null\n+++ b/f%d.c\n@@ -0,0 +1 @@\n+int x = %s;\n"
            % (number, number, number, number, number, value))


def mail(tag, number=1, ident="", to="", sender=ME, body=None, head="", value="1", title=None):
    """A mail (bytes): its tag, e.g. "[PATCH 1/2]", the ids of itself and of what it answers."""
    text = LOG + diff(number, value) if body is None else body
    return ("From: %s\nDate: Fri, 2 Jan 2026 03:04:%02d +0000\nSubject: %s %s\n%s%s%s\n%s-- \n2.39.5\n\n" % (
        sender, number, tag, title or "PCI: Patch %d" % number, "Message-ID: <%s@x>\n" % ident if ident else "",
        "In-Reply-To: <%s@x>\n" % to if to else "", head, text)).encode()


def parts(data):
    """The header and the body of a mail."""
    head, _, body = data.partition(b"\n\n")
    return head, body


def encoded(data, how, charset="utf-8", crlf=False):
    """A mail sent in an encoding, as Exchange does with CR LF below it."""
    head, body = parts(data)
    body = body.decode().encode(charset)
    if crlf:
        body = body.replace(b"\n", b"\r\n")
    coder = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring, "8bit": bytes}[how]
    return head + ("\nContent-Type: text/plain; charset=%s\nContent-Transfer-Encoding: %s\n\n" % (
        charset, how)).encode() + coder(body) + b"\n"


def multipart(kind, *texts):
    """The parts of a mail, each "type\n\nbody" (bytes)."""
    return b"MIME-Version: 1.0\nContent-Type: multipart/" + kind + b'; boundary="zz"\n\n' + b"".join(
        b"--zz\nContent-Type: " + text + b"\n" for text in texts) + b"--zz--\n"


class Mailbox(unittest.TestCase):
    """mailbox.read()."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="stack.")
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)

    def read(self, *mails, separator=LORE, titles=(), data=None):
        """The patches and notes of a mailbox."""
        folder = Path(tempfile.mkdtemp(dir=self.top))
        path = folder / "t.mbx"
        path.write_bytes(b"".join(separator + m for m in mails) if data is None else data)
        return mailbox.read(path, folder / "mails", titles)

    def fails(self, *mails, says, **how):
        with self.assertRaises(StackError) as caught:
            self.read(*mails, **how)
        self.assertIn(says, caught.exception.msg)
        return caught.exception.msg

    def logs(self, patches):
        """Of each patch the file that it makes and what is in it; every log is the right one."""
        for patch in patches:
            self.assertEqual(patch.log.rstrip("\n"), LOG.rstrip("\n"))
        return [p.diff.split("+++ b/")[1].split("\n")[0] + p.diff.split("int x = ")[1].split(";")[0] for p in patches]

    def two(self, change=lambda m: m, **how):
        """Two patches, each changed; what comes of them."""
        return self.logs(self.read(*[change(mail("[PATCH %d/2]" % n, n)) for n in (1, 2)], **how)[0])

    def test_transfer_encodings(self):
        for how in ("base64", "quoted-printable", "8bit"):
            for crlf in (False, True):
                with self.subTest(how=how, crlf=crlf):
                    self.assertEqual(self.two(lambda m, h=how, c=crlf: encoded(m, h, crlf=c)), ["f1.c1", "f2.c1"])
        crlf = b"".join(LORE + mail("[PATCH %d/2]" % n, n) for n in (1, 2)).replace(b"\n", b"\r\n")
        self.assertEqual(len(self.read(data=crlf)[0]), 2)

    def test_character_sets(self):
        for how, charset in (("8bit", "iso-8859-1"), ("quoted-printable", "windows-1252"), ("base64", "utf-16"),
                             ("base64", "iso-8859-15")):
            with self.subTest(charset=charset):
                self.assertEqual(self.two(lambda m, h=how, c=charset: encoded(m, h, c)), ["f1.c1", "f2.c1"])
        for name in (b"x-unknown", b"punycode", b"nobody-knows", b"zlib"):
            with self.subTest(charset=name):
                self.assertEqual(self.two(lambda m, n=name: encoded(m, "8bit").replace(b"charset=utf-8", b"charset=" + n)),
                                 ["f1.c1", "f2.c1"])
        self.assertEqual(self.two(lambda m: m), ["f1.c1", "f2.c1"])  # it names none
        for word, want in ((b"=?iso-8859-1?q?f=FCr?=", "für"), (b"=?utf-8?b?ZsO8cg==?=", "für"),
                           (b"=?x-unknown?q?fur?=", "fur")):
            patch = self.read(mail("[PATCH]").replace(b"PCI: Patch 1", b"PCI: " + word))[0][0]
            self.assertEqual(patch.subject, "PCI: " + want)

    def test_multipart(self):
        text = b"text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
        footer = b"text/plain; charset=us-ascii\n\n_____________\nToy-list mailing list\n"
        key = b"application/pgp-signature; name=signature.asc\n\n-----BEGIN PGP SIGNATURE-----\nxx\n"
        page = b"text/html; charset=utf-8\n\n<pre>\ndiff --git a/f1.c b/f1.c\n--- a/f1.c\n+++ b/f1.c\n@@ -1 +1 @@\n-&lt;</pre>\n"

        def split(*more, kind=b"mixed", apart=False):
            def change(data):
                head, body = parts(data)
                if apart:
                    log, _, rest = body.partition(b"---\n")
                    rest = b"text/x-patch; name=a.patch\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(b"---\n" + rest)
                    return head + b"\n" + multipart(kind, text + log, rest, *more) + b"\n"
                return head + b"\n" + multipart(kind, text + body, *more) + b"\n"
            return self.two(change)

        self.assertEqual(split(footer), ["f1.c1", "f2.c1"])
        self.assertEqual(split(key, kind=b"signed"), ["f1.c1", "f2.c1"])
        self.assertEqual(split(page, kind=b"alternative"), ["f1.c1", "f2.c1"])
        self.assertEqual(split(apart=True), ["f1.c1", "f2.c1"])

    def test_prefixes(self):
        for form in ("[PATCH %d/2]", "[RFC %d/2]", "[RFC v2 %d/2]", "[list] [PATCH %d/2]", "[EXTERNAL] [PATCH %d/2]",
                     "[v3 %d/2]", "[PATCHv2 %d/2]", "[PATCH v2 RESEND %d/2]", "[PATCH net-next v3 0%d/02]",
                     "[PATCH pci-next,v4 %d/2]", "[PATCH %d of 2]", "[patch V2 %d/2]", "[PATCH/RFC v2 %d/2]",
                     "[%d/2]", "[PATCH -v3 %d/2]", "[PATCH %d/2] [fan]", "[PATCH v2][next] [%d/2]"):
            with self.subTest(form=form):
                patches, notes = self.read(*[mail(form % n, n) for n in (2, 1)])
                self.assertEqual(self.logs(patches), ["f1.c1", "f2.c1"])
                self.assertEqual(len(notes), 1)
        self.assertEqual(self.logs(self.read(mail("[PATCH]"))[0]), ["f1.c1"])
        self.assertEqual(self.two(lambda m: m.replace(b"[PATCH 1/2] ", b"").replace(b"[PATCH 2/2] ", b"")), ["f1.c1", "f2.c1"])
        for subject, want in (("[PATCH] re: x", (False, "PATCH", "re: x")), ("AW: [l] Re: [PATCH 1/2] x", (True, "l PATCH 1/2", "x")),
                              ("[list] Re[2]: [PATCH] x", (True, "list PATCH", "x"))):
            self.assertEqual(mailbox.dissect(subject), want)

    def test_versions_written_together(self):
        for old, new in (("[PATCH %d/2]", "[PATCHv2 %d/2]"), ("[PATCHv2 %d/2]", "[PATCHv3 %d/2]"),
                         ("[RFC %d/2]", "[RFC v2 %d/2]"), ("[PATCH v9 %d/2]", "[PATCH V10 %d/2]")):
            for order in (1, -1):
                both = [mail(new % n, n, value="2") for n in (1, 2)], [mail(old % n, n) for n in (1, 2)]
                patches, notes = self.read(*sum(both[::order], []))
                self.assertEqual(self.logs(patches), ["f1.c2", "f2.c2"])
                self.assertEqual([n.split(":")[0] for n in notes], [notes[0].split(":")[0], "left out", "left out"])
        # sent again, and a second copy through the list
        again = mail("[PATCH RESEND v2]", value="2"), mail("[PATCH v2]", ident="a"), mail("[PATCH v2]", ident="a",
                                                                                                      head="List-Id: x\n")
        patches, notes = self.read(*again)
        self.assertEqual((self.logs(patches), len(notes)), (["f1.c2"], 2))

    def test_patches_sent_anew_in_the_thread(self):
        thread = [mail("[PATCH 0/3]", 9, "c", body="What it is.\n")] + [
            mail("[PATCH %d/3]" % n, n, "v1-%d" % n, "c") for n in (1, 2, 3)]
        for anew in (mail("[PATCH v2 2/3]", 2, "n", "v1-2", value="5"), mail("[PATCH v2]", 2, "n", "v1-2", value="5"),
                     mail("[PATCH v1.1 2/3]", 2, "n", "v1-2", value="5"), mail("[PATCH v2 1/1]", 2, "n", "v1-2", value="5")):
            patches, notes = self.read(*thread, anew)
            self.assertEqual(self.logs(patches), ["f1.c1", "f2.c5", "f3.c1"])
            self.assertIn("of v1, as nothing newer is there: [v1 3/3] PCI: Patch 3 (Ann Author)", notes)
            self.assertIn("left out: [v1 2/3] PCI: Patch 2 (Ann Author)", notes)
        said = self.fails(*thread, mail("[PATCH v2 2/3]", 2, "n", value="5"), says="of 3 patches, 1, 3 are missing")
        self.assertIn("left out: [v1 1/3]", said)

    def test_patches_sent_anew_of_two_versions(self):
        thread = [mail("[PATCH 0/3]", 9, "c", body="What it is.\n")] + [
            mail("[PATCH %d/3]" % n, n, "v1-%d" % n, "c") for n in (1, 2, 3)]
        two = mail("[PATCH v2 2/3]", 2, "v2-2", "v1-2", value="5")
        review = mail("Re: [PATCH 2/3]", 2, "r", "v1-2", OTHER, body="> no\n")
        for more, want in (([two, mail("[PATCH v3 3/3]", 3, "v3-3", "v1-3", value="6")], ["f1.c1", "f2.c5", "f3.c6"]),
                           ([two, mail("[PATCH v3 2/3]", 2, "v3-2", "v2-2", value="6")], ["f1.c1", "f2.c6", "f3.c1"]),
                           ([review, mail("[PATCH v2 2/3]", 2, "n", "r", value="5")], ["f1.c1", "f2.c5", "f3.c1"]),
                           ([review, mail("[PATCH v2]", 2, "n", "r", value="5")], ["f1.c1", "f2.c5", "f3.c1"]),
                           ([mail("[PATCH v2 2/3]", 2, "n", "r", value="5", head="References: <v1-2@x> <r@x>\n")],
                            ["f1.c1", "f2.c5", "f3.c1"])):
            for box in ([*thread, *more], [*more[::-1], *thread]):
                patches, notes = self.read(*box)
                self.assertEqual(self.logs(patches), want)
                self.assertEqual(len([n for n in notes if n.startswith("left out")]), len(thread + more) - 4 - (review in more))
        # a whole version that is cut short is not filled up, though its cover letter answers the older one
        cut = [mail("[PATCH v2 0/3]", 9, "d", "c", body="Again.\n"), mail("[PATCH v2 1/3]", 1, "d1", "d", value="7")]
        self.fails(*thread, *cut, says="of 3 patches, 2, 3 are missing")
        # nobody can know what is answered by a mail whose answered one is not there
        self.fails(*thread, mail("[PATCH v2 2/3]", 2, "n", "gone", value="5"), says="of 3 patches, 1, 3 are missing")

    def test_following_is_bounded(self):
        everything = [SimpleNamespace(id=f"<{n}>", refs=[f"<{n + 1}>", f"<{n + 2}>", f"<{n}>"], sender="a") for n in range(9999)]
        thread = mailbox.Thread(everything, everything)
        self.assertLessEqual(len(list(thread.above(everything[0]))), mailbox.DEPTH)
        self.assertEqual([m.id for m in thread.own(everything[0])][:2], ["<2>", "<1>"])

    def test_ids_that_are_not_unique(self):
        same = [mail("[PATCH %d/3]" % n, n, "same") for n in (1, 2, 3)]
        patches, notes = self.read(*same)
        self.assertEqual(self.logs(patches), ["f1.c1", "f2.c1", "f3.c1"])
        self.assertIn("3 mails, which are not the same, have the Message-ID <same@x>", notes)
        mine, title = mail("[PATCH]", 1, "a"), {"PCI: Patch 1"}
        for foreign in (mail("[PATCH]", 1, "a", sender=OTHER, value="6", title="other"), mail("[PATCH]", 1, "a", value="6", title="other")):
            for box in ([foreign, mine], [mine, foreign]):
                patches, notes = self.read(*box, titles=title)
                self.assertEqual(self.logs(patches), ["f1.c1"])
                self.assertEqual(len([n for n in notes if re.match(r"left out: \[v1.*\] other", n)]), 1)
        # a stranger's mail with the id of the cover letter does not make answers to him of the patches
        thread = [mail("[PATCH 0/2]", 9, "c", body="It.\n")] + [mail("[PATCH %d/2]" % n, n, "p%d" % n, "c") for n in (1, 2)]
        eve = mail("[PATCH 1/1]", 7, "c", sender=OTHER)
        for box in ([eve, *thread], [*thread, eve]):
            self.assertEqual(self.logs(self.read(*box)[0]), ["f1.c1", "f2.c1"])
        # copies: through a list, with a footer, encoded
        copy = encoded(mine.replace(b"-- \n2.39.5\n", b"-- \n2.39.5\n____\nToy-list\n"), "base64")
        patches, notes = self.read(mine, copy, mine)
        self.assertEqual((self.logs(patches), len(notes)), (["f1.c1"], 1))

    def test_another_series_of_the_author(self):
        mine = [mail("[PATCH 0/2]", 9, "c", body="It.\n", title="Cover")] + [mail("[PATCH %d/2]" % n, n, "p%d" % n, "c") for n in (1, 2)]
        titles = {"PCI: Patch 1", "PCI: Patch 2"}
        other = [mail("[PATCH v5 %d/2]" % n, n, value="9", title="PCI: Other %d" % n) for n in (1, 2)]
        for box in ([*mine, *other], [*other, *mine]):
            patches, notes = self.read(*box, titles=titles)
            self.assertEqual(self.logs(patches), ["f1.c1", "f2.c1"])
            self.assertEqual(len([n for n in notes if n.startswith("left out: [v5")]), 2)
            self.assertEqual(self.logs(self.read(*box)[0]), ["f1.c9", "f2.c9"])  # nobody knows what is meant
        # the newest with all titles changed, in the thread of the old one or below the same cover letter
        self.assertEqual(self.logs(self.read(*mine, other[0].replace(b"\n\n", b"\nIn-Reply-To: <c@x>\n\n", 1), other[1], titles=titles)[0]),
                         ["f1.c9", "f2.c9"])
        cover = mail("[PATCH v5 0/2]", 9, body="It.\n", title="Cover")
        self.assertEqual(self.logs(self.read(*mine, cover, *other, titles=titles)[0]), ["f1.c9", "f2.c9"])

    def test_patches_without_numbers(self):
        """format.numbered=false: as they come, each in a mail of its own or all below the first."""
        for to in ("", "p1"):
            box = [mail("[PATCH]", n, "p%d" % n, to if n > 1 else "") for n in (1, 2, 3)]
            patches, notes = self.read(*box)
            self.assertEqual((self.logs(patches), len(notes)), (["f1.c1", "f2.c1", "f3.c1"], 1))
            anew = mail("[PATCH v2]", 2, "n", "p2", value="5")
            self.assertEqual(self.logs(self.read(*box, anew)[0]), ["f1.c1", "f2.c5", "f3.c1"])
        again = [mail("[PATCH v2]", n, "q%d" % n, value="4") for n in (1, 2, 3)]
        self.assertEqual(self.logs(self.read(*box, *again)[0]), ["f1.c4", "f2.c4", "f3.c4"])
        # another one of his, and one that he has put below a numbered patch
        self.assertEqual(self.logs(self.read(*box, titles={"PCI: Patch 2"})[0]), ["f2.c1"])
        numbered = [mail("[PATCH %d/2]" % n, n, "p%d" % n) for n in (1, 2)]
        patches, notes = self.read(*numbered, mail("[PATCH]", 3, "x", "p2"), mail("[PATCH]", 4, "y", "p1"))
        self.assertEqual((self.logs(patches), len(notes)), (["f1.c1", "f2.c1"], 3))

    def test_base64_with_a_plain_footer(self):
        """Mailman puts it below the last line of base64, which Python then takes for more of it."""
        foot = b"_______________________________________________\nToy-list mailing list\nToy-list@example.com\nhttps://example.com/toy\n"
        for extra in range(4):
            data = encoded(mail("[PATCH]", title="PCI: Patch 1" + "x" * extra, body="x" * extra + LOG + diff(1)), "base64") + foot
            self.assertEqual(self.read(data)[0][0].diff.split("int x = ")[1][:1], "1", extra)

    def test_what_others_sent(self):
        mine = [mail("[PATCH %d/2]" % n, n, "p%d" % n) for n in (1, 2)]
        for foreign in (mail("[PATCH]", 7, "r", "p2", OTHER), mail("[PATCH 1/1]", 7, "r", sender=OTHER),
                        mail("[PATCH v5 1/2]", 7, "r", "p1", OTHER), mail("[RFC]", 7, "r", "p1", OTHER)):
            for box in ([*mine, foreign], [foreign, *mine]):
                patches, notes = self.read(*box, titles={"PCI: Patch 1", "PCI: Patch 2"})
                self.assertEqual(self.logs(patches), ["f1.c1", "f2.c1"])
                self.assertEqual(len([n for n in notes if "PCI: Patch 7 (Rae Viewer)" in n]), 1)
        reply = mail("Re: [PATCH 1/2]", 1, "r", "p1", OTHER, value="9")
        self.assertEqual(self.logs(self.read(*mine, reply)[0]), ["f1.c1", "f2.c1"])
        self.fails(reply, says="no patch in it (1 mails)")
        # each sent as its author's
        self.assertEqual(self.logs(self.read(mine[0], mail("[PATCH 2/2]", 2, "o", "p1", OTHER))[0]), ["f1.c1", "f2.c1"])

    def test_from_of_a_list(self):
        listed = "'Ann Author' via Toy-list <toy-list@example.com>"
        for head in ("Reply-To: %s\n" % ME, "X-Original-From: %s\n" % ME):
            patch = self.read(mail("[PATCH]", sender=listed, head=head))[0][0]
            self.assertEqual(mailinfo.read(patch.data, self.top)[0]["Email"], "ann@example.org")
        body = "From: %s\n\n%s" % (ME, LOG + diff(1))
        patch = self.read(mail("[PATCH]", sender=listed, body=body))[0][0]
        self.assertEqual(mailinfo.read(patch.data, self.top)[0]["Author"], "Ann Author")
        self.assertEqual(self.logs([patch]), ["f1.c1"])

    def test_from_lines(self):
        quoted = LOG.replace("\nFrom", "\n>From") + diff(1)
        self.assertEqual(self.logs(self.read(mail("[PATCH]", body=quoted))[0]), ["f1.c1"])
        for separator in (b"From " + b"0" * 40 + b" Mon Sep 17 00:00:00 2001\n", b"From git@z Thu Jan  1 00:00:00 1970\n"):
            patch = self.read(mail("[PATCH]", body=quoted), separator=separator)[0][0]
            self.assertIn("\n>From here", patch.log)
            self.assertEqual(self.logs(self.read(mail("[PATCH]"), separator=separator)[0]), ["f1.c1"])
        self.assertEqual(self.logs(self.read(mail("[PATCH]"), separator=b"")[0]), ["f1.c1"])  # a mail alone

    def test_format_flowed(self):
        flowed = mail("[PATCH]", head="Content-Type: text/plain; charset=utf-8; format=flowed\n")
        self.assertEqual(self.logs(self.read(flowed)[0]), ["f1.c1"])

    def test_gzip_and_maildir(self):
        data = b"".join(LORE + mail("[PATCH %d/2]" % n, n) for n in (1, 2))
        self.assertEqual(self.logs(self.read(data=gzip.compress(data))[0]), ["f1.c1", "f2.c1"])
        self.fails(data=gzip.compress(data)[:-9], says="cannot be read")
        for name in ("cur", "new", "tmp"):
            (self.top / "m" / name).mkdir(parents=True)
        for n in (1, 2):
            (self.top / "m/cur" / str(n)).write_bytes(mail("[PATCH %d/2]" % n, n))
        self.assertEqual(self.logs(mailbox.read(self.top / "m", self.top / "mails")[0]), ["f1.c1", "f2.c1"])

    def test_maildir_is_bounded(self):
        for name in ("cur", "new", "tmp"):
            (self.top / "m" / name).mkdir(parents=True)
        pipe, large = self.top / "m/cur/1", self.top / "m/new/2"
        os.mkfifo(pipe)
        for says in (f"{pipe}: not a regular file", "has more than 64 MB"):
            with self.assertRaises(StackError) as caught:
                mailbox.read(self.top / "m", self.top / "mails")
            self.assertIn(says, caught.exception.msg)
            pipe.unlink(missing_ok=True)
            large.touch()
            os.truncate(large, mailbox.LIMIT + 1)

    def test_bounds(self):
        self.assertIn("1, 2, 4 ... are missing", self.fails(mail("[PATCH 3/999999999]", 3), says="of 999999999 patches"))
        self.fails(mail("[PATCH 1/%s]" % ("9" * 30)), says="2, 3, 4 ... are missing")
        self.fails(data=gzip.compress(b"\0" * (mailbox.LIMIT + 9)), says="has more than")
        self.fails(data=b"\nFrom " * (mailbox.MAILS + 1), says="mails")
        deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2000))
        self.fails(b"Subject: [PATCH 1/1] x\nFrom: %s\n" % (b"(" * 9999) + deep, says="cannot be read")
        self.fails(b"Subject: %s\n\nx\n" % (b"[a]" * 99999), says="no patch")
        self.fails(b"\0\xff\xfe" * 99, says="no patch")
        start = time.process_time()
        self.fails(b"Subject: x" + b" " * 200000 + b"y\n\nx\n", says="no patch")
        self.assertLess(time.process_time() - start, 5)

    def test_errors_name_the_mail(self):
        self.fails(data=b"", says="not a mailbox")
        self.fails(mail("[PATCH]", head="From: x\nContent-Transfer-Encoding: base64\n"), says="no patch in it")
        cut = mail("[PATCH 2/2]", 2).partition(b"+int x")[0]
        self.assertIn("[v1 2/2] PCI: Patch 2 (Ann Author)", self.fails(mail("[PATCH 1/2]"), cut, says="patch 2 of 2 cannot be read"))


if __name__ == "__main__":
    unittest.main()
