# SPDX-License-Identifier: GPL-2.0
"""Golden cases of setup: what is missing, what may not be installed, what is made."""
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402

from stacklib.host import packages, special, tools  # noqa: E402
from stacklib.host.term import StackError  # noqa: E402


class Tools(unittest.TestCase):
    """A PATH of scripts that stand for the tools, and a cache of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)
        self.bin = self.top / "bin"
        self.bin.mkdir()
        patcher = mock.patch.dict(os.environ, {"PATH": str(self.bin), "STACK_NO_INSTALL": "1",
                                               "STACK_CACHE": str(self.top / "cache")})
        patcher.start()
        self.addCleanup(patcher.stop)

    def tool(self, name, text, folder=None):
        """Put a script that stands for a tool into a folder of the PATH."""
        path = (folder or self.bin) / name
        ministack.write(path, "#!/bin/sh\n" + text + "\n")
        path.chmod(0o755)

    def test_missing_tool_prints_the_command(self):
        self.tool("apt-get", "exit 9")
        with self.assertRaises(StackError) as caught:
            packages.ensure(["quilt", "flex"])
        self.assertEqual(caught.exception.code, 2)
        self.assertIn("missing packages: quilt flex", caught.exception.msg)
        self.assertEqual(caught.exception.mend, "sudo apt-get update && sudo apt-get install -y "
                         "--no-install-recommends quilt flex")

    def test_no_apt_names_the_packages(self):
        with self.assertRaisesRegex(StackError, "names of Debian's packages: quilt"):
            packages.ensure(["quilt"])

    def test_present_and_good_is_left_alone(self):
        self.tool("apt-get", "touch %s/called" % self.top)
        self.tool("quilt", "echo 0.66")
        packages.ensure(["quilt"])
        packages.ensure_quickly(["quilt"])
        self.assertFalse((self.top / "called").exists())

    def test_broken_tool_is_not_there(self):
        self.tool("apt-get", "exit 0")
        self.tool("quilt", "echo cannot run >&2; exit 127")
        with self.assertRaisesRegex(StackError, "missing packages: quilt"):
            packages.ensure(["quilt"])

    def test_what_is_liked_is_never_asked_for_alone(self):
        self.tool("quilt", "echo 0.66")
        packages.ensure_quickly(["quilt"], ["ccache"])
        self.tool("apt-get", "exit 9")
        with self.assertRaisesRegex(StackError, "missing packages: flex ccache"):
            packages.ensure_quickly(["quilt", "flex"], ["ccache"])

    def test_interrupt_ends_apt(self):
        self.tool("apt-get", "trap 'echo ended > %s/ended; exit 100' INT\necho Get:1\n"
                  "i=0; while [ $i -lt 300 ]; do i=$((i + 1)); /bin/sleep 0.1; done" % self.top)
        with mock.patch.object(packages, "progress", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                packages.run_apt(["apt-get", "update"])
        self.assertTrue((self.top / "ended").exists())

    def test_unknown_name(self):
        with self.assertRaisesRegex(StackError, "no tool of the name 'nosuch'"):
            packages.ensure(["nosuch"])

    def test_packages_names_are_known_too(self):
        self.tool("spatch", "echo spatch version 1.1.1")
        packages.ensure(["coccinelle"])

    def test_install_as_root_and_it_stays_missing(self):
        os.environ.pop("STACK_NO_INSTALL")
        self.tool("apt-get", "echo \"$@\" >> %s/log" % self.top)
        with mock.patch("os.geteuid", return_value=0):
            with self.assertRaisesRegex(StackError, "still not there or not working: quilt"):
                packages.ensure(["quilt"])
        self.assertIn("install -y --no-install-recommends quilt", (self.top / "log").read_text())

    def test_lists_are_updated_only_when_install_fails(self):
        os.environ.pop("STACK_NO_INSTALL")
        self.tool("apt-get", "echo \"$@\" >> %s/log\ncase \"$*\" in *update*) : > %s/new;; "
                  "*) [ -f %s/new ] || exit 100; echo '#!/bin/sh' > %s/quilt; "
                  "echo 'echo 0.66' >> %s/quilt; /bin/chmod +x %s/quilt;; esac"
                  % ((self.top,) * 3 + (self.bin,) * 3))
        with mock.patch("os.geteuid", return_value=0), mock.patch("builtins.print"):
            packages.ensure(["quilt"])
        words = [line.split()[-1] for line in (self.top / "log").read_text().splitlines()]
        self.assertEqual(words, ["quilt", "update", "quilt"])

    def test_sparse_that_make_would_pass_over(self):
        self.tool("sparse", "case \"$1\" in --version) echo 0.6.4;; "
                  "*) echo \"-:3:9: error: undefined identifier '__typeof_unqual__'\" >&2;; esac")
        self.assertFalse(tools.good("sparse", str(self.bin)))
        self.tool("sparse", "echo 0.6.5")
        self.assertTrue(tools.good("sparse", str(self.bin)))

    def test_b4_of_the_distribution_is_too_old(self):
        for version, good in (("0.12.0", False), ("0.14.2", True), ("1.0", True), ("", False)):
            self.tool("b4", "echo %s" % version)
            self.assertEqual(tools.good("b4", str(self.bin)), good, version)

    def test_nothing_is_made_where_nothing_may_be_installed(self):
        for name in ("make", "gcc", "xz", "patch", "dpkg-source"):
            self.tool(name, "echo 1.2")
        self.tool("dpkg-query", "echo installed")
        self.tool("sparse", "echo 0.6.4; exit 1")
        with mock.patch.object(special, "make", side_effect=AssertionError("made")):
            with self.assertRaisesRegex(StackError, "missing here or too old: sparse b4; STACK_NO_INSTALL") as caught:
                packages.ensure(["sparse", "b4"])
        self.assertIn("scripts/stack setup", caught.exception.mend)
        self.assertFalse((self.top / "cache").exists())

    def test_what_is_needed_to_make_them_is_installed_before(self):
        self.tool("apt-get", "exit 9")
        with self.assertRaisesRegex(StackError, "missing packages: make gcc libc6-dev xz-utils patch dpkg-dev$"):
            packages.ensure(["sparse"])
        for name in ("make", "gcc", "xz", "patch", "dpkg-source"):
            self.tool(name, "echo 1.2")
        with self.assertRaisesRegex(StackError, "missing packages: python3-dkim .* git-filter-repo$"):
            packages.ensure(["b4"])

    def test_made_tool_that_does_not_work_is_not_kept(self):
        def build(cache, target):
            self.tool("sparse", "echo 0.6.5; exit 1", target / "bin")
        ws = packages.Workspace()
        with mock.patch.object(special, "build_sparse", build):
            with self.assertRaisesRegex(StackError, "sparse was made but does not work"):
                special.make(ws, "sparse")
        self.assertEqual(list((ws.cache / "tools").iterdir()), [])

    def test_failed_build_keeps_the_old_one(self):
        ws = packages.Workspace()
        self.tool("sparse", "echo 0.6.5", ws.cache / "tools/sparse/bin")
        with mock.patch.object(special, "build_sparse", side_effect=StackError("no network")):
            with self.assertRaisesRegex(StackError, "no network"):
                special.make(ws, "sparse")
        self.assertEqual([p.name for p in (ws.cache / "tools").iterdir()], ["sparse"])

    def test_path_order(self):
        with mock.patch.dict(os.environ, {"PATH": "/x/shims:/usr/bin:/bin"}):
            self.assertEqual(packages.tool_path().split(":"),
                             [str(self.top / "cache/tools/sparse/bin"),
                              str(self.top / "cache/tools/b4/bin"), "/usr/bin", "/x/shims", "/bin"])


if __name__ == "__main__":
    unittest.main()
