# SPDX-License-Identifier: GPL-2.0
"""The README's own lines, run on the mini stack; and the completion for bash."""
import re
import shlex
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import mailstack  # noqa: E402
from ministack import sh, write  # noqa: E402

import cli  # noqa: E402

REPO = Path(__file__).resolve().parents[2]


def lines(heading):
    """The command lines of a section of the README, continued ones joined."""
    text = (REPO / "README").read_text(encoding="utf-8")
    section = re.search(r"^%s\n-+\n(.*?)(?=^\S[^\n]*\n---|\Z)" % re.escape(heading), text, re.M | re.S).group(1)
    found = re.findall(r"^    (\S.*)$", section.replace("\\\n", " "), re.M)
    assert found, heading
    return found


class Recipes(unittest.TestCase):
    """Each line as it stands, with the names of the mini stack for those of the README."""

    def setUp(self):
        self.mini = mailstack.MailStack(self)
        self.tree = self.mini.fresh("linux")  # HOME is the folder above it
        shim = self.mini.repo / "scripts/stack"
        write(shim, '#!/bin/sh\nexec %s %s "$@"\n' % (shlex.quote(sys.executable),
                                                    shlex.quote(str(REPO / "scripts/stacklib"))))
        shim.chmod(0o755)
        self.env = dict(self.mini.env, STACK_OUT=self.mini.repo / "out", PATH=mailstack.b4_path())

    def do(self, line, cwd=None, status=0):
        for old, new in (("/path/to/stack", str(self.mini.repo)), ("02-fixes", "02-alpha"), ("msi", "alpha"),
                         ("/tmp/shard", "%s/shard" % self.mini.top), (":next/master", ":work")):
            line = line.replace(old, new)
        proc = self.mini.run("bash", "-c", line, cwd=cwd or self.mini.repo, **self.env)
        self.assertEqual(proc.returncode, status, "%s\n%s%s" % (line, proc.stdout, proc.stderr))
        return proc.stdout

    def test_use_a_series(self):
        fits, export, *rest = lines("Use a series on a tree of yours")
        write(self.tree / "Makefile", (self.tree / "Makefile").read_text().replace("LEVEL = 2", "LEVEL = 9", 1))
        sh("git", "commit", "-qam", "Linux 1.9.3", cwd=self.tree)
        self.assertIn("2 patches: 2 clean", self.do(fits))
        self.do(export)
        (self.tree / "out").symlink_to(self.mini.repo / "out")
        for line in rest[:2]:
            self.do(line, cwd=self.tree)
        self.assertEqual(sh("git", "rev-list", "--count", "v1.2.3..", cwd=self.tree), "5")
        quilt = self.mini.fresh("quilt")
        for line in rest[2:]:
            self.do(line, cwd=quilt)
        self.assertIn("return 33;", (quilt / "drivers/pci/a.c").read_text())
        self.assertEqual(len(rest), 5)

    def test_send_a_series(self):
        write(self.mini.top / ".gitconfig", "[user]\n\tname = A\n\temail = a@example.org\n")
        self.env.update(GIT_CONFIG_GLOBAL=self.mini.top / ".gitconfig")
        diff, export, b4, switch, check = lines("Send a series")
        write(self.mini.repo / "note", "x")
        sh("git", "add", ".", cwd=self.mini.repo)
        sh("git", "commit", "-qm", "note", cwd=self.mini.repo)
        self.assertIn("alpha: no difference", self.do(diff))
        cover = self.mini.repo / "patches/v1/alpha/0000-cover-letter.patch"
        write(cover, cover.read_text().replace("What it is.\n", "What it is.\n\nChanges in v2:\n- all\n"))
        self.do(export)
        self.assertTrue((self.mini.repo / "out/export/v2-alpha.mbx").is_file())
        self.do(b4)
        self.do(switch)
        self.assertEqual(sh("git", "branch", "--show-current", cwd=self.tree), "b4/alpha")
        self.assertEqual(check.count("b4 "), 3)  # run in test_b4, with what they need

    def test_every_verb_and_no_other_is_in_the_readme(self):
        text = (REPO / "README").read_text(encoding="utf-8")
        for verb, _, _ in cli.VERBS:
            self.assertRegex(text, r"(?m)^    %s[ \n]" % re.escape(verb))
        for verb in set(re.findall(r"scripts/stack ([a-z][a-z0-9-]*)", text)) - {"command"}:
            self.assertIn(verb, [v[0] for v in cli.VERBS])

    def test_options_in_the_readme_exist(self):
        for heading in ("Send a series", "Many machines", "Use a series on a tree of yours"):
            for line in lines(heading):
                words = line.split()
                if words[0] == "scripts/stack":
                    said = self.mini.stack(words[1], "--help").stdout
                    for option in (w for w in words if w.startswith("--")):
                        self.assertIn(option, said, line)


class Completion(unittest.TestCase):
    """scripts/completion.bash."""

    def complete(self, *words):
        script = ("shopt -s extglob; . %s; COMP_WORDS=(%s); COMP_CWORD=%d; _stack; "
                  "printf '%%s\\n' \"${COMPREPLY[@]}\""
                  % (REPO / "scripts/completion.bash", " ".join(map(shlex.quote, words)), len(words) - 1))
        return subprocess.run(["bash", "-c", script], cwd=REPO, capture_output=True, text=True,
                              check=True).stdout.split()

    def test_verbs_topics_options(self):
        self.assertEqual(self.complete("scripts/stack", "ex"), ["export"])
        self.assertIn("msi", self.complete("scripts/stack", "check", "m"))
        self.assertIn("--shard", self.complete("scripts/stack", "check", "--s"))
        self.assertEqual(self.complete("scripts/stack", "check", "--base", ""), ["v7.1"])
        self.assertIn("sparse", self.complete("scripts/stack", "check", "--only", "sp"))


if __name__ == "__main__":
    unittest.main()
