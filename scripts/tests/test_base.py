# SPDX-License-Identifier: GPL-2.0
"""Golden cases of getting the base: the four ways, and how each fails."""
import http.server
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ministack  # noqa: E402
from ministack import MiniStack  # noqa: E402

from stacklib.host import aptsource, workspace  # noqa: E402
from stacklib.linux import base, fetch  # noqa: E402


class BaseCase(unittest.TestCase):
    """A mini stack without a tarball, unless the test gives one."""

    def setUp(self):
        self.mini = MiniStack(self, tarball=False)

    def apply(self, *words, status=0, **extra):
        proc = self.mini.stack("apply", "--no-dropin", *words, **extra)
        self.assertEqual(proc.returncode, status, proc.stdout + proc.stderr)
        return proc

    def nothing_kept(self):
        """No ref in the cache that a next run would trust, no half-made file."""
        repo = self.mini.cache / "linux.git"
        if repo.is_dir():
            self.assertEqual(self.mini.git("for-each-ref", cwd=repo), "")
        self.assertEqual([p.name for p in self.mini.cache.glob("apt.*")], [])

    def manifest(self, **changes):
        """Change keys of patches/v1/base.ini."""
        path = self.mini.repo / "patches/v1/base.ini"
        lines = [l for l in path.read_text().splitlines() if l.split(" = ")[0] not in changes]
        lines += ["%s = %s" % (k.replace("_", "-"), v) for k, v in changes.items()]
        path.write_text("\n".join(lines) + "\n")


class GitTree(BaseCase):
    """--tree and LINUX_TREE."""

    def test_used_and_not_written(self):
        before = ministack.digest(self.mini.kernel)
        self.apply("--tree", self.mini.kernel)
        self.apply(LINUX_TREE=self.mini.kernel)
        self.assertEqual(ministack.digest(self.mini.kernel), before)
        self.assertFalse((self.mini.cache / "linux.git").exists())

    def test_same_ids_as_the_tarball(self):
        self.apply("--tree", self.mini.kernel)
        first = self.mini.git("rev-parse", "stack")
        proc = self.mini.stack("apply", "--no-dropin", "--out", self.mini.top / "out2",
                               STACK_BASE_DIR=self.mini.base)
        self.assertEqual(proc.returncode, 0, proc.stderr)
        self.assertEqual(self.mini.git("rev-parse", "stack",
                                       cwd=self.mini.top / "out2/linux"), first)

    def test_tag_is_preferred_and_dirt_is_told(self):
        ministack.write(self.mini.kernel / "Makefile", "VERSION = 9\nPATCHLEVEL = 9\n")
        proc = self.apply("--tree", self.mini.kernel)
        self.assertIn("has 1 uncommitted changes; they are not used, v1.2.3 is", proc.stderr)
        self.mini.git("commit", "-qam", "9.9", cwd=self.mini.kernel)
        self.assertNotIn("not the tag", self.apply("--tree", self.mini.kernel).stderr)

    def test_a_base_that_is_not_the_tag_is_told(self):
        """Its commit would be sent as base-commit, and may be nowhere else."""
        self.mini.git("commit", "-q", "--allow-empty", "-m", "mine", cwd=self.mini.kernel)
        commit = self.mini.git("rev-parse", "--short=12", "HEAD", cwd=self.mini.kernel).strip()
        said = "the base is %%s of %s, commit %s, which is not the tag v1.2.3" % (self.mini.kernel, commit)
        self.assertIn(said % "main", self.apply("--tree", "%s:main" % self.mini.kernel).stderr)
        self.mini.git("tag", "-d", "v1.2.3", cwd=self.mini.kernel)
        self.assertIn(said % "HEAD", self.apply("--tree", self.mini.kernel).stderr)

    def test_other_version(self):
        ministack.write(self.mini.kernel / "Makefile", "VERSION = 9\nPATCHLEVEL = 9\n")
        self.mini.git("commit", "-qam", "9.9", cwd=self.mini.kernel)
        proc = self.apply("--tree", "%s:main" % self.mini.kernel, status=2)
        self.assertIn("main is Linux 9.9, but base v1 is 1.2.3", proc.stderr)
        self.assertIn("fetch", proc.stderr)

    def test_not_a_kernel(self):
        proc = self.apply("--tree", self.mini.repo, status=2)
        self.assertIn("is not a Linux kernel tree", proc.stderr)

    def test_not_git_no_folder_no_ref(self):
        self.assertIn("not a git tree", self.apply("--tree", self.mini.base, status=2).stderr)
        self.assertIn("no such folder", self.apply("--tree", "/nonexistent/x", status=2).stderr)
        self.assertIn("no ref 'v7'", self.apply("--tree", "%s:v7" % self.mini.kernel,
                                                 status=2).stderr)

    def test_a_worktree_and_a_folder_inside(self):
        tree = self.mini.top / "tree"
        self.mini.git("worktree", "add", "-q", "--detach", tree, cwd=self.mini.kernel)
        self.apply("--tree", tree)
        self.assertEqual(self.mini.git("rev-list", "--count", "stack"), "4")


class Tarball(BaseCase):
    """STACK_BASE_TARBALL, STACK_BASE_DIR, the cache."""

    def tarball(self):
        return self.mini.base / "linux_1.2.3.orig.tar.xz"

    def test_every_file_and_mode_comes_in(self):
        self.apply(STACK_BASE_DIR=self.mini.base)
        want = self.mini.git("rev-parse", "v1.2.3^{tree}", cwd=self.mini.kernel)
        self.assertEqual(self.mini.git("rev-parse", "refs/stack/base^{tree}"), want)

    def test_second_run_needs_no_tarball(self):
        self.apply(STACK_BASE_TARBALL=self.tarball())
        self.tarball().unlink()
        self.apply()

    def test_truncated(self):
        data = self.tarball().read_bytes()
        self.tarball().write_bytes(data[:len(data) // 2])
        proc = self.apply(status=2, STACK_BASE_DIR=self.mini.base)
        self.assertIn("wrong sha256, truncated or another file?", proc.stderr)
        self.assertIn("mend: give the right file, or unset STACK_BASE_DIR", proc.stderr)
        self.nothing_kept()

    def test_truncated_but_the_manifest_agrees(self):
        data = self.tarball().read_bytes()
        self.tarball().write_bytes(data[:len(data) - 40])
        self.manifest(sha256=fetch.sha256_of(self.tarball()))
        proc = self.apply(status=2, STACK_BASE_DIR=self.mini.base)
        self.assertIn("Unexpected end of input", proc.stderr)
        self.nothing_kept()

    def test_other_version_in_the_tarball(self):
        self.manifest(version="1.2.4")
        proc = self.apply(status=2, STACK_BASE_DIR=self.mini.base)
        self.assertIn("holds Linux 1.2.3, but base v1 is Linux 1.2.4", proc.stderr)
        self.nothing_kept()

    def test_named_file_is_missing(self):
        proc = self.apply(status=2, STACK_BASE_TARBALL="/nonexistent.tar.xz")
        self.assertIn("STACK_BASE_TARBALL: /nonexistent.tar.xz is not there", proc.stderr)

    def test_no_way_at_all_lists_what_was_tried(self):
        proc = self.apply(status=2, STACK_BASE_DIR="/nonexistent")
        for text in ("tried:", "git tree: neither --tree nor LINUX_TREE", "tarball: STACK_BASE_",
                     "git: patches/v1/base.ini names no repository",
                     "apt: patches/v1/base.ini names no source package", "mend: give a git tree"):
            self.assertIn(text, proc.stderr)
        self.nothing_kept()

    def test_killed_import_is_not_trusted(self):
        slow = self.mini.top / "slow"
        ministack.write(slow / "xz", "#!/bin/sh\n/usr/bin/xz \"$@\" | head -c 3000\nsleep 60\n")
        (slow / "xz").chmod(0o755)
        proc = self.mini.start("apply", "--no-dropin", STACK_BASE_DIR=self.mini.base,
                               PATH="%s:%s" % (slow, os.environ["PATH"]))
        self.addCleanup(proc.wait)
        deadline = time.monotonic() + 30
        while not list(self.mini.cache.glob("linux.git/objects/pack/tmp_*")):
            self.assertLess(time.monotonic(), deadline, "the import never began")
            time.sleep(0.05)
        os.killpg(proc.pid, signal.SIGKILL)
        proc.wait()
        self.nothing_kept()
        self.apply(STACK_BASE_DIR=self.mini.base)
        self.assertEqual(list(self.mini.cache.glob("linux.git/objects/pack/tmp_*")), [])

    def test_full_disk(self):
        broken = self.mini.top / "broken"
        ministack.write(broken / "git", "#!/bin/sh\nfor a; do\n\tif [ \"$a\" = fast-import ]; then\n"
                        "\t\techo 'fatal: write error. Out of diskspace' >&2\n"
                        "\t\tcat >/dev/null\n\t\texit 128\n\tfi\ndone\nexec /usr/bin/git \"$@\"\n")
        (broken / "git").chmod(0o755)
        path = "%s:%s" % (broken, os.environ["PATH"])
        proc = self.apply(status=2, STACK_BASE_DIR=self.mini.base, PATH=path)
        self.assertIn("Out of diskspace", proc.stderr)
        self.assertIn("mend: free some disk space", proc.stderr)
        self.nothing_kept()
        self.apply(STACK_BASE_DIR=self.mini.base)


class Network(BaseCase):
    """git over the network; a local repository stands for the server."""

    def test_shallow_fetch_of_the_tag(self):
        self.manifest(git="file://%s" % self.mini.kernel)
        proc = self.apply()
        self.assertIn("from git file://", proc.stdout)
        want = self.mini.git("rev-parse", "v1.2.3^{tree}", cwd=self.mini.kernel)
        self.assertEqual(self.mini.git("rev-parse", "refs/stack/base^{tree}"), want)
        self.assertFalse((self.mini.cache / "linux.git/shallow").exists())

    def test_no_such_tag_and_no_server(self):
        self.manifest(git="file://%s" % self.mini.kernel, tag="v8")
        self.assertIn("has no tag v8", self.apply(status=2).stderr)
        self.manifest(git="file:///nonexistent/linux.git", tag="v1.2.3")
        self.assertIn("git: file:///nonexistent/linux.git:", self.apply(status=2).stderr)
        self.nothing_kept()

    def test_silent_server_is_given_up(self):
        slow = self.mini.top / "slow"
        ministack.write(slow / "git", "#!/bin/sh\n[ \"$1\" = ls-remote ] && exec sleep 60\n"
                        "exec /usr/bin/git \"$@\"\n")
        (slow / "git").chmod(0o755)
        old, fetch.CONNECT_SECONDS = fetch.CONNECT_SECONDS, 1
        path, os.environ["PATH"] = os.environ["PATH"], "%s:%s" % (slow, os.environ["PATH"])
        try:
            with self.assertRaisesRegex(fetch.NotHere, "did not answer in 1 s"):
                fetch.ask(self.mini.top, "https://example.org/linux.git", "v1")
        finally:
            fetch.CONNECT_SECONDS, os.environ["PATH"] = old, path


class Url(BaseCase):
    """An address that has the tarball."""

    def setUp(self):
        super().setUp()
        folder = str(self.mini.base)

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=folder)

            def log_message(self, *args):  # pylint: disable=arguments-differ
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = "http://127.0.0.1:%d/" % self.server.server_port
        write = ministack.write
        write(self.mini.base / "other.tar.xz", "another file")

    def test_the_first_that_has_it(self):
        self.manifest(urls="%snone %sother.tar.xz file:///etc/passwd %slinux_1.2.3.orig.tar.xz" % ((self.url,) * 3))
        self.assertIn("from " + self.url, self.apply(no_proxy="*").stdout)
        self.assertTrue((self.mini.cache / "tarballs/linux_1.2.3.orig.tar.xz").is_file())

    def test_none_of_them(self):
        self.manifest(urls="%snone %sother.tar.xz file:///etc/passwd" % ((self.url,) * 2))
        said = self.apply(status=2, no_proxy="*").stderr
        for text in ("none: HTTP Error 404", "other.tar.xz: another sha256 than base.ini says", "neither https:// nor"):
            self.assertIn(text, said)
        self.assertEqual([p.name for p in (self.mini.cache / "tarballs").iterdir()], [])
        self.nothing_kept()


class Later(BaseCase):
    """A base that may be a later point release of its stable series."""

    def setUp(self):
        super().setUp()
        for version in ("1.2.4", "1.2.10", "1.3.1"):
            text = "VERSION = 1\nPATCHLEVEL = %s\nSUBLEVEL = %s\nEXTRAVERSION =\n" % tuple(version.split(".")[1:])
            ministack.write(self.mini.kernel / "Makefile", text)
            self.mini.git("commit", "-qam", version, cwd=self.mini.kernel)
            self.mini.git("tag", "v" + version, cwd=self.mini.kernel)
        self.mini.git("checkout", "-q", "--detach", "v1.2.4", cwd=self.mini.kernel)
        self.manifest(git="file://%s" % self.mini.kernel, later="yes", sha256="0" * 64)

    def test_the_pin_is_preferred(self):
        self.assertNotIn("later release", self.apply().stderr)

    def test_the_newest_of_the_same_series_where_there_is_no_pin(self):
        self.mini.git("tag", "-d", "v1.2.3", cwd=self.mini.kernel)
        said = "base v1 is Linux 1.2.10, a later release of its series: the pinned 1.2.3 cannot be had here"
        proc = self.apply()
        self.assertIn(said, proc.stderr)
        self.assertIn("Linux 1.2.10 (later than the pinned 1.2.3)", proc.stdout)
        self.mini.kernel.rename(self.mini.top / "gone")
        self.assertIn(said, self.apply().stderr)  # from the cache
        self.manifest(later="no")
        self.assertIn("cannot get the base", self.apply(status=2).stderr)

    def test_not_where_only_the_pin_will_do(self):
        self.mini.git("tag", "-d", "v1.2.3", cwd=self.mini.kernel)
        self.manifest(later="no")
        self.assertIn("has no tag v1.2.3", self.apply(status=2).stderr)

    def test_patches_that_do_not_apply_there(self):
        self.mini.git("tag", "-d", "v1.2.3", cwd=self.mini.kernel)
        ministack.write(self.mini.kernel / "drivers/pci/a.c", "nothing\n")
        self.mini.git("commit", "-qam", "x", cwd=self.mini.kernel)
        self.mini.git("tag", "-f", "v1.2.10", cwd=self.mini.kernel)
        ministack.write(self.mini.kernel / "Makefile", "VERSION = 1\nPATCHLEVEL = 2\nSUBLEVEL = 10\n")
        self.mini.git("commit", "-qam", "x", cwd=self.mini.kernel)
        self.mini.git("tag", "-f", "v1.2.10", cwd=self.mini.kernel)
        proc = self.apply(status=1)
        self.assertIn("does not apply on the base before it", proc.stderr)
        self.assertIn("base v1 is Linux 1.2.10", proc.stderr)

    def test_a_tree_of_the_user(self):
        self.mini.git("tag", "-d", "v1.2.3", cwd=self.mini.kernel)
        self.assertIn("base v1 is Linux 1.2.4, a later release", self.apply("--tree", self.mini.kernel).stderr)
        self.assertIn("v1.3.1 is Linux 1.3.1", self.apply("--tree", "%s:v1.3.1" % self.mini.kernel, status=2).stderr)


class Apt(unittest.TestCase):
    """The distribution's source package, with an apt that is a script."""

    def test_temporary_configuration_only(self):
        with tempfile.TemporaryDirectory() as folder:
            top = Path(folder)
            log = top / "log"
            script = ("#!/bin/sh\necho \"$(basename $0) $* config=$APT_CONFIG\" >> %s\n"
                      "case \"$0 $*\" in\n*indextargets*) echo 'http://mirror.example/debian/ "
                      "stable main Debian';;\n*showsrc*) printf 'Version: 1.2.3-1\\nVersion: "
                      "1.2.30-1\\nVersion: 1.2.3-2\\n';;\n*source*) echo data > x.orig.tar.xz; "
                      "exit 100;;\n*update*) cat \"$(dirname $APT_CONFIG)/sources.list\" >> %s;;\n"
                      "esac\n" % (log, log))
            for name in ("apt-get", "apt-cache"):
                ministack.write(top / "bin" / name, script)
                (top / "bin" / name).chmod(0o755)
            old, os.environ["PATH"] = os.environ["PATH"], "%s:%s" % (top / "bin",
                                                                     os.environ["PATH"])
            try:
                with aptsource.AptSource(top / "cache", ["forky"], sources=True) as apt:
                    version = apt.source_version("linux", lambda v: v.startswith("1.2.3-"), "1.2.3*")
                    # The other files of the package fail: the one that is wanted counts.
                    got = apt.download_source("linux", version, "x.orig.tar.xz").read_text()
                    with self.assertRaisesRegex(aptsource.AptError, "is not there as 7"):
                        apt.source_version("linux", lambda v: False, "7*")
                with self.assertRaises(aptsource.AptError):
                    with aptsource.AptSource(top / "cache", ["forky"], sources=True) as apt:
                        apt.download_source("linux", version, "y.tar.xz")
            finally:
                os.environ["PATH"] = old
            self.assertEqual((version, got), ("1.2.3-2", "data\n"))
            said = log.read_text()
            self.assertRegex(said, r"deb-src .*http://mirror.example/debian/ forky main")
            for line in said.splitlines():
                if " update" in line or " source " in line:
                    self.assertIn("config=%s/cache/apt." % top, line)
            self.assertEqual(list((top / "cache").iterdir()), [])

    def test_one_suite_after_the_other(self):
        asked = []

        class Fake:
            def __init__(self, folder, suites, sources):
                asked.append(suites)

            def __enter__(self):
                if len(asked) < 3:
                    raise aptsource.AptError("cannot be reached", "look at it")
                return self

            def __exit__(self, *_):
                pass
        with mock.patch.object(aptsource, "AptSource", Fake):
            self.assertEqual(aptsource.first("x", ["a", "b", "c", "d"], True, lambda apt, suite: suite), "c")
            self.assertEqual(asked, [["a"], ["b"], ["c"]])
            asked.clear()
            with self.assertRaisesRegex(aptsource.AptError, "a: cannot be reached\nb: cannot be reached"):
                aptsource.first("x", ["a", "b"], True, lambda apt, suite: suite)

    def mirror(self, targets, uris=""):
        """What find_mirror() makes of the answers of an apt."""
        with tempfile.TemporaryDirectory() as folder:
            ministack.write(Path(folder) / "apt-get", "#!/bin/sh\ncase \"$*\" in\n*indextargets*) "
                            "/bin/cat <<E\n%s\nE\n;;\n*) /bin/cat <<E\n%s\nE\n;;\nesac\n"
                            % (targets, uris))
            (Path(folder) / "apt-get").chmod(0o755)
            with mock.patch.dict(os.environ, {"PATH": folder}), \
                    mock.patch.object(aptsource, "codename", lambda: "bookworm"):
                return aptsource.find_mirror()

    def test_others_are_not_taken_for_the_mirror(self):
        debian = "http://mirror.example/debian/ bookworm main Debian"
        for other in ("http://other.example/ stable main Other Inc",
                      "http://other.example/ stable main ",
                      "http://other.example/debian/ bookworm main Debian Backports"):
            self.assertEqual(self.mirror(other + "\n" + debian), "http://mirror.example/debian/")
            with self.assertRaisesRegex(aptsource.AptError, "name no Debian mirror"):
                self.mirror(other)

    def test_mirror_before_the_first_update(self):
        def line(uri, suite):
            return "'%sdists/%s/InRelease' x 0 \n" % (uri, suite)
        ours, other = "http://mirror.example/debian/", "http://other.example/debian/"
        both = line(ours, "bookworm") + line(ours, "bookworm-updates")
        for suite in ("stable", "bookworm", "./"):
            self.assertEqual(self.mirror("", line(other, suite) + both), ours, suite)
        self.assertEqual(self.mirror("", line(ours, "bookworm")), ours)
        for text in ("", line(other, "stable"), line(other, "bookworm-updates"),
                     line("http://other.example/debian-security/", "bookworm")):
            with self.assertRaisesRegex(aptsource.AptError, "name no Debian mirror"):
                self.mirror("", text)

    def test_code_name(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "os-release"
            for text, want in (('ID=debian\nVERSION_CODENAME=bookworm\n', "bookworm"),
                               ('ID="debian"\nVERSION_CODENAME="trixie"\n', "trixie"),
                               ("ID=ubuntu\nVERSION_CODENAME=noble\n", ""), ("", "")):
                path.write_text(text)
                self.assertEqual(aptsource.codename(path), want)
            self.assertEqual(aptsource.codename(path / "none"), "")

    def test_versions(self):
        self.assertEqual(aptsource.newest(["1.2-1", "1.10-1", "1.10~rc1-1"]), "1.10-1")


class Packaged(BaseCase):
    """The tarball inside a binary package, which an apt of the test's hands over."""

    def package(self, inside="kernel.tar.xz"):
        """A package whose /usr/src has the tarball of the mini kernel under that name."""
        top = self.mini.top / "deb"
        ministack.write(top / "DEBIAN/control", "Package: kernel-source\nVersion: 1\nArchitecture: all\n"
                        "Maintainer: A <a@example.org>\nDescription: x\n")
        (top / "usr/src").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.mini.base / "linux_1.2.3.orig.tar.xz", top / "usr/src" / inside)
        deb = self.mini.top / "kernel-source_1_all.deb"
        ministack.sh("dpkg-deb", "-b", top, deb, cwd=self.mini.top)
        return deb

    def find(self, deb, **changes):
        """What fetch.binary_package() does in the cache of the mini stack, and what it has left there."""
        ws = workspace.Workspace(repo=self.mini.repo)
        ws.cache = self.mini.cache
        ws.cache.mkdir(exist_ok=True)
        pin = fetch.sha256_of(self.mini.base / "linux_1.2.3.orig.tar.xz")
        manifest = {"name": "v1", "version": "1.2.3", "tarball": "kernel.tar.xz", "sha256": pin, "later": "no",
                    "debian-binary": "kernel-source", "debian-suites": "forky", **changes}
        apt = mock.Mock(**{"download_binary.return_value": deb})
        with mock.patch.object(fetch, "first", lambda cache, suites, sources, act: act(apt, suites[0])):
            return fetch.binary_package(ws, base.cache_repo(ws), manifest)

    def kept(self):
        return [path.name for path in self.mini.cache.glob("tarballs/*")]

    def test_the_pinned_one_is_kept(self):
        tree, how = self.find(self.package())
        self.assertEqual(how, "package kernel-source of forky")
        self.assertEqual(base.makefile_version(self.mini.cache / "linux.git", tree), "1.2.3")
        self.assertEqual(self.kept(), ["kernel.tar.xz"])

    def test_another_one_only_where_a_later_one_will_do(self):
        with self.assertRaisesRegex(fetch.NotHere, "another sha256 than base.ini says"):
            self.find(self.package(), sha256="0" * 64)
        self.assertEqual(self.find(self.package(), sha256="0" * 64, later="yes")[1], "package kernel-source of forky")
        self.assertEqual(self.kept(), [])

    def test_package_without_it_and_no_package(self):
        with self.assertRaisesRegex(fetch.NotHere, "has no /usr/src/kernel.tar.xz"):
            self.find(self.package("other.tar.xz"))
        ministack.write(self.mini.top / "bad.deb", "no package")
        with self.assertRaisesRegex(fetch.NotHere, "bad.deb (cannot be unpacked|has no)"):
            self.find(self.mini.top / "bad.deb")
        with self.assertRaises(fetch.NotHere) as raised:
            self.find(None, **{"debian-binary": ""})
        self.assertEqual(raised.exception.msg, "")


class Version(unittest.TestCase):
    """What a Makefile says."""

    def test_split_tree(self):
        with tempfile.TemporaryDirectory() as folder:
            odd = Path(folder) / "a:b"
            odd.mkdir()
            self.assertEqual(base.split_tree(str(odd)), (str(odd), None))
            self.assertEqual(base.split_tree("%s:next/main" % folder), (folder, "next/main"))


if __name__ == "__main__":
    unittest.main()
