# SPDX-License-Identifier: GPL-2.0
"""Golden cases for the semantic patches in kunit/scripts/coccinelle.

cocci/hazard/: every file, and every folder (a driver in several files), is a
case. A line that must be reported has a comment "want: CLASS", see WANT. The
complete list of findings is compared, so one too many fails as well.
cocci/convert/: NAME.c becomes NAME-converted.c, or stays, where there is none.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

RULES = Path(__file__).resolve().parents[4] / "kunit/scripts/coccinelle/api"
HAZARD = RULES / "pcim_irq_vectors_hazard.cocci"
CONVERT = RULES / "pcim_irq_vectors_convert.cocci"
CASES = Path(__file__).resolve().parent / "cocci"

WANT = {
    "release": "WARNING: pci_free_irq_vectors() of vectors that the release of the device frees",
    "installed": "WARNING: pci_free_irq_vectors() while a devm_request_irq() handler is installed",
    "perhaps": "WARNING: pci_free_irq_vectors() while a devm_request_irq() handler may be installed",
    "implicit": "WARNING opportunity for pcim_alloc_irq_vectors()",
}


def spatch(*args):
    """Run spatch with args; return its standard output.

    Raises AssertionError when spatch is missing, fails, or complains: a
    semantic patch whose Python part breaks must not look like a clean file.
    """
    tool = shutil.which("spatch")
    if not tool:
        raise AssertionError("spatch is not installed; run: scripts/stack setup")
    run = subprocess.run([tool, "--very-quiet", *map(str, args)], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode or run.stderr.strip():
        raise AssertionError(f"spatch exited with {run.returncode}: "
                             f"{run.stderr.strip() or run.stdout.strip()}")
    return run.stdout


def report(*paths):
    """Run the hazard rule on files of one driver; return (file, line, text)s."""
    out = spatch("-D", "report", "--no-includes", "--no-show-diff",
                 "--cocci-file", HAZARD, *paths)
    found = []
    for line in out.splitlines():
        match = re.fullmatch(r"(\S+?):(\d+):\d+-\d+: (.*)", line)
        if not match:
            raise AssertionError(f"not in report form: {line}")
        found.append((match[1], int(match[2]), match[3]))
    return sorted(found)


def wanted(*paths):
    """Return what the comments in the files want, in the form of report()."""
    return sorted((str(path), line, WANT[mark]) for path in paths
                  for line, code in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
                  for mark in re.findall(r"/\* want: (\w+) \*/", code))


class Rules(unittest.TestCase):
    """What holds for every semantic patch."""

    def test_there_are_rules(self):
        self.assertTrue({HAZARD, CONVERT} <= set(RULES.glob("*.cocci")))

    def test_every_mode_parses(self):
        for rule in sorted(RULES.glob("*.cocci")):
            modes = re.findall(r"^virtual (\w+)$", rule.read_text(), re.M)
            self.assertTrue(modes, f"{rule.name}: no virtual mode")
            for mode in modes:
                with self.subTest(rule=rule.name, mode=mode):
                    spatch("-D", mode, "--parse-cocci", rule)

    def test_header(self):
        for rule in sorted(RULES.glob("*.cocci")):
            with self.subTest(rule=rule.name):
                text = rule.read_text()
                self.assertTrue(text.startswith("// SPDX-License-Identifier: GPL-2.0\n/// "))
                self.assertRegex(text, r"(?m)^// Confidence: (High|Moderate|Low)$")
                # coccicheck takes every line with this word for options.
                self.assertEqual(re.findall(r".*Options:.*", text),
                                 ["// Options: --no-includes"])

    def test_missing_spatch_is_a_failure(self):
        self.addCleanup(os.environ.__setitem__, "PATH", os.environ["PATH"])
        os.environ["PATH"] = "/nonexistent"
        with self.assertRaisesRegex(AssertionError, "spatch is not installed"):
            spatch("--version")

    def test_broken_rule_is_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            rule = Path(folder, "broken.cocci")
            rule.write_text("virtual report\n@script:python depends on report@\n"
                            "@@\nraise ValueError('planted')\n")
            source = Path(folder, "a.c")
            source.write_text("int a;\n")
            with self.assertRaisesRegex(AssertionError, "planted"):
                spatch("-D", "report", "--cocci-file", rule, source)


class Hazard(unittest.TestCase):
    """pcim_irq_vectors_hazard.cocci, one test for each case (see below)."""

    maxDiff = None

    def test_cases_want_every_class_and_silence(self):
        marks = [wanted(path) for path in sorted((CASES / "hazard").glob("*.c"))]
        texts = {text for found in marks for _, _, text in found}
        self.assertEqual(texts, set(WANT.values()))
        self.assertIn([], marks)

    def test_split_driver_is_not_found_file_by_file(self):
        for path in sorted((CASES / "hazard" / "split").glob("*.c")):
            with self.subTest(file=path.name):
                self.assertEqual(report(path), [])

    def test_context_and_org_name_the_same_line(self):
        path = CASES / "hazard" / "new-function-and-free.c"
        (_, line, text), = wanted(path)
        args = ("--no-includes", "--cocci-file", HAZARD, path)
        org = spatch("-D", "org", "--no-show-diff", *args)
        self.assertIn(f"linb={line}::", org)
        self.assertIn(text.split(": ", 1)[1], org)
        self.assertEqual(re.findall(r"(?m)^[-+]\t.*", spatch("-D", "context", *args)),
                         ["-\tpci_free_irq_vectors(pdev);\t/* want: release */"])


class Convert(unittest.TestCase):
    """pcim_irq_vectors_convert.cocci, one test for each case (see below)."""

    maxDiff = None

    def check(self, before, after):
        """Convert a copy of before, compare it with after byte by byte."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "driver.c")
            shutil.copy(before, copy)
            spatch("-D", "patch", "--no-includes", "--in-place", "--no-show-diff",
                   "--cocci-file", CONVERT, copy)
            self.assertEqual(copy.read_text(encoding="utf-8"),
                             after.read_text(encoding="utf-8"))

    def test_hazard_rule_is_content_with_the_result(self):
        self.assertNotEqual(report(CASES / "convert" / "implicit.c"), [])
        self.assertEqual(report(CASES / "convert" / "implicit-converted.c"), [])


def _hazard(paths):
    def test(self):
        self.assertEqual(report(*paths), wanted(*paths))
    return test


def _convert(path):
    after = path.with_name(path.stem + "-converted.c")
    return lambda self: self.check(path, after if after.exists() else path)


for _path in sorted((CASES / "hazard").iterdir()):
    _paths = sorted(_path.glob("*.c")) if _path.is_dir() else [_path]
    setattr(Hazard, "test_case_" + _path.stem.replace("-", "_"), _hazard(_paths))
for _path in sorted((CASES / "convert").glob("*.c")):
    setattr(Convert, "test_case_" + _path.stem.replace("-", "_"), _convert(_path))


if __name__ == "__main__":
    unittest.main()
