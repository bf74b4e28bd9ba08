# SPDX-License-Identifier: GPL-2.0
"""What counts as new, what is broken, and when a stored result may be used."""
import tempfile
import unittest
from pathlib import Path

import checks_support  # noqa: F401 (puts stacklib on the path)
from stacklib.checking import cache, judge
from stacklib.checking.judge import Finding


def warn(line, text="unused variable", file="a.c", level="warning"):
    return Finding(file, line, level, text)


class Read(unittest.TestCase):
    """Standard output of a check."""

    def test_findings(self):
        self.assertEqual(judge.read("a/b.c:12: error: no; x: y\nc.h:0: note: n\n"),
                         [Finding("a/b.c", 12, "error", "no; x: y"), Finding("c.h", 0, "note", "n")])
        self.assertEqual(judge.read(""), [])

    def test_anything_else_is_unreadable(self):
        for line in ("banana", "a.c: error: x", "a.c:x: error: x", "a.c:1: fatal: x", "a.c:1: error:", " a.c:1: error: x",
                     "a.c:1: error: fine\n\n", "warning: a.c:1: error: x"):
            with self.subTest(line), self.assertRaises(judge.Unreadable):
                judge.read(line)


class New(unittest.TestCase):
    """The multiset difference."""

    def test_moved_warning_is_not_new(self):
        self.assertEqual(judge.new([warn(10)], [warn(90)]), [])

    def test_fixed_one_does_not_hide_a_new_one(self):
        fresh = warn(10, "dereferences NULL")
        self.assertEqual(judge.new([warn(10)], [fresh]), [fresh])

    def test_second_copy_is_new(self):
        self.assertEqual(judge.new([warn(10)], [warn(10), warn(50)]), [warn(50)])

    def test_same_text_in_another_file_or_level_is_new(self):
        for other in (warn(10, file="b.c"), warn(10, level="error")):
            self.assertEqual(judge.new([warn(10)], [other]), [other])

    def test_fixed_warning_is_clean(self):
        self.assertEqual(judge.new([warn(10)], []), [])

    def test_notes_stay(self):
        self.assertEqual(judge.new([warn(1, level="note")], [warn(1, level="note")]), [warn(1, level="note")])

    def test_errors_always(self):
        error = warn(3, level="error")
        self.assertEqual(judge.new([error], [error]), [])
        self.assertEqual(judge.new([error], [error], errors_always=True), [error])


class Verdicts(unittest.TestCase):
    """From findings to a word."""

    def test_words(self):
        self.assertEqual(judge.verdict([]), "pass")
        self.assertEqual(judge.verdict([warn(1, level="note")]), "note")
        self.assertEqual(judge.verdict([warn(1), warn(1, level="note")]), "FAIL")
        self.assertEqual(judge.verdict([], broken=True), "BROKEN")
        self.assertEqual(judge.worst(["pass", "BROKEN", "FAIL"]), "BROKEN")

    def test_judged_on_no_arch(self):
        here, aside = [], [Finding("v.c", 0, "note", judge.NOT_HERE + "not built")]
        self.assertEqual(judge.orphans({"um": aside, "x86_64": here}), [])
        lost = judge.orphans({"um": aside, "x86_64": aside})
        self.assertEqual([(f.file, f.level) for f in lost], [("v.c", "error")])
        self.assertIn("um x86_64", lost[0].text)


class Cache(unittest.TestCase):
    """Stored results."""

    DATA = {"findings": [["a.c", 1, "error", "x"]], "seconds": 1.5, "log": "text"}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.cache = cache.Cache(self.folder)

    def test_kept(self):
        self.assertIsNone(self.cache.get("ab" * 32))
        self.cache.put("ab" * 32, self.DATA)
        self.assertEqual(self.cache.get("ab" * 32)["findings"], self.DATA["findings"])
        self.assertEqual([p.suffix for p in self.folder.rglob("*") if p.is_file()], [".json"])

    def test_disabled_reads_nothing(self):
        self.cache.put("ab" * 32, self.DATA)
        self.assertIsNone(cache.Cache(self.folder, enabled=False).get("ab" * 32))

    def test_corrupt_entry_counts_as_absent(self):
        name = "ab" * 32
        self.cache.put(name, self.DATA)
        path = self.cache.path(name)
        whole = path.read_text(encoding="utf-8")
        for bad in ("", whole[:40], "[]", "null", whole.replace('"error"', "7"), whole.replace(name, "cd" * 32),
                    whole.replace('"findings"', '"finding"'), whole.replace('"seconds": 1.5', '"seconds": "x"'), "\0\0"):
            with self.subTest(bad):
                path.write_text(bad, encoding="utf-8")
                self.assertIsNone(self.cache.get(name))
        path.write_bytes(b"\xff\xfe\xff")
        self.assertIsNone(self.cache.get(name))

    def test_key_depends_on_every_part(self):
        one = cache.key(check="a", version="1", reads="t")
        self.assertEqual(one, cache.key(version="1", check="a", reads="t"))
        for other in (dict(check="b", version="1", reads="t"), dict(check="a", version="2", reads="t"),
                      dict(check="a", version="1", reads="u"), dict(check="a", version="1", reads="t", arch="um")):
            self.assertNotEqual(one, cache.key(**other))

    def test_digest_sees_every_file(self):
        (self.folder / "d").mkdir()
        first, second = self.folder / "d" / "x", self.folder / "y"
        first.write_text("1")
        second.write_text("2")
        before = cache.digest([self.folder / "d", second])
        first.write_text("3")
        self.assertNotEqual(before, cache.digest([self.folder / "d", second]))
        with self.assertRaises(OSError):
            cache.digest([self.folder / "missing"])


if __name__ == "__main__":
    unittest.main()
