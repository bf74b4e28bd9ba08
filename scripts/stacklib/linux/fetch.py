# SPDX-License-Identifier: GPL-2.0
"""The ways to a base that need no git tree of the user's: tarball, network, apt.

Each takes (workspace, cache repository, manifest) and returns (id of the tree
that is now in the repository, where it came from). NotHere: try the next way.
"""
import hashlib
import os
import subprocess
from pathlib import Path

from stacklib.host import gitcmd
from stacklib.host.aptsource import AptError, AptSource
from stacklib.host.term import StackError, progress, warn
from stacklib.linux import tarimport

# A host that does not answer must not hold up the other ways; one that does may
# take its time (a shallow kernel is some 250 MB), unless the transfer stalls.
CONNECT_SECONDS = 20
NETWORK = {
    "GIT_ALLOW_PROTOCOL": "https:http:git:ssh:file",
    "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
    "GIT_HTTP_LOW_SPEED_TIME": "30",
    "GIT_SSH_COMMAND": f"ssh -oBatchMode=yes -oConnectTimeout={CONNECT_SECONDS}",
}


class NotHere(StackError):
    """This way leads nowhere on this machine; .msg says why, .mend what to do."""


def tarball(ws, repo, manifest):
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
    raise NotHere("tarball: STACK_BASE_TARBALL is not set; no " +
                  ", no ".join("%s (%s)" % place for place in places),
                  f"put {name} (sha256 {manifest['sha256']}) there: {ws.cache / 'tarballs'}")


def import_tarball(repo, path, manifest, what):
    """Check the tarball's sha256 and import it; a wrong one is an error, never passed over."""
    if not path.is_file():
        raise StackError(f"{what}: {path} is not there",
                         f"correct {what}, or unset it")
    progress(f"base: checking the sha256 of {path.name}")
    found = sha256_of(path)
    if found != manifest["sha256"]:
        size = path.stat().st_size
        raise StackError(f"{path} (from {what}): wrong sha256, truncated or another file?\n"
                         f"  is   {found} ({size} bytes)\n  want {manifest['sha256']}",
                         f"rm {path} and get it again" if what == "cache" else
                         f"give the right file, or unset {what}")
    return tarimport.run(path, repo, manifest["version"]), f"tarball {path}"


def sha256_of(path):
    """Return the sha256 of a file, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def network(ws, repo, manifest):
    """Fetch the base's tag, one commit deep, with git."""
    del ws
    url, tag = manifest.get("git"), manifest["tag"]
    if not url:
        raise NotHere(f"git: patches/{manifest['name']}/base.ini names no repository")
    probe(repo, url, tag)
    status, said = gitcmd.run_progress(
        "fetch", "--depth=1", "--no-tags", "--progress", "--", url,
        f"+refs/tags/{tag}:refs/fetched/tag", cwd=repo, env=NETWORK,
        label=f"base: git fetch {tag}: ")
    if status:
        raise NotHere(f"git: fetch of {tag} from {url} failed: {said[-1] if said else 'no reason given'}")
    tree = gitcmd.git("rev-parse", "refs/fetched/tag^{tree}", cwd=repo)
    gitcmd.git("update-ref", "-d", "refs/fetched/tag", cwd=repo)
    (repo / "shallow").unlink(missing_ok=True)
    return tree, f"git {url} ({tag})"


def probe(repo, url, tag):
    """Raise NotHere unless url answers within CONNECT_SECONDS and has the tag."""
    progress(f"base: asking {url} for {tag}")
    try:
        proc = subprocess.run(["git", "ls-remote", "--exit-code", "--", url, "refs/tags/" + tag],
                              cwd=repo, env=gitcmd.environment(NETWORK), capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=CONNECT_SECONDS, check=False)
    except subprocess.TimeoutExpired as exc:
        raise NotHere(f"git: {url} did not answer in {CONNECT_SECONDS} s") from exc
    if proc.returncode == 2:
        raise NotHere(f"git: {url} has no tag {tag}")
    if proc.returncode:
        said = proc.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotHere(f"git: {url}: {said[-1] if said else 'no answer'}")


def source_package(ws, repo, manifest):
    """Download the tarball of the distribution's source package through apt; import it."""
    source, suites = manifest.get("debian-source"), manifest.get("debian-suites", "").split()
    if not source or not suites:
        raise NotHere(f"apt: patches/{manifest['name']}/base.ini names no source package")
    target = ws.cache / "tarballs" / manifest["tarball"]
    try:
        with AptSource(ws.cache, suites, sources=True) as apt:
            version = apt.source_version(source, manifest.get("debian-version", ""))
            progress(f"base: downloading source package {source} {version}")
            found = apt.download_source(source, version, manifest["tarball"])
            if sha256_of(found) != manifest["sha256"]:
                raise NotHere("apt: %s of %s %s has another sha256 than patches/%s/base.ini says"
                              % (found.name, source, version, manifest["name"]))
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(found, target)
    except AptError as exc:
        raise NotHere("apt: " + exc.msg, exc.mend) from exc
    warn(f"note: {target.name} is kept in {target.parent}")
    tree, _ = import_tarball(repo, target, manifest, "cache")
    return tree, f"source package {source} {version}"
