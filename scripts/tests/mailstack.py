# SPDX-License-Identifier: GPL-2.0
"""The mini stack with what mail is bad at: long and non-ASCII subjects and names, "From ", CRs.

    mini = mailstack.MailStack(self)
    mini.taken("git", "am", "--empty=drop", file)     a fresh tree after that command
"""
import shutil
import subprocess

import ministack
from ministack import sh, write

from stacklib.stack import canonical

SUBJECT = ("PCI: Réponse to a subject that is so long that every mailer folds it, with names like "
           "pcie_bandwidth_available() and Łukasz")
BODY = """From the specification follows that this is right.

From git@z Thu Jan  1 00:00:00 1970
Subject: a mail in a mail

>From a quotation, and >>From one in it, %s.

Signed-off-by: Jürgen Müller-Groß <juergen@example.org>
""" % ("x" * 1200)

MAINTAINERS = """List of maintainers and how to submit kernel changes
====================================================

Maintainers List
----------------

A DRIVER
M:	Ann Other <ann.other@example.org>
R:	Rae Viewer <rae@example.org>
L:	a-list@example.org
S:	Maintained
F:	drivers/pci/a.c

THE REST
M:	Linus <linus@example.org>
L:	linux-kernel@example.org
S:	Buried alive in reporters
F:	*
F:	*/
"""

COMMITS = {
    "0000-cover-letter.patch":
        "From %s Mon Sep 17 00:00:00 2001\nFrom: %s\nDate: Fri, 2 Jan 2026 03:04:05 +0000\n"
        "Subject: [PATCH 0/1] A fabric\n\nWhat it is.\n\n  PCI: Add the mini fabric\n" % ("0" * 40, ministack.AUTHOR),
    "10-fabric": "Subject: PCI: Add the mini fabric\n"
                 "Files: drivers/pci/tests/Kconfig drivers/pci/tests/Makefile drivers/pci/tests/.kunitconfig\n drivers/pci/tests/mini*\n"
                 "\nFrom here on there are tests.\n",
    "20-alpha": "Topic: alpha\nSubject: PCI: Add KUnit suites of alpha\n"
                "Files: drivers/pci/tests/alpha_*\n\nThey test alpha.\n",
}


class MailStack(ministack.MiniStack):
    """A MiniStack whose second patch and whose drop-in are hard to mail."""

    def prepare(self):
        """Make the drop-in, its commits and the second patch hard to mail."""
        for name, text in COMMITS.items():
            write(self.repo / "kunit/commits" / name, text)
        tests = self.repo / "kunit/drivers/pci/tests"
        write(tests / "Makefile", "obj-$(CONFIG_MINI_KUNIT_TEST) += mini_kunit.o\n\n"
                                  "obj-$(CONFIG_ALPHA_ONE_KUNIT_TEST) += alpha_one_kunit.o\n"
                                  "obj-$(CONFIG_ALPHA_TWO_KUNIT_TEST) += alpha_two_kunit.o\n")
        (tests / "alpha_one_kunit.c").write_bytes(b"// SPDX-License-Identifier: GPL-2.0\nint one;\r\n"
                                                  b"From here\nchar *s = \"\xc3\xa9\";\n")
        write(self.repo / ".b4-config", "[b4]\n\tsend-series-to = to@example.org\n")
        self.rewrite_second()
        sh("git", "add", ".", cwd=self.repo)
        sh("git", "commit", "-q", "-m", "hard to mail", cwd=self.repo)

    def rewrite_second(self):
        """Give the second patch of alpha a log that is hard to mail."""
        path = self.patches()[1]
        work = self.top / "rewrite"
        sh("git", "clone", "-q", self.kernel, work, cwd=self.top)
        for patch in self.patches():
            sh("git", "am", "-q", patch, cwd=work)
        (work / "msg").write_text(SUBJECT + "\n\n" + BODY, encoding="utf-8")
        sh("git", "commit", "-q", "--amend", "-F", "msg", "--author",
           "Jürgen Müller-Groß <juergen@example.org>", cwd=work)
        path.write_bytes(subprocess.run(["git", *canonical.FORMAT, "HEAD"], cwd=work, check=True,
                                        env=ministack.environment(), capture_output=True).stdout)
        cover = self.repo / "patches/v1/alpha/0000-cover-letter.patch"
        text = cover.read_text(encoding="utf-8").replace("PCI: Return more from a15() and b2()", SUBJECT)
        write(cover, text + "\nAnn Author (2):\n  old\n\n a.c | 1 +\n 1 file changed, 1 insertion(+)\n")
        shutil.rmtree(work)

    def give_maintainers(self, script):
        """Put MAINTAINERS and get_maintainer.pl (its text) into the kernel; use that tree as base."""
        write(self.kernel / "MAINTAINERS", MAINTAINERS)
        write(self.kernel / "scripts/get_maintainer.pl", script)
        sh("git", "add", "-f", ".", cwd=self.kernel)
        sh("git", "commit", "-qm", "Linux 1.2.3, with maintainers", cwd=self.kernel)
        sh("git", "tag", "-f", "v1.2.3", cwd=self.kernel)

    def run(self, *words, cwd=None, **extra):
        """Run a program with a HOME of its own; a CompletedProcess."""
        return subprocess.run([str(w) for w in words], cwd=cwd or self.top, capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL, timeout=120,
                              env=ministack.environment(**dict({"HOME": self.top}, **extra)))

    def fresh(self, name, commit="v1.2.3"):
        """A new clone of the kernel at commit; its path."""
        tree = self.top / name
        shutil.rmtree(tree, ignore_errors=True)
        sh("git", "clone", "-q", self.kernel, tree, cwd=self.top)
        sh("git", "checkout", "-q", "-B", "work", commit, cwd=tree)
        sh("git", "config", "user.name", "Tay Ker", cwd=tree)
        sh("git", "config", "user.email", "taker@example.org", cwd=tree)
        return tree
