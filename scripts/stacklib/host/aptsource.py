# SPDX-License-Identifier: GPL-2.0
"""Downloads from Debian suites that the machine is not set up for, through its own apt.

Everything apt needs to remember stands in a temporary folder: lists, cache, the sources file. The mirror is the one
the machine uses, and what is downloaded is authenticated by the keys it trusts. The machine's sources are not changed.
"""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Optional

from stacklib.host import env as host
from stacklib.host.term import StackError, done, progress, warn

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SECONDS = 1800


class AptError(StackError):
    """apt could not do it; .msg and .mend say why and what to do."""


class AptSource:
    """A context in which apt knows suites (of component main) and nothing else.

    folder: where the temporary folder is made. sources: the source packages of
    the suites, else their binary packages. AptError when apt or a mirror is missing.
    """

    def __init__(self, folder, suites, sources):
        self.folder = Path(folder)
        self.suites = suites
        self.sources = sources
        self.tmp = None

    def __enter__(self):
        if not shutil.which("apt-get"):
            raise AptError("no apt-get: not a Debian system")
        mirror = find_mirror()
        self.folder.mkdir(parents=True, exist_ok=True)
        for stale in self.folder.glob("apt.*"):  # of a run that was killed
            shutil.rmtree(stale, ignore_errors=True)
        self.tmp = Path(tempfile.mkdtemp(prefix="apt.", dir=self.folder))
        try:
            self._configure(mirror)
            progress(f"apt: reading the package lists of {', '.join(self.suites)}")
            self._update()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        shutil.rmtree(self.tmp, ignore_errors=True)

    def _configure(self, mirror):
        """Write the temporary configuration."""
        for name in ("state/lists/partial", "cache/archives/partial", "get"):
            (self.tmp / name).mkdir(parents=True)
        (self.tmp / "state/status").touch()
        signed = f"[signed-by={KEYRING}] " if KEYRING.is_file() else ""
        kind = "deb-src" if self.sources else "deb"
        (self.tmp / "sources.list").write_text("".join(
            f"{kind} {signed}{mirror} {suite} main\n" for suite in self.suites))
        (self.tmp / "apt.conf").write_text(
            'Dir::State "%(tmp)s/state";\nDir::State::status "%(tmp)s/state/status";\n'
            'Dir::Cache "%(tmp)s/cache";\nDir::Etc::sourcelist "%(tmp)s/sources.list";\n'
            'Dir::Etc::sourceparts "-";\nDir::Etc::preferences "-";\n'
            'Dir::Etc::preferencesparts "-";\n'
            # The temporary folder is nobody else's, so apt's download user cannot write there.
            'APT::Sandbox::User "root";\nAcquire::Languages "none";\n'
            'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";\n'
            'Acquire::http::Timeout "20";\nAcquire::https::Timeout "20";\nAcquire::Retries "2";\n'
            % {"tmp": self.tmp})

    def _run(self, *command, cwd=None):
        """Run a command of apt under the temporary configuration; return CompletedProcess."""
        env = host.child(APT_CONFIG=str(self.tmp / "apt.conf"), LC_ALL="C", DEBIAN_FRONTEND="noninteractive")
        try:
            return subprocess.run(command, cwd=cwd or self.tmp, env=env, text=True, check=False,
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired as exc:
            raise AptError(f"{' '.join(command)} took longer than {SECONDS} s") from exc

    def _update(self):
        """Fetch the lists; AptError that says why when that fails or is not authenticated."""
        update = ["apt-get", "update", "-o", "APT::Update::Error-Mode=any"]
        proc = self._run(*update)
        if proc.returncode and "is expired" in proc.stderr:
            # A mirror that lags, or a clock that runs ahead. The signature still has to be
            # good; what is lost is the promise that nothing newer exists.
            warn(f"note: the mirror's lists of {', '.join(self.suites)} are past their date; taken, their signature "
                 "is checked")
            with open(self.tmp / "apt.conf", "a", encoding="utf-8") as conf:
                conf.write('Acquire::Check-Valid-Until "false";\n')
            proc = self._run(*update)
        if not proc.returncode:
            return
        said = [line for line in proc.stderr.splitlines() if line.startswith(("E:", "W:"))]
        mend = "check the network and the sources of apt: apt-get update"
        if "NO_PUBKEY" in proc.stderr or "not signed" in proc.stderr:
            mend = "apt-get install --only-upgrade debian-archive-keyring"
        raise AptError(f"the lists of {', '.join(self.suites)} cannot be had: "
                       f"{'; '.join(said[:3]) or 'apt-get update failed'}", mend)

    def source_version(self, package: str, fits, wanted):
        """Return the newest version of a source package that fits(version) is true of; wanted: a word for those."""
        proc = self._run("apt-cache", "showsrc", "--only-source", package)
        versions = re.findall(r"^Version: (\S+)$", proc.stdout, re.M)
        good = [v for v in versions if fits(v)]
        if not good:
            raise AptError(f"source package {package} is not there as {wanted} "
                           f"(there: {', '.join(sorted(set(versions))) or 'none'})")
        return newest(good)

    def download_source(self, package: str, version, name=None):
        """Download a source package; return the path of file name, or of its .dsc.

        Of a package from which only one file is wanted, the others may fail.
        """
        what = ["--tar-only"] if name else []
        return self._download(["source", "-q", "--download-only", "--only-source", *what, f"{package}={version}"],
                              name or "*.dsc", bool(name))

    def download_binary(self, package: str):
        """Download the newest version of a binary package; return the path of the .deb."""
        return self._download(["download", package], "*.deb")

    def _download(self, words, wanted, part=False):
        """Run apt-get; return the file that came and fits wanted. part: others may fail."""
        proc = self._run("apt-get", *words, cwd=self.tmp / "get")
        done()
        found = sorted((self.tmp / "get").glob(wanted))
        if not found or (proc.returncode and not part):
            said = [line for line in proc.stderr.splitlines() if line.startswith("E:")] or proc.stderr.splitlines()
            raise AptError(f"download of {words[-1]} from {', '.join(self.suites)} failed: {(said or ['?'])[-1]}")
        return found[0]


def first(folder: Path, suites, sources, act):
    """Return what act(AptSource of one suite, suite) returns for the first of the suites that it does not fail for.

    Each is asked for itself, so that one that cannot be reached hides no other. AptError with what each said.
    """
    said, mends = [], []
    for suite in suites:
        try:
            with AptSource(folder, [suite], sources) as apt:
                return act(apt, suite)
        except AptError as exc:
            said.append(f"{suite}: {exc.msg}")
            mends += [exc.mend] if exc.mend else []
    raise AptError("\n".join(said), "\n".join(dict.fromkeys(mends)) or None)


def newest(versions) -> str:
    """Return the newest of Debian version numbers."""
    best = versions[0]
    for version in versions[1:]:
        if subprocess.run(["dpkg", "--compare-versions", version, "gt", best], check=False).returncode == 0:
            best = version
    return best


def find_mirror():
    """Return the address of the Debian mirror that the machine's apt uses."""
    env = host.child(LC_ALL="C")
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)"],
                            capture_output=True, text=True, env=env, check=False).stdout
    for line in listed.splitlines():
        # Split at single blanks: a field that apt leaves empty must not move the others.
        uri, release, component, origin = (line.split(" ", 3) + [""] * 4)[:4]
        if (origin == "Debian" and component == "main" and "-" not in release and "security" not in uri):
            return uri
    # Before the first `apt-get update` there are no targets, but there are addresses.
    asked = subprocess.run(["apt-get", "update", "--print-uris"],
                           capture_output=True, text=True, env=env, check=False).stdout
    uri = likely_mirror(re.findall(r"^'(\S+?)dists/([^/]+)/InRelease'", asked, re.M), codename())
    if uri:
        return uri
    raise AptError("the sources of apt name no Debian mirror", "add one to /etc/apt/sources.list, then: apt-get update")


def likely_mirror(places, release) -> Optional[str]:
    """Return the address among [(address, suite)] that has Debian's release, or None.

    Others may have a suite of that name too, but not the updates beside it; and
    nobody but Debian owns a suite `stable` for sure.
    """
    have = [uri for uri, suite in places if suite == release and "security" not in uri]
    have.sort(key=lambda uri: (uri, release + "-updates") not in places)
    return have[0] if have else None


def codename(path: str = "/etc/os-release"):
    """Return the code name of the Debian release that this machine runs, "" of another system."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
    fields = dict(re.findall(r'^(ID|VERSION_CODENAME)="?([^"\n]*)"?$', text, re.M))
    return fields.get("VERSION_CODENAME", "") if fields.get("ID") == "debian" else ""
