# SPDX-License-Identifier: GPL-2.0
"""Golden cases of `lint`: each plants one fault and wants it named, with what mends it."""
import re
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import MiniStack  # noqa: E402
from stacklib.linux import mutants  # noqa: E402
from stacklib.stack import series  # noqa: E402
from stacklib.suites import session  # noqa: E402


class Lint(unittest.TestCase):
    """One fault each, in a copy of a stack in which lint finds nothing."""

    def setUp(self):
        self.mini = MiniStack(self)
        self.repo = self.mini.repo

    def finds(self, where, text, mend):
        """Lint must name this file (and line, "file:line"), say text and print mend."""
        proc = self.mini.stack("lint")
        self.assertEqual(proc.returncode, 1, proc.stdout + proc.stderr)
        lines = proc.stdout.splitlines()
        hits = [i for i, l in enumerate(lines) if l.startswith(where + ":") and text in l]
        self.assertTrue(hits, proc.stdout)
        self.assertIn(mend, lines[hits[0] + 1])
        self.assertRegex(lines[hits[0]], r"^[^:]+:\d+: (error|warning): ")
        self.assertRegex(lines[-1], r"^lint: \d+ findings")

    def change(self, name, old, new):
        path = self.repo / name
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, 1))

    def patch(self, number=0):
        """A patch of topic alpha, relative to the repository."""
        return self.mini.patches()[number].relative_to(self.repo).as_posix()

    def test_clean(self):
        began = time.monotonic()
        proc = self.mini.stack("lint", LINUX_TREE="/nonexistent", STACK_BASE_DIR="/nonexistent")
        self.assertEqual((proc.returncode, proc.stdout),
                         (0, "lint: nothing found in 3 patches of 2 topics\n"), proc.stderr)
        self.assertLess(time.monotonic() - began, 60)
        self.assertFalse(self.mini.out.exists())

    def test_series_names_a_missing_file(self):
        name = self.patch()
        (self.repo / name).unlink()
        self.finds("series:3", "is not there", "$EDITOR +3 series, or: git checkout -- " + name)

    def test_every_base_is_looked_at(self):
        """What is wrong on another base is found without --base; without its series file it is no base yet."""
        path = self.repo / "patches/v1/base.ini"
        ministack.write(self.repo / "patches/v2/base.ini", path.read_text().replace("topics = alpha beta", "topics ="))
        self.assertEqual(self.mini.stack("lint").returncode, 0)
        ministack.write(self.repo / "series.v2", "v2/alpha/0001-x.patch\n")
        self.finds("series.v2:1", "is not there", "$EDITOR +1 series.v2")
        self.assertEqual(self.mini.stack("lint", "--base", "v1").returncode, 0)
        self.assertEqual(self.mini.stack("lint", "alpha").returncode, 0)

    def test_file_not_in_series(self):
        ministack.write(self.repo / "patches/v1/alpha/0003-new.patch", "x\n")
        self.finds("patches/v1/alpha/0003-new.patch:0", "is not in series",
                   "echo v1/alpha/0003-new.patch >> series")

    def test_line_twice(self):
        self.change("series", "v1/beta/", "v1/alpha/0001-PCI-Return-more-from-a3.patch\nv1/beta/")
        self.finds("series:6", "stands here twice (first in line 3)", "$EDITOR +6 series")

    def test_bad_line(self):
        self.change("series", "# beta", "../../etc/passwd")
        self.finds("series:5", "is not of the form v1/TOPIC/NNNN-name.patch", "correct the line")

    def test_numbers_out_of_order(self):
        lines = (self.repo / "series").read_text().splitlines()
        lines[2], lines[3] = lines[3], lines[2]
        (self.repo / "series").write_text("\n".join(lines) + "\n")
        self.finds("series:3", "out of order: number 0001 expected", "scripts/stack refresh alpha")

    def test_patch_name(self):
        name = self.patch()
        (self.repo / name).rename(self.repo / "patches/v1/alpha/fix.patch")
        self.change("series", Path(name).name, "fix.patch")
        self.finds("series:3", "not of the form NNNN-name.patch", "scripts/stack refresh alpha")

    def test_no_series(self):
        (self.repo / "series").unlink()
        self.finds("series:0", "there is no series file", "> series")

    def test_signed_off_by_someone_else(self):
        self.change(self.patch(), "Signed-off-by: Ann", "Signed-off-by: Bob <bob@example.org>\nCc: Ann")
        self.finds(self.patch() + ":2", "no Signed-off-by of the author", "commit --amend -s")

    def test_no_from_and_bad_date(self):
        self.change(self.patch(), "From: Ann", "X-From: Ann")
        self.change(self.patch(1), "Date: Fri, 2 Jan 2026", "Date: Freitag")
        self.finds(self.patch() + ":0", "no From: header", "git checkout -- " + self.patch())
        self.finds(self.patch(1) + ":3", "the date cannot be read", "$EDITOR +3 patches/v1/alpha/0002")

    def test_not_canonical(self):
        self.change(self.patch(), "0" * 40, "f" * 40)
        self.change(self.patch(1), "[PATCH]", "[PATCH 2/2]")
        self.finds(self.patch() + ":1", "zero commit id", "scripts/stack refresh alpha")
        self.finds(self.patch(1) + ":4", "does not begin with [PATCH]", "scripts/stack refresh alpha")

    def test_signature(self):
        path = self.repo / self.patch()
        path.write_text(path.read_text().rstrip("\n") + "\n-- \n2.39.5\n\n")
        self.finds(self.patch(), "a version signature", "scripts/stack refresh alpha")

    def test_crlf(self):
        path = self.repo / self.patch()
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        self.finds(self.patch(), "CR LF", "sed -i 's/\\r$//'")

    def test_byte_order_mark(self):
        path = self.repo / self.patch()
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        self.finds(self.patch() + ":1", "a byte order mark", "sed -i")

    def test_names_of_topics(self):
        for name, text in (("kunit", "kunit"), ("a..b", "a..b"), ("x.lock", "x.lock")):
            with self.subTest(name):
                self.setUp()
                (self.repo / "patches/v1/beta").rename(self.repo / "patches/v1" / name)
                self.change("series", "v1/beta/", f"v1/{name}/")
                self.change("patches/v1/base.ini", "beta", name)
                proc = self.mini.stack("lint")
                self.assertEqual(proc.returncode, 1, proc.stdout + proc.stderr)
                self.assertIn(text, proc.stdout)
                self.assertNotIn("Traceback", proc.stderr)

    def test_cut_in_a_hunk(self):
        path = self.repo / self.patch(1)
        text = path.read_text()
        path.write_text(text[:text.index("+\treturn 1515;")])
        self.finds(self.patch(1), "the hunk ends before it should", "git checkout -- ")

    def test_cut_between_files(self):
        path = self.repo / self.patch(1)
        text = path.read_text()
        path.write_text(text[:text.rindex("diff --git")])
        self.finds(self.patch(1), "the diffstat is not that of the diff", "git checkout -- ")

    def test_cover_letter(self):
        cover = "patches/v1/alpha/0000-cover-letter.patch"
        self.change(cover, "0/2", "0/3")
        self.finds(cover + ":4", "says 3 patches, the series has 2", "$EDITOR " + cover)
        self.change(cover, "  PCI: Return more from a3()\n", "*** BLURB HERE ***\n")
        self.finds(cover + ":0", "does not list 'PCI: Return more from a3()'", "$EDITOR")
        self.finds(cover, "still the template", "$EDITOR")
        with open(self.repo / cover, "a", encoding="utf-8") as file:
            file.write("more\n" * 111)
        self.finds(cover, "nobody reads more than 110", "$EDITOR " + cover)
        (self.repo / cover).unlink()
        self.finds(cover + ":0", "topic alpha has no cover letter", "--cover-letter")

    def test_b4_ignores_a_key(self):
        ministack.write(self.repo / ".b4-config", "[b4]\n  prep-perpatch-check-cmd = x\n"
                        "  midmask = y\n  am-perpatch-check-cmd = z\n"
                        "  prep-perpatch-check-cmd = ./scripts/gone.pl --strict\n")
        self.finds(".b4-config:4", "b4 ignores 'am-perpatch-check-cmd'", "$EDITOR +4 .b4-config")
        self.finds(".b4-config:5", "scripts/gone.pl is not in this repository", "$EDITOR +5 .b4-config")

    def test_topic_ini(self):
        ini = "patches/v1/alpha/topic.ini"
        self.change(ini, "arches = um x86_64", "arches = um vax\ncolour = red")
        self.finds(ini + ":0", "unknown arch 'vax'", "$EDITOR " + ini)
        self.change(ini, "vax", "x86_64+rt")
        self.assertNotIn("unknown arch", self.mini.stack("lint").stdout)
        self.change(ini, "x86_64+rt", "x86_64+xt")
        self.finds(ini + ":0", "unknown flavour 'xt' (known: rt)", "$EDITOR " + ini)
        self.finds(ini + ":5", "unknown key 'colour'", "$EDITOR " + ini)
        self.change(ini, "colour = red", "[arches]\n0001 = um pdp11\n0007 = um")
        self.finds(ini + ":0", "unknown arch 'pdp11'", "$EDITOR " + ini)
        self.finds(ini + ":7", "[arches] names patch 0007, which the topic has not", "$EDITOR " + ini)
        self.change(ini, "0007 = um", "0002 = um\n[upstream]\n0009 = v7.2\n")
        self.finds(ini + ":9", "[upstream] names patch 0009, which the topic has not", "$EDITOR " + ini)
        self.finds(ini + ":9", "[upstream] 0009: 'v7.2' is not a commit id of 12 to 40 digits", "$EDITOR " + ini)
        self.change(ini, "alpha_two = 2", "alpha_two = 3\nghost = 1")
        self.finds(ini, "suite alpha_two needs 3 patches, the topic has 2", "$EDITOR")
        self.finds(ini, "suite ghost has no ghost_kunit.c", "write it")

    def test_header_without_users(self):
        """What is only included, a header or a part of a linker script, is compiled with header-users or not at all."""
        ini, path = "patches/v1/alpha/topic.ini", next((self.repo / "patches/v1/alpha").glob("0002-*.patch"))
        text = path.read_text()
        for name in ("include/linux/x.h", "arch/um/include/asm/common.lds.S", "tools/x.h"):
            path.write_text(re.sub(r"drivers/[\w/]+\.c", name, text))
            found = f"{path.name} changes {name}: nothing is compiled with it"
            if name.startswith("tools"):
                self.assertNotIn("header-users", self.mini.stack("lint").stdout)
                break
            self.finds(ini + ":0", "[topic] has no header-users, and " + found, "$EDITOR " + ini)
        path.write_text(re.sub(r"drivers/[\w/]+\.c", "include/linux/x.h", text))
        self.change(ini, "arches = ", "header-users = drivers/x.o\narches = ")
        self.assertNotIn("has no header-users", self.mini.stack("lint").stdout)

    def test_suite_that_never_runs(self):
        name = "kunit/drivers/pci/tests/Kconfig"
        lines = len((self.repo / name).read_text().splitlines())
        with open(self.repo / name, "a", encoding="utf-8") as file:
            file.write("config HELPER\n\tbool\nconfig LOST_KUNIT_TEST\n\tbool\n")
        self.finds(f"{name}:{lines + 3}", "no manifest names the suite of LOST_KUNIT_TEST", "topic.ini")
        self.assertNotIn("HELPER", self.mini.stack("lint").stdout)

    def test_suite_without_a_row(self):
        name = "kunit/Documentation/PCI/kunit.rst"
        ministack.write(self.repo / name, "   * - mini\n     - x\n   * - alpha_two\n     - alpha_one\n")
        self.finds(name + ":0", "the table has no row for suite alpha_one", "$EDITOR " + name)
        self.assertNotIn("alpha_two", self.mini.stack("lint").stdout)

    def test_suite_without_a_symbol(self):
        self.change("kunit/drivers/pci/tests/Kconfig", "config ALPHA_TWO_KUNIT_TEST", "config ALPHA_TWO_TEST")
        self.finds("patches/v1/alpha/topic.ini:7", "suite alpha_two has no symbol ALPHA_TWO_KUNIT_TEST", "write it")

    def test_suite_that_nobody_runs_by_hand(self):
        name = "kunit/drivers/pci/tests/.kunitconfig"
        self.change(name, "CONFIG_ALPHA_ONE_KUNIT_TEST=y\n", "")
        self.finds(name + ":0", "has no line CONFIG_ALPHA_ONE_KUNIT_TEST=y", "echo CONFIG_ALPHA_ONE_KUNIT_TEST=y >> " + name)
        with open(self.repo / "patches/v1/alpha/topic.ini", "a", encoding="utf-8") as file:
            file.write("[configs]\nalpha_one = numa\n")
        self.assertNotIn("ALPHA_ONE", self.mini.stack("lint").stdout)

    def test_base_ini(self):
        ini = "patches/v1/base.ini"
        self.change(ini, "topics = alpha beta", "topics = alpha gamma\nmirror = x")
        self.finds(ini, "topic gamma has no folder", "$EDITOR " + ini)
        self.finds(ini, "unknown key 'mirror'", "$EDITOR " + ini)
        self.change(ini, "sha256 = ", "sha256 = zz")
        self.finds(ini, "sha256 is not 64 hex digits", "$EDITOR " + ini)
        self.change(ini, "mirror = x", "kconfig = CONFIG_A=y CONFIG_B")
        self.finds(ini, "[base] kconfig: 'CONFIG_A=y CONFIG_B' is not of the form", "$EDITOR " + ini)

    def test_hooks(self):
        ministack.write(self.repo / "kunit/hooks", ministack.HOOKS + "drivers/pci/Kconfig\tx\n")
        self.finds("kunit/hooks:3", "not of the form FILE<TAB>ANCHOR<TAB>LINE", "correct the line")
        ministack.write(self.repo / "kunit/hooks",
                        ministack.HOOKS.replace("tests/Kconfig", "gone/Kconfig"))
        self.finds("kunit/hooks:1", "kunit/drivers/pci/gone/Kconfig is not there", "$EDITOR")

    def test_hooks_are_no_patches(self):
        """A line of kunit/hooks changes no code, however it is called; and no verb takes one that does."""
        for line in ("drivers/pci/a.c\t-\t#include \"tests/x.h\"", "drivers/pci/pci.h\t-\textern int x;",
                     "drivers/pci/Kconfig\t-\tconfig X", "drivers/pci/Makefile\t-\tCFLAGS_a.o := -include x.h",
                     "drivers/pci/Makefile\t-\tobj-$(shell,id) += tests/", "Documentation/a.rst\t-\t   kunit",
                     "drivers/pci/Makefile.c\t-\tobj-y += tests/", "drivers/pci/a.c\t-\tobj-y += tests/"):
            ministack.write(self.repo / "kunit/hooks", ministack.HOOKS + line + "\n")
            self.finds("kunit/hooks:3", "neither a source line of a Kconfig", "a change to code is a patch")
        self.assertIn("kunit/hooks:3: neither", self.mini.stack("apply", status=2).stderr)

    def test_check_without_head(self):
        ministack.write(self.repo / "scripts/checks/odd", "#!/bin/sh\n# SPDX-License-Identifier: x\n")
        self.finds("scripts/checks/odd:0", "is not executable", "chmod +x scripts/checks/odd")
        self.finds("scripts/checks/odd:0", "no '# kind:", "scripts/checks/README")

    def test_machine_path_and_spdx(self):
        ministack.write(self.repo / "notes.txt", "ok\nsee /%s/shared\n" % "work")
        ministack.write(self.repo / "tool.py", "print()\n")
        self.finds("notes.txt:2", "a path of some machine", "$EDITOR notes.txt")
        self.finds("tool.py:1", "no SPDX-License-Identifier", "$EDITOR tool.py")

    def test_mutants(self):
        mutant = self.repo / "patches/v1/alpha/mutants/a.patch"
        text = "--- a/drivers/pci/a.c\n+++ b/drivers/pci/a.c\n@@ -16,3 +16,3 @@\n {\n-\treturn 33;\n+\treturn 3;\n }\n"
        text = "# caught by alpha_one\n# run: plain alpha_one\n" + text
        ministack.write(mutant, text)
        proc = self.mini.stack("lint")
        self.assertEqual((proc.returncode, proc.stdout.splitlines()[0]),
                         (0, "note: not all mutants were tried: no kernel is in the work folder yet: scripts/stack apply"))
        self.mini.stack("apply")
        proc = self.mini.stack("lint")
        self.assertEqual((proc.returncode, len(proc.stdout.splitlines())), (0, 1), proc.stdout)
        ministack.write(mutant.with_name("b.patch"), text.replace("33", "34"))
        ministack.write(mutant.with_name("c.patch"), "# run: plain mini\n--- a/gone.c\n+++ b/gone.c\n@@ -1 +1 @@\n-a\n+b\n")
        self.finds("patches/v1/alpha/mutants/b.patch:0", "does not apply to its topic any more: drivers/pci/a.c", "git rm")
        self.finds("patches/v1/alpha/mutants/c.patch:0", "gone.c: No such file", "git rm")
        # what it is to break may come with a later topic, or be only where none has come
        later = self.repo / "patches/v1/alpha/mutants/d.patch"
        ministack.write(later, "# run: plain mini\n--- a/drivers/pci/c.c\n+++ b/drivers/pci/c.c\n@@ -2,3 +2,3 @@\n {\n-\treturn 0;\n+\treturn 1;\n }\n")
        said = self.mini.stack("lint").stdout
        self.assertIn("mutants/b.patch:0", said)
        self.assertNotIn("mutants/d.patch:0", said)
        self.mini.patches()[0].write_text(self.mini.patches()[0].read_text().replace("return 3;", "return 5;"))
        self.assertIn("note: not all mutants were tried: ", self.mini.stack("lint").stdout)

    def test_what_catches_a_mutant(self):
        """Each has a line of what catches it, and that is there."""
        path = self.repo / "patches/v1/alpha/mutants/a.patch"
        topic = series.load(self.repo).select(["alpha"])[0]
        for run, said in (("plain alpha_one alpha_two.int", ""), ("plane alpha_one", "no configuration 'plane'"),
                          ("plain omega", "nothing is called omega"), ("", "0 lines '# run: CONFIG SUITE.CASE...'"),
                          ("plain alpha_one.third", "nothing is called alpha_one.third"),
                          ("tests test_gone.test_it", "nothing is called test_gone.test_it")):
            ministack.write(path, f"# run: {run}\n--- a/drivers/pci/a.c\n+++ b/drivers/pci/a.c\n@@ -1 +1 @@\n-a\n+b\n")
            found = mutants.untold(self.repo, topic, session.CONFIGS, ["mini", "alpha_one", "alpha_two"])
            self.assertEqual((list(found), said in found.get(path, "")), ([path] if said else [], True), found)
        self.finds("patches/v1/alpha/mutants/a.patch:0", "nothing is called test_gone.test_it", "$EDITOR")

    def test_expected_notes(self):
        with open(self.repo / "patches/v1/alpha/topic.ini", "a", encoding="utf-8") as file:
            file.write("[expected]\nheaders = (\n")
        proc = self.mini.stack("lint")
        self.assertEqual(proc.returncode, 2)
        self.assertIn("alpha/topic.ini: [expected] has what is no regular expression", proc.stderr)

    def test_configurations_of_suites(self):
        ini = "patches/v1/alpha/topic.ini"
        text = (self.repo / ini).read_text()
        ministack.write(self.repo / ini, text + "[configs]\nalpha_one = +numa -plain\n")
        self.assertEqual(self.mini.stack("lint").returncode, 0)
        ministack.write(self.repo / ini, text + "[configs]\nalpha_one = +numo\n")
        self.finds(ini, "[configs]: no configuration +numo (there are: bench coverage kasan", "$EDITOR " + ini)
        ministack.write(self.repo / ini, text + "[configs]\nalpha_ten = numa\n")
        self.finds("kunit/suites.ini:0", "[configs] names suite alpha_ten, which no [suites] has", "$EDITOR ")

    def test_unreadable_ini(self):
        ministack.write(self.repo / "patches/v1/alpha/topic.ini", "title without section\n")
        proc = self.mini.stack("lint")
        self.assertNotEqual(proc.returncode, 0)
        self.assertIn("topic.ini", proc.stdout + proc.stderr)
        self.assertNotIn("Traceback", proc.stderr)


if __name__ == "__main__":
    unittest.main()
