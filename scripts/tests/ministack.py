# SPDX-License-Identifier: GPL-2.0
"""A stack of three tiny patches and a "kernel" of nine files, to test the tool on, offline.

    mini = ministack.MiniStack(self)      # removed with the test
    mini.stack("apply")                   # scripts/stack apply, a CompletedProcess
"""
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

LIB = Path(__file__).resolve().parent.parent / "stacklib"
sys.path.insert(0, str(LIB.parent))

from stacklib import cli, options  # noqa: E402  pylint: disable=wrong-import-position
from stacklib.host import gitcmd, tools, workspace  # noqa: E402  pylint: disable=wrong-import-position
from stacklib.stack import canonical  # noqa: E402  pylint: disable=wrong-import-position

# With what setup made for the caller: a mini stack has a cache of its own, and nothing is made there.
PATH = tools.search_path(workspace.Workspace().cache)

AUTHOR = "Ann Author <ann@example.org>"
LOG = "Why it is done, in words.\n\nSigned-off-by: %s\n" % AUTHOR

KERNEL = {
    "Makefile": "VERSION = 1\nPATCHLEVEL = 2\nSUBLEVEL = 3\nEXTRAVERSION =\nNAME = Mini\n",
    ".gitignore": "*.o\n/*\n",
    ".gitattributes": "*.c diff=cpp\n",
    "README": "A kernel of nine files.\n",
    "drivers/pci/Kconfig": 'menu "PCI"\nsource "drivers/pci/x/Kconfig"\nendmenu\n',
    "drivers/pci/Makefile": "obj-y += a.o b.o\n",
    "drivers/pci/a.c": "".join("int a%d(void)\n{\n\treturn %d;\n}\n\n" % (i, i) for i in range(20)),
    "drivers/pci/b.c": "".join("int b%d(void)\n{\n\treturn %d;\n}\n\n" % (i, i) for i in range(9)),
    "scripts/run.sh": "#!/bin/sh\necho run\n",
}

HOOKS = ('drivers/pci/Kconfig\tsource "drivers/pci/x/Kconfig"\tsource "drivers/pci/tests/Kconfig"\n'
         "drivers/pci/Makefile\t-\tobj-$(CONFIG_KUNIT) += tests/\n")

# (topic, subject, [(file, old, new)])
PATCHES = [
    ("alpha", "PCI: Return more from a3()", [("drivers/pci/a.c", "return 3;", "return 33;")]),
    ("alpha", "PCI: Return more from a15() and b2()",
     [("drivers/pci/a.c", "return 15;", "return 1515;"),
      ("drivers/pci/b.c", "return 2;", "return 22;")]),
    ("beta", "PCI/B: Add c.c", [("drivers/pci/c.c", "", "int c(void)\n{\n\treturn 0;\n}\n")]),
]

# Or each commit starts two more programs, to see that there is nothing to do.
QUIET = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "maintenance.auto", "GIT_CONFIG_VALUE_0": "false"}

_templates = {}

# What a run of the tool needs is read now: forked runs share it.
for _verb in options.VERBS:
    cli.load(_verb)


def environment(**extra):
    """Return an environment in which neither the tool nor git sees the caller's settings."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("GIT_", "STACK_", "XDG_", "QUILT")) and k != "LINUX_TREE"}
    env.update(PATH=PATH, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", LC_ALL="C.UTF-8",
               GIT_AUTHOR_NAME="Ann Author", GIT_AUTHOR_EMAIL="ann@example.org",
               GIT_COMMITTER_NAME="Ann Author", GIT_COMMITTER_EMAIL="ann@example.org",
               GIT_AUTHOR_DATE="2026-01-02T03:04:05+0000",
               GIT_COMMITTER_DATE="2026-01-02T03:04:05+0000", STACK_NO_INSTALL="1",
               PYTHONDONTWRITEBYTECODE="1", **QUIET)
    env.update({k: str(v) for k, v in extra.items()})
    return env


def sh(*words, cwd, check=True, **extra):
    """Run a command in the clean environment; return its standard output, stripped."""
    proc = subprocess.run([str(w) for w in words], cwd=cwd, env=environment(**extra),
                          capture_output=True, text=True, check=False)
    if check and proc.returncode:
        raise AssertionError("%s: exit %d\n%s%s" % (words, proc.returncode, proc.stdout,
                                                     proc.stderr))
    return proc.stdout.strip()


def write(path, text):
    """Write text to path, with its folders."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def digest(folder):
    """Return a sha256 over the names, modes and contents of all files below folder."""
    total = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*")):
        total.update(str(path.relative_to(folder)).encode() + b"\0")
        total.update(oct(path.lstat().st_mode).encode())
        if path.is_file() and not path.is_symlink():
            total.update(path.read_bytes())
    return total.hexdigest()


def make_kernel(top):
    """Make the git tree top/kernel (tag v1.2.3) and the tarball of the same files."""
    kernel = top / "kernel"
    for name, text in KERNEL.items():
        write(kernel / name, text)
    (kernel / "scripts/run.sh").chmod(0o755)
    (kernel / "link").symlink_to("README")
    sh("git", "init", "-q", "--template=", "-b", "main", kernel, cwd=top)
    sh("git", "add", "-f", ".", cwd=kernel)
    sh("git", "commit", "-q", "-m", "Linux 1.2.3", cwd=kernel)
    sh("git", "tag", "v1.2.3", cwd=kernel)
    sh("git", "archive", "--prefix=linux-1.2.3/", "-o", top / "base.tar", "v1.2.3", cwd=kernel)
    sh("xz", "-0", top / "base.tar", cwd=top)
    (top / "base").mkdir()
    os.rename(top / "base.tar.xz", top / "base" / "linux_1.2.3.orig.tar.xz")


def make_repo(top):
    """Make the stack's repository top/repo, its patches from commits on the kernel."""
    repo, kernel = top / "repo", top / "kernel"
    sums, series = {}, ["# the mini stack"]
    sh("git", "checkout", "-q", "--detach", cwd=kernel)
    for topic, subject, changes in PATCHES:
        for name, old, new in changes:
            path = kernel / name
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            write(path, text.replace(old, new, 1) if old else new)
        sh("git", "add", "-f", ".", cwd=kernel)
        sh("git", "commit", "-q", "-m", subject + "\n\n" + LOG, cwd=kernel)
        sums[topic] = sums.get(topic, 0) + 1
        slug = sh("git", "log", "-1", "--format=%f", cwd=kernel)
        name = "v1/%s/%04d-%s.patch" % (topic, sums[topic], slug)
        if sums[topic] == 1:
            series.append("# " + topic)
        series.append(name)
        text = subprocess.run(["git", *canonical.FORMAT, "HEAD"], cwd=kernel, env=environment(),
                              capture_output=True, check=True).stdout.decode()
        write(repo / "patches" / name, text)
    sh("git", "checkout", "-q", "main", cwd=kernel)
    write(repo / "series", "\n".join(series) + "\n")
    for topic, count in sums.items():
        subjects = [p[1] for p in PATCHES if p[0] == topic]
        write(repo / "patches/v1" / topic / "0000-cover-letter.patch",
              "From %s Mon Sep 17 00:00:00 2001\nFrom: %s\nDate: Fri, 2 Jan 2026 03:04:05 +0000\n"
              "Subject: [PATCH 0/%d] %s\n\nWhat it is.\n\n  %s\n"
              % ("0" * 40, AUTHOR, count, topic, "\n  ".join(subjects)))
        write(repo / "patches/v1" / topic / "topic.ini",
              "# SPDX-License-Identifier: GPL-2.0\n[topic]\ntitle = %s\narches = um x86_64\n"
              % topic)
    with open(repo / "patches/v1/alpha/topic.ini", "a", encoding="utf-8") as handle:
        handle.write("[suites]\nalpha_one = 1\nalpha_two = 2\n")
    make_rest(top, repo)


def make_rest(top, repo):
    """Write the manifest of the base and the kunit drop-in, and commit all."""
    tarball = top / "base" / "linux_1.2.3.orig.tar.xz"
    write(repo / "patches/v1/base.ini",
          "# SPDX-License-Identifier: GPL-2.0\n[base]\nversion = 1.2.3\ntag = v1.2.3\n"
          "tarball = %s\nsha256 = %s\ntopics = alpha beta\n"
          % (tarball.name, hashlib.sha256(tarball.read_bytes()).hexdigest()))
    write(repo / "kunit/hooks", HOOKS)
    write(repo / "kunit/suites.ini", "# SPDX-License-Identifier: GPL-2.0\n[suites]\nmini = 0\n")
    tests = repo / "kunit/drivers/pci/tests"
    write(tests / "Kconfig", "\n".join(f"config {name}_KUNIT_TEST\n\tbool\n"
                                       for name in ("MINI", "ALPHA_ONE", "ALPHA_TWO")))
    write(tests / ".kunitconfig", "CONFIG_KUNIT=y\n\nCONFIG_MINI_KUNIT_TEST=y\nCONFIG_ALPHA_ONE_KUNIT_TEST=y\n"
          "CONFIG_ALPHA_TWO_KUNIT_TEST=y\n")
    write(tests / "Makefile", "obj-y += mini_kunit.o\n")
    for suite in ("mini", "alpha_one", "alpha_two"):
        write(tests / (suite + "_kunit.c"), "// SPDX-License-Identifier: GPL-2.0\nint %s;\n" % suite)
    sh("git", "init", "-q", "--template=", "-b", "main", repo, cwd=top)
    sh("git", "add", ".", cwd=repo)
    sh("git", "commit", "-q", "-m", "mini", cwd=repo)


def template(cls, applied):
    """Return the folder that a MiniStack of class cls is a copy of; made when it is first asked for."""
    if (cls, applied) not in _templates:
        folder = _templates[cls, applied] = tempfile.TemporaryDirectory(prefix="ministack.")
        made = cls.__new__(cls)
        made._at(Path(folder.name))  # pylint: disable=protected-access
        if cls is MiniStack and not applied:
            make_kernel(made.top)
            make_repo(made.top)
        else:
            shutil.copytree(template(cls if applied else MiniStack, False), made.top, symlinks=True, dirs_exist_ok=True)
            if applied:
                proc = made.stack("apply")
                assert not proc.returncode, proc.stderr
            else:
                made.prepare()
    return _templates[cls, applied].name


class MiniStack:
    """A copy of the mini stack: .top .repo .kernel .base .out .cache, gone with the test."""

    def __init__(self, case, tarball=True, applied=False):
        """applied: with out and cache as `stack apply` leaves them."""
        self._at(Path(tempfile.mkdtemp(prefix="ministack.")), tarball)
        case.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
        shutil.copytree(template(type(self), applied), self.top, symlinks=True, dirs_exist_ok=True)

    def _at(self, top, tarball=True):
        """Say where everything is."""
        self.top = top
        self.repo, self.kernel, self.base = (self.top / n for n in ("repo", "kernel", "base"))
        self.out, self.cache = self.top / "out", self.top / "cache"
        self.env = {"STACK_REPO": self.repo, "STACK_OUT": self.out, "STACK_CACHE": self.cache,
                    "HOME": self.top}
        if tarball:
            self.env["STACK_BASE_DIR"] = self.base

    def prepare(self):
        """Make of the plain mini stack what this class is."""

    def stack(self, *words, stdin=None, cwd=None, **extra):
        """Run the tool with these words in a process of its own; return the CompletedProcess. stdin: a Path.

        It is forked from this one: Python would take longer to start, and to read 70 modules, than most runs take.
        """
        with open(stdin or os.devnull, "rb") as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            pid = os.fork()
            if not pid:
                self._forked(list(map(str, words)), cwd or self.top, environment(**dict(self.env, **extra)), given, out, err)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode("utf-8").replace("\r\n", "\n"))
        return subprocess.CompletedProcess(words, status, *said)

    def _forked(self, words, cwd, env, *streams):
        """The forked process: become what `scripts/stack WORDS` would be in that environment, and end."""
        status = 120
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(120)
            os.chdir(cwd)
            os.environ.clear()
            os.environ.update(env)
            for number, file in enumerate(streams):
                os.dup2(file.fileno(), number)
            sys.stdin, sys.stdout, sys.stderr = (open(n, mode, encoding="utf-8", closefd=False)
                                                 for n, mode in enumerate("rww"))
            tempfile.tempdir = None
            gitcmd.safe_directories.cache_clear()
            status = cli.main(words)
        except SystemExit as exc:
            status = exc.code
        except BaseException:  # pylint: disable=broad-except
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                if not stream.closed:
                    stream.flush()
            os._exit(status)

    def start(self, *words, stderr=subprocess.DEVNULL, **extra):
        """Start scripts/stack in a process group of its own; return the Popen."""
        return subprocess.Popen([sys.executable, str(LIB), *map(str, words)], cwd=self.top,
                                env=environment(**dict(self.env, **extra)),
                                stdout=subprocess.DEVNULL, stderr=stderr,
                                stdin=subprocess.DEVNULL, start_new_session=True)

    def git(self, *words, cwd=None, **extra):
        """Run git, in out/linux unless told otherwise; return what it prints."""
        return sh("git", *words, cwd=cwd or self.out / "linux", **extra)

    def patches(self, topic="alpha"):
        """Return the paths of a topic's patches, in order."""
        return sorted((self.repo / "patches/v1" / topic).glob("000[1-9]-*.patch"))
