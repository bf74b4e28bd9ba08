# SPDX-License-Identifier: GPL-2.0
"""Golden cases of the checks that read a patch: apply, headers, checkpatch, spelling."""
import shutil
import unittest

from checks_support import CheckCase

API = "drivers/pci/msi/api.c"


class Apply(CheckCase):
    """A patch that does not fit to the letter is caught."""

    def test_clean(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        self.assert_clean("apply", PATCH=str(self.patch()))

    def test_reject_names_the_hunk(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        patch = self.patch()
        self.edit(API, "int pci_enable_msi(", "long pci_enable_msi(")
        self.assert_found("apply", "%s:%d: error: %s hunk #1 does not apply"
                          % (patch.name, self.line_of(patch, "@@ "), API), PATCH=str(patch))

    def test_fuzz_is_an_error(self):
        line = self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        patch = self.patch()
        path = self.tree / API
        lines = path.read_text(encoding="utf-8").splitlines(True)
        lines[line - 4] = "/* another line of context */\n"
        path.write_text("".join(lines), encoding="utf-8")
        self.assert_found("apply", "%s:%d: error: %s hunk #1 applies only with fuzz"
                          % (patch.name, self.line_of(patch, "@@ "), API), PATCH=str(patch))

    def test_offset_is_a_note(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        patch = self.patch()
        self.edit(API, "", "")
        path = self.tree / API
        path.write_text("\n\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
        self.assert_found("apply", "%s:%d: hint: %s hunk #1 applies with an offset of 2 lines"
                          % (patch.name, self.line_of(patch, "@@ "), API), PATCH=str(patch))

    def test_applied_already(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        patch = self.patch()
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        status, found, err = self.run_check("apply", PATCH=str(patch))
        self.assertEqual(status, 0, err)
        self.assertTrue([f for f in found if ": error: " in f], found)

    def test_truncated_patch(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        patch = self.patch()
        lines = patch.read_text(encoding="utf-8").splitlines(True)
        at = self.line_of(patch, "@@ ")
        patch.write_text("".join(lines[:at + 3]), encoding="utf-8")
        status, found, err = self.run_check("apply", PATCH=str(patch))
        self.assertTrue(status or [f for f in found if ": error: " in f], (found, err))

    def test_no_diff(self):
        patch = self.scratch / "0001-empty.patch"
        patch.write_text("From: a\n\nnothing here\n", encoding="utf-8")
        self.assert_found("apply", "0001-empty.patch:1: error: no diff", PATCH=str(patch))

    def test_tool_missing(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        self.assert_broken("apply", "patch: not found.*stack setup", self.without("patch"), PATCH=str(self.patch()))

    def test_tool_prints_garbage(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        patch = str(self.patch())
        for script in ("echo banana\n", "exit 0\n", "echo 'checking file x'; echo 'Hunk #1 sang.'\n", "kill -9 $$\n"):
            with self.subTest(script):
                self.assert_broken("apply", "patch: ", self.fake("patch", script), PATCH=patch)


class Headers(CheckCase):
    """Author, subject, log and tags by the rules of linux-pci."""

    def one(self, wanted, **how):
        """The patch made with `how` gives a finding that contains `wanted` on the line of `at`."""
        at = how.pop("at")
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        patch = self.patch(**how)
        self.assert_found("headers", "%s:%d: %s" % (patch.name, self.line_of(patch, at), wanted), PATCH=str(patch))

    def test_clean(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        self.assert_clean("headers", PATCH=str(self.patch(
            body="Quoted output may be long:\n\n  %s\n\nand so may [1].\n\n[1] https://example.org/%s\n\n"
                 "Link: https://example.org/x\nFixes: 0123456789ab (\"PCI: Do it\")\n"
                 "Suggested-by: Joe <joe@example.org>" % ("word " * 20, "x" * 90))))

    def test_author_is_not_the_signer(self):
        self.one("error: From: Jane Doe <jane@example.org> is none of", at="From: Jane", signed="Joe <joe@example.org>")

    def test_no_sign_off(self):
        self.one("error: no Signed-off-by:", at="---", signed="")

    def test_subject_without_prefix(self):
        self.one("error: subject has no prefix", at="Subject:", subject="Mention the test")

    def test_subject_with_a_foreign_prefix(self):
        self.one("error: prefix \"net:\"", at="Subject:", subject="net: Mention the test")

    def test_subject_not_imperative(self):
        for verb in ("Adds", "Added", "Adding"):
            with self.subTest(verb):
                self.setUp()
                self.one("warning: subject is not imperative", at="Subject:", subject="PCI/MSI: %s a test" % verb)

    def test_subject_lower_case_and_full_stop(self):
        self.one("warning: the verb after the prefix", at="Subject:", subject="PCI: foo: add a test")
        self.setUp()
        self.one("warning: subject ends with a full stop", at="Subject:", subject="PCI/MSI: Add a test.")

    def test_subject_length(self):
        self.one("note: subject has 77", at="Subject:", subject="PCI/MSI: " + "x" * 67 + "y")
        self.setUp()
        self.one("warning: subject has 91", at="Subject:", subject="PCI/MSI: Add " + "x" * 78)

    def test_empty_log(self):
        self.one("error: the log is empty", at="From ", body="")

    def test_log_repeats_the_subject(self):
        self.one("error: the log says no more", at="Mention the test.", body="Mention the test.\n", subject="PCI: Mention the test")

    def test_long_line(self):
        self.one("warning: line has 79 characters", at="word word", body="Say why in words, so that it is long enough.\n" + "word " * 16 + "\n")

    def test_tags_nobody_gave(self):
        for tag in ("Reviewed-by", "Tested-by", "Acked-by"):
            with self.subTest(tag):
                self.setUp()
                self.one("error: %s: is a tag that others give" % tag, at=tag,
                         body="Say why this is done, in a long sentence.\n\n%s: Joe <joe@example.org>" % tag)

    def test_fixes_link_change_id(self):
        for tag, wanted in (("Fixes: 012345 (PCI)", "error: Fixes: must read"), ("Link: lore/x y", "error: Link: must read"),
                            ("Change-Id: I0123", "error: Change-Id: means nothing")):
            with self.subTest(tag):
                self.setUp()
                self.one(wanted, at=tag, body="Say why this is done, in a long sentence.\n\n%s" % tag)

    def test_no_blank_line_before_tags(self):
        self.one("error: no blank line", at="Cc:", body="Say why this is done, in a sentence that is long enough.\nCc: Joe <joe@example.org>")

    def test_quoted_function(self):
        self.one("warning: write pci_foo() without", at="`pci_foo()`", body="Call `pci_foo()` where it has to be called, and say why.\n")

    def test_comment_between_tags(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        self.assert_clean("headers", PATCH=str(self.patch(
            body="Say why this is done, in a sentence that is long enough.\n\nSuggested-by: Joe <joe@example.org>\n"
                 "[jane: said in two lines what\n was changed on the way]")))

    def test_this_patch(self):
        self.one("warning: \"this patch\"", at="This patch", body="This patch adds what has to be added, and says no more.\n")

    def test_no_headers_at_all(self):
        path = self.scratch / "0001-bare.patch"
        path.write_text("--- a/README\n+++ b/README\n@@ -1 +1 @@\n-x\n+y\n", encoding="utf-8")
        self.assert_found("headers", "0001-bare.patch:1: error: no mail headers", PATCH=str(path))

    def test_input_missing(self):
        self.assert_broken("headers", "PATCH is not set")
        self.assert_broken("headers", "python3", self.without("python3", "python3.11", "python"), PATCH="x")


class Checkpatch(CheckCase):
    """checkpatch.pl, and every way in which it could seem to be content."""

    def test_clean(self):
        self.edit(API, "int pci_enable_msi(struct pci_dev *dev)\n{\n", "int pci_enable_msi(struct pci_dev *dev)\n{\n\tpci_info(dev, \"here\");\n")
        self.assert_clean("checkpatch", PATCH=str(self.patch()))

    def test_style_error(self):
        line = self.edit(API, "int pci_enable_msi(struct pci_dev *dev)\n{\n", "int pci_enable_msi(struct pci_dev *dev)\n{\n\tfoo( dev);\n")
        patch = self.patch()
        self.assert_found("checkpatch", "%s:%d: error: SPACING: space prohibited after that open parenthesis '(' (%s:%d)"
                          % (patch.name, self.line_of(patch, "foo( dev"), API, line + 2), PATCH=str(patch))

    def test_carriage_returns(self):
        self.edit(API, "int pci_enable_msi(struct pci_dev *dev)\n{\n",
                  "int pci_enable_msi(struct pci_dev *dev)\n{\n\tpci_info(dev, \"here\");\n")
        patch = self.patch()
        patch.write_bytes(patch.read_bytes().replace(b'"here");\n', b'"here");\r\n'))
        self.assert_found("checkpatch", "%s:%d: error: DOS_LINE_ENDINGS" % (patch.name, self.line_of(patch, "here")),
                          PATCH=str(patch))

    def test_tracked_patch_is_still_a_patch(self):
        self.edit(API, "int pci_enable_msi(struct pci_dev *dev)\n{\n", "int pci_enable_msi(struct pci_dev *dev)\n{\n\tfoo( dev);\n")
        patch = self.patch()
        tracked = self.tree / patch.name
        tracked.write_text(patch.read_text(encoding="utf-8"), encoding="utf-8")
        self.addCleanup(tracked.unlink)
        self.assert_found("checkpatch", "%s:%d: error: SPACING" % (patch.name, self.line_of(patch, "foo( dev")), PATCH=str(tracked))

    def test_the_users_configuration_does_not_count(self):
        self.edit(API, "int pci_enable_msi(struct pci_dev *dev)\n{\n", "int pci_enable_msi(struct pci_dev *dev)\n{\n\tfoo( dev);\n")
        patch = self.patch()
        (self.scratch / ".checkpatch.conf").write_text("--ignore SPACING\n", encoding="utf-8")
        self.assert_found("checkpatch", "%s:%d: error: SPACING" % (patch.name, self.line_of(patch, "foo( dev")),
                          PATCH=str(patch), HOME=str(self.scratch))

    def test_the_trees_configuration_is_not_obeyed(self):
        self.edit(API, "int pci_enable_msi(struct pci_dev *dev)\n{\n", "int pci_enable_msi(struct pci_dev *dev)\n{\n\tfoo( dev);\n")
        patch = self.patch()
        conf = self.tree / ".checkpatch.conf"
        conf.write_text("--ignore SPACING\n", encoding="utf-8")
        self.addCleanup(conf.unlink, missing_ok=True)
        self.assert_broken("checkpatch", "checkpatch.conf would be obeyed", PATCH=str(patch))
        conf.unlink()
        (self.tree / ".scripts").mkdir()
        self.addCleanup(shutil.rmtree, self.tree / ".scripts")
        (self.tree / ".scripts/.checkpatch.conf").write_text("--ignore SPACING\n", encoding="utf-8")
        self.assert_found("checkpatch", "%s:%d: error: SPACING" % (patch.name, self.line_of(patch, "foo( dev")), PATCH=str(patch))

    def test_unknown_commit_is_expected(self):
        self.edit(API, "int pci_enable_msi(struct pci_dev *dev)\n{\n", "int pci_enable_msi(struct pci_dev *dev)\n{\n\tpci_info(dev, \"here\");\n")
        patch = self.patch(body="Say why this is done, in a long sentence.\n\nFixes: 0123456789ab (\"PCI: Do\")")
        self.assert_clean("checkpatch", PATCH=str(patch))

    def test_tool_missing(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        patch = str(self.patch())
        self.assert_broken("checkpatch", "perl: not found.*stack setup", self.without("perl"), PATCH=patch)
        (self.tree / "scripts/checkpatch.pl").unlink()
        self.assert_broken("checkpatch", "scripts/checkpatch.pl: not in the kernel tree", PATCH=patch)

    def test_tool_prints_garbage(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        patch = str(self.patch())
        for script in ("echo banana\n", "exit 0\n", "exit 1\n", "echo oops >&2\n",
                       "echo 'total: 0 errors, 0 warnings, 0 checks, 0 lines checked'\n",
                       "echo 'total: 1 errors, 0 warnings, 0 checks, 9 lines checked'; exit 1\n"):
            with self.subTest(script):
                self.assert_broken("checkpatch", "checkpatch", self.fake("perl", script), PATCH=patch)


class Spelling(CheckCase):
    """codespell on the log and the added lines."""

    def test_clean(self):
        self.edit(API, "int pci_enable_msi(", "/* Write it well. */\nint pci_enable_msi(")
        self.assert_clean("spelling", PATCH=str(self.patch()))

    def test_added_line_and_log(self):
        line = self.edit(API, "int pci_enable_msi(", "/* Recieve it. */\nint pci_enable_msi(")
        patch = self.patch(body="Say why this is done, becuase it is long enough.\n")
        self.assert_found("spelling", "%s:%d: warning: Recieve: should this be \"Receive\"? (%s:%d)"
                          % (patch.name, self.line_of(patch, "Recieve"), API, line), PATCH=str(patch))
        self.assert_found("spelling", "%s:%d: warning: becuase" % (patch.name, self.line_of(patch, "becuase")), PATCH=str(patch))

    def test_word_of_the_kernel_list(self):
        self.edit(API, "int pci_enable_msi(", "/* acknowldegement */\nint pci_enable_msi(")
        patch = self.patch()
        self.assert_found("spelling", "%s:%d: warning: acknowldegement" % (patch.name, self.line_of(patch, "acknowl")), PATCH=str(patch))

    def test_old_mistakes_do_not_count(self):
        self.edit(API, "int pci_enable_msi(", "/* Recieve it. */\nint pci_enable_msi(")
        self.patch()
        self.edit(API, "int pci_enable_msi(", "/* Recieve it. */\nint pci_enable_msi(")
        from checks_support import git  # pylint: disable=import-outside-toplevel
        git("commit", "-qam", "old", cwd=self.tree)
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        self.assert_clean("spelling", PATCH=str(self.patch()))

    def test_tool_missing(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        self.assert_broken("spelling", "codespell: not found.*stack setup", self.without("codespell"), PATCH=str(self.patch()))

    def test_tool_prints_garbage(self):
        self.edit(API, "int pci_enable_msi(", "int  pci_enable_msi(")
        patch = str(self.patch())
        for script in ("echo banana\n", "exit 0\n", "exit 1\n"):
            with self.subTest(script):
                self.assert_broken("spelling", "codespell", self.fake("codespell", script), PATCH=patch)


if __name__ == "__main__":
    unittest.main()
