# SPDX-License-Identifier: GPL-2.0
"""scripts/ knows nothing of a series: names of topics, suites and bases stand in patches/ and kunit/ alone."""
import importlib.machinery
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import MiniStack, write  # noqa: E402

from stacklib.checking import runner  # noqa: E402
from stacklib.stack import series  # noqa: E402

REPO = ministack.LIB.parents[1]
FAKE = """#!/bin/sh
# plays scripts/stack kunit: a log whose figures tell the boundary
while [ "$1" != --boundary ]; do shift; done
echo "[    1.0] bench: mutex 100 ns" > "$0.log"
echo "[    1.1] bench: lock $((200 + $2)) ns" >> "$0.log"
echo "kunit bench: pass, log $0.log"
"""


class Names(unittest.TestCase):
    """No file of scripts/ names what is in this stack."""

    def test_no_topic_suite_or_base(self):
        names = {path.parent.name for path in REPO.glob("patches/*/base.ini")} | set(series.common_suites(REPO))
        for path in REPO.glob("patches/*/*/topic.ini"):
            names |= {path.parent.name, *series.suites_of(series.read_ini(path), path)}
        self.assertGreater(len(names), 20)
        # Paths of the kernel may have a topic's name in them.
        names |= {path.parent.relative_to(REPO).as_posix() for path in REPO.glob("patches/*/base.ini")}
        word = re.compile(r"(?<![\w/-])(" + "|".join(map(re.escape, sorted(names))) + r")(?![\w/-])")
        listed = subprocess.run(["git", "ls-files", "-z", "scripts"], cwd=REPO, capture_output=True, check=True).stdout
        found = []
        for name in listed.decode().split("\0")[:-1]:
            if (REPO / name).is_file() and name != "scripts/tests/test_readme.py":  # which runs lines of the README
                for number, line in enumerate((REPO / name).read_text(encoding="utf-8").splitlines(), 1):
                    found += [f"{name}:{number}: {hit}" for hit in word.findall(line)]
        self.assertEqual(found, [])


class Alone(unittest.TestCase):
    """scripts/ in a repository of its own."""

    def test_every_check_can_be_loaded(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(REPO / "scripts/checks", Path(folder) / "scripts/checks")
            found = runner.load(Path(folder) / "scripts/checks")
            self.assertIn("coccinelle", [check.name for check in found])
            for check in found:
                self.assertEqual(len(check.digest()), 64, check.name)


class Bench(unittest.TestCase):
    """scripts/bench prints what the sections [bench] of the topics say."""

    def bench(self, section):
        mini = MiniStack(self)
        for name in ("stacklib", "bench"):
            write(mini.repo / "scripts/x", "")
            (mini.repo / "scripts" / name).symlink_to(REPO / "scripts" / name)
        (mini.repo / "scripts/bench").unlink()
        write(mini.repo / "scripts/bench", (REPO / "scripts/bench").read_text(encoding="utf-8"))
        write(mini.repo / "scripts/stack", FAKE)
        (mini.repo / "scripts/stack").chmod(0o755)
        with open(mini.repo / "patches/v1/alpha/topic.ini", "a", encoding="utf-8") as file:
            file.write(section)
        return subprocess.run([sys.executable, str(mini.repo / "scripts/bench")], capture_output=True, text=True,
                              env=ministack.environment(STACK_REPO=mini.repo), check=False)

    def test_ratios(self):
        done = self.bench("[bench]\nlock : mutex = lock mutex\nlock, after : before = lock lock@before\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([" ".join(line.split()) for line in done.stdout.splitlines()],
                         ["bench: alpha, boundary 2", "bench: alpha, boundary 0",
                          "lock : mutex 202 ns : 100 ns = 2.020", "lock, after : before 202 ns : 200 ns = 1.010"])

    def test_nothing_to_measure(self):
        self.assertIn("no topic.ini has a section [bench]", self.bench("").stdout)

    def test_figure_that_nobody_prints(self):
        done = self.bench("[bench]\nx = lock nosuch\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the runs print no figure nosuch; they print: mutex lock", done.stderr)


class Pairs(unittest.TestCase):
    """scripts/pairs says what became of each pair, from the logs of kernels that do not all come to their end."""

    def setUp(self):
        loader = importlib.machinery.SourceFileLoader("pairs", str(REPO / "scripts/pairs"))
        self.pairs = importlib.util.module_from_spec(importlib.util.spec_from_loader("pairs", loader))
        loader.exec_module(self.pairs)

    def test_letters(self):
        skipped = "        ok 1 remove, pull # SKIP not asked for\n"
        begun = "suite: pair 1: swap, adding, pull\n"
        green = "        ok 2 swap, adding, pull\n"
        for said, letter in ((green, "."), ("        not ok 2 swap, adding, pull\n", "x"),
                             ("    # t: pull does not end\n        not ok 2 swap, adding, pull\n", "H"),
                             ("Kernel panic - not syncing: pull does not end\n", "H"), ("", "H"),
                             ("Kernel panic - not syncing: Segfault with no mm\n", "O")):
            with self.subTest(said):
                self.assertEqual(self.pairs.read(skipped + begun + said), {("swap, adding", "pull"): letter})
        self.assertEqual(self.pairs.read(skipped), {})
        self.assertEqual([*self.pairs.read(begun + green + "suite: pair 2: bind, pull\n").values()], [".", "H"])

    def test_table(self):
        trees = {"base": {("a", "x"): "H", ("b", "y"): "."}, "this": {("a", "x"): ".", ("b", "y"): "x"}}
        rows = [*self.pairs.table(trees)]
        self.assertEqual(rows[-3:], ["first, second  1  2", "a             H.", "b                .x"])
        self.assertIn("base        2 pairs: 1 ., 1 H, 0 O, 0 x", rows)


if __name__ == "__main__":
    unittest.main()
