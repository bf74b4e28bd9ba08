# SPDX-License-Identifier: GPL-2.0
"""Golden cases: reports of the kernel in logs, and the list of allowed ones."""
from pathlib import Path
import sys
import tempfile
import unittest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from stacklib.host import term  # noqa: E402
from stacklib.stack import stanza  # noqa: E402
from stacklib.suites import splats  # noqa: E402

GOLDEN = HERE / "kunit"
ENTRY = "report: {}\nreason: for the test\nuntil: never\n"


def golden(name):
    """The text of a golden log."""
    return (GOLDEN / (name + ".log")).read_text(encoding="utf-8")


def read(text):
    """Entries of an allow list with this text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "splats.allow"
        path.write_text(text, encoding="utf-8")
        return splats.read_allowed(path)


class AllowList(unittest.TestCase):
    """What an allow list may look like."""

    def refuses(self, text, *words):
        """Reading this text is an error whose message has these words."""
        with self.assertRaises(term.StackError) as caught:
            read(text)
        for word in words:
            self.assertIn(word, caught.exception.msg)

    def test_shipped_list_reads(self):
        """The list of this project can be read."""
        found = splats.allow_lists(HERE.parents[1])
        self.assertEqual(found[0], HERE.parent / "kunit" / "splats.allow")
        for path in found:
            self.assertTrue(splats.read_allowed(path), path)

    def test_continued_value(self):
        """An indented line goes on with the value before it."""
        entry, = stanza.parse("report: a\nreason: one\n  two\nuntil: x\n", "f",
                              ("report", "reason", "until"))
        self.assertEqual(entry.get("reason"), "one two")

    def test_unreadable_line(self):
        """A line that is no key and value is an error with its number."""
        self.refuses("# c\nreport: a\nwhatever\n", "splats.allow:3", "whatever")

    def test_missing_reason(self):
        """An entry without a reason is an error."""
        self.refuses("report: a\nuntil: x\n", "splats.allow:1", "reason")

    def test_missing_condition(self):
        """An entry that says not when it goes is an error."""
        self.refuses("report: a\nreason: x\n", "until")

    def test_unknown_key(self):
        """A misspelt key is an error, not a wider entry."""
        self.refuses("report: a\nlines: b\nreason: x\nuntil: y\n", "splats.allow:2", "lines")

    def test_bad_regex(self):
        """A regular expression that does not compile is an error."""
        self.refuses(ENTRY.format("(a"), "splats.allow:1", "regular expression")

    def test_bad_max(self):
        """A count that is no number is an error."""
        self.refuses(ENTRY.format("a") + "max: many\n", "max")

    def test_missing_file(self):
        """A list that is not there is an error, not an empty list."""
        with self.assertRaises(term.StackError):
            splats.read_allowed(GOLDEN / "absent.allow")


class Reports(unittest.TestCase):
    """Which reports are found in real logs."""

    def kinds(self, text):
        """Kinds of the reports in a log, in order."""
        return [splat.kind for splat in splats.find(text)]

    def test_clean_log(self):
        """A log of passing tests has no report."""
        self.assertEqual(self.kinds(golden("pass")), [])

    def test_empty_log(self):
        """An empty log is an error: silence proves nothing."""
        for text in ("", " \n\n"):
            with self.assertRaises(term.StackError):
                splats.find(text)

    def test_warn_in_passing_suite(self):
        """Two WARNs are found though every test passed, each with its place."""
        found = splats.find(golden("warn"))
        self.assertEqual([splat.kind for splat in found], ["warn", "warn"])
        self.assertEqual(found[0].where, "drivers/pci/tests/scratch_kunit.c:57")
        self.assertEqual(found[0].suite, "scratch_splat")
        self.assertEqual(found[1].where, "lib/refcount.c:25")
        self.assertEqual(found[1].after, "warns")
        self.assertIn("refcount_t: addition on 0; use-after-free.", found[1].lines)

    def test_panic(self):
        """A crash is a report."""
        self.assertEqual(self.kinds(golden("crash")), ["panic"])

    def test_test_names_are_no_reports(self):
        """What KUnit itself prints is not mistaken for the kernel's words."""
        log = "    # BUG: x\n    ok 1 WARNING: y\n# WARNING: at z: pass:1\n"
        self.assertEqual(self.kinds(log), [])

    def test_printk_prefix(self):
        """Time stamps and levels before a report are looked through."""
        for prefix in ("[    1.234567] ", "[    1.234567][    T9] ", "<4>[    1.234567] "):
            self.assertEqual(self.kinds(prefix + "BUG: sleeping function called from invalid "
                                                 "context at a.c:1\n"), ["sleep"])

    def test_dma_api(self):
        """The DMA debugger's complaint counts, its greeting does not."""
        self.assertEqual(self.kinds("DMA-API: preallocated 65536 debug entries\n"), [])
        self.assertEqual(self.kinds("pci 0000:01:00.0: DMA-API: device driver frees DMA memory\n"),
                         ["dma-api"])

    def test_words_of_a_warn(self):
        """The text of a WARN is part of its report; a second complaint is not."""
        warn = ("------------[ cut here ]------------\n"
                "WARNING: kernel/dma/debug.c:1042 at check_unmap+0x0/0x1, CPU#0: a/1\n"
                "DMA-API: pci 0000:01:00.0: device driver frees DMA memory\n")
        self.assertEqual(self.kinds(warn), ["warn"])
        self.assertEqual(self.kinds(warn + "DMA-API: pci 0000:01:00.0: another\n"),
                         ["warn", "dma-api"])

    def test_formats_of_the_kernel(self):
        """The first line of each kind, as the format strings of 7.1 print it."""
        for kind, line in (
                ("kasan", "BUG: KASAN: slab-use-after-free in uaf+0x1c/0x30"),
                ("ubsan", "UBSAN: shift-out-of-bounds in drivers/pci/msi/api.c:9:14"),
                ("kmemleak", "unreferenced object 0x0000000061a3c000 (size 48):"),
                ("kmemleak", "kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug)"),
                ("rcu", "WARNING: suspicious RCU usage"),
                ("rcu", "rcu: INFO: rcu_sched self-detected stall on CPU"),
                ("lockdep", "WARNING: possible circular locking dependency detected"),
                ("lockdep", "WARNING: possible recursive locking detected"),
                ("lockdep", "WARNING: inconsistent lock state"),
                ("lockdep", "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected"),
                ("lockdep", "[ BUG: Invalid wait context ]"),
                ("sleep", "BUG: sleeping function called from invalid context at a.c:1"),
                ("sleep", "BUG: scheduling while atomic: a/1/0x00000002"),
                ("hung-task", "INFO: task a:12 blocked for more than 3 seconds."),
                ("hung-task", "INFO: task a:12 is blocked on a mutex likely owned by task b:1."),
                ("lockup", "BUG: workqueue lockup - pool cpus=0 stuck for 33s!"),
                ("odebug", "ODEBUG: free active (active state 0) object: 1 object type: timer"),
                ("list", "list_del corruption. prev->next should be 1, but was 2. (prev=3)"),
                ("slub", "BUG kmalloc-32 (Tainted: G    B   N ): Poison overwritten"),
                ("bug", "kernel BUG at lib/list_debug.c:59!"),
                ("irq", "irq 9: nobody cared (try booting with the \"irqpoll\" option)"),
                ("sysfs", "sysfs: cannot create duplicate filename '/bus/x'")):
            self.assertEqual(self.kinds(line + "\n"), [kind], line)

    def test_call_trace_without_header(self):
        """A stack that belongs to no report is a report."""
        self.assertEqual(self.kinds("hello\nCall Trace:\n [<1>] ? f+0x0/0x1\n"), ["call-trace"])

    def test_where_a_report_ends(self):
        warn, trace, cut, bug = "WARNING: x", "Call Trace:", "------------[ cut here ]", "kernel BUG at a.c:1"
        for lines, kinds in (([warn, trace], ["warn"]), ([warn, trace, trace], ["warn", "call-trace"]),
                             ([trace, trace], ["call-trace"] * 2),
                             ([warn, *["text"] * 40, trace], ["warn", "call-trace"]),
                             ([cut, warn, "refcount_t: u"], ["warn"]), ([cut, "list_add corruption", bug], ["list"]),
                             ([warn, "refcount_t: u"], ["warn", "refcount"]), ([cut, warn, bug], ["warn", "bug"]),
                             ([cut, "list_add corruption", trace, bug], ["list"]),
                             ([cut, "UBSAN: x", "list_add corruption", bug], ["ubsan", "list", "bug"]),
                             ([cut, warn, "---[ end", "refcount_t: u"], ["warn", "refcount"])):
            with self.subTest(lines):
                self.assertEqual([found.kind for found in splats.find("\n".join(lines))], kinds)

    def test_entry_that_goes_on_from_nothing(self):
        with self.assertRaisesRegex(term.StackError, "f:1: a continued line with nothing before it"):
            stanza.parse("  more\n", "f", ("report",))


class Judging(unittest.TestCase):
    """What the allow list does to the reports."""

    def bad(self, text, entries, config="plain"):
        """Titles of the reports that fail the run."""
        judged = splats.judge(text, read(entries), config)
        return [splat.title for splat in judged if not splat.reason]

    def test_allowed(self):
        """An entry lets its report pass and gives its reason."""
        text = golden("warn")
        entry = "report: scratch_kunit.c\nline: deliberate\nreason: meant\nuntil: x\n"
        judged = splats.judge(text, read(entry), "plain")
        self.assertEqual([splat.reason for splat in judged], ["meant", ""])

    def test_hidden_behind_allowed(self):
        """A second report right behind an allowed one still fails the run."""
        log = ("=====\nWARNING: suspicious RCU usage\n7.1.8 Tainted: G N\n-----\n"
               "kernel/rcu/tree.c:3 Callback enqueued on offline CPU!\nstack backtrace:\n"
               "Call Trace:\n [<1>] ? f+0x0/0x1\n"
               "WARNING: suspicious RCU usage\ndrivers/pci/a.c:7 no lock\n")
        entry = "report: suspicious RCU usage\nline: offline CPU\nreason: x\nuntil: y\n"
        judged = splats.judge(log, read(entry), "plain")
        self.assertEqual([splat.reason for splat in judged], ["x", ""])
        self.assertEqual(judged[1].where, "drivers/pci/a.c:7")

    def test_stack_behind_allowed(self):
        """A bare stack after an allowed report is not taken for its second one."""
        log = golden("warn").replace("---[ end trace 0000000000000000 ]---",
                                     "---[ end trace 0000000000000000 ]---\nCall Trace:\n f+0x0\n")
        entry = ENTRY.format("WARNING") + "max: 9\n"
        self.assertEqual(self.bad(log, entry), ["Call Trace:", "Call Trace:"])

    def test_used_up(self):
        """An entry is good for one report unless it says more."""
        log = "BUG: one\nBUG: one\n"
        self.assertEqual(self.bad(log, ENTRY.format("BUG: one")), ["BUG: one"])
        self.assertEqual(self.bad(log, ENTRY.format("BUG: one") + "max: 2\n"), [])

    def test_other_configuration(self):
        """An entry of one configuration does nothing in another."""
        entry = ENTRY.format("BUG: one") + "config: lockdep kasan\n"
        self.assertEqual(self.bad("BUG: one\n", entry, "kasan"), [])
        self.assertEqual(self.bad("BUG: one\n", entry, "plain"), ["BUG: one"])


if __name__ == "__main__":
    unittest.main()
