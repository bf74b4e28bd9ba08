# SPDX-License-Identifier: GPL-2.0
"""Golden cases of what comes from outside: odd bytes and shapes, links, terminals; the message names the place."""
import contextlib
import io
import json
import os
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import sh, write  # noqa: E402
import test_fuzz  # noqa: E402

from stacklib.host import files, term  # noqa: E402


class Files(unittest.TestCase):
    """Files of a stack that are not what they should be."""

    def setUp(self):
        self.mini = ministack.MiniStack(self)

    def refused(self, *words, says, status=2, **extra):
        proc = self.mini.stack(*words, **extra)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        self.assertIn(says, proc.stderr)
        self.assertNotIn("Traceback", proc.stderr)

    def test_not_utf8(self):
        for name, words in (("series", ["apply"]), ("kunit/hooks", ["apply"]), ("MAINTAINERS.snippet", ["apply"]),
                            (".b4-config", ["lint"]), ("patches/v1/alpha/topic.ini", ["apply"])):
            path = self.mini.repo / name
            before = path.read_bytes() if path.exists() else None
            path.write_bytes((before or b"") + b"# one\n# M\xfcller\n")
            line = (before or b"").count(b"\n") + 2
            self.refused(*words, says=f"{path}:{line}: not UTF-8 (byte 0xfc)")
            path.write_bytes(before) if before is not None else path.unlink()

    def test_no_regular_file(self):
        """A pipe that nobody writes into must not be waited for."""
        path = self.mini.repo / "patches/v1/alpha/topic.ini"
        path.unlink()
        os.mkfifo(path)
        self.refused("apply", says=f"{path}: not a regular file")

    def test_too_large(self):
        path = self.mini.top / "large"
        with open(path, "wb") as handle:
            handle.truncate(files.LIMIT + 1)
        with self.assertRaisesRegex(term.StackError, "large: larger than 64 MiB"):
            files.read_bytes(path)

    def test_suite_at_a_superscript(self):
        path = self.mini.repo / "patches/v1/alpha/topic.ini"
        write(path, path.read_text().replace("alpha_one = 1", "alpha_one = \u00b2"))
        self.refused("apply", says=f"{path}: suite alpha_one: '\u00b2' is not a number of patches")

    def test_links_are_not_followed(self):
        tests = self.mini.repo / "kunit/drivers/pci/tests"
        for path in (tests / "mini_kunit.c", tests, self.mini.patches()[0], self.mini.repo / "patches/v1/beta",
                     self.mini.repo / "kunit"):
            with self.subTest(path.name):
                kept = path.rename(path.with_name("kept"))
                path.symlink_to(kept)
                self.refused("apply", says=f"{path}: a symbolic link, which is not followed")
                path.unlink()
                kept.rename(path)

    def test_git_that_cannot_list_is_no_clean_lint(self):
        """lint took a failure of git for a repository without files."""
        self.assertEqual(self.mini.stack("lint", GIT_DIR=self.mini.top).returncode, self.mini.stack("lint").returncode)
        (self.mini.repo / ".git").rename(self.mini.top / "kept")
        self.refused("lint", says="git cannot list its files, so that none was looked at")

    def test_reports_of_another_machine(self):
        one, two = (json.loads(text) for text in test_fuzz.reports(None))
        paths = [self.mini.top / "1.json", self.mini.top / "2.json"]

        def merged(first, says, status=2):
            paths[0].write_text(first if isinstance(first, str) else json.dumps(first))
            paths[1].write_text(json.dumps(two))
            self.refused("check", "--merge", *paths, says=says, status=status)
        merged(one, "", status=1)
        merged(dict(one, shard=[1, 1000000000]), "of 2 or 1000000000 shards there are 1 2")
        for change, says in (({"shard": 3}, "shard is no list"), ({"shard": [1]}, "shard is not [I, N]"),
                             ({"verdicts": [1]}, "verdicts[0] is no object"), ({"base": True}, "base is no object"),
                             ({"checks": [{}]}, "checks[0] has no 'name'"), ({"runs": {"all": "1"}}, "runs.all is no whole"),
                             ({"timing": None}, "timing is no list"), ({"seconds": 1e308}, "seconds is no number"),
                             ({"patches": "abc"}, "patches is no list")):
            merged(dict(one, **change), f"{paths[0]}: not a whole report: {says}")
        merged("[" * 300000, f"{paths[0]}: not JSON")
        merged("[]", f"{paths[0]}: not the report of a shard")

    def test_the_tool_through_a_link(self):
        link = self.mini.top / "s"
        link.symlink_to(ministack.LIB.parent / "stack")
        self.assertIn("usage: scripts/stack", sh(link, "--help", cwd=self.mini.top))


class Terminal(unittest.TestCase):
    """What strangers' words do to a terminal: nothing."""

    def test_no_sequence_of_a_stranger(self):
        class Tty(io.StringIO):
            def isatty(self):
                return True
        out, bad = Tty(), "a\x1b]0;title\x07\x1b[31mb\x9b2J\u202e\ud800c\rd"
        with mock.patch.dict(os.environ, {"TERM": "xterm"}), contextlib.redirect_stdout(out), \
                contextlib.redirect_stderr(out):
            os.environ.pop("NO_COLOR", None)
            term.say(term.colour(bad, "red"))
            term.progress(bad)
            term.done()
            term.table([["x", bad]])
            term.warn(bad)
            term.error(term.StackError(bad, bad))
        said = out.getvalue()
        said.encode()
        self.assertEqual(said.count("\\x1b]0;title\\x07\\x1b[31mb\\x9b2J\\u202e\\ud800c\\rd"), 6)
        left = said.replace("\r\x1b[K", "").replace("\x1b[31m", "").replace("\x1b[0m", "")
        self.assertRegex(left, r"\A[\n -~]*\Z")


if __name__ == "__main__":
    unittest.main()
