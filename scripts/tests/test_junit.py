# SPDX-License-Identifier: GPL-2.0
"""What junit.xml says of verdicts, whatever is in them."""
import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stacklib.checking import report  # noqa: E402
from stacklib.suites import junit  # noqa: E402


class Junit(unittest.TestCase):
    """Written, and read back by a parser of XML."""

    def written(self, cases):
        with tempfile.TemporaryDirectory() as folder:
            junit.write(Path(folder) / "junit.xml", "x", cases)
            return ElementTree.parse(Path(folder) / "junit.xml").getroot()

    def test_counts_and_reasons(self):
        top = self.written([junit.Case("a", "one", "passed", "", 0.25), junit.Case("a", "two", "failed", "why\nmore", 0),
                            junit.Case("b", "three", "error", "crash", 0), junit.Case("b", "four", "skipped", "no", 0)])
        self.assertEqual([(s.get("name"), s.get("tests"), s.get("failures"), s.get("errors"), s.get("skipped"))
                          for s in top], [("a", "2", "1", "0", "0"), ("b", "2", "0", "1", "1")])
        self.assertEqual((top[0][1][0].tag, top[0][1][0].get("message"), top[0][1][0].text), ("failure", "why", "why\nmore"))
        self.assertEqual((top[0][0].get("time"), len(top[0][0])), ("0.25", 0))

    def test_bytes_of_a_stranger(self):
        top = self.written([junit.Case("a\x00", "<b>\x1b[31m", "failed", "\ud800\ufffe & ]]>", 0)])
        self.assertEqual((top[0].get("name"), top[0][0].get("name")), ("a?", "<b>?[31m"))
        self.assertEqual(top[0][0][0].text, "?? & ]]>")

    def test_verdicts_of_a_report(self):
        common = {"findings": [], "reason": "", "seconds": 1.0, "arch": "um"}
        rows = [dict(common, patch=1, check="build", verdict="pass"),
                dict(common, patch=2, check="build", verdict="FAIL",
                     findings=[{"file": "a.c", "line": 3, "level": "error", "text": "bad"}]),
                dict(common, patch=0, check="kunit", verdict="BROKEN", arch="", reason="no make")]
        top = self.written(map(report.case, rows))
        self.assertEqual([case.get("name") for suite in top for case in suite], ["patch 1 um", "patch 2 um", "base"])
        self.assertEqual(top[0][1][0].text, "a.c:3: error: bad")
        self.assertEqual((top[1][0][0].tag, top[1][0][0].text), ("error", "no make"))


if __name__ == "__main__":
    unittest.main()
