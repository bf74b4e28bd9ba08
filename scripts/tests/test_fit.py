# SPDX-License-Identifier: GPL-2.0
"""Golden cases of `check --tree` on a tree that is not the base, and of --shard and --merge."""
import io
import json
import re
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import sh, write  # noqa: E402

from stacklib import options  # noqa: E402
from stacklib.checking import fit, shard  # noqa: E402
from stacklib.host import term, workspace  # noqa: E402
from stacklib.stack import series  # noqa: E402
from stacklib.suites import boot, ktap, session  # noqa: E402


class Fit(unittest.TestCase):
    """Each verdict, and that the user's tree stays as it is."""

    def setUp(self):
        self.mini = ministack.MiniStack(self)
        sh("git", "checkout", "-q", "-b", "next", cwd=self.mini.kernel)
        self.commit("Makefile", "PATCHLEVEL = 2", "PATCHLEVEL = 3", "Linux 1.3.3")

    def commit(self, name, old, new, subject):
        path = self.mini.kernel / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        self.assertIn(old, text)
        write(path, text.replace(old, new, 1) if old else new)
        sh("git", "add", "-f", name, cwd=self.mini.kernel)
        sh("git", "commit", "-qm", subject, cwd=self.mini.kernel)
        return sh("git", "rev-parse", "--short=12", "HEAD", cwd=self.mini.kernel)

    def check(self, *words, status=0):
        before = self.state()
        proc = self.mini.stack("check", "--tree", "%s:next" % self.mini.kernel, *words)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        self.assertEqual(self.state(), before)
        return proc.stdout

    def state(self):
        kernel = self.mini.kernel
        return (sh("git", "for-each-ref", cwd=kernel), sh("git", "status", "--porcelain", "-b", cwd=kernel),
                sh("git", "count-objects", "-v", cwd=kernel))

    def test_clean(self):
        said = self.check()
        self.assertIn("(next), Linux 1.3.3: each patch is carried there from base v1 (Linux 1.2.3)", said)
        for number in (1, 2, 3):
            self.assertIn("  %d  clean " % number, said)
        self.assertIn("3 patches: 3 clean; report: ", said)
        data = json.loads((self.mini.out / "fit.json").read_text())
        self.assertEqual([p["verdict"] for p in data["patches"]], ["clean"] * 3)
        self.assertEqual(data["commit"], sh("git", "rev-parse", "next", cwd=self.mini.kernel))
        self.assertEqual(self.mini.git("diff", "--shortstat", data["commit"], data["result"]).strip(),
                         "3 files changed, 7 insertions(+), 3 deletions(-)")
        self.assertEqual(data["suites"], "not run")

    def test_offset(self):
        self.commit("drivers/pci/a.c", "int a0", "int first;\n\nint a0", "PCI: Move")
        self.assertRegex(self.check("alpha"),
                         r"1  offset    alpha/0001-.*\n       note: drivers/pci/a.c: hunk #1 at line 17, offset 2")

    def test_fuzz(self):
        self.commit("drivers/pci/a.c", "int a4(void)", "int a4(int x)", "PCI: Take x")
        said = self.check("alpha")
        self.assertIn("  1  fuzz      alpha/0001-", said)
        self.assertIn("look at it with: git -C %s/linux show " % self.mini.out, said)
        self.assertIn("2 patches: 1 clean, 1 fuzz", said)

    def test_merged(self):
        self.commit("drivers/pci/b.c", "}\n\nint b2(void)\n{\n\treturn 2;", "}\nint b2(void)\n{\n\treturn 2;",
                    "PCI: Drop a line")
        sh("git", "mv", "drivers/pci/b.c", "drivers/pci/bb.c", cwd=self.mini.kernel)
        sh("git", "commit", "-qm", "PCI: Rename b.c", cwd=self.mini.kernel)
        self.assertIn("  2  merged    alpha/0002-", self.check("alpha"))

    def test_there_by_patch_id(self):
        name = self.commit("drivers/pci/a.c", "return 3;", "return 33;", "PCI: Other words")
        self.commit("drivers/pci/a.c", "return 9;", "return 99;", "PCI: Later")
        said = self.check("alpha")
        self.assertIn("  1  there     alpha/0001-", said)
        self.assertIn("note: same patch-id as %s (PCI: Other words)" % name, said)

    def test_there_though_its_lines_were_changed_again(self):
        name = self.commit("drivers/pci/a.c", "return 3;", "return 33;", "PCI: Other words")
        self.commit("drivers/pci/a.c", "return 33;", "return 333;", "PCI: More of it")
        said = self.check("alpha")
        self.assertIn("  1  there     alpha/0001-", said)
        self.assertIn("note: same patch-id as %s (PCI: Other words)" % name, said)
        self.assertIn("2 patches: 1 clean, 1 there", said)

    def test_taken_back_and_changed_is_a_conflict(self):
        name = self.commit("drivers/pci/a.c", "return 3;", "return 33;", "PCI: Other words")
        sh("git", "revert", "--no-edit", name, cwd=self.mini.kernel)
        self.commit("drivers/pci/a.c", "return 3;", "return 333;", "PCI: Something else")
        self.assertIn("  1  CONFLICT  alpha/0001-", self.check("alpha", status=1))

    def test_there_by_subject_and_without_a_trace(self):
        path = self.mini.kernel / "drivers/pci/b.c"
        write(path, path.read_text().replace("return 2;", "return 22;").replace("return 7;", "return 77;"))
        name = self.commit("drivers/pci/a.c", "return 15;", "return 1515;", "PCI: return more from a15() and b2()")
        sh("git", "commit", "-qam", "PCI: More", cwd=self.mini.kernel)
        self.commit("drivers/pci/c.c", "", "int c(void)\n{\n\treturn 1;\n}\n", "PCI: Half of it")
        self.commit("drivers/pci/c.c", "1", "0", "PCI: The other half")
        said = self.check()
        self.assertIn("note: %s has the same subject" % name, said)
        self.assertRegex(said, r"3  there     beta/.*\n       note: the same change; no commit of its own found")

    def test_there_in_a_shallow_clone(self):
        self.commit("drivers/pci/a.c", "return 3;", "return 33;", "PCI: Other words")
        name = self.commit("drivers/pci/c.c", "", "int c(void)\n{\n\treturn 0;\n}\n", "PCI/B: In one")
        for depth, beta in ((1, "the tree's history cannot be searched (a shallow clone?)"),
                            (2, "same patch-id as %s (PCI/B: In one)" % name)):
            clone = self.mini.top / ("depth%d" % depth)
            sh("git", "clone", "-q", "--depth=%d" % depth, "--branch=next", "file://%s" % self.mini.kernel, clone,
               cwd=self.mini.top)
            proc = self.mini.stack("check", "--fit", "--tree", clone)
            self.assertEqual(proc.returncode, 0, proc.stdout + proc.stderr)
            self.assertRegex(proc.stdout, r"  1  there     alpha/.*\n       note: the same change; the tree's history")
            self.assertRegex(proc.stdout, r"  3  there     beta/.*\n       note: .*" + re.escape(beta))
        with mock.patch.object(fit, "git", side_effect=fit.gitcmd.GitError(("log",), 128, "bad object")) as git:
            git.side_effect = ["diff", "id x"] + [git.side_effect]
            said = fit.where_from("", mock.Mock(files=[]), "HEAD", "", "", "tip")
        self.assertIn("cannot be searched", said)

    def test_conflict(self):
        self.commit("drivers/pci/a.c", "return 15;", "return -15;", "PCI: Negative")
        said = self.check(status=1)
        self.assertIn("  2  CONFLICT  alpha/0002-", said)
        self.assertRegex(said, r"       drivers/pci/a.c:\d+:\n         \| <<<<<<< the tree\n"
                               r"         \| \treturn -15;\n")
        self.assertIn("         | \treturn 1515;\n         | >>>>>>> the patch\n", said)
        self.assertIn("  3  clean     beta/", said)
        self.assertIn("3 patches: 2 clean, 1 CONFLICT", said)

    def test_tree_of_the_base_version(self):
        said = self.mini.stack("check", "--fit", "--tree", self.mini.kernel, "alpha")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("(HEAD), Linux 1.3.3", said.stdout)
        write(self.mini.kernel / "README", "changed\n")
        said = self.mini.stack("check", "--fit", "--tree", self.mini.kernel, "alpha")
        self.assertIn("has 1 uncommitted changes; they are not used, HEAD is", said.stderr)

    def test_tree_by_environment_and_none(self):
        said = self.mini.stack("check", "--fit", "alpha", LINUX_TREE="%s:next" % self.mini.kernel)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("2 patches: 2 clean", said.stdout)
        for words, text in ((["--fit"], "--fit: no tree is named"), (["--kunit"], "--kunit goes with --fit")):
            said = self.mini.stack("check", *words)
            self.assertEqual(said.returncode, 2, said.stdout)
            self.assertIn(text, said.stderr)

    def test_errors(self):
        write(self.mini.top / "notgit/file", "")
        empty = self.mini.top / "empty"
        sh("git", "init", "-q", empty, cwd=self.mini.top)
        sh("git", "commit", "-q", "--allow-empty", "-m", "no kernel", cwd=empty)
        for tree, text in (("/nonexistent", "no such folder"), (self.mini.top / "notgit", "not a git tree"),
                           ("%s:nosuch" % self.mini.kernel, "no ref 'nosuch'"),
                           (empty, "not a Linux kernel tree")):
            proc = self.mini.stack("check", "--tree", tree)
            self.assertEqual(proc.returncode, 2, proc.stdout + proc.stderr)
            self.assertIn(text, proc.stderr)

    def test_suites_run_on_what_fits(self):
        """The runner gets the states of that tree, without the suites whose patch conflicts."""
        def stop(own):
            raise term.StackError(" ".join(own.tree.suites(own.tree.boundaries)))
        self.commit("drivers/pci/a.c", "return 15;", "return -15;", "PCI: Negative")
        self.assertEqual(self.asked(stop), "mini alpha_one")
        self.commit("drivers/pci/a.c", "return -15;", "return 15;", "PCI: Positive")
        self.commit("drivers/pci/a.c", "return 3;", "return -3;", "PCI: Negative")
        self.assertEqual(self.asked(stop), "mini")  # though the second patch is there

    def test_each_suite_is_in_the_report(self):
        """What passed there, by suite, on the screen and in fit.json; a run that failed is exit code 1."""
        def case(suite, status):
            return ktap.Case(suite, "one", status)
        for status, word in (("passed", "pass"), ("failed", "FAIL")):
            ran = boot.Result("plain", self.mini.out / "test.log", built=True, suites=[
                ktap.Suite("mini", [case("mini", "passed"), case("mini", "skipped")]),
                ktap.Suite("alpha_one", [case("alpha_one", status)])])
            code, said = self.with_result(ran)
            data = json.loads((self.mini.out / "fit.json").read_text())
            self.assertEqual(data["suites"], word)
            self.assertEqual(data["each suite"]["mini"], {"verdict": "pass", "passed": 1, "failed": 0, "skipped": 1})
            self.assertEqual(data["each suite"]["alpha_one"]["verdict"], word)
            self.assertRegex(said, r"alpha_one +plain +%s" % word)
            self.assertEqual(code, int(status == "failed"))
        code, said = self.with_result(None)
        self.assertEqual((code, json.loads((self.mini.out / "fit.json").read_text())["suites"]), (0, "not run"))

    def with_result(self, ran):
        """Exit code and standard output of a run whose suites come to @ran."""
        with mock.patch.object(session.Session, "choose"), \
                mock.patch.object(session.Session, "run", return_value=ran):
            return self.run_in_process()

    def asked(self, stop):
        """The suites that the runner would be asked for."""
        with mock.patch.object(session.Session, "choose", stop), \
                self.assertRaises(term.StackError) as caught:
            self.run_in_process()
        return caught.exception.msg

    def run_in_process(self):
        """Run check --fit --kunit on the topic alpha; returns (exit code, standard output)."""
        args = options.Check(tree="%s:next" % self.mini.kernel, out=str(self.mini.out), topics=("alpha",),
                             fit=True, kunit=True, verb="check")
        with mock.patch.dict("os.environ", {k: str(v) for k, v in self.mini.env.items()}), \
                mock.patch("sys.stdout", io.StringIO()) as said:
            ws = workspace.Workspace(args)
            stack = series.load(ws.repo)
            return fit.run(ws, stack, args, fit.foreign(ws, args, stack.base)), said.getvalue()


class Shard(unittest.TestCase):
    """The parts of a check are the whole."""

    def test_every_patch_in_one_shard(self):
        for total in (1, 2, 3, 7, 24):
            for n in (1, 2, 3, 4, 30):
                for number in range(total + 1):
                    owners = [i for i in range(1, n + 1) if shard.has((i, n), number, total)]
                    self.assertEqual(len(owners), 1, (total, n, number))
        self.assertEqual([k for k in range(25) if shard.has((2, 4), k, 24)], list(range(7, 13)))

    def test_merge_is_the_whole(self):
        mini = ministack.MiniStack(self)
        check = mini.repo / "scripts/checks/words"
        write(check, "#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0\n#\n# words: some word\n# kind: patch\n"
              "[ \"$1\" = --version ] && { echo 1; exit; }\n"
              "grep -q 1515 \"$PATCH\" && echo \"$(basename \"$PATCH\"):7: warning: fifteen\"\nexit 0\n")
        check.chmod(0o755)
        for words, status in ((("--shard", "1/2", "--out", mini.top / "s1"), 1),
                              (("--shard", "2/2", "--out", mini.top / "s2"), 0),
                              (("--out", mini.top / "all"), 1)):
            proc = mini.stack("check", *words)
            self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        parts = [mini.top / n / "report.json" for n in ("s2", "s1")]
        proc = mini.stack("check", "--merge", *parts)
        self.assertEqual(proc.returncode, 1, proc.stderr)
        self.assertIn("3 patches, 3 verdicts: 2 passed (0 with notes), 1 failed", proc.stdout)
        merged, whole = (json.loads((f / "report.json").read_text()) for f in (mini.out, mini.top / "all"))
        self.assertEqual([(v["patch"], v["verdict"]) for v in merged["verdicts"]],
                         [(v["patch"], v["verdict"]) for v in whole["verdicts"]])
        self.assertEqual(merged["runs"]["all"], whole["runs"]["all"])
        self.assertEqual(merged["seconds"], max(json.loads(p.read_text())["seconds"] for p in parts))
        self.assertTrue((mini.out / "report.html").is_file())
        self.assertIn("PARTIAL: shard 1 of 2", (mini.top / "s1/report.html").read_text())
        for words, text in ((parts[:1], "of 2 shards there are 2"), (parts + parts[:1], "there are 1 2 2"),
                            ([mini.top / "all/report.json"], "not the report of a shard"),
                            ([mini.repo / "series"], "not a report"), (["/nonexistent"], "not a report")):
            proc = mini.stack("check", "--merge", *words)
            self.assertEqual(proc.returncode, 2, proc.stdout)
            self.assertIn(text, proc.stderr)
        write(check, check.read_text().replace("fifteen", "15"))
        mini.stack("check", "--shard", "1/2", "--out", mini.top / "other")
        proc = mini.stack("check", "--merge", parts[0], mini.top / "other/report.json")
        self.assertEqual(proc.returncode, 2, proc.stdout)
        self.assertIn("differ in 'checks'", proc.stderr)
        proc = mini.stack("check", "--merge", *parts, "--out", mini.top / "s1")
        self.assertEqual(proc.returncode, 2, proc.stdout)
        self.assertIn("is where the whole goes", proc.stderr)
        data = json.loads(parts[0].read_text())
        self.assertEqual(data["base"]["tree"], sh("git", "rev-parse", "v1.2.3^{tree}", cwd=mini.kernel))
        write(parts[0], json.dumps(dict(data, base=dict(data["base"], tree="other"))))
        self.assertIn("differ in 'base'", mini.stack("check", "--merge", *parts).stderr)
        write(parts[0], json.dumps(data))
        data["patches"][0]["sha256"] = "other"
        write(parts[0], json.dumps(data))
        self.assertIn("differ in 'patches'", mini.stack("check", "--merge", *parts).stderr)

    def test_wrong_use(self):
        for text in ("0/2", "3/2", "1", "a/b", "1/0"):
            self.assertRaisesRegex(term.StackError, "not of the form I/N", shard.parse, text)
        self.assertEqual(shard.parse("2/4"), (2, 4))


if __name__ == "__main__":
    unittest.main()
