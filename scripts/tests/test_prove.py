# SPDX-License-Identifier: GPL-2.0
"""Verb prove: faults that a fake kernel notices, misses, hangs on, dies of; each gate broken on purpose."""
import contextlib
import io
import json
import os
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402

from stacklib import options  # noqa: E402
from stacklib.checking import report  # noqa: E402
from stacklib.stack import series  # noqa: E402
from stacklib.suites import boot, ktap, mutate, trial  # noqa: E402
from stacklib.verbs import test  # noqa: E402

# Stands in for kunit.py and for a kernel: drivers/pci/a.c says what happens in which suite.
KUNIT_PY = r'''
import json, os, re, sys, time
args = dict(arg[2:].split("=", 1) for arg in sys.argv[2:] if arg.startswith("--"))
source = open("drivers/pci/a.c").read()
plays = dict(re.findall(r"(\w+) shall (\w+)", source))
if sys.argv[1] == "build":
    with open(os.environ["CALLS"], "a") as calls:
        calls.write("build\n")
    for number, line in enumerate(source.splitlines(), 1):
        if os.environ.get("REFUSED", "none") in line:
            print("../../check/drivers/pci/a.c:%d:9: error: type mismatch" % number)
            sys.exit(1)
    if "BAD" in source:
        print("drivers/pci/a.c:3:1: error: unknown type name 'BAD'")
        sys.exit(1)
    with open(os.path.join(args["build_dir"], ".config"), "w") as out:
        out.write("CONFIG_KUNIT=y\nCONFIG_UML_TIME_TRAVEL_SUPPORT=y\nCONFIG_MINI_KUNIT_TEST=y\n"
                  "CONFIG_ALPHA_ONE_KUNIT_TEST=y\nCONFIG_ALPHA_TWO_KUNIT_TEST=y\n")
elif sys.argv[1] == "exec":
    names = [sys.argv[-1]] if not sys.argv[-1].startswith("--") else ["mini", "alpha_one", "alpha_two"]
    with open(os.environ["CALLS"], "a") as calls:
        calls.write("boot %s\n" % " ".join(names))
    chosen = re.search(r"stack_mutant=(-?\d+)", " ".join(sys.argv))
    planted = re.findall(r"stack_mutated\((\d+)\)", source)
    plays.update({"alpha_one": word[1] for word in re.findall(r"(-?\w+)=(\w+)", os.environ.get("MADE", ""))
                  if chosen and word[0] == chosen[1]})
    if "return 3;" in source:   # the first patch is not there
        plays.update(re.findall(r"(\w+)=(\w+)", os.environ.get("BASE", "")))
    if "--kernel_args=kunit.action=list" in sys.argv:
        print("KTAP version 1\n%s\n%s.first\n%s.second\nSystem halted" % tuple(names * 3))
        sys.exit(0)
    print("KTAP version 1\n1..%d" % len(names))
    for number, name in enumerate(names, 1):
        name, _, case = name.partition(".")
        print("    KTAP version 1\n    # Subtest: %s\n    1..%d" % (name, 1 if case else 2))
        print("" if case == "second" else "    ok 1 first")
        if case == "first":
            print("ok %d %s" % (number, name))
            continue
        play = plays.get(name, "pass")
        if chosen and chosen[1] == "-1" and name == "alpha_one":
            print("".join("stack_mutated %s\n" % number for number in planted))
        if play == "fail":
            print("    # second: EXPECTATION FAILED at drivers/pci/tests/x_kunit.c:7")
        if play == "warn":
            print("WARNING: CPU: 0 PID: 1 at drivers/pci/a.c:3 a0+0x1/0x2")
        if play == "die":
            print("Kernel panic - not syncing: Segfault")
        if play == "hang":
            print("Command ['linux'] timed out after 5 seconds")
        if play in ("die", "hang"):
            sys.exit(0)
        print("    %sok 2 second%s\nok %d %s" % ("not " if play == "fail" else "", " # SKIP" if play == "skip" else "",
                                                   number, name))
    print("System halted")
elif sys.argv[1] == "parse":
    groups, bad = [], False
    for line in open(sys.argv[-1]):
        if "# Subtest" in line:
            groups.append({"name": line.split()[-1], "test_cases": [], "sub_groups": []})
        found = re.match(r"    (not )?ok \d (\w+)", line)
        if found:
            groups[-1]["test_cases"].append({"name": found[2], "status": "FAIL" if found[1] else
                                             "SKIP" if "# SKIP" in line else "PASS"})
            bad = bad or bool(found[1])
    bad = bad or all(case["status"] == "SKIP" for group in groups for case in group["test_cases"])
    json.dump({"sub_groups": groups, "test_cases": []}, open(args["json"], "w"))
    sys.exit(bad)
'''


class Fake(unittest.TestCase):
    """A mini stack with the fake kernel."""

    def setUp(self):
        self.mini = ministack.MiniStack(self)
        ministack.write(self.mini.kernel / boot.KUNIT_PY, KUNIT_PY)
        ministack.write(self.mini.kernel / "lib/kunit/test.c", "// here\n")
        self.mini.git("add", "-f", ".", cwd=self.mini.kernel)
        self.mini.git("commit", "-q", "-m", "kunit.py", cwd=self.mini.kernel)
        self.calls = self.mini.top / "calls"
        for suite in ("mini", "alpha_one", "alpha_two"):
            with open(self.mini.repo / f"kunit/drivers/pci/tests/{suite}_kunit.c", "a", encoding="utf-8") as file:
                file.write("/* first second */\n")

    def prove(self, *words, status=0, **extra):
        """Run the verb; (standard output, what was built and booted)."""
        self.calls.write_text("")
        done = self.mini.stack("prove", "--tree", f"{self.mini.kernel}:main", *words, CALLS=self.calls, **extra)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr, self.calls.read_text().splitlines()


class Stored(Fake):
    """prove --stored: mutants beside the patches."""

    def mutant(self, name, text, run="plain alpha_one.second", topic="alpha", old="return 0;"):
        """Store a mutant with a line that says what happens."""
        path = self.mini.repo / f"patches/v1/{topic}/mutants/{name}.patch"
        ministack.write(path, f"# caught by it\n# run: {run}\n--- a/drivers/pci/a.c\n+++ b/drivers/pci/a.c\n"
                        f"@@ -1,4 +1,4 @@\n int a0(void)\n {{\n-\t{old}\n+\t{text}\n }}\n")
        return path

    def test_each_fate(self):
        """The named test, another, a report, a hang, a panic: noticed. Nothing, no build, no place: findings."""
        self.mutant("1", "return 7; /* alpha_one shall fail */")
        self.mutant("2", "return 7; /* alpha_two shall fail */")
        self.mutant("3", "return 7; /* alpha_one shall hang */")
        self.mutant("4", "return 7; /* mini shall die */")
        self.mutant("5", "return 7; /* alpha_one shall warn */", "plain alpha_one")
        said, _ = self.prove("--stored")
        for line in ("caught patches/v1/alpha/mutants/1.patch: alpha_one.second",
                     "elsewhere patches/v1/alpha/mutants/2.patch: alpha_two.second",
                     "hang patches/v1/alpha/mutants/3.patch", "panic patches/v1/alpha/mutants/4.patch",
                     "caught patches/v1/alpha/mutants/5.patch: alpha_one"):
            self.assertIn(line, said)
        self.assertIn("5 stored mutants: 2 caught, 1 elsewhere, 1 hang, 1 panic; 5 run now", said)
        self.mutant("6", "return 7;")
        self.mutant("7", "BAD")
        self.mutant("8", "return 7;", old="return 99;")
        said, calls = self.prove("--stored", status=1)
        for line in ("survived patches/v1/alpha/mutants/6.patch\n", "unbuilt patches/v1/alpha/mutants/7.patch: ",
                     "stale patches/v1/alpha/mutants/8.patch: "):
            self.assertIn(line, said)
        self.assertIn("3 run now", said)    # the one that hung, too: that may have been the machine
        self.assertEqual(calls.count("boot mini alpha_one alpha_two"), 2)   # without a fault, and 6

    def test_kept_until_something_changes(self):
        self.mutant("1", "return 7; /* alpha_one shall fail */")
        self.assertTrue(self.prove("--stored")[1])
        self.assertEqual(self.prove("--stored")[1], [])
        self.assertTrue(self.prove("--stored", "--no-cache")[1])
        self.mutant("1", "return 7; /* alpha_one shall fail */", "plain alpha_one.first")
        self.assertTrue(self.prove("--stored")[1])
        tests = self.mini.repo / "kunit/drivers/pci/tests/mini_kunit.c"
        tests.write_text(tests.read_text() + "/* another tree */\n")
        self.assertTrue(self.prove("--stored")[1])

    def test_a_kernel_that_is_broken_anyway(self):
        """A suite that fails without a fault proves nothing."""
        path = self.mini.kernel / "drivers/pci/a.c"
        path.write_text(path.read_text().replace("return 7;", "return 7; /* mini shall fail */"))
        self.mini.git("commit", "-qam", "broken", cwd=self.mini.kernel)
        self.mutant("1", "return 7; /* alpha_one shall fail */")
        self.assertIn("without any fault, mini.second: failed", self.prove("--stored", status=1)[0])

    def test_on_its_topic_alone(self):
        """A mutant for a line that a later topic changes is tried where it applies."""
        patch = self.mini.patches("beta")[0]
        ministack.write(patch.with_name("0002-x.patch"), patch.read_text().split("---\n", maxsplit=1)[0].replace(
            "Add c.c", "Return less") + "---\n drivers/pci/a.c | 2 +-\n\n"
            "diff --git a/drivers/pci/a.c b/drivers/pci/a.c\n--- a/drivers/pci/a.c\n+++ b/drivers/pci/a.c\n"
            "@@ -1,4 +1,4 @@\n int a0(void)\n {\n-\treturn 0;\n+\treturn -1;\n }\n-- \n2\n")
        with open(self.mini.repo / "series", "a", encoding="utf-8") as file:
            file.write("v1/beta/0002-x.patch\n")
        self.mutant("1", "return 7; /* alpha_one shall fail */")
        self.assertIn("caught patches/v1/alpha/mutants/1.patch", self.prove("--stored")[0])
        self.assertIn("stale patches/v1/beta/mutants/1.patch",
                      self.prove("--stored", "beta", status=1)[0] if self.mutant("1", "BAD", topic="beta") else "")

    def test_choices(self):
        self.mutant("1-one", "return 7; /* alpha_one shall fail */")
        self.mutant("2-two", "return 7; /* alpha_two shall fail */", "plain alpha_two", "beta")
        self.assertIn("1 stored mutants: 1 caught", self.prove("--stored", "beta")[0])
        self.assertIn("1 stored mutants: 1 caught", self.prove("--stored", "--only", "one", "--budget", "5")[0])
        self.assertIn("no mutant is chosen", self.prove("--stored", "--config", "kasan", status=2)[0])
        self.assertIn("did you mean 'plain'", self.prove("--stored", "--config", "plane", status=2)[0])
        self.mutant("1-one", "return 7;", "")
        self.assertIn("0 lines '# run: CONFIG SUITE.CASE...'", self.prove("--stored", status=2)[0])

    def test_tests_of_the_topic(self):
        """A mutant that no suite of KUnit sees, but a test of the topic."""
        ministack.write(self.mini.repo / "patches/v1/alpha/tests/test_text.py",
                        "import os, unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n"
                        "        self.assertNotIn('return 7', open(os.environ['STACK_TEST_EXTRA']).read()\n"
                        "                         if 'STACK_TEST_EXTRA' in os.environ else '')\n")
        self.mutant("1", "return 7;", "tests test_text.test_it")
        self.mutant("2", "return 8;", "tests test_text.test_it")
        said = self.prove("--stored", status=1)[0]
        self.assertIn("caught patches/v1/alpha/mutants/1.patch: test_text.test_it", said)
        self.assertIn("survived patches/v1/alpha/mutants/2.patch", said)
        self.mutant("2", "return 8;", "tests test_text.test_other")
        self.assertIn("no test is called test_text.test_other", self.prove("--stored", status=1)[0])


class Before(Fake):
    """prove --before: alpha_one.second shall fail without the patches, or with a variant of them."""

    mutant = Stored.mutant
    FAILS = "EXPECTATION FAILED at drivers/pci/tests/x_kunit.c:7"

    def told(self, *lines):
        """Write the section [before] of the topic alpha."""
        path = self.mini.repo / "patches/v1/alpha/topic.ini"
        path.write_text(path.read_text().partition("[before]")[0] + "[before]\n" + "\n".join(lines) + "\n")

    def test_red(self):
        """As told: nothing is found, nothing is run twice, until the suites change."""
        self.told("0 alpha_one.second = " + self.FAILS)
        said, calls = self.prove("--before", "-v", BASE="alpha_one=fail")
        self.assertIn(f"red alpha 0 alpha_one.second: {self.FAILS}", said)
        self.assertIn("1 tests where they shall fail: 1 red; 1 run now", said)
        self.assertEqual(calls, ["build", "boot alpha_one", "boot alpha_one.first", "boot alpha_one.second"])
        self.assertEqual(self.prove("--before")[1], [])
        tests = self.mini.repo / "kunit/drivers/pci/tests/mini_kunit.c"
        tests.write_text(tests.read_text() + "/* another tree */\n")
        self.assertIn("green alpha 0 alpha_one.second", self.prove("--before", status=1)[0])

    def test_what_is_not_as_told(self):
        self.told("0 alpha_one.second = EXPECTATION FAILED at drivers/pci/tests/x_kunit.c:8")
        self.assertIn("otherwise alpha 0 alpha_one.second: not 'EXPECTATION FAILED at drivers/pci/tests/x_kunit.c:8' "
                      "but: # second: EXPECTATION FAILED", self.prove("--before", BASE="alpha_one=fail", status=1)[0])
        self.told("0 alpha_one.first = " + self.FAILS)
        said = self.prove("--before", status=1)[0]
        self.assertIn("green alpha 0 alpha_one.first", said)
        self.assertIn(f"untold alpha 0 alpha_one.second: # second: {self.FAILS}", said)
        self.told("1 alpha_one.second = " + self.FAILS)
        self.assertIn("green alpha 1 alpha_one.second", self.prove("--before", status=1, BASE="alpha_one=fail")[0])

    def test_a_kernel_that_dies(self):
        """One test that hangs, kills the kernel or makes it report hides no other, and has its reason."""
        for play, text in (("hang", "no end after"), ("die", "Kernel panic - not syncing: Segfault"),
                           ("warn", "WARNING: CPU: 0 PID: 1 at drivers/pci/a.c:3")):
            self.told("0 alpha_one.second = " + text, "0 alpha_two.second = " + self.FAILS)
            said = self.prove("--before", "--no-cache", BASE=f"alpha_one={play} alpha_two=fail")[0]
            self.assertIn("2 tests where they shall fail: 2 red", said)

    def test_skipped(self):
        """A test that is skipped there is not red."""
        self.told("0 alpha_one.second = " + self.FAILS)
        self.assertIn("1 green", self.prove("--before", BASE="alpha_one=skip", status=1)[0])

    def test_variants(self):
        """Stored mutants: as told, one that is not there any more, one that does not build."""
        self.mutant("1-bad", "return 7; /* alpha_one shall fail */")
        self.mutant("2-bad", "BAD")
        self.mutant("3-bad", "return 7;", old="return 99;")
        self.told("1-bad alpha_one.second = " + self.FAILS)
        self.assertIn("1 red", self.prove("--before")[0])
        self.told("2-bad alpha_one.second = " + self.FAILS, "3-bad alpha_two.second = " + self.FAILS)
        said = self.prove("--before", status=1)[0]
        self.assertIn("unbuilt alpha 2-bad alpha_one: the build failed", said)
        self.assertIn("stale alpha 3-bad: ", said)

    def test_choices(self):
        self.told("0 alpha_one.second = " + self.FAILS, "0 alpha_two.second = " + self.FAILS)
        self.assertIn("1 red", self.prove("--before", "--only", "alpha_one", BASE="alpha_one=fail")[0])
        self.assertIn("no test is chosen", self.prove("--before", "beta", status=2)[0])
        self.told("0 alpha_one = " + self.FAILS)
        self.assertIn("[before] 0 alpha_one: not STATE SUITE.CASE = TEXT", self.prove("--before", status=2)[0])
        for line, said in (("0 alpha_one = it fails", "not STATE SUITE.CASE"),
                           ("9 alpha_one.second = it fails", "neither a"),
                           ("1-bad alpha_one.second = it fails", "neither a number of patches nor a stored mutant"),
                           ("0 alpha_one.third = it fails", "nothing is called that"),
                           ("0 gamma.second = it fails", "nothing is called that")):
            self.told(line)
            done = self.mini.stack("lint")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, rf"alpha/topic.ini:0: error: \[before\] {line.split(' =')[0]}: {said}")


class Made(Fake):
    """prove --made: faults in the lines that the patches add: returns of 33 and 1515 in a.c, of 22 in b.c."""

    def test_each_fate(self):
        said, calls = self.prove("--made", "-v", MADE="1=fail 2=hang")
        self.assertIn("caught drivers/pci/a.c:18: return: 33 (in a3): alpha_one.second", said)
        self.assertIn("hang drivers/pci/a.c:78: return: 1515 (in a15)", said)
        self.assertIn("3 made mutants, plain: 1 caught, 1 hang, 1 unmet; 2 run now", said)
        self.assertEqual(sorted(calls), sorted(["build", "boot mini alpha_one alpha_two"] + ["boot alpha_one"] * 2))
        said, calls = self.prove("--made", MADE="1=fail", status=1)     # what hung is tried again
        self.assertIn("survived drivers/pci/a.c:78: return: 1515 (in a15)", said)
        self.assertIn("1 caught, 1 unmet, 1 survived; 1 run now", said)
        self.assertEqual(calls[-2:], ["boot alpha_one", "boot mini alpha_one alpha_two"])
        fates = json.loads((self.mini.out / "prove/made-plain.json").read_text())
        self.assertEqual({fate["fate"] for fate in fates}, {"caught", "survived", "unmet"})

    def test_equivalent(self):
        """A survivor may be excused, with a reason; an excuse that none needs is a finding."""
        excuse = self.mini.repo / "patches/v1/alpha/equivalent"
        ministack.write(excuse, "mutant: drivers/pci/a.c:a15: return: 1515\nreason: nobody\n  looks\n")
        self.assertIn("1 caught, 1 equivalent, 1 unmet", self.prove("--made", MADE="1=fail")[0])
        ministack.write(excuse, excuse.read_text() + "\nmutant: drivers/pci/a.c:a9: never: x\nreason: none\n")
        said, calls = self.prove("--made", status=1)
        self.assertIn("stale excuse alpha/equivalent:5: no survivor is: drivers/pci/a.c:a9: never: x", said)
        self.assertEqual(calls.count("boot alpha_one"), 0)
        ministack.write(excuse, "mutant: x\n")
        self.assertIn("alpha/equivalent:1: the entry has no 'reason'", self.prove("--made", status=2)[0])

    def test_refused_by_the_compiler(self):
        said, _ = self.prove("--made", MADE="2=fail", REFUSED="stack_mutated(1)")
        self.assertIn("3 made mutants, plain: 1 caught, 1 unmet, 1 refused", said)
        self.assertIn("does not build", self.prove("--made", status=1, REFUSED="extern _Bool")[0])

    def test_programs_have_no_faults(self):
        """A program of the kernel tree is linked without the kernel, which is asked for the number of the fault."""
        patch = self.mini.patches("beta")[0]
        ministack.write(patch.with_name("0002-x.patch"), patch.read_text().split("---\n", maxsplit=1)[0].replace(
            "Add c.c", "Add a program") + "---\n tools/t.c | 4 ++++\n\n"
            "diff --git a/tools/t.c b/tools/t.c\nnew file mode 100644\nindex 000000000000..444444444444\n"
            "--- /dev/null\n+++ b/tools/t.c\n@@ -0,0 +1,4 @@\n+int t(void)\n+{\n+\treturn 44;\n+}\n-- \n2\n")
        with open(self.mini.repo / "series", "a", encoding="utf-8") as file:
            file.write("v1/beta/0002-x.patch\n")
        self.assertIn("3 made mutants, plain: 2 caught, 1 unmet", self.prove("--made", MADE="1=fail 2=fail")[0])

    def test_broken_anyway(self):
        self.assertIn("without any fault, alpha_one.second: failed", self.prove("--made", MADE="-1=fail", status=1)[0])


class Proof(Fake):
    """What a whole run leaves: TOPIC/proof, which lint holds to patches and suites, and a page for each patch."""

    mutant, told = Stored.mutant, Before.told

    def setUp(self):
        super().setUp()
        self.proof = self.mini.repo / "patches/v1/alpha/proof"
        self.mutant("1", "return 7; /* alpha_one shall fail */")
        self.told("0 alpha_one.second = " + Before.FAILS)
        self.made = {"MADE": "1=fail 2=fail", "BASE": "alpha_one=fail"}

    def stale(self):
        """What lint says of the file, "" for nothing."""
        said = [line for line in self.mini.stack("lint").stdout.splitlines() if "alpha/proof" in line]
        return "\n".join(said)

    def test_totals(self):
        said, _ = self.prove("alpha", **self.made)
        self.assertIn("1 tests where they shall fail: 1 red", said)
        text = self.proof.read_text()
        self.assertRegex(text, r"\ndigest = [0-9a-f]{64}\nstored = 1 noticed\nbefore = 1 red\n\n"
                         r"\[made\]\n0001 = 1 noticed\n0002 = 1 noticed, 1 unmet\n$")
        self.assertEqual(self.stale(), "")
        self.prove("alpha", **self.made)
        self.assertEqual(self.proof.read_text(), text)
        data = report.frame(self.mini, series.load(self.mini.repo), [], 0)
        self.assertEqual(data["proof"], {"alpha": {"stale": False, "stored": "1 noticed", "before": "1 red",
                                                   "made": {"0001": "1 noticed", "0002": "1 noticed, 1 unmet"}}})

    def test_stale(self):
        """Whatever it was made from: a change is found, its undoing, too; other files are none of it."""
        self.prove("alpha", **self.made)
        folder = self.proof.parent
        for path in (self.mini.patches()[0], folder / "mutants/1.patch", folder / "topic.ini",
                     self.mini.repo / "kunit/drivers/pci/tests/alpha_one_kunit.c"):
            old = path.read_text()
            path.write_text(old.replace("alpha_one.second = EXP", "alpha_two.second = EXP") + "\n")
            if path.name != "topic.ini":
                path.write_text(old + "\n")
            self.assertIn("is of other patches, mutants or suites", self.stale(), path)
            path.write_text(old)
            self.assertEqual(self.stale(), "", path)
        ministack.write(folder / "equivalent", "mutant: x\nreason: y\n")
        self.assertIn("is of other", self.stale())
        (folder / "equivalent").unlink()
        with open(folder / "0000-cover-letter.patch", "a", encoding="utf-8") as cover:
            cover.write("\n")
        self.assertEqual(self.stale(), "")
        self.proof.write_text(self.proof.read_text().replace("digest = ", "digest = 1"))
        self.assertIn("is of other", self.stale())
        self.proof.write_text("<<<<<<< HEAD\n[proof]\n")
        self.assertIn("is of other", self.stale())
        self.proof.unlink()
        self.assertEqual(self.stale(), "")

    def test_only_of_a_whole_run(self):
        for words in (["--made"], ["--stored"], ["--before"], ["--only", "alpha_one"], ["--config", "plain"]):
            self.mini.stack("prove", "--tree", f"{self.mini.kernel}:main", "alpha", *words, CALLS=self.calls,
                            **self.made)
            self.assertFalse(self.proof.exists(), words)

    def test_pages(self):
        """Added lines with their faults, those that no suite has run marked, when the counts are of this tree."""
        self.mutant("2", "return 8; /* alpha_two shall fail */", "plain alpha_two")
        path = self.mini.repo / "patches/v1/alpha/mutants/3.patch"
        ministack.write(path, "# run: plain alpha_one\n--- a/drivers/pci/a.c\n+++ b/drivers/pci/a.c\n"
                        "@@ -16,4 +16,4 @@\n int a3(void)\n {\n-\treturn 33;\n"
                        "+\treturn 3; /* alpha_one shall fail */\n }\n")
        self.prove("alpha", **self.made)
        page = self.mini.out / "prove/alpha" / self.mini.patches()[0].with_suffix(".txt").name
        self.assertEqual(page.read_text(), """PCI: Return more from a3()

no coverage run of this tree: scripts/stack kunit --coverage

drivers/pci/a.c
     18 |       return 33;
        |         ^ caught: return: 33: alpha_one.second
        |         ^ caught: mutants/3.patch: alpha_one.second
""".replace("|       return", "| \treturn"))
        rest = (self.mini.out / "prove/alpha/0000.txt").read_text()
        self.assertIn("caught: mutants/2.patch: alpha_two.second\nred: before, 0 alpha_one.second: EXPECT", rest)
        tree = self.mini.git("rev-parse", "refs/stack/full^{tree}")
        added = {"tree": tree, "patches": [{"patch": self.mini.patches()[0].name, "runnable": 1, "covered": 0, "excused": {},
                                            "uncovered": ["drivers/pci/a.c:18: return 33;"]}]}
        ministack.write(self.mini.out / "kunit/coverage/added.json", json.dumps(added))
        self.prove("alpha", **self.made)
        self.assertIn("\nthe suites run 0 of 1 lines that can run (! not run, ~ excused)\n", page.read_text())
        self.assertIn("\n!    18 | \treturn 33;\n", page.read_text())
        ministack.write(self.mini.out / "kunit/coverage/added.json", json.dumps(dict(added, tree="another")))
        self.prove("alpha", **self.made)
        self.assertIn("\n     18 | \treturn 33;\n", page.read_text())

    def test_what_ci_runs(self):
        """Made mutants of topics whose file is stale; of none other; not when the time is over."""
        args = options.Test(tree=f"{self.mini.kernel}:main")

        def counts(until=0.0, **extra):
            self.calls.write_text("")
            env = ministack.environment(**dict(self.mini.env, CALLS=self.calls, **extra))
            with mock.patch.dict(os.environ, env, clear=True), contextlib.redirect_stdout(io.StringIO()) as said:
                return (*test.prove_counts(args, [], until), said.getvalue())
        self.assertIn("no topic has changed", counts()[2])
        self.prove("alpha", **self.made)
        self.assertEqual(counts()[:2], (0, 0))
        path = self.mini.repo / "kunit/drivers/pci/tests/alpha_one_kunit.c"
        path.write_text(path.read_text() + "\n")
        self.assertEqual(counts(time.monotonic() + 30)[:2], (0, 0))
        self.assertEqual(self.calls.read_text(), "")
        self.assertEqual(counts(MADE="1=fail")[:2], (1, 1))


# A program for what the operators do: each argument is the number of a mutant.
PROGRAM = """
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
static int now, log_[9], logged;
_Bool stack_mutated(int n);
_Bool stack_mutated(int n) { return n == now; }
static void one(int x) { log_[logged++] = x; }
static void two(int x) { log_[logged++] = 10 * x; }
static int get(int *a, int *b) { return *a - *b; }
static int work(int x, int y)
{
	int ret = 0;

	if (x < 3)
		goto out;
	if (x == 5 && y || x == 7)
		return -EINVAL;
	one(1);
	two(2);
	ret = get(&x, &y);
	goto end;
out:
	one(3);
end:
	two(4);
	return ret;
}
int main(int argc, char **argv)
{
	for (now = 0; now <= atoi(argv[1]); now++) {
		for (int x = 2; x < 8; x++)
			for (int y = 0; y < 2; y++) {
				logged = 0;
				printf("%d", work(x, y));
				for (int n = 0; n < logged; n++)
					printf(",%d", log_[n]);
				printf(";");
			}
		printf("\\n");
	}
}
"""


class Mutate(unittest.TestCase):
    """The operators, by spatch and gcc, on a program."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.top = Path(folder.name)
        ministack.write(cls.top / "x.c", PROGRAM)
        ministack.write(cls.top / "lib/kunit/test.c", "// here\n")
        found = mutate.find(cls.top, ["x.c"], cls.top, ministack.environment())
        cls.sites = dict(enumerate([site for site in mutate.nested(found) if site.function == "work"], 1))

    def test_each_is_another_program(self):
        """Without a mutant nothing changes, each mutant changes something (but those named), and lines stay."""
        ministack.sh("gcc", "-w", "-o", "plain", "x.c", cwd=self.top)
        mutate.plant(self.top, self.sites)
        ministack.sh("gcc", "-w", "-o", "planted", "x.c", cwd=self.top)
        plain = ministack.sh("./plain", "0", cwd=self.top)
        first, *others = ministack.sh("./planted", str(len(self.sites)), cwd=self.top).splitlines()
        self.assertEqual(first, plain.strip("\n"))
        same = [self.sites[n].key for n, line in enumerate(others, 1) if line == first]
        self.assertEqual(same, [])
        self.assertEqual((self.top / "x.c").read_text().count("\n"), PROGRAM.count("\n"))

    def test_kinds(self):
        kinds = {site.op for site in self.sites.values()}
        self.assertEqual(set(mutate.operators()) - kinds, set())

    def test_overlaps_are_left_out(self):
        def site(*edits):
            return mutate.Site("x", "x.c", "f", 1, 1, "", edits)
        a, b, c = site((0, 9, "[{}]")), site((3, 5, "<{}>"), (6, 8, "")), site((7, 12, "({})"))
        self.assertEqual(mutate.nested([a, b, c]), [a, b])
        self.assertEqual(mutate.render("0123456789", [(3, 5, "<{}>"), (0, 9, "[{}]"), (3, 5, "({})")]),
                         "[012<(34)>5678]9")

    def test_what_the_compiler_refuses(self):
        sites = {n: mutate.Site(op, "a/x.c", "f", line, last, "", ()) for n, op, line, last in (
            (1, "constant", 7, 8), (2, "never", 7, 7), (3, "never", 9, 9))}
        for log, out in (("../../check/a/x.c:9:1: error: no", [3]), ("a/x.c:8:1: error: no", [1]),
                         ("a/x.c:7:1: warning: odd\nb/x.c:9:1: error: no", []),
                         ("In file included from a/x.c:9:\nh.h:3:1: error: no\nh.h:2:1: note: here\n"
                          "a/x.c:7:2: note: in expansion of macro", [1]),
                         ("    inlined from 'g' at /t/a/x.c:9:86:\nh.h:3:1: error: no\n", [3])):
            self.assertEqual(mutate.refused(log, sites), out, log)

    def test_what_a_suite_meets(self):
        log = ("KTAP version 1\n1..2\n    KTAP version 1\n    # Subtest: a\n[ 1.0] stack_mutated 3\n    ok 1 x\n"
               "ok 1 a\n"
               "    # Subtest: b\nstack_mutated 3\nstack_mutated 4\n    ok 1 x\nok 2 b\nstack_mutated 5\n")
        self.assertEqual(mutate.met(log.splitlines(), ktap.LogReader()), {3: ["a", "b"], 4: ["b"], 5: [""]})


class Fate(unittest.TestCase):
    """What rows mean."""

    def test_findings(self):
        self.assertEqual(trial.BAD, ("survived", "green", "otherwise", "untold", "stale", "unbuilt"))

    def test_words(self):
        failed, other = ["a.b.param", 0, "failed", "x.c:1"], ["c.d", 0, "failed", ""]
        for rows, names, fate in (
                ([], ["a"], ("survived", "")), ([other, failed], ["a.b"], ("caught", "a.b.param")),
                ([failed], ["a.bb", "aa"], ("elsewhere", "a.b.param")), ([failed], ["a"], ("caught", "a.b.param")),
                ([["a", 3, "kasan", "BUG"]], ["a.b"], ("caught", "a")),
                ([["", 0, "problem", "dropped"]], ["a"], ("elsewhere", "dropped")),
                ([failed, ["", 0, "hang", "no end"]], ["a.b"], ("hang", "a.b.param"))):
            self.assertEqual(trial.fate(rows, names), fate)


if __name__ == "__main__":
    unittest.main()
