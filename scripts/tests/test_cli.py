# SPDX-License-Identifier: GPL-2.0
"""Golden cases of the command line, of series files and of the verb test."""
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import MiniStack  # noqa: E402

from stacklib import cli, options  # noqa: E402
from stacklib.checking import runner  # noqa: E402
from stacklib.host import term, tools  # noqa: E402
from stacklib.stack import series  # noqa: E402
from stacklib.verbs import kunit, test  # noqa: E402

LAUNCHER = ministack.LIB.parent / "stack"


class CommandLine(unittest.TestCase):
    """What a user types."""

    def run_stack(self, *words, **extra):
        return subprocess.run([str(LAUNCHER), *words], env=ministack.environment(**extra),
                              capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)

    def test_help_of_everything_has_an_example(self):
        proc = self.run_stack("--help")
        self.assertEqual(proc.returncode, 0)
        for verb, _ in cli.VERBS:
            self.assertIn("  " + verb, proc.stdout)
            child = self.run_stack(verb, "--help")
            self.assertEqual(child.returncode, 0, child.stderr)
            self.assertRegex(child.stdout, r"(?s)examples?:.*stack %s" % verb)
            self.assertNotRegex(child.stdout, r"@\w|kunitarch|:func:|`")
            for option in ("TOPIC", "--base NAME", "--out DIR", "--tree PATH[:REF]"):
                self.assertEqual(option in child.stdout.partition("examples")[0], verb not in cli.PLACELESS, (verb, option))
            for option in ("--quiet", "--verbose"):
                self.assertIn(option, child.stdout)
            self.assertEqual("--json" in child.stdout, verb in cli.JSON)

    def test_wrong_use(self):
        for words, text in (((), "usage:"), (("nosuch",), "no verb 'nosuch'"),
                            (("lint", "--nosuch"), "unrecognized arguments")):
            proc = self.run_stack(*words)
            self.assertEqual(proc.returncode, 2, words)
            self.assertIn(text, proc.stdout + proc.stderr)
            self.assertNotIn("Traceback", proc.stderr)

    def test_version(self):
        proc = self.run_stack("--version")
        self.assertEqual(proc.returncode, 0)
        self.assertRegex(proc.stdout, r"^stack ([0-9a-f]{7,}(-dirty)?|of no git repository), Python 3\.\d+\.\d+\n$")

    def mini(self):
        """A mini stack with the checks of this one."""
        mini = MiniStack(self)
        (mini.repo / "scripts").mkdir()
        (mini.repo / "scripts/checks").symlink_to(LAUNCHER.parent / "checks")
        return mini

    def test_did_you_mean(self):
        mini = self.mini()
        for words, meant in (("chek",), "check"), (("lint", "alpa"), "alpha"), (("apply", "--base", "v11"), "v1"), \
                (("check", "--only", "spars"), "sparse"), (("kunit", "--config", "lockdp"), "lockdep"), \
                (("kunit", "--suite", "alpha_on"), "alpha_one"):
            proc = mini.stack(*words)
            self.assertEqual(proc.returncode, 2, proc.stdout + proc.stderr)
            self.assertIn(f", did you mean '{meant}'?", proc.stderr)
        self.assertNotIn("did you mean", mini.stack("apply", "zzz").stderr)

    def test_json(self):
        """One document on standard output, everything else on standard error, and the status of the verb."""
        mini = self.mini()
        proc = mini.stack("apply", "--json")
        self.assertEqual(proc.returncode, 0, proc.stderr)
        said = json.loads(proc.stdout)
        self.assertEqual([(p["number"], p["topic"], p["notes"]) for p in said["patches"]],
                         [(1, "alpha", []), (2, "alpha", []), (3, "beta", [])])
        self.assertEqual(said["patches"][2]["commit"], mini.git("rev-parse", "HEAD~1"))
        self.assertIn("applied 3 patches", proc.stderr)
        checks = json.loads(mini.stack("check", "--list", "--json").stdout)
        self.assertIn({"name": "sparse", "kind": "tree", "arches": True,
                       "why": "make C=2 on every object that a patch touches or whose headers it changes."}, checks)
        self.assertTrue(all(check["why"] for check in checks))
        self.assertEqual(json.loads(mini.stack("lint", "--json").stdout), [])
        mini.patches()[0].unlink()
        proc = mini.stack("lint", "--json")
        self.assertEqual((proc.returncode, json.loads(proc.stdout)[0]["path"]), (1, "series"))
        said = json.loads(mini.stack("setup", "--list", "--json").stdout)
        self.assertIn("git", [tool["tool"] for tool in said["tools"]])

    def test_quiet(self):
        proc = MiniStack(self).stack("apply", "-q")
        self.assertEqual((proc.returncode, len(proc.stdout.splitlines())), (0, 1), proc.stdout)
        self.assertIn("applied 3 patches", proc.stdout)

    def test_unknown_base(self):
        mini = MiniStack(self)
        proc = mini.stack("apply", "--base", "v99")
        self.assertEqual(proc.returncode, 2)
        self.assertIn("no base 'v99'", proc.stderr)
        self.assertIn("mend: scripts/stack VERB --base v1", proc.stderr)

    def test_no_python(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("dirname", "id"):
                os.symlink("/usr/bin/" + name, os.path.join(folder, name))
            text = LAUNCHER.read_text().replace("/usr/bin/python3", "/nonexistent/python3")
            ministack.write(Path(folder) / "stack", text)
            proc = subprocess.run(["/bin/sh", folder + "/stack", "lint"], env={"PATH": folder},
                                  capture_output=True, text=True, check=False)
        self.assertEqual(proc.returncode, 2)
        self.assertIn("no python3 of version 3.9 or later", proc.stderr)
        self.assertIn("mend: sudo apt-get install python3", proc.stderr)

    def test_no_git(self):
        mini = MiniStack(self)
        folder = mini.top / "nogit"
        folder.mkdir()
        proc = mini.stack("apply", PATH=str(folder))
        self.assertEqual(proc.returncode, 2)
        self.assertIn("git", proc.stderr)
        self.assertNotIn("Traceback", proc.stderr)

    def test_blank_or_colon_in_a_path(self):
        mini = MiniStack(self)
        for name, extra in (("work folder", {"STACK_OUT": mini.top / "my out"}),
                            ("work folder", {"STACK_OUT": mini.top / "a:b"}),
                            ("cache", {"STACK_CACHE": mini.top / "my cache"}),
                            ("clone", {"STACK_REPO": mini.top / "my repo"})):
            for verb in cli.TREES:
                proc = mini.stack(verb, *{"diff": ["alpha"], "port": ["--to", "v1"]}.get(verb, []), **extra)
                self.assertEqual(proc.returncode, 2, proc.stdout + proc.stderr)
                self.assertRegex(proc.stderr, "the path of the %s, '.*', has a blank or a colon"
                                 % name)
                self.assertRegex(proc.stderr, "mend: (name another|mv )")
        self.assertEqual(sorted(p.name for p in mini.top.iterdir()), ["base", "kernel", "repo"])

    def test_tools_that_checks_need(self):
        """What a check needs stands in its head, and each name there is one that setup knows."""
        checks = runner.load(LAUNCHER.parent / "checks")
        for check in checks:
            self.assertLessEqual(set(check.needs), set(tools.TOOLS), check.name)
        self.assertEqual(runner.tools([c for c in checks if c.name == "checkpatch"], ["arm64"]),
                         ["git", "perl", "python3", "python3-ply", "python3-git"])
        for name in ("spatch", "ocamlopt", "sparse", "codespell", "s390x-linux-gnu-gcc", "make", "gcc", "flex"):
            self.assertIn(name, runner.tools(checks, ["um", "s390"]))
        self.assertNotIn("sparc64-linux-gnu-gcc", runner.tools(checks, ["um", "s390"]))

    def test_arguments_are_judged_before_anything_is_installed(self):
        mini = ministack.MiniStack(self)
        few = mini.top / "few"
        few.mkdir()
        for name in ("git", "xz", "sh", "cat"):
            (few / name).symlink_to(shutil.which(name))
        write = ministack.write
        for name, needs in (("one", "codespell"), ("two", "git")):
            write(mini.repo / "scripts/checks" / name, "#!/bin/sh\n# kind: patch\n# needs: %s\necho 1.0 >&2\n" % needs)
            (mini.repo / "scripts/checks" / name).chmod(0o755)
        for words, says in ((["check", "--only", "nope"], "no check 'nope'"), (["check", "nope"], "nope"),
                            (["check", "--shard", "3/2"], "--shard 3/2"), (["check", "--base", "nope"], "no base 'nope'"),
                            (["check", "--only", "one"], "packages: codespell"), (["kunit", "nope"], "nope"),
                            (["export"], "export needs a topic"), (["kunit", "alpha"], "packages: make")):
            proc = mini.stack(*words, PATH=few)
            self.assertEqual(proc.returncode, 2, (words, proc.stderr))
            self.assertIn(says, proc.stderr)
        self.assertNotIn("packages: ", mini.stack("check", "--only", "two", PATH=few).stderr)

    def test_fault_of_the_tool_is_no_finding(self):
        def broken(*_):
            raise KeyError("boom")
        said = io.StringIO()
        with mock.patch.object(cli, "build_parser", broken), mock.patch("sys.stderr", said), \
                mock.patch.object(cli, "end_cleanly"):
            self.assertEqual(cli.main(["lint"]), 2)
        self.assertIn("KeyError: 'boom'", said.getvalue())
        self.assertIn("a fault of the tool itself", said.getvalue())

    def test_locale_does_not_matter(self):
        mini = MiniStack(self)
        ministack.write(mini.top / "sitecustomize.py",
                        "import sys\nprint('utf8 mode', sys.flags.utf8_mode)\n")
        proc = self.run_stack("lint", "--help", PYTHONUTF8="0", PYTHONPATH=mini.top)
        self.assertIn("utf8 mode 1", proc.stdout)

    def test_terminal_without_a_name_is_not_capable(self):
        with mock.patch("sys.stdout") as out:
            out.isatty.return_value = True
            for name, want in (("xterm", True), ("dumb", False), ("", False), (None, False)):
                with mock.patch.dict(os.environ, {"TERM": name or ""}):
                    if name is None:
                        del os.environ["TERM"]
                    self.assertEqual(term.is_terminal(), want, name)

    def test_quiet_in_a_pipe(self):
        proc = MiniStack(self).stack("apply")
        self.assertNotIn("\r", proc.stdout)
        self.assertNotIn("\033", proc.stdout)

    def test_progress_in_a_pipe_is_a_line_per_step(self):
        out = io.StringIO()
        with redirect_stdout(out):
            for n in range(5):
                term.progress("step one %d/5" % n)
            term.progress("step two")
            term.done()
        self.assertEqual(out.getvalue(), "step one 0/5\nstep two\n")


class Series(unittest.TestCase):
    """series.load() and Patch."""

    def setUp(self):
        self.mini = MiniStack(self)

    def test_selection_keeps_the_order_of_the_series(self):
        stack = series.load(self.mini.repo)
        self.assertEqual([t.name for t in stack.select(["beta", "alpha"])], ["alpha", "beta"])
        self.assertEqual(stack.base["version"], "1.2.3")

    def test_needs_come_along(self):
        with open(self.mini.repo / "patches/v1/beta/topic.ini", "a", encoding="utf-8") as handle:
            handle.write("needs = alpha\n")
        stack = series.load(self.mini.repo)
        self.assertEqual([t.name for t in stack.select(["beta"])], ["alpha", "beta"])

    def test_patch(self):
        patch = series.load(self.mini.repo).topics[0].patches[1]
        self.assertEqual(patch.subject, "PCI: Return more from a15() and b2()")
        self.assertEqual(patch.author, ministack.AUTHOR)
        self.assertEqual(patch.files, ["drivers/pci/a.c", "drivers/pci/b.c"])

    def test_encoded_headers(self):
        path = self.mini.top / "0001-x.patch"
        ministack.write(path, "From: =?UTF-8?q?J=C3=BCrgen?= <j@example.org>\n"
                        "Subject: [PATCH 1/2] A\n  long subject\n\n---\n")
        patch = series.Patch(path, "t")
        self.assertEqual((patch.author, patch.subject),
                         ("Jürgen <j@example.org>", "A long subject"))

    def test_headers_of_plain_utf8(self):
        path = self.mini.top / "0001-x.patch"
        ministack.write(path, "From: Jürgen <j@example.org>\nsubject: [PATCH] Größe\n of =?UTF-8?q?=C3=A9?= x\n\n---\n")
        patch = series.Patch(path, "t")
        self.assertEqual((patch.author, patch.subject, patch.header("Date")),
                         ("Jürgen <j@example.org>", "Größe of é x", ""))


class TestVerb(unittest.TestCase):
    """The verb test counts; a step that breaks is a failure and not the end."""

    def run_test(self, own, extra_steps=()):
        args = options.Test(quick=not extra_steps)
        out = io.StringIO()
        patches = [mock.patch.object(test, "own_tests", own),
                   mock.patch.object(test, "base_counts", lambda *a: (0, 0)),
                   mock.patch.object(test, "lint_counts", lambda *a: (0, 0))]
        patches += [mock.patch.object(test, n, f) for n, f in extra_steps]
        with redirect_stdout(out), mock.patch("sys.stderr", io.StringIO()):
            for patch in patches:
                patch.start()
            try:
                status = test.run(args)
            finally:
                for patch in patches:
                    patch.stop()
        self.said = out.getvalue()
        return status, self.said.splitlines()[-1]

    def test_counts(self):
        self.assertEqual(self.run_test(lambda *a: (3, 0)), (0, "3 passed, 0 failed"))
        self.assertEqual(self.run_test(lambda *a: (3, 1)), (1, "3 passed, 1 failed"))

    def test_nothing_ran(self):
        self.assertEqual(self.run_test(lambda *a: (0, 0)), (1, "0 passed, 0 failed"))

    def test_broken_step_counts_and_others_run(self):
        def broken(*_):
            raise ValueError("boom")

        def missing(*_):
            raise term.StackError("no tool")

        steps = (("canonical_counts", missing), ("check_counts", broken),
                 ("kunit_counts", lambda *a: (5, 0)), ("boundary_counts", lambda *a: (0, 0)))
        self.assertEqual(self.run_test(lambda *a: (1, 0), steps), (1, "6 passed, 2 failed"))
        self.assertIn("\n== what failed\n  refresh --check: no tool\n  check: ValueError('boom')\n6 passed", self.said)

    def test_what_failed_is_said_at_the_end(self):
        """Of each step, with the place: the end of a long log is all that some see."""
        def own(_, bad, *rest):
            bad += ["test_x: FAIL: test_y"] + ["more"] * test.SHOWN
            return 0, 1

        def checks(args, report, until):
            finding = {"file": "a.patch", "line": 7, "level": "error", "text": "no"}
            report.update(patches=[{"number": 1, "path": "p/a.patch"}], verdicts=[
                {"patch": 1, "check": "build", "arch": "i386", "verdict": "FAIL", "findings": [finding], "reason": ""},
                {"patch": 0, "check": "kunit", "arch": "", "verdict": "BROKEN", "findings": [], "reason": "gone"},
                {"patch": 1, "check": "apply", "arch": "", "verdict": "pass", "findings": [], "reason": ""}])
            return 1, 2

        bad = []
        with mock.patch.object(test.refresh, "run", lambda opts: 1):
            self.assertEqual(test.canonical_counts(options.Test(base="v9"), bad), (0, 1))
        self.assertEqual(bad, ["refresh --check: a patch file is not canonical; mend: scripts/stack refresh --base v9"])
        nothing = [(name, lambda *a: (0, 0)) for name in ("canonical_counts", "kunit_counts", "boundary_counts", "prove_counts")]
        self.assertEqual(self.run_test(own, [("check_counts", checks), *nothing]), (1, "1 passed, 3 failed"))
        self.assertIn("  test_x: FAIL: test_y\n  more\n", self.said)
        self.assertIn("  ... and 3 more, above\n", self.said)
        self.assertEqual(test.check.told_bad({"patches": [{"number": 1, "path": "p/a.patch"}], "verdicts": [
            {"patch": 1, "check": "build", "arch": "i386", "verdict": "FAIL", "reason": "",
             "findings": [{"file": "a.patch", "line": 7, "level": "error", "text": "no"}]}]}),
            ["FAIL p/a.patch build i386: a.patch:7: no"])

    def test_plain_is_not_booted_twice(self):
        """What check booted on the whole stack is left out, but only if it was clean and all was judged."""
        def configs(waiting=0, number=2, verdict="pass"):
            data = {"waiting": waiting, "patches": [1, 2], "verdicts": [{"check": "kunit", "patch": n, "verdict": v}
                                                                        for n, v in ((0, "pass"), (number, verdict))]}
            with mock.patch.object(kunit, "run_counts", side_effect=lambda opts, names, bad: names), redirect_stdout(io.StringIO()):
                return test.kunit_counts(options.Test(), [], data, 0)
        self.assertNotIn("plain", configs())
        self.assertIn("lockdep", configs())
        for more in ({"waiting": 1}, {"number": 1}, {"verdict": "FAIL"}, {"verdict": "BROKEN"}):
            self.assertIn("plain", configs(**more))
        with mock.patch.object(kunit, "run_counts", side_effect=lambda opts, names, bad: names):
            self.assertIn("plain", test.kunit_counts(options.Test(), [], {}, 0))

    def test_boundaries_come_last_and_once(self):
        """Those verdicts that check has counted before are not counted again, whatever they were."""
        def verdicts(*rows):
            return [{"patch": n, "check": name, "arch": "", "verdict": word} for n, name, word in rows]
        first = verdicts((1, "build", "pass"), (1, "sparse", "FAIL"), (1, "kunit", "pass"))

        def run_counts(opts, shared):
            shared.update(verdicts=first + ([] if opts.last else verdicts((0, "kunit", "pass"), (0, "other", "BROKEN"))))
            failed = sum(v["verdict"] != "pass" for v in shared["verdicts"])
            return len(shared["verdicts"]) - failed, failed
        with mock.patch.object(test.check, "run_counts", side_effect=run_counts):
            report = {}
            self.assertEqual(test.check_counts(options.Test(), report, 0), (2, 1))
            self.assertEqual(test.boundary_counts(options.Test(), report, 0), (1, 1))

    def test_own_tests_are_counted_one_by_one(self):
        with tempfile.TemporaryDirectory() as folder:
            ministack.write(Path(folder) / "scripts/tests/test_counted.py",
                            "import unittest\nclass T(unittest.TestCase):\n"
                            "    def test_a(self): pass\n    def test_b(self): self.fail('x')\n"
                            "    @unittest.skip('no')\n    def test_c(self): pass\n"
                            "    def test_d(self):\n        with self.subTest(i=1): self.fail('y')\n")
            out, bad = io.StringIO(), []
            ministack.write(Path(folder) / "scripts/tests/test_dies.py", "import os\nos._exit(0)\n")
            with redirect_stdout(out):
                self.assertEqual(test.own_tests(Path(folder), bad, jobs=2), (1, 4))
                self.assertEqual(test.own_tests(Path(folder), [], "test_a"), (1, 0))
                ministack.write(Path(folder) / "scripts/tests/test_whole.py", "import os, unittest\nclass T(unittest.TestCase):\n"
                                "    def test_w(self): self.assertEqual(os.environ.get('FUZZ_INPUTS'), '%d')\n" % test.FUZZ_ALL)
                with mock.patch.dict(os.environ):
                    os.environ.pop("FUZZ_INPUTS", None)
                    self.assertEqual(test.own_tests(Path(folder), [], "test_w"), (0, 1))
                    self.assertEqual(test.own_tests(Path(folder), [], "test_w", whole=True), (1, 0))
        self.assertIn("FAIL (skipped)", out.getvalue())
        self.assertIn("test_dies", bad)
        self.assertTrue(any(line.startswith("test_counted: FAIL: test_b") for line in bad), bad)
        self.assertIn("test_dies.py: exit status 0", out.getvalue())


if __name__ == "__main__":
    unittest.main()
