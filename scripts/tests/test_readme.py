# SPDX-License-Identifier: GPL-2.0
"""The README's own lines, run on the mini stack; and the completion for bash."""
import os
import re
import shlex
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import mailstack  # noqa: E402
from ministack import sh, write  # noqa: E402

from stacklib import cli  # noqa: E402
from stacklib.suites import boot  # noqa: E402
import test_kunit_run  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
READMES = ("README", "patches/README", "kunit/README", "scripts/README")


def lines(heading):
    """The command lines of a section of one of the READMEs, continued ones joined."""
    text = "\n\n".join((REPO / name).read_text(encoding="utf-8") for name in READMES)
    section = re.search(r"^%s\n-+\n(.*?)(?=^\S[^\n]*\n---|\Z)" % re.escape(heading), text, re.M | re.S).group(1)
    found = re.findall(r"^    (\S.*)$", section.replace("\\\n", " "), re.M)
    assert found, heading
    return found


# Stands in for kunit.py: `run` wants a tree and configurations, the rest is told in a log.
RUN = """import os, sys
if sys.argv[1] == "run":
    words = sys.argv[2:]
    configs = [w.split("=", 1)[1] for w in words if w.startswith("--kunitconfig=")]
    configs = [os.path.join(c, ".kunitconfig") if os.path.isdir(c) else c for c in configs]
    print(open("Makefile").read()[:11], [open(c).read() for c in configs], words[1:])
    sys.exit()
"""


class Recipes(unittest.TestCase):
    """Each line as it stands, with the names of the mini stack for those of the README."""

    def setUp(self):
        self.mini = mailstack.MailStack(self)
        self.mini.give_maintainers("#!/usr/bin/perl\nprint \"Ann Other <ann.other\\@example.org>\\n\"\n")
        (self.mini.kernel / "scripts/get_maintainer.pl").chmod(0o755)
        write(self.mini.kernel / "scripts/checkpatch.pl", "# here\n")
        write(self.mini.kernel / "Kconfig", "# by this b4 knows a kernel\n")
        sh("git", "add", "-f", ".", cwd=self.mini.kernel)
        sh("git", "commit", "-q", "--amend", "--no-edit", cwd=self.mini.kernel)
        sh("git", "tag", "-f", "v1.2.3", cwd=self.mini.kernel)
        self.tree = self.mini.fresh("linux")  # HOME is the folder above it
        (self.mini.repo / "scripts").mkdir()
        for name in ("stack", "stacklib"):
            (self.mini.repo / "scripts" / name).symlink_to(REPO / "scripts" / name)
        self.env = dict(self.mini.env, STACK_OUT=self.mini.repo / "out")

    def do(self, line, cwd=None, status=0):
        for old, new in (("/path/to/stack", str(self.mini.repo)), ("02-core-fixes", "02-alpha"), ("msi", "alpha"),
                         ("/tmp/shard", "%s/shard" % self.mini.top), (":next/master", ":work"),
                         ("v7.1.8", "v1.2.3"), ("v7.1", "v1"), ("v6.12", "v1"), ("= 6.12", "= 1.2.3"),
                         ("tag = v1'", "tag = v1.2.3'"), ("cp -r scripts", "cp -r %s/scripts" % REPO),
                         ("switch/switchtec.c", "a.c")):
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
        write(self.mini.top / ".gitconfig", "[user]\n\tname = A\n\temail = a@example.org\n"
              "[sendemail]\n\tsmtpserver = smtp.example.org\n")
        self.env.update(GIT_CONFIG_GLOBAL=self.mini.top / ".gitconfig")
        self.check("exit 0")
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
        self.do(check, cwd=self.tree)
        cover = sh("git", "log", "-1", "--format=%B", "--grep=b4-submit-tracking", cwd=self.tree)
        self.assertIn("To: Ann Other <ann.other@example.org>", cover)

    def test_many_machines(self):
        self.check("echo \"$(basename \"$PATCH\"):7: note: seen\"")
        first, second, merge = lines("Many machines")
        for line in (first, second):
            self.do(line)
        self.assertIn("3 patches, 3 verdicts: 3 passed (3 with notes), 0 failed", self.do(merge))

    def check(self, text):
        """Give the mini stack one check of patches."""
        path = self.mini.repo / "scripts/checks/words"
        write(path, "#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0\n#\n# words: some word\n# kind: patch\n[ \"$1\" = --version ] && { echo 1; exit; }\n"
              + text + "\nexit 0\n")
        path.chmod(0o755)

    def editor(self, program):
        """$EDITOR, and that of rebase -i, which takes the list as it is."""
        path = self.mini.top / "editor"
        write(path, "#!/bin/sh\nexec sed -i '%s' \"$1\"\n" % program)
        path.chmod(0o755)
        self.env.update(EDITOR=path, GIT_SEQUENCE_EDITOR=":")

    def test_change_after_review(self):
        self.check("grep -q 'return 34;' \"$PATCH\" && echo \"$(basename \"$PATCH\"):7: note: seen\"")
        self.editor("s/return 33;/return 34;/")
        edit, change, rebase, refresh, diff, check = lines("Change a series after review")
        for line in (edit, change, rebase, refresh):
            said = self.do(line)
        self.assertIn("2 patch files changed in 1 topics", said)  # the ids of a.c are in the second
        self.assertIn("    -+\treturn 33;\n    ++\treturn 34;\n", self.do(diff, status=1))
        self.assertIn("2 patches, 2 verdicts: 2 passed (1 with notes)", self.do(check))

    def branch(self):
        """Two commits of the user's on a branch."""
        sh("git", "checkout", "-q", "-b", "mine", cwd=self.tree)
        for old, new in (("return 7;", "return 77;"), ("return 8;", "return 88;")):
            path = self.tree / "drivers/pci/b.c"
            write(path, path.read_text().replace(old, new))
            sh("git", "commit", "-qsam", "PCI: %s\n\nFor the reason that it is." % new, cwd=self.tree)

    def topic(self, cwd=None):
        """Run the recipe of a topic but for its last line; that."""
        self.branch()
        self.editor("s/^Subject: .*/Subject: [PATCH 0\\/2] Mine/; s/^. . . BLURB.*/Why it is./; s/^.*BLURB.*/Why it is./")
        *rest, check = lines("A topic of your own")
        for line in rest:
            said = self.do(line, cwd=cwd)
        return said, check

    def test_topic_of_your_own(self):
        self.check("echo \"$(basename \"$PATCH\"):7: note: seen\"")
        said, check = self.topic()
        self.assertIn("lint: nothing found in 5 patches of 3 topics", said)
        self.assertIn("2 patches, 2 verdicts: 2 passed (2 with notes)", self.do(check))

    def test_another_stack(self):
        other = self.mini.top / "stack"
        for line in lines("The tool for another stack"):
            self.do(line)
        for key in ("STACK_REPO", "STACK_OUT", "STACK_BASE_DIR"):
            del self.env[key]
        self.env["LINUX_TREE"] = self.tree
        said, _ = self.topic(other)
        self.assertIn("lint: nothing found in 2 patches of 1 topics", said)
        self.do("scripts/stack apply mine && scripts/stack export --all", other)
        self.assertTrue((other / "out/export/01-mine.mbx").is_file())
        self.assertIn("2 patches: 2 there", self.do("scripts/stack check --fit --tree ~/linux", other))

    def test_suites_by_hand(self):
        write(self.mini.kernel / boot.KUNIT_PY, RUN + test_kunit_run.FAKE)
        for name in ("drivers/pci/tests/fabric", "drivers/pci/tests/iov", "drivers/vfio/pci/tests"):
            write(self.mini.repo / "kunit" / name / ".kunitconfig", f"CONFIG_{name}=y\n")
        sh("git", "add", "-f", ".", cwd=self.mini.kernel)
        sh("git", "commit", "-qm", "kunit.py", cwd=self.mini.kernel)
        sh("git", "tag", "-f", "v1.2.3", cwd=self.mini.kernel)
        self.env["LINUX_TREE"] = self.mini.kernel
        self.do("scripts/stack apply")
        enter, every, one, fuzz, mutant = lines("Run the suites by hand")
        self.assertEqual(enter, "cd out/linux")
        there = self.mini.repo / "out/linux"
        for line, words in ((every, "[]"), (one, "['pci_sriov_lock']"), (fuzz, "['--kernel_args', "
                                    "'vfio_pci_tph_fuzz.count=1000000', 'vfio_pci_tph_fuzz']")):
            folder = re.search(r"--kunitconfig=(\S+)", line).group(1)
            self.assertTrue((REPO / "kunit" / folder / ".kunitconfig").is_file(), folder)
            self.assertEqual(self.do("python3 " + line, there).strip(),
                             "VERSION = 1 ['CONFIG_%s=y\\n'] %s" % (folder, words))
        name = "patches/v1/alpha/mutants/NAME.patch"
        write(self.mini.repo / name, "--- a/drivers/pci/a.c\n+++ b/drivers/pci/a.c\n@@ -1,4 +1,4 @@\n int a0(void)\n"
              " {\n-\treturn 0;\n+\treturn 1;\n }\n")
        options = boot.read_options(REPO / "scripts/kunit/plain.config")
        self.env.update(GOLDEN=test_kunit_run.GOLDEN, PLAY="fail",
                        DOT_CONFIG=repr(dict(options, MINI_KUNIT_TEST="y", ALPHA_ONE_KUNIT_TEST="y", ALPHA_TWO_KUNIT_TEST="y")))
        self.assertIn("scratch_fail.fails", self.do(mutant, status=1))

    def test_every_verb_and_no_other_is_in_the_readme(self):
        text = (REPO / "README").read_text(encoding="utf-8")
        for verb, _ in cli.VERBS:
            self.assertRegex(text, r"(?m)^    %s[ \n]" % re.escape(verb))
        for verb in set(re.findall(r"scripts/stack ([a-z][a-z0-9-]*)", text)) - {"command"}:
            self.assertIn(verb, [v[0] for v in cli.VERBS])

    def test_readme_is_short_and_its_paths_are_there(self):
        self.assertLessEqual(len((REPO / "README").read_text(encoding="utf-8").splitlines()), 150)
        for name in READMES:
            for path in re.findall(r"(?<![\w/~.])((?:patches|kunit|scripts)/[\w./-]*\w)", (REPO / name).read_text()):
                if not re.search(r"TOPIC|NAME|mine|0000-|x\.", path):
                    self.assertTrue((REPO / path).exists() or (REPO / "kunit" / path).exists(), f"{name}: {path}")

    def test_map_of_the_modules(self):
        """scripts/README has a line for each module, in its room, and no other; and every variable that is read."""
        text = (REPO / "scripts/README").read_text(encoding="utf-8")
        room, found = "", set()
        for line in re.search(r"\nThe modules\n-+\n(.*?)\n\n\n", text, re.S).group(1).splitlines():
            head = re.match(r"    (\w+)/(?:\s|$)|    ( *)(\w+\.py)\s+\S", line)
            if head:
                room = head.group(1) or (room if head.group(2) else "")
                found |= {f"{room}/{head.group(3)}".lstrip("/")} if head.group(3) else set()
        package = REPO / "scripts/stacklib"
        have = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if path.name[0] != "_"}
        self.assertEqual(found, have)
        read = set(re.findall(r"\bSTACK_[A-Z_]+\b", "".join(
            path.read_text(encoding="utf-8") for path in [REPO / "scripts/stack", *package.rglob("*.py"),
                                                          *REPO.glob("scripts/tests/checks_support.py")])))
        read |= set(re.findall(r'\bvariable\("([A-Z_]+)"\)', "".join(
            path.read_text(encoding="utf-8") for path in package.rglob("*.py"))))
        read |= set(re.findall(r'\bget\("([A-Z_]+)"\)', (package / "host/env.py").read_text(encoding="utf-8")))
        environment = re.search(r"\nEnvironment\n-+\n(.*?)\n\n\n", text, re.S).group(1)
        self.assertEqual({name for name in read if not re.search(rf"\b{name}\b", environment)}, set())

    def test_options_in_the_readme_exist(self):
        helps = {}
        for heading in ("Send a series", "Many machines", "Use a series on a tree of yours"):
            for line in lines(heading):
                words = line.split()
                if words[0] == "scripts/stack":
                    if words[1] not in helps:
                        helps[words[1]] = self.mini.stack(words[1], "--help").stdout
                    for option in (w for w in words if w.startswith("--")):
                        self.assertIn(option, helps[words[1]], line)


class Completion(unittest.TestCase):
    """scripts/completion.bash."""

    def complete(self, *words, **extra):
        script = ("shopt -s extglob; compopt() { echo \"compopt $*\"; }; . %s; COMP_WORDS=(%s); COMP_CWORD=%d; _stack; "
                  "printf '%%s\\n' \"${COMPREPLY[@]}\""
                  % (REPO / "scripts/completion.bash", " ".join(map(shlex.quote, words)), len(words) - 1))
        return subprocess.run(["bash", "-c", script], cwd=REPO, capture_output=True, text=True,
                              check=True, env=dict(os.environ, **extra)).stdout.split()

    def test_verbs_topics_options(self):
        self.assertEqual(self.complete("scripts/stack", "ex"), ["export"])
        self.assertIn("msi", self.complete("scripts/stack", "check", "m"))
        self.assertIn("--shard", self.complete("scripts/stack", "check", "--s"))
        self.assertEqual(self.complete("scripts/stack", "check", "--base", ""), ["v7.1", "v7.3"])
        self.assertEqual(self.complete("scripts/stack", "port", "--to", ""), ["v7.1", "v7.3"])
        self.assertEqual(self.complete("~/scripts/stack", "ex", HOME=str(REPO)), ["export"])
        self.assertEqual(self.complete("scripts/stack", "check", "--out", "READ"),
                         ["compopt", "-o", "filenames", "README"])
        self.assertIn("sparse", self.complete("scripts/stack", "check", "--only", "sp"))


if __name__ == "__main__":
    unittest.main()
