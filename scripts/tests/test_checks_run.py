# SPDX-License-Identifier: GPL-2.0
"""The runner with small checks on a small tree: what runs, what is kept, what the report says."""
import atexit
import configparser
import contextlib
import functools
import html
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import types
import unittest
from pathlib import Path
from unittest import mock

from checks_support import git
from stacklib.checking import cache, lanes, planning, report, runner
from stacklib.host import process, term
from stacklib.linux import applying
from stacklib.stack import series
from stacklib.verbs import check
import ministack

TREE_CHECK = """\
#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# words: every word BAD is a warning
# kind: tree
[ "$1" = --version ] && echo 1 && exit
echo ran >> "$RUNS.words"
for f in $FILES; do grep -n BAD "$TREE/$f" | sed "s|^\\([0-9]*\\):.*|$f:\\1: warning: bad word|"; done
:
"""
ARCH_CHECK = """\
#!/bin/sh
#
# arches: notes what arch it ran on
# kind: tree
# arches: yes
[ "$1" = --version ] && echo "$ARCH $CROSS_COMPILE" && exit
echo "$ARCH" >> "$RUNS.archy"
case " $ASIDE " in *" $ARCH "*) echo "a.c:0: hint: not here: no object is built from it on $ARCH";; esac
"""
PATCH_CHECK = """\
#!/bin/sh
#
# patchy: the subject must not say "wrong"
# kind: patch
# uses: lib
[ "$1" = --version ] && echo 1 && exit
echo ran >> "$RUNS.patchy"
grep -n wrong "$PATCH" | sed "s|^\\([0-9]*\\):.*|$(basename "$PATCH"):\\1: error: wrong|"
:
"""


@functools.lru_cache(maxsize=None)
def repository(states):
    """(a small git repository with one commit per state, which nobody changes; [commit], [tree], the files of each)."""
    path = Path(tempfile.mkdtemp(prefix="stack-test-states-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    git("init", "-q", "--template=", cwd=path)
    for files in states:
        for name, text in files:
            if text is None:
                (path / name).unlink()
            else:
                (path / name).write_text(text, encoding="utf-8")
        git("add", "-A", cwd=path)
        git("-c", "maintenance.auto=false", "commit", "-qm", "state", "--allow-empty", cwd=path)
    ids = git("log", "--reverse", "--format=%H %T", cwd=path).stdout.split()
    return path, ids[::2], ids[1::2], applying.changed(path, ids[2::2])


class FakeTree:
    """What tree.Tree offers, over such a repository."""

    def __init__(self, folder, topic, states):
        self.folder, self.topics, self.patches = folder, [topic], topic.patches
        self.path, self.commits, self.trees, files = repository(tuple(tuple(state.items()) for state in states))
        self.boundaries, self.checkouts, self.states = len(states) - 1, [], states
        for patch, names in zip(self.patches, files):
            patch.files = list(names)

    def commit(self, k, dropin=False):
        return self.commits[k]

    def tree_id(self, k, dropin=False):
        return self.trees[k] + "d" * dropin

    def checkout(self, k, dropin=False, name="check"):
        self.checkouts.append((k, dropin))
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        for state in self.states[:k + 1]:
            for file, text in state.items():
                ministack.write(path / file, text or "")
                if text is None:
                    (path / file).unlink()
        return path

    def quick_args(self):
        return ["stress.count=3"]

    def suites(self, k):
        return ["always"]


class Small(unittest.TestCase):
    """A folder with checks, a topic of two patches to a.c, and a cache."""

    STATES = [{"a.c": "BAD\n"}, {"a.c": "one\ntwo\nBAD\n"}, {"a.c": "BAD\nBAD\n"}]

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="stack-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "checks" / "lib").mkdir(parents=True)
        (self.folder / "checks" / "lib" / "words").write_text("x")
        os.environ["RUNS"] = str(self.folder / "runs")
        self.addCleanup(os.environ.pop, "RUNS", None)
        self.made, self.forget = 0, False
        self.write("words", TREE_CHECK)
        self.write("patchy", PATCH_CHECK)
        self.states = [dict(s) for s in self.STATES]
        diff = "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-x\n+y\n"
        self.texts = ["Subject: first\n\n" + diff, "Subject: second\n\n" + diff]
        self.arches = "um s390"
        self.own_arches, self.expected = {}, {}
        self.until, self.last = 0, False

    def write(self, name, text):
        path = self.folder / "checks" / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def run_all(self, only=None, enabled=True, jobs=1, told=lambda event, what: None):
        """Run everything as `stack check` does; returns the report's data. jobs: from two on there are two lanes."""
        topic_dir = self.folder / "patches" / "t"
        topic_dir.mkdir(parents=True, exist_ok=True)
        topic = types.SimpleNamespace(name="t", conf=configparser.ConfigParser(), patches=[], suites={},
                                      expected=self.expected)
        topic.conf.read_dict({"topic": {"arches": self.arches}, "arches": self.own_arches})
        for number, text in enumerate(self.texts, 1):
            path = topic_dir / ("000%d-x.patch" % number)
            path.write_text(text, encoding="utf-8")
            topic.patches.append(series.Patch(path, "t"))
            topic.patches[-1].number = number
        self.tree = FakeTree(self.folder, topic, self.states)
        for patch in self.tree.patches if self.forget else ():
            patch.files = []
        ws = types.SimpleNamespace(out=self.folder / "out", repo=self.folder, jobs=jobs)
        stack = types.SimpleNamespace(base_name="v0", base={"version": "0.1"}, topics=[])
        executor = runner.Executor(ws.out, cache.Cache(self.folder / "cache", enabled), os.environ["PATH"])
        self.plan = plan = planning.Plan(ws, self.tree, runner.load(self.folder / "checks", only), executor)
        self.data = report.build(ws, stack, plan, plan.run(told, None, self.until, self.last), 1.0, only,
                                 len(plan.first) - len(plan.verdicts()))
        report.save(ws.out, self.data)
        return self.data

    def test_a_patch_of_no_known_files_is_broken(self):
        self.texts[0] = self.texts[0].replace("diff --git a/a.c b/a.c", "Index: linux/a.c")
        self.run_all(["words"])  # whatever its form, the files are those of the commit
        self.assertEqual(self.verdict(1, "words")["verdict"], "pass")
        self.assertEqual(self.verdict(2, "words")["verdict"], "FAIL")
        self.forget = True
        self.run_all(["words"])
        self.assertEqual(self.verdict(2, "words")["verdict"], "BROKEN")
        self.assertIn("none of them is known", self.verdict(2, "words")["reason"])

    def test_a_patch_that_deletes_all_its_files_is_judged(self):
        self.states[1]["b.c"] = "x\n"
        self.texts.append("Subject: third\n")
        self.states.append({"b.c": None})
        self.write("words", TREE_CHECK.replace("for f", 'echo "$STATE:$FILES:$GONE" >> "$RUNS.gone"; for f'))
        self.run_all(["words"])
        rows = Path(os.environ["RUNS"] + ".gone").read_text().splitlines()
        self.assertIn("after::b.c", rows)
        self.assertTrue(any(row.endswith(":") for row in rows), rows)
        self.assertEqual(self.verdict(3, "words")["verdict"], "pass")

    def verdict(self, number, check, arch=""):
        found = [v for v in self.data["verdicts"] if (v["patch"], v["check"], v["arch"]) == (number, check, arch)]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def runs(self, name):
        """How often a check ran since the last question."""
        path = Path(os.environ["RUNS"] + "." + name)
        count = len(path.read_text().splitlines()) if path.exists() else 0
        path.unlink(missing_ok=True)
        return count


class Runner(Small):
    """What runs, what is kept, what is found."""

    def test_moved_is_clean_and_second_copy_is_found(self):
        self.run_all()
        self.assertEqual(self.verdict(1, "words")["verdict"], "pass")
        second = self.verdict(2, "words")
        self.assertEqual(second["verdict"], "FAIL")
        self.assertEqual([(f["file"], f["line"]) for f in second["findings"]], [("a.c", 2)])
        self.assertEqual(second["again"], "scripts/stack check --only words t")

    def test_patch_finding_names_the_file_in_the_repository(self):
        self.texts[1] = "Subject: second\n\nwrong\ndiff --git a/a.c b/a.c\n"
        self.run_all()
        self.assertEqual([(f["file"], f["line"]) for f in self.verdict(2, "patchy")["findings"]],
                         [("patches/t/0002-x.patch", 3)])

    def test_nothing_changed_runs_nothing(self):
        self.run_all()
        self.assertEqual((self.runs("words"), self.runs("patchy")), (3, 2))
        first = self.data
        self.run_all()
        self.assertEqual((self.runs("words"), self.runs("patchy")), (0, 0))
        self.assertEqual(self.tree.checkouts, [])
        self.assertEqual(self.data["runs"]["cached"], self.data["runs"]["all"])
        strip = [dict(v, cached=0) for v in self.data["verdicts"]]
        self.assertEqual(strip, [dict(v, cached=0) for v in first["verdicts"]])

    def test_no_cache_runs_everything(self):
        self.run_all()
        self.runs("words")
        self.run_all(enabled=False)
        self.assertEqual(self.runs("words"), 3)

    def test_lost_log_comes_back(self):
        self.run_all()
        log = Path(self.verdict(2, "words")["log"])
        self.assertIn("a.c:2: warning", log.read_text())
        log.unlink()
        self.run_all()
        self.assertIn("a.c:2: warning", log.read_text())

    def test_edited_patch_runs_only_what_depends_on_it(self):
        self.run_all()
        self.runs("words"), self.runs("patchy")
        self.texts[1] += "more\n"
        self.states[2] = {"a.c": "three\nBAD\n"}
        self.run_all()
        self.assertEqual((self.runs("words"), self.runs("patchy")), (1, 1))
        self.assertEqual(self.verdict(2, "words")["verdict"], "pass")

    def test_edited_tree_runs_again(self):
        self.run_all()
        self.runs("words"), self.runs("patchy")
        for state in self.states:
            state["other.c"] = "new\n"
        self.run_all()
        self.assertEqual((self.runs("words"), self.runs("patchy")), (3, 0))

    def test_edited_check_or_its_library_runs_again(self):
        self.run_all()
        self.runs("words"), self.runs("patchy")
        self.write("words", TREE_CHECK + "# edited\n")
        (self.folder / "checks" / "lib" / "words").write_text("y")
        self.run_all()
        self.assertEqual((self.runs("words"), self.runs("patchy")), (3, 2))

    def test_other_tool_version_runs_again(self):
        self.write("patchy", PATCH_CHECK.replace("echo 1", "cat \"$RUNS.version\""))
        for number, wanted in (("1", 2), ("1", 0), ("2", 2)):
            Path(os.environ["RUNS"] + ".version").write_text(number)
            self.run_all(only=["patchy"])
            self.assertEqual(self.runs("patchy"), wanted)

    def test_corrupt_entry_runs_again(self):
        self.run_all()
        self.runs("words")
        for path in (self.folder / "cache").rglob("*.json"):
            path.write_text("{", encoding="utf-8")
        self.run_all()
        self.assertEqual(self.runs("words"), 3)

    def test_broken_in_every_way(self):
        head = TREE_CHECK.split("echo ran")[0]
        ways = {"exit 3 (why)": head + "echo why >&2; exit 3\n", "exit 1, silent": head + "exit 1\n",
                "signal": head + "kill -9 $$\n", "garbage": head + "echo banana\n",
                "no version": TREE_CHECK.replace("echo 1 && exit", "exit"),
                "version fails": TREE_CHECK.replace("echo 1 && exit", "echo 'no tool' >&2; exit 1"),
                "no interpreter": TREE_CHECK.replace("#!/bin/sh", "#!/does/not/exist", 1)}
        for name, text in ways.items():
            with self.subTest(name):
                self.write("words", text)
                self.run_all(only=["words"])
                verdict = self.verdict(1, "words")
                self.assertEqual(verdict["verdict"], "BROKEN")
                self.assertTrue(verdict["reason"])
                self.assertEqual(self.run_all(only=["words"])["runs"]["cached"], 0, "a broken result was kept")

    def test_arches(self):
        self.write("archy", ARCH_CHECK)
        self.run_all(only=["archy"])
        self.assertEqual([v["arch"] for v in self.data["verdicts"]], ["um", "s390"] * 2)
        self.assertEqual({t["arch"]: t["version"] for t in self.data["tools"]},
                         {"um": "um", "s390": "s390 s390x-linux-gnu-"})

    def test_arches_of_a_single_patch(self):
        self.write("archy", ARCH_CHECK)
        self.own_arches = {"0002": "powerpc"}
        self.run_all(only=["archy"])
        self.assertEqual([v["arch"] for v in self.data["verdicts"]], ["um", "s390", "powerpc"])

    def test_flavour(self):
        self.write("archy", ARCH_CHECK.replace('"$ARCH $CROSS_COMPILE"', '"$ARCH $FLAVOUR $ARCH_NAME"'))
        self.arches = "um x86_64 x86_64+rt"
        self.run_all(only=["archy"])
        self.assertEqual([v["arch"] for v in self.data["verdicts"]], ["um", "x86_64", "x86_64+rt"] * 2)
        self.assertEqual([t["version"] for t in self.data["tools"]], ["um  um", "x86_64  x86_64", "x86_64 rt x86_64+rt"])

    def test_expected_notes_are_counted_in_one_line(self):
        self.write("patchy", PATCH_CHECK.replace("error: wrong", "note: subject has 76 characters"))
        self.texts[0] += "wrong\n"
        for expected, verdict, line in (({}, "note", "note: subject"),
                                        ({"patchy": re.compile(r"subject has \d+ char")}, "pass", "1 hints (1 patchy) say")):
            self.expected = expected
            self.run_all(only=["patchy"])
            self.assertEqual(self.verdict(1, "patchy")["verdict"], verdict)
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                check.show_findings(self.data)
            self.assertIn(line, said.getvalue())
            self.assertEqual(len(said.getvalue().splitlines()), 2 if verdict == "note" else 1)
        self.addCleanup(term.set_level, 0)
        term.set_level(1)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            check.show_findings(self.data)
        self.assertIn("hint: subject has 76 characters", said.getvalue())

    def test_a_file_that_no_arch_builds(self):
        self.write("archy", ARCH_CHECK)
        os.environ["ASIDE"] = "s390"
        self.addCleanup(os.environ.pop, "ASIDE", None)
        self.run_all(only=["archy"])
        self.assertEqual([v["verdict"] for v in self.data["verdicts"]], ["pass", "pass"] * 2)
        os.environ["ASIDE"] = "s390 um"
        self.run_all(only=["archy"], enabled=False)
        self.assertEqual(self.verdict(1, "archy", "um")["verdict"], "FAIL")

    def test_boundary_counts_every_finding_on_the_base_too(self):
        self.write("edge", TREE_CHECK.replace("kind: tree", "kind: boundary").replace(
            'for f in $FILES', 'echo "$STATE $SUITES" >> "$RUNS.states"; for f in a.c'))
        self.run_all(only=["edge"])
        self.assertEqual([(v["patch"], v["verdict"]) for v in self.data["verdicts"]],
                         [(0, "FAIL"), (1, "FAIL"), (2, "FAIL")])
        self.assertEqual(Path(os.environ["RUNS"] + ".states").read_text().splitlines(),
                         ["after always", "after always", "base always"])
        self.assertEqual(self.tree.checkouts, [(2, True), (1, True), (0, True)])

    def test_unknown_check_and_bad_header(self):
        with self.assertRaisesRegex(runner.StackError, "no check 'sparrow'"):
            self.run_all(only=["sparrow"])
        self.write("words", "#!/bin/sh\n# kind: something\n")
        with self.assertRaisesRegex(runner.StackError, "kind: patch"):
            self.run_all()

    def test_every_boundary_is_checked_out_once(self):
        self.run_all(only=["words"])
        self.assertEqual(self.tree.checkouts, [(2, False), (1, False), (0, False)])

    def test_nothing_found_is_compared_with_nothing(self):
        self.states = [{"a.c": "BAD\n"}, {"a.c": "one\n"}, {"a.c": "two\n"}]
        self.run_all(only=["words"])
        self.assertEqual(self.runs("words"), 2)
        self.assertEqual([v["verdict"] for v in self.data["verdicts"]], ["pass", "pass"])
        self.assertEqual(self.tree.checkouts, [(2, False), (1, False)])

    def test_json_and_html_agree(self):
        self.texts[0] += "wrong <b> & \"x\"\n"
        self.write("zbroken", TREE_CHECK.split("echo ran")[0] + "echo '<why>' >&2; exit 3\n")
        data = self.run_all()
        stored = json.loads((self.folder / "out" / "report.json").read_text())
        self.assertEqual(stored, json.loads(json.dumps(data)))
        page = (self.folder / "out" / "report.html").read_text()
        marks = re.findall(r'<a class="badge (\w+)" href="#([^"]+)">', page)
        self.assertEqual(sorted(marks), sorted((report.CLASS[v["verdict"]], report.anchor(v)) for v in data["verdicts"]))
        for verdict in data["verdicts"]:
            self.assertEqual(page.count('id="%s"' % report.anchor(verdict)), 1)
            for finding in verdict["findings"]:
                self.assertIn("<code>%s:%d</code>" % (finding["file"], finding["line"]), page)
            self.assertIn(html.escape(verdict["reason"]), page)
        self.assertNotIn("<why>", page)
        self.assertEqual(re.findall(r'(?:src|href)="(?!#)[^"]*"|url\(|@import', page), [], "the page needs other files")

    def test_interrupt_keeps_what_is_done_and_ends_the_child(self):
        self.write("zslow", TREE_CHECK.replace("words", "zslow").replace("for f", "sleep 60 & echo $! > \"$RUNS.pid\"; wait; for f"))
        pid = Path(os.environ["RUNS"] + ".pid")

        def interrupt():
            for _ in range(600):
                if pid.exists() and pid.read_text().strip():
                    return os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.1)
        threading.Thread(target=interrupt, daemon=True).start()
        with self.assertRaises(KeyboardInterrupt):
            self.run_all()
        self.assertEqual(process.birth(int(pid.read_text())), "0")
        self.assertFalse(list((self.folder / "out").glob("report.*")), "no teller, no report")
        self.runs("patchy")
        (self.folder / "checks" / "zslow").unlink()
        self.run_all()
        self.assertEqual(self.runs("patchy"), 0)

    def test_a_check_without_end_is_broken(self):
        self.write("zslow", TREE_CHECK.replace("words", "zslow").replace("for f", "sleep 60 & echo $! > \"$RUNS.pid\"; wait; for f"))
        with mock.patch.object(runner, "CHECK_LIMIT", 1):
            self.run_all(only=["zslow"])
        self.assertEqual(self.verdict(1, "zslow")["verdict"], "BROKEN")
        self.assertRegex(self.verdict(1, "zslow")["reason"], "no end after 1 s")
        self.assertEqual(process.birth(int(Path(os.environ["RUNS"] + ".pid").read_text())), "0")

    def test_a_version_without_end_is_broken(self):
        self.write("words", TREE_CHECK.replace("echo 1 && exit", "sleep 60"))
        with mock.patch.object(runner, "VERSION_LIMIT", 1):
            self.run_all(only=["words"])
        self.assertEqual(self.verdict(1, "words")["verdict"], "BROKEN")
        self.assertRegex(self.verdict(1, "words")["reason"], "--version: no end after 1 s")

    def test_only_a_clean_boundary_is_kept(self):
        text = TREE_CHECK.replace("kind: tree", "kind: boundary").replace("$FILES", "a.c")
        self.write("words", text)
        self.run_all(only=["words"])
        self.runs("words")
        self.run_all(only=["words"])
        self.assertEqual(self.runs("words"), 3, "a finding that may be the machine's was kept")
        self.write("words", text.replace("BAD", "WORSE"))
        for wanted in (3, 0):
            self.run_all(only=["words"])
            self.assertEqual(self.runs("words"), wanted)

    def test_table_fits_the_terminal_and_counts(self):
        self.write("archy", ARCH_CHECK)
        data = self.run_all()
        self.assertEqual(check.cell([{"verdict": "pass", "arch": "um"}, {"verdict": "FAIL", "arch": "s390"}]), ("FAIL s390", "red"))
        self.assertEqual(check.cell([{"verdict": "FAIL", "arch": "um"}, {"verdict": "FAIL", "arch": "s390"}]), ("FAIL all", "red"))
        self.assertEqual(len(data["verdicts"]), 2 + 2 + 4)


EDGE_CHECK = TREE_CHECK.replace("kind: tree", "kind: boundary").replace("words", "edge").replace("$FILES", "")


class Order(Small):
    """What comes first, in one lane and in two, and what is told meanwhile."""

    def setUp(self):
        super().setUp()
        self.write("edge", EDGE_CHECK)
        self.write("archy", ARCH_CHECK)
        self.events = []

    def told(self, event, what):
        self.events.append((event, what, len(self.plan.verdicts())))

    def test_cheap_then_the_whole_stack_then_the_rest(self):
        self.run_all(told=self.told)
        stages = [(what, self.events.index((event, what, count))) for event, what, count in self.events if event == "stage"]
        self.assertEqual([name for name, _ in stages], list(lanes.STAGES))
        self.assertEqual(list(self.data["reached"]), list(lanes.STAGES))
        told = [what for event, what, _ in self.events if event == "verdict"]
        self.assertEqual({place[1] for place in told[:2]}, {"patchy"})
        self.assertEqual(told[2], (2, "edge", None))
        self.assertEqual(len(told), len(self.data["verdicts"]))
        self.assertEqual(self.events[0][0], "begin")

    def test_two_lanes_say_what_one_says(self):
        one = self.run_all()["verdicts"]
        self.setUp()
        two = self.run_all(jobs=2, told=self.told)["verdicts"]

        def same(verdicts):
            return [{key: v[key] for key in ("patch", "check", "arch", "verdict", "findings")} for v in verdicts]
        self.assertEqual(same(two), same(one))
        self.assertEqual(sorted(w for e, w, _ in self.events if e == "verdict"), sorted(self.plan.places))
        self.assertEqual(len(self.data["times"]), self.data["runs"]["all"])

    def test_two_at_once_in_two_trees(self):
        """While a boundary runs, an architecture does: each waits for the other to have begun."""
        meet = 'echo $TREE >> "$RUNS.trees"; touch "$RUNS.%s"; for i in $(seq 100); do [ -e "$RUNS.%s" ] && break; ' \
               'sleep 0.1; done; [ -e "$RUNS.%s" ] || echo "a.c:0: error: alone"; '
        self.write("edge", EDGE_CHECK.replace("for f", meet % ("e", "a", "a") + "for f"))
        self.write("archy", ARCH_CHECK.replace("case ", meet % ("a", "e", "e") + "case "))
        self.run_all(only=["edge", "archy"], jobs=2)
        self.assertEqual({v["verdict"] for v in self.data["verdicts"]}, {"pass"})

    def test_late(self):
        """After its time a run does what is cheap and the whole stack, says what it left, and the next goes on."""
        self.until = time.monotonic() - 1
        self.assertEqual({v["check"] for v in self.run_all()["verdicts"]}, {"patchy", "edge"})
        self.assertEqual([v["patch"] for v in self.data["verdicts"] if v["check"] == "edge"], [2])
        self.assertEqual(len(self.data["verdicts"]) + self.data["waiting"], len(self.plan.first))
        self.until, self.last = 0, True
        self.assertEqual([v["patch"] for v in self.run_all()["verdicts"] if v["check"] == "edge"], [2])
        self.assertEqual(self.data["waiting"], 0)
        self.until, self.last = time.monotonic() - 1, False
        self.assertGreater(self.run_all()["waiting"], 0)
        self.assertEqual([v["patch"] for v in self.data["verdicts"] if v["check"] == "edge"], [2])

    def test_both_lanes_compile_where_no_boundaries_are_left(self):
        slow = '[ "$ARCH" = um ] || sleep 0.5; '  # the lane that is done long before must not take the others' folder
        self.write("archy", ARCH_CHECK.replace("case ", slow + 'echo $TREE $ARCH >> "$RUNS.trees"; case '))
        for self.last, trees in ((True, 2), (False, 1)):
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
            with mock.patch.object(lanes, "ENOUGH", 0):
                self.run_all(only=["edge", "archy"], jobs=2)
            rows = set(Path(os.environ["RUNS"] + ".trees").read_text().splitlines())
            Path(os.environ["RUNS"] + ".trees").unlink()
            self.assertEqual((len(rows), len({row.split()[0] for row in rows})), (2, trees))

    def test_boundaries_from_both_ends(self):
        """The lane that has compiled all takes them from the bottom, in a folder of its own; not for a few."""
        self.write("edge", EDGE_CHECK.replace("for f", 'echo $BUILD $TREE >> "$RUNS.trees"; sleep 0.3; for f'))
        for enough, folders in ((0, 2), (8, 1)):
            with mock.patch.object(lanes, "ENOUGH", enough):
                shutil.rmtree(self.folder / "cache", ignore_errors=True)
                self.run_all(only=["edge"], jobs=2)
            rows = Path(os.environ["RUNS"] + ".trees").read_text().split("\n")[:-1]
            Path(os.environ["RUNS"] + ".trees").unlink()
            self.assertEqual(len(rows), 3)
            self.assertEqual([len(set(words)) for words in zip(*map(str.split, rows))], [folders, folders])

    def test_an_error_in_one_lane_ends_the_run(self):
        self.write("edge", EDGE_CHECK.replace("for f", "sleep 60; for f"))
        with mock.patch.object(runner.Executor, "find", lambda *args: None), \
             mock.patch.object(planning.Plan, "also", side_effect=OSError("disk")):
            began = time.monotonic()
            with self.assertRaisesRegex(OSError, "disk"):
                self.run_all(only=["edge", "archy"], jobs=2)
        self.assertLess(time.monotonic() - began, 30)

    def test_also_names_what_comes_next_on_the_same_state(self):
        self.write("brchy", ARCH_CHECK.replace("archy", "brchy").replace("echo \"$ARCH\"", "echo \"$ARCH $TREE_ID $ALSO\""))
        self.write("archy", ARCH_CHECK.replace("echo \"$ARCH\"", "echo \"$ARCH $TREE_ID $ALSO\""))
        self.run_all(only=["archy", "brchy"])
        lines = Path(os.environ["RUNS"] + ".archy").read_text().splitlines()
        self.assertEqual([line.split()[2:] for line in lines], [["brchy"]] * 4)
        self.assertEqual({line.split()[1] for line in lines}, {self.tree.tree_id(k) for k in (1, 2)})
        self.assertEqual([line.split()[2:] for line in Path(os.environ["RUNS"] + ".brchy").read_text().splitlines()],
                         [[]] * 4)


class Stale(unittest.TestCase):
    """No report says of today's patches what was true of yesterday's."""

    def setUp(self):
        self.mini = ministack.MiniStack(self, applied=True)
        self.check = self.mini.repo / "scripts" / "checks" / "patchy"
        ministack.write(self.check, PATCH_CHECK.replace("# uses: lib\n", ""))
        self.check.chmod(0o755)
        self.runs = self.mini.top / "runs"
        proc = self.run_check()
        self.assertEqual(proc.returncode, 0, proc.stdout + proc.stderr)
        self.assertIn("all passed", self.page())

    def run_check(self):
        return self.mini.stack("check", RUNS=self.runs)

    def page(self):
        return (self.mini.out / "report.html").read_text(encoding="utf-8")

    def test_patch_that_does_not_apply(self):
        path = self.mini.patches()[1]
        path.write_text(path.read_text(encoding="utf-8").replace("-\treturn 15;", "-\treturn 16;"), encoding="utf-8")
        proc = self.run_check()
        self.assertEqual(proc.returncode, 1, proc.stdout + proc.stderr)
        self.assertIn("does not apply", proc.stderr)
        data = json.loads((self.mini.out / "report.json").read_text(encoding="utf-8"))
        verdict, = data["verdicts"]
        self.assertEqual((verdict["patch"], verdict["check"], verdict["verdict"]), (2, "apply", "FAIL"))
        self.assertIn("return 16;", verdict["text"])
        self.assertEqual((len(data["patches"]), data["not judged"]), (3, [1, 3]))
        for text in ("1 failed", "does not apply", "return 16;", "NOT JUDGED"):
            self.assertIn(text, self.page())
        self.assertNotIn("all passed", self.page())

    def test_killed_run(self):
        self.check.write_text(PATCH_CHECK.replace("# uses: lib\n", "").replace("echo ran", "sleep 60 & echo $!"),
                              encoding="utf-8")
        proc = self.mini.start("check", RUNS=self.runs)
        mark = Path("%s.patchy" % self.runs)
        mark.unlink()
        deadline = time.monotonic() + 60
        while not mark.exists() and proc.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.1)
        proc.send_signal(signal.SIGINT)
        proc.wait(30)
        self.assertTrue(mark.exists())
        data = json.loads((self.mini.out / "report.json").read_text(encoding="utf-8"))
        self.assertEqual((data["waiting"], data["verdicts"], data["reached"]), (3, [], {}), data)
        self.assertIn("NOT YET WHOLE", self.page())
        self.assertNotIn("all passed", self.page())


class RealChecks(unittest.TestCase):
    """The headers of the project's own checks."""

    def test_headers_and_help(self):
        from checks_support import CHECKS  # pylint: disable=import-outside-toplevel
        found = runner.load(CHECKS)
        names = [c.name for c in found]
        for name in "apply headers checkpatch spelling kernel-doc coccinelle build sparse".split():
            self.assertIn(name, names)
        for one in found:
            res = subprocess.run([str(one.path), "--help"], text=True, stdout=subprocess.PIPE, check=True)
            self.assertIn("kind: " + one.kind, res.stdout)
            self.assertTrue(one.why, one.name)
            self.assertEqual(len(one.digest()), 64)


if __name__ == "__main__":
    unittest.main()
