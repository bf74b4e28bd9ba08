# SPDX-License-Identifier: GPL-2.0
"""Golden cases: what becomes of a run's results, by a kunit.py that plays logs."""
import contextlib
import io
import json
import os
from pathlib import Path
import shutil
import sys
import tempfile
import types
import unittest
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

import ministack        # noqa: E402
from stacklib import options  # noqa: E402
from stacklib.checking import runner  # noqa: E402
from stacklib.host import term  # noqa: E402
from stacklib.linux import tree  # noqa: E402
from stacklib.suites import boot, disturb, ktap, session, splats, summary  # noqa: E402
from stacklib.verbs import kunit  # noqa: E402

GOLDEN = HERE / "kunit"

# Stands in for the kernel's kunit.py: plays the golden log that PLAY names.
FAKE = '''\
import os, shutil, sys, time
golden, play = os.environ["GOLDEN"], os.environ["PLAY"]
args = dict(arg[2:].split("=", 1) for arg in sys.argv[2:] if arg.startswith("--"))
if play == "hang-" + sys.argv[1]:
    print("begun", flush=True)
    time.sleep(60)
if sys.argv[1] == "build":
    if play == "build-error":
        print("drivers/pci/x.c:3:1: error: unknown type name 'foo'")
        sys.exit(1)
    with open(os.path.join(args["build_dir"], ".config"), "w") as out:
        for key, value in eval(os.environ["DOT_CONFIG"]).items():
            out.write(f"CONFIG_{key}={value}\\n")
elif sys.argv[1] == "exec":
    if play == "silent":
        sys.exit(0)
    if play == "garbage":
        print("\\x00\\x01 nothing that means anything\\nSystem halted")
        sys.exit(0)
    if play == "hang":
        print("KTAP version 1", flush=True)
        time.sleep(60)
    sys.stdout.write(open(os.path.join(golden, play + ".log")).read())
elif sys.argv[1] == "parse":
    source = os.path.join(golden, play + ".json")
    if not os.path.exists(source):
        print("[ERROR] Test: <missing>: Could not find any KTAP output.")
        sys.exit(1)
    shutil.copyfile(source, args["json"])
    sys.exit(play not in ("pass", "warn"))
'''


class Run(unittest.TestCase):
    """One configuration, from build to verdict."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)
        self.tree = self.top / "check"
        (self.tree / "tools/testing/kunit").mkdir(parents=True)
        (self.tree / boot.KUNIT_PY).write_text(FAKE, encoding="utf-8")
        self.config = boot.load_config(HERE.parent / "kunit", "plain")

    def run_config(self, play, asked, dot_config=None, isolated=False):
        """Result of a run in which kunit.py plays @play."""
        env = dict(os.environ, GOLDEN=str(GOLDEN), PLAY=play,
                   DOT_CONFIG=repr(self.config.options if dot_config is None else dot_config))
        builder = boot.Builder(self.tree, self.top / "build", self.config, [], env, 1)
        with contextlib.redirect_stdout(io.StringIO()):
            return session.run_config(builder, asked, self.top / "out", isolated)

    def test_pass(self):
        """All well: counts, skipped with its reason, time of the suite."""
        result = self.run_config("pass", ["scratch"])
        self.assertEqual((result.problems, result.splats, result.ok()), ([], [], True))
        suite, = result.suites
        self.assertEqual((suite.count("passed"), suite.count("skipped")), (4, 1))
        self.assertIsNotNone(suite.seconds)
        skipped = [case for case in suite.cases if case.status == "skipped"]
        self.assertEqual(skipped[0].lines, ["no such hardware"])
        self.assertIn("param.two", [case.name for case in suite.cases])

    def test_failed_expectation(self):
        """A failure has file and line in the tree, and what was expected."""
        result = self.run_config("fail", ["scratch_fail"])
        case, = [case for case in result.suites[0].cases if case.status == "failed"]
        self.assertEqual(case.where, "drivers/pci/tests/scratch_kunit.c:26")
        self.assertIn("Expected 1 + 1 == 3, but", case.lines)
        self.assertIn("sums are off", case.lines)
        self.assertFalse(result.ok())

    def test_did_not_run(self):
        """A suite that was asked for and has no result is a failure."""
        result = self.run_config("pass", ["scratch", "absent"])
        self.assertEqual(result.problems, ["suite absent was asked for and did not run"])
        self.assertFalse(result.ok())

    def test_nothing_passed(self):
        """A suite of which every test was skipped is a failure."""
        suite = ktap.Suite("s", [ktap.Case("s", "a", "skipped")])
        self.assertEqual(session.missing_suites(["s"], [suite]), ["suite s: no test passed"])

    def test_crash(self):
        """A crash is a failed case with the panic, a report and a problem with the tail."""
        result = self.run_config("crash", ["scratch_crash"])
        case = result.suites[0].cases[-1]
        self.assertEqual(case.status, "crashed")
        self.assertIn("Kernel panic - not syncing: Segfault with no mm", case.lines)
        self.assertEqual([splat.kind for splat in result.bad_splats()], ["panic"])
        self.assertTrue(any("did not come to its end" in text and "new_thread_handler" in text
                            for text in result.problems))

    def test_timeout(self):
        """A kernel that kunit.py had to stop: said so, with what ran."""
        result = self.run_config("timeout", ["scratch_hang"])
        self.assertTrue(any("timeout" in text and "scratch_hang" in text
                            for text in result.problems), result.problems)
        self.assertFalse(result.ok())

    def test_again(self):
        """One different outcome in many boots is a problem; the log of that boot stays."""
        result = self.run_config("pass", ["scratch"])
        boots = iter(["pass", "fail", "warn", "pass"])
        builder = types.SimpleNamespace(config=self.config)

        def once(builder, result, folder, glob, allowed):
            played = next(boots)
            result.log = folder / "test.log"
            result.log.write_text(played, encoding="utf-8")
            result.suites = [ktap.Suite("s", [ktap.Case("s", "a", "failed" if played == "fail" else "passed")])]
            result.splats = [splats.Splat("warn", "WARNING: x", 1)] if played == "warn" else []

        once(builder, result, result.log.parent, "", [])
        with mock.patch.object(session, "boot_once", once):
            session.again(builder, result, [""], 3)
        self.assertEqual(result.problems, ["boot 2 of 4: s.a failed, in the first boot passed", "boot 3 of 4: kernel "
                                           "reports (warn) 1, in the first boot it did not run"])
        self.assertEqual(sorted(path.name for path in (result.log.parent / "again").iterdir()),
                         ["2-test.log", "3-test.log", "test.log"])
        self.assertFalse(result.ok())

    def test_in_another_order(self):
        """With a seed, each further boot has the next one, and must have taken it; seed, boot and test are named."""
        result = self.run_config("pass", ["scratch"])
        builder, args = types.SimpleNamespace(config=self.config), []
        self.config.kernel_args = ["usual"]

        def once(builder, result, folder, glob, allowed):
            args.append(builder.config.kernel_args)
            seed = builder.config.kernel_args[-1].rpartition("=")[2]
            result.log = folder / f"test-{glob}.log"
            result.log.write_text(f"stack_shuffle {seed}\n" if seed != "42" else "", encoding="utf-8")
            result.suites = [ktap.Suite("s", [ktap.Case("s", "a", "skipped" if seed == "41" else "passed")])]

        once(builder, result, result.log.parent, "s", [])
        with mock.patch.object(session, "boot_once", once):
            session.again(builder, result, ["s"], 3, 40)
        self.assertEqual(result.problems, [
            "boot 3 of 4 (--shuffle 41): s.a skipped, in the first boot passed",
            "boot 4 of 4 (--shuffle 42): the order is the usual one, the kernel did not take the seed"])
        self.assertEqual(args, [["usual"], *(["usual", f"stack_shuffle={seed}"] for seed in (40, 41, 42))])
        self.assertEqual(builder.config.kernel_args, ["usual"])
        self.assertEqual(sorted(path.name for path in (result.log.parent / "again").iterdir()),
                         ["3-test-s.log", "4-test-s.log"])

    def test_hanging_kunit(self):
        """A kunit.py that does not come back is killed."""
        self.config.timeout = 1
        with mock.patch.object(boot, "_GRACE", 0):
            result = self.run_config("hang", ["scratch"])
        self.assertFalse(result.ok())
        self.assertLess(result.run_seconds, 30)

    def test_build_without_end(self):
        """A build that does not come to its end is ended, and a problem."""
        with mock.patch.object(boot, "BUILD_LIMIT", 1):
            result = self.run_config("hang-build", ["scratch"])
        self.assertIn("the build was ended: no end after 1 s", result.problems[0])
        self.assertIn("begun", result.problems[0])
        self.assertFalse(result.built or result.log.exists())

    def test_parse_without_end(self):
        """So is a kunit.py that never says what it makes of the log."""
        shutil.copy(GOLDEN / "pass.log", self.top / "hang-parse.log")
        with mock.patch.object(boot, "PARSE_LIMIT", 1), \
                mock.patch.object(sys.modules[__name__], "GOLDEN", self.top):
            result = self.run_config("hang-parse", ["scratch"])
        self.assertIn("no end after 1 s", result.problems[0])

    def test_unused_exception(self):
        """An exception that is for this configuration and that nothing needed is told."""
        result = self.run_config("pass", ["scratch"])
        self.assertNotIn("suspicious RCU usage", "\n".join(result.unused))
        self.config = boot.load_config(HERE.parent / "kunit", "lockdep")
        result = self.run_config("pass", ["scratch"])
        self.assertRegex("\n".join(result.unused), r"splats\.allow:\d+: .*suspicious RCU usage")
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            summary.show(result)
        self.assertIn("no report needed kunit/splats.allow:", said.getvalue())
        self.assertTrue(result.ok())

    def test_splat_in_passing_run(self):
        """A WARN fails a run in which every test passed."""
        result = self.run_config("warn", ["scratch_splat"])
        self.assertEqual(result.count("failed", "crashed"), 0)
        self.assertEqual(result.problems, [])
        self.assertFalse(result.ok())

    def test_isolated(self):
        """Each suite has a boot and a log of its own, and a report says which log."""
        result = self.run_config("warn", ["scratch_splat", "other"], isolated=True)
        names = sorted(path.name for path in (self.top / "out").glob("test*.log"))
        self.assertEqual(names, ["test-other.log", "test-scratch_splat.log"])
        self.assertEqual([splat.log for splat in result.splats],
                         ["test-scratch_splat.log"] * 2 + ["test-other.log"] * 2)
        self.assertIn("suite other was asked for and did not run", result.problems)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            summary.show(result)
            summary.table([result])
        self.assertIn("test-other.log:", said.getvalue())
        self.assertIn("a deliberate warning", said.getvalue())

    def test_silence(self):
        """A kernel that printed nothing is an error."""
        with self.assertRaises(term.StackError):
            self.run_config("silent", ["scratch"])

    def test_garbage(self):
        """Output that is no KTAP is a failure."""
        result = self.run_config("garbage", ["scratch"])
        self.assertTrue(any("[ERROR]" in text for text in result.problems))
        self.assertIn("suite scratch was asked for and did not run", result.problems)

    def test_build_error(self):
        """A build that fails says why, and nothing is booted."""
        result = self.run_config("build-error", ["scratch"])
        self.assertIn("unknown type name 'foo'", result.problems[0])
        self.assertFalse(result.log.exists())

    def test_dropped_option(self):
        """An option that Kconfig dropped is a failure that names it."""
        options = dict(self.config.options)
        del options["UML_TIME_TRAVEL_SUPPORT"]
        result = self.run_config("pass", ["scratch"], options)
        self.assertIn("CONFIG_UML_TIME_TRAVEL_SUPPORT=y was asked for, .config has n",
                      result.problems[0])

    def test_no_kunit_py(self):
        """A tree without kunit.py is an error."""
        (self.tree / boot.KUNIT_PY).unlink()
        with self.assertRaises(term.StackError):
            self.run_config("pass", ["scratch"])

    def test_no_compiler(self):
        """No gcc is an error that says what to do."""
        env = {"PATH": str(self.top), "GOLDEN": "", "PLAY": ""}
        builder = boot.Builder(self.tree, self.top / "build", self.config, [], env, 1)
        with self.assertRaises(term.StackError) as caught:
            builder.build(self.top / "log")
        self.assertIn("setup", caught.exception.mend)

    def test_results_json(self):
        """results.json has what was found."""
        result = self.run_config("fail", ["scratch_fail"])
        summary.write_json(result)
        data = json.loads((self.top / "out" / "results.json").read_text(encoding="utf-8"))
        self.assertEqual((data["ok"], data["passed"], data["failed"]), (False, 1, 1))


class With(unittest.TestCase):
    """kunit --with DIFF: which exit code means that a test noticed the diff."""

    KUNIT_PY = FAKE.replace('if play == "build-error":',
                            'if "BAD" in open("drivers/pci/a.c").read():')

    def setUp(self):
        self.mini = ministack.MiniStack(self)
        ministack.write(self.mini.kernel / boot.KUNIT_PY, self.KUNIT_PY)
        self.mini.git("add", "-f", ".", cwd=self.mini.kernel)
        self.mini.git("commit", "-q", "-m", "kunit.py", cwd=self.mini.kernel)

    def kunit(self, new):
        """The CompletedProcess of a run with one more diff, which puts @new where a line was."""
        diff = self.mini.top / "mutant.patch"
        diff.write_text("--- a/drivers/pci/a.c\n+++ b/drivers/pci/a.c\n@@ -1,4 +1,4 @@\n"
                        " int a0(void)\n {\n-\treturn 0;\n+%s\n }\n" % new, encoding="utf-8")
        options = boot.read_options(HERE.parent / "kunit" / "plain.config")
        options.update(MINI_KUNIT_TEST="y", ALPHA_ONE_KUNIT_TEST="y", ALPHA_TWO_KUNIT_TEST="y")
        return self.mini.stack("kunit", "--tree", "%s:main" % self.mini.kernel, "--with", diff,
                               GOLDEN=GOLDEN, PLAY="fail", DOT_CONFIG=repr(options))

    def test_tests_fail(self):
        """1: it was built, and a test failed."""
        done = self.kunit("\treturn 1;")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("scratch_fail.fails", done.stdout)

    def test_build_fails(self):
        """2: it was not built, so no test noticed anything."""
        done = self.kunit("\tBAD")
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("NOT BUILT", done.stdout.splitlines()[-1])

    def test_does_not_apply(self):
        """2: no more did any when the diff does not apply."""
        path = self.mini.patches()[0]
        text = path.read_text(encoding="utf-8").replace("return 33;", "return 34;")
        diff = self.mini.top / "rotten.patch"
        diff.write_text(text, encoding="utf-8")
        done = self.mini.stack("kunit", "--tree", "%s:main" % self.mini.kernel, "--with", diff)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("does not apply", done.stderr)


# What the kernel's headers give to the text that --shuffle appends, and a program that prints orders.
ORDER = """
#include <stdio.h>
#include <stdlib.h>
typedef unsigned int uint;
#define core_param(...)
#define __init
#define late_initcall_sync(f)
#define pr_info(...)
#define swap(a, b) do { __typeof__(a) t = (a); (a) = (b); (b) = t; } while (0)
struct rnd_state { unsigned long s; };
static void prandom_seed_state(struct rnd_state *state, unsigned long seed) { state->s = seed * 0x9E3779B97F4A7C15; }
static uint prandom_u32_state(struct rnd_state *state)
{
	return (state->s = state->s * 6364136223846793005 + 1) >> 33;
}
struct kunit_case { int (*run_case)(void); const char *name; };
struct kunit_suite { struct kunit_case *test_cases; };
static int run(void) { return 0; }
static struct kunit_case one[] = {{ run, "a" }, { run, "b" }, { run, "c" }, { run, "d" }, { 0, "end" }};
static struct kunit_case two[] = {{ run, "e" }, { 0, "end" }}, three[] = {{ 0, "end" }};
static struct kunit_case four[] = {{ run, "f" }, { run, "g" }, { run, "h" }, { 0, "end" }};
static struct kunit_suite s1 = { one }, s2 = { two }, s3 = { three }, s4 = { four }, s5 = { two };
static struct kunit_suite *table[] = { &s1, &s2, &s3, &s4, &s5 };
#define __kunit_init_suites_start (table + 3)
#define __kunit_init_suites_end (table + 5)
#define __kunit_suites_start table
#define __kunit_suites_end (table + 3)
%s
int main(int argc, char **argv)
{
	stack_shuffle = atoi(argv[1]);
	stack_shuffle_suites();
	for (int i = 0; i < 5; i++)
		for (struct kunit_case *c = table[i]->test_cases; ; c++) {
			printf("%%s ", c->name);
			if (!c->run_case)
				break;
		}
}
"""


class Shuffle(unittest.TestCase):
    """kunit --shuffle and --load, with a kernel that does not care, or has no KUnit that can be told."""

    KUNIT_PY = FAKE.replace("    sys.stdout.write(open", """    start = "--kernel_args=stack_shuffle="
    seed = next((arg[len(start):] for arg in sys.argv if arg.startswith(start)), "")
    if seed and "stack_shuffle_suites" in open("lib/kunit/executor.c").read():
        print("stack_shuffle " + seed)
    with open(os.environ["SEEN"], "a") as seen:
        seen.write("%s %d\\n" % (seed, sum("while True: pass" in open(p, errors="ignore").read()
                   for p in __import__("glob").glob("/proc/[0-9]*/cmdline") if os.path.exists(p))))
    play = "fail" if seed == os.environ.get("ODD") else play
    sys.stdout.write(open""").replace("    source = os.path", """    log = open(sys.argv[-1]).read()
    if "stack_shuffle %s\\n" % os.environ.get("ODD") in log:
        play = "fail"
    source = os.path""")

    def setUp(self):
        self.mini = ministack.MiniStack(self)
        ministack.write(self.mini.kernel / boot.KUNIT_PY, self.KUNIT_PY)
        ministack.write(self.mini.kernel / disturb.EXECUTOR, "// here\n")
        self.commit()

    def commit(self):
        self.mini.git("add", "-fA", ".", cwd=self.mini.kernel)
        self.mini.git("commit", "-q", "-m", "kunit.py", cwd=self.mini.kernel)

    def kunit(self, *words, status, **extra):
        """Run the verb; (what it said, [(seed, busy processes)] of the boots)."""
        options = boot.read_options(HERE.parent / "kunit" / "plain.config")
        options.update(MINI_KUNIT_TEST="y", ALPHA_ONE_KUNIT_TEST="y", ALPHA_TWO_KUNIT_TEST="y")
        seen = self.mini.top / "seen"
        seen.unlink(missing_ok=True)
        done = self.mini.stack("kunit", "--tree", "%s:main" % self.mini.kernel, *words, GOLDEN=GOLDEN, PLAY="pass",
                               DOT_CONFIG=repr(options), SEEN=seen, **extra)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr, [tuple(line.split(" ")) for line in seen.read_text().splitlines()] \
            if seen.exists() else []

    def test_seeds(self):
        """The first boot has the usual order; one that comes out differently is told by seed, boot and test."""
        said, seen = self.kunit("--shuffle", "7", "--repeat", "4", ODD="8", status=1)
        self.assertEqual([seed for seed, _ in seen], ["", "7", "8", "9"])
        self.assertIn("boot 3 of 4 (--shuffle 8): scratch_fail.fails failed, in the first boot it did not run", said)
        self.assertNotIn("did not take the seed", said)
        self.assertEqual([seed for seed, _ in self.kunit("--shuffle", status=1)[1]], ["", "1"])
        self.assertNotIn("stack_shuffle", (self.mini.kernel / disturb.EXECUTOR).read_text())
        self.kunit(status=1)
        self.assertNotIn("stack_shuffle", (self.mini.out / "check" / disturb.EXECUTOR).read_text())

    def test_refused(self):
        for seed in ("0", "-1", str(disturb.SEEDS)):
            self.assertIn("a seed is a number from 1", self.kunit(f"--shuffle={seed}", status=2)[0])
        self.mini.git("rm", "-q", disturb.EXECUTOR, cwd=self.mini.kernel)
        self.commit()
        self.assertIn("cannot be told an order", self.kunit("--shuffle", status=2)[0])

    def test_load(self):
        """Two busy processes for each processor beside the boots, and none afterwards."""
        count = 2 * len(os.sched_getaffinity(0))
        _, seen = self.kunit("--load", "--repeat", "2", status=1)
        before = int(self.kunit(status=1)[1][0][1])     # of others on this machine
        self.assertEqual([int(busy) - before for _, busy in seen], [count, count])
        self.assertEqual(list((self.mini.out / ".running").glob("*")), [])

    def test_each_order_has_all(self):
        """The text for the kernel: every seed an order of its own of suites and tests, all there, ends at the end."""
        with tempfile.TemporaryDirectory() as folder:
            text = disturb._KERNEL.replace("#include <linux/prandom.h>", "")  # pylint: disable=protected-access
            ministack.write(Path(folder) / "x.c", ORDER % text)
            ministack.sh("gcc", "-w", "-o", "x", "x.c", cwd=folder)
            orders = [ministack.sh("./x", str(seed), cwd=folder) for seed in range(40)]
        self.assertEqual(orders[0], "a b c d end e end end f g h end e end")
        self.assertGreater(len(set(orders)), 30)
        for order in orders:
            self.assertEqual(sorted(order.split()), sorted(orders[0].split()), order)
            self.assertRegex(order, r"(?=(.*e end){2})(?=.*([abcd] ){4}end.*[fghe] end)(?=.*([fgh] ){3}end)")
        for first in (order.replace("end", "").split() for order in orders), (order[-12:].split() for order in orders):
            self.assertGreater(len({words[0] for words in first}), 3)


class Choices(unittest.TestCase):
    """Command line and data files."""

    def test_unknown_suite(self):
        """A suite that does not build is refused with those that do."""
        with self.assertRaises(term.StackError) as caught:
            session.chosen_suites(["b"], ["a"], 2)
        self.assertIn("suites that do: a", caught.exception.msg)

    def test_no_suites(self):
        """No suite at all is an error, not a pass."""
        with self.assertRaises(term.StackError):
            session.chosen_suites([], [], 0)

    def test_counts_of_ci(self):
        """Stress has the counts of quick-args only where that is asked for, and never where lines are counted."""
        for name, full, wanted in (("plain", True, []), ("plain", False, ["stress.count=1"]), ("coverage", False, [])):
            one = session.Session.__new__(session.Session)
            topics = [types.SimpleNamespace(option=lambda key: {"quick-args": "stress.count=1"}[key])]
            one.args, one.known, one.asked, one.source = options.Kunit(full=full), ["a"], ["a"], Path("/nowhere")
            one.env, one.jobs, one.ws = {}, 1, types.SimpleNamespace(out=Path("/nowhere"), repo=HERE.parent.parent)
            one.tree = types.SimpleNamespace(patches=[], quick_args=lambda: tree.Tree.quick_args(types.SimpleNamespace(topics=topics)),
                                             stack=types.SimpleNamespace(base={"kconfig": "CONFIG_OF_BASE=y"}))
            with mock.patch.multiple(session, build_config=mock.DEFAULT, boot_config=mock.DEFAULT, fragments=mock.DEFAULT) as made, \
                    mock.patch.object(session.packages, "ensure_quickly"), mock.patch.object(summary, "write_json"), \
                    mock.patch.object(session.coverage, "make_options", return_value=[]), \
                    mock.patch.object(boot, "Builder") as builder:
                list(one.run([name]))
            config = builder.call_args[0][2]
            plain = boot.load_config(HERE.parent / "kunit", name)
            self.assertEqual(config.kernel_args, plain.kernel_args + wanted)
            self.assertEqual(made["fragments"].call_args[0][-1], "CONFIG_OF_BASE=y")

    def test_late(self):
        """After its time no configuration is begun: it is told, and is neither passed nor failed."""
        one = session.Session.__new__(session.Session)
        one.args, one.ws = options.Kunit(until=1.0), types.SimpleNamespace(out=Path("/nowhere"))
        with mock.patch.object(session.Session, "builder", return_value=("b", ["a"])), \
                mock.patch.object(session, "build_config") as build, mock.patch.object(session.term, "say") as say:
            self.assertEqual(list(one.run(["plain", "coverage"])), [])
        build.assert_not_called()
        self.assertIn("kunit coverage: not come to in time", say.call_args[0][0])
        with mock.patch.object(kunit, "_run_all", return_value=([], None)), mock.patch.object(summary, "table"):
            self.assertEqual(kunit.run_counts(options.Kunit(until=1.0), ["coverage"], []), (0, 0))
            self.assertEqual(kunit.run_counts(options.Kunit(), ["coverage"], []), (0, 1))

    def test_configs(self):
        """Every shipped configuration reads; an unknown one does not."""
        for name in session.CONFIGS:
            config = boot.load_config(session.config_folder(), name)
            self.assertEqual(config.options["KUNIT"], "y")
            self.assertGreater(config.timeout, 0)
        with self.assertRaises(term.StackError):
            boot.load_config(session.config_folder(), "kcsan")

    def test_json_of_another_kind(self):
        """JSON that is no KUnit result is refused."""
        for text in ("[]", "{}", "not json", '{"sub_groups": 3, "test_cases": []}'):
            with self.assertRaises(ValueError):
                ktap.read(text, ktap.LogReader())

    def test_ccache_base(self):
        """ccache is told to hit across work folders whatever the environment says."""
        with mock.patch.dict(os.environ, {"CCACHE_BASEDIR": "/x", "KCFLAGS": "-DX", "CCACHE_PREFIX": "distcc",
                                          "DISTCC_HOSTS": "h"}):
            env = boot.environment("/some/out", "/some/cache")
            checks = runner.Executor("/some/out", None, "/bin").environment({})
        for one in (env, checks):  # see the README, on distcc
            self.assertEqual((one["CCACHE_PREFIX"], one["DISTCC_HOSTS"]), ("distcc", "h"))
        self.assertEqual((env["CCACHE_BASEDIR"], env["CCACHE_NOHASHDIR"]), ("/some/out", "1"))
        self.assertNotIn("KCFLAGS", env)


if __name__ == "__main__":
    unittest.main()
