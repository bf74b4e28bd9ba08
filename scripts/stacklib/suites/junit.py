# SPDX-License-Identifier: GPL-2.0
"""Verdicts in the form of JUnit, which CI systems show. (kunit.py writes none, and Debian's python3-junit.xml is no
part of Python.)"""
import re
from pathlib import Path
from typing import Iterable, NamedTuple
from xml.etree import ElementTree

from stacklib.host.files import write_whole

# What XML 1.0 cannot hold, however it is written.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(NamedTuple):
    """One verdict: .suite .name .status (passed, failed, error, skipped) .text (why) .seconds"""

    suite: str
    name: str
    status: str
    text: str
    seconds: float


def write(path: Path, name: str, cases: Iterable[Case]) -> None:
    """Write cases to path, a testsuite for each of their suites, in the order in which they come."""
    top = ElementTree.Element("testsuites", name=name)
    suites: dict = {}
    for case in cases:
        suite = suites.get(case.suite)
        if suite is None:
            suite = suites[case.suite] = ElementTree.SubElement(top, "testsuite", name=clean(case.suite))
        item = ElementTree.SubElement(suite, "testcase", classname=clean(case.suite), name=clean(case.name),
                                      time=f"{case.seconds:.2f}")
        if case.status != "passed":
            kind = {"failed": "failure", "error": "error", "skipped": "skipped"}[case.status]
            first = clean(case.text).strip().partition("\n")[0]
            ElementTree.SubElement(item, kind, message=first).text = clean(case.text)
    for suite in suites.values():
        for attribute, tag in (("tests", "testcase"), ("failures", ".//failure"), ("errors", ".//error"),
                               ("skipped", ".//skipped")):
            suite.set(attribute, str(len(suite.findall(tag))))
    write_whole(path, b"<?xml version='1.0' encoding='utf-8'?>\n" + ElementTree.tostring(top, encoding="utf-8"))


def clean(text: str) -> str:
    """Return text without what XML cannot hold."""
    return _NO_XML.sub("?", text)
