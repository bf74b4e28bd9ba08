# SPDX-License-Identifier: GPL-2.0
"""The ways to a base that need no git tree of the user's: tarball, network, apt.

Each takes (workspace, cache repository, manifest) and returns (id of the tree
that is now in the repository, where it came from). NotHere: try the next way.
"""
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

from stacklib.host import gitcmd
from stacklib.host.aptsource import AptError, first
from stacklib.host.term import StackError, progress, warn
from stacklib.linux import tarimport

# A host that does not answer must not hold up the other ways; one that does may
# take its time (a shallow kernel is some 250 MB), unless the transfer stalls.
CONNECT_SECONDS = 20
DOWNLOAD_SECONDS, DOWNLOAD_BYTES = 1800, 1 << 30
NETWORK = {
    "GIT_ALLOW_PROTOCOL": "https:http:git:ssh:file",
    "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
    "GIT_HTTP_LOW_SPEED_TIME": "30",
    "GIT_SSH_COMMAND": f"ssh -oBatchMode=yes -oConnectTimeout={CONNECT_SECONDS}",
}


class NotHere(StackError):
    """This way to the base cannot be gone on this machine; .msg says why, .mend what to do."""


def tarball(ws, repo: Path, manifest):
    """Import the base's tarball: STACK_BASE_TARBALL, STACK_BASE_DIR or the cache."""
    name = manifest.get("tarball")
    if not name or not manifest.get("sha256"):
        raise NotHere(f"tarball: patches/{manifest['name']}/base.ini names none")
    given = ws.settings.tarball
    if given:
        return import_tarball(repo, Path(given), manifest, "STACK_BASE_TARBALL")
    places = []
    folder = ws.settings.base_dir
    if folder:
        places.append((Path(folder) / name, "STACK_BASE_DIR"))
    places.append((ws.cache / "tarballs" / name, "cache"))
    for path, what in places:
        if path.is_file():
            return import_tarball(repo, path, manifest, what)
    missing = ", no ".join(f"{path} ({what})" for path, what in places)
    raise NotHere(f"tarball: STACK_BASE_TARBALL is not set; no {missing}",
                  f"put {name} (sha256 {manifest['sha256']}) there: {ws.cache / 'tarballs'}")


def import_tarball(repo: Path, path: Path, manifest, what: str) -> tuple:
    """Check the tarball's sha256 and import it; a wrong one is an error, never passed over."""
    if not path.is_file():
        raise StackError(f"{what}: {path} is not there", f"correct {what}, or unset it")
    progress(f"base: checking the sha256 of {path.name}")
    found = sha256_of(path)
    if found != manifest["sha256"]:
        size = path.stat().st_size
        raise StackError(f"{path} (from {what}): wrong sha256, truncated or another file?\n"
                         f"  is   {found} ({size} bytes)\n  want {manifest['sha256']}",
                         f"rm {path} and get it again" if what == "cache" else f"give the right file, or unset {what}")
    return tarimport.run(path, repo, manifest["version"]), f"tarball {path}"


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def network(ws, repo: Path, manifest):
    """Fetch the base's tag, one commit deep, with git."""
    del ws
    url, tag = manifest.get("git"), manifest["tag"]
    if not url:
        raise NotHere(f"git: patches/{manifest['name']}/base.ini names no repository")
    if not ask(repo, url, tag):
        raise NotHere(f"git: {url} has no tag {tag}")
    return fetched(repo, url, tag)


def later_tag(ws, repo: Path, manifest):
    """Fetch the newest later tag of the same stable series, as network() does."""
    del ws
    url, series = manifest.get("git"), manifest["tag"].rpartition(".")[0] + "."
    there = [tag for tag in ask(repo, url, series + "*") if is_later(manifest, tag.rpartition("v")[2])] if url else []
    if not there:
        raise NotHere(f"git: no later tag {series}* at {url}" if url else "")
    return fetched(repo, url, max(there, key=numbers))


def fetched(repo: Path, url, tag) -> tuple:
    """Bring one tag of url into the repository; return (tree, where from)."""
    status, said = gitcmd.run_progress(
        "fetch", "--depth=1", "--no-tags", "--progress", "--", url,
        f"+refs/tags/{tag}:refs/fetched/tag", cwd=repo, env=NETWORK, label=f"base: git fetch {tag}: ")
    if status:
        raise NotHere(f"git: fetch of {tag} from {url} failed: {said[-1] if said else 'no reason given'}")
    tree = gitcmd.git("rev-parse", "refs/fetched/tag^{tree}", cwd=repo)
    gitcmd.git("update-ref", "-d", "refs/fetched/tag", cwd=repo)
    (repo / "shallow").unlink(missing_ok=True)
    return tree, f"git {url} ({tag})"


def ask(repo: Path, url, tag):
    """Return the tags of url that fit a pattern; NotHere unless it answers within CONNECT_SECONDS."""
    progress(f"base: asking {url} for {tag}")
    try:
        status, out, said = gitcmd.run("ls-remote", "--", url, "refs/tags/" + tag, cwd=repo, env=NETWORK,
                                       timeout=CONNECT_SECONDS)
    except StackError as exc:
        raise NotHere(f"git: {url} did not answer in {CONNECT_SECONDS} s") from exc
    if status:
        raise NotHere(f"git: {url}: {(said.strip().splitlines() or ['no answer'])[-1]}")
    return re.findall(r"\trefs/tags/([^^\s]+)$", out.decode("utf-8", "replace"), re.M)


def numbers(version) -> list:
    """Return the numbers in a version, to sort by."""
    return [int(n) for n in re.findall(r"[0-9]{1,6}", version)]


def is_later(manifest, version) -> bool:
    """Return whether a version ("7.1.10") is a later point release of the base's stable series, where it may be."""
    pin, found = numbers(manifest["version"]), numbers(version)
    return (manifest.get("later") == "yes" and bool(re.fullmatch(r"\d+\.\d+\.\d+", version))
            and len(pin) == 3 and found[:2] == pin[:2] and found[2] > pin[2])


def urls(ws, repo: Path, manifest) -> tuple:
    """Download the base's tarball from one of the addresses that base.ini names."""
    given = manifest.get("urls", "").split()
    if not given or not manifest.get("sha256") or not manifest.get("tarball"):
        raise NotHere(f"url: patches/{manifest['name']}/base.ini names none")
    import http.client  # pylint: disable=import-outside-toplevel
    target, said = ws.cache / "tarballs" / manifest["tarball"], []
    for url in given:
        try:
            download(url, target, manifest["sha256"])
        except (OSError, ValueError, http.client.HTTPException) as exc:
            said.append(f"url: {url}: {exc}")
            continue
        return import_tarball(repo, target, manifest, "cache")[0], url
    raise NotHere("\n".join(said))


def download(url, target, sha256) -> None:
    """Bring a file of this sha256 to target; OSError or ValueError says why that cannot be done."""
    if not url.startswith(("https://", "http://")):
        raise ValueError("neither https:// nor http://")
    import urllib.request  # with ssl, which most runs need not wait for; pylint: disable=import-outside-toplevel
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh, end = target.with_name(target.name + ".part"), time.monotonic() + DOWNLOAD_SECONDS
    try:
        with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as reply, open(fresh, "wb") as handle:
            for block in iter(lambda: reply.read(1 << 20), b""):
                handle.write(block)
                progress(f"base: {url}: {handle.tell() >> 20} MiB")
                if handle.tell() > DOWNLOAD_BYTES or time.monotonic() > end:
                    raise ValueError(f"more than {DOWNLOAD_BYTES >> 20} MiB or {DOWNLOAD_SECONDS} s")
        found = sha256_of(fresh)
        if found != sha256:
            raise ValueError(f"another sha256 than base.ini says: {found}")
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)


def source_package(ws, repo: Path, manifest) -> tuple:
    """Download the tarball of the distribution's source package through apt; import it."""
    prefix = manifest.get("debian-version", "")
    found = packaged(ws, manifest, lambda version: re.match(re.escape(prefix) + r"($|[^0-9.])", version), prefix + "*",
                     lambda version: manifest["tarball"], manifest.get("sha256"))
    return tarimport.run(found[0], repo, manifest["version"]), found[1]


def later_package(ws, repo: Path, manifest) -> tuple:
    """As source_package(), for the newest later point release; apt knows whether the file is Debian's."""
    def upstream(version):
        return re.split("[-~+]", version)[0]
    found = packaged(ws, manifest, lambda version: is_later(manifest, upstream(version)), "a later release",
                     lambda version: manifest["tarball"].replace(manifest["version"], upstream(version)), None)
    return tarimport.run(found[0], repo, "a later release"), found[1]


def packaged(ws, manifest, fits, wanted, named, sha256) -> tuple:
    """Return (Path in the cache, where from) of the source package's tarball, from the first suite that has it.

    fits: whether a version is one that is wanted (a word for it), named: the file of a version. NotHere says why not.
    """
    source, suites = manifest.get("debian-source"), manifest.get("debian-suites", "").split()
    if not source or not suites or not manifest.get("tarball"):
        raise NotHere("" if manifest.get("debian-binary") else
                      f"apt: patches/{manifest['name']}/base.ini names no source package")

    def brought(apt, suite) -> tuple:
        version = apt.source_version(source, fits, wanted)
        progress(f"base: downloading source package {source} {version}")
        found = apt.download_source(source, version, named(version))
        if sha256 and sha256_of(found) != sha256:
            raise AptError(f"{found.name} of {version} has another sha256 than base.ini says")
        return keep(ws, found), f"source package {source} {version} of {suite}"
    return from_suites(ws, suites, True, brought)


def keep(ws, found: Path) -> Path:
    """Move a tarball that was downloaded into the cache; return where it is then."""
    target = ws.cache / "tarballs" / found.name
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(found, target)
    warn(f"note: {target.name} is kept in {target.parent}")
    return target


def from_suites(ws, suites, sources: bool, brought) -> tuple:
    """Return what brought() does for the first suite that has it, as aptsource.first(); NotHere says why none has."""
    try:
        return first(ws.cache, suites, sources, brought)
    except AptError as exc:
        raise NotHere("apt: " + exc.msg.replace("\n", "\napt: "), exc.mend) from exc


def binary_package(ws, repo: Path, manifest) -> tuple:
    """Import the tarball that a binary package (linux-source-X.Y) has in /usr/src, through apt.

    It is kept in the cache when it is the pinned one. Another one may be of a later point release, which its
    Makefile tells: apt knows whether it is Debian's.
    """
    name, tarball_name = manifest.get("debian-binary"), manifest.get("tarball")
    if not name or not tarball_name:
        raise NotHere("")

    def brought(apt, suite) -> tuple:
        progress(f"base: downloading package {name}")
        found = unpacked(apt.download_binary(name), tarball_name)
        if sha256_of(found) == manifest.get("sha256"):
            found = keep(ws, found)
        elif manifest.get("later") != "yes":
            raise AptError(f"{tarball_name} of {name} has another sha256 than base.ini says")
        return tarimport.run(found, repo, manifest["version"]), f"package {name} of {suite}"
    return from_suites(ws, manifest.get("debian-suites", "").split(), False, brought)


def unpacked(deb: Path, name: str) -> Path:
    """Take the file /usr/src/NAME out of a package; return its path, beside that of the package."""
    target = deb.with_name(name)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as proc:
        try:
            with tarfile.open(fileobj=proc.stdout, mode="r|") as members, open(target, "wb") as handle:
                inside = next((m for m in members if m.name == "./usr/src/" + name), None)
                source = members.extractfile(inside) if inside else None
                if not source:
                    raise AptError(f"{deb.name} has no /usr/src/{name}")
                shutil.copyfileobj(source, handle, 1 << 20)
        except tarfile.TarError as exc:
            raise AptError(f"{deb.name} cannot be unpacked: {exc}") from exc
    return target
