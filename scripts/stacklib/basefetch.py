# SPDX-License-Identifier: GPL-2.0
"""The ways to a base that need no git tree of the user's: tarball, network, apt.

Each takes (workspace, cache repository, manifest) and returns (id of the tree
that is now in the repository, where it came from). NotHere: try the next way.
"""
import hashlib
import os
import subprocess
from pathlib import Path

import gitcmd
import tarimport
from aptsource import AptError, AptSource
from term import StackError, progress, warn

# A host that does not answer must not hold up the other ways; one that does may
# take its time (a shallow kernel is some 250 MB), unless the transfer stalls.
CONNECT_SECONDS = 20
NETWORK = {
    "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
    "GIT_HTTP_LOW_SPEED_TIME": "30",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=%d" % CONNECT_SECONDS,
}


class NotHere(StackError):
    """This way leads nowhere on this machine; .msg says why, .mend what to do."""


def tarball(ws, repo, manifest):
    """Import the base's tarball: STACK_BASE_TARBALL, STACK_BASE_DIR or the cache."""
    name = manifest.get("tarball")
    if not name or not manifest.get("sha256"):
        raise NotHere("tarball: patches/%s/base.ini names none" % manifest["name"])
    given = os.environ.get("STACK_BASE_TARBALL")
    if given:
        return import_tarball(repo, Path(given), manifest, "STACK_BASE_TARBALL")
    places = []
    folder = os.environ.get("STACK_BASE_DIR")
    if folder:
        places.append((Path(folder) / name, "STACK_BASE_DIR"))
    places.append((ws.cache / "tarballs" / name, "cache"))
    for path, what in places:
        if path.is_file():
            return import_tarball(repo, path, manifest, what)
    raise NotHere("tarball: STACK_BASE_TARBALL is not set; no " +
                  ", no ".join("%s (%s)" % place for place in places),
                  "put %s (sha256 %s) there: %s" % (name, manifest["sha256"],
                                                     ws.cache / "tarballs"))


def import_tarball(repo, path, manifest, what):
    """Check the tarball's sha256 and import it; a wrong one is an error, never passed over."""
    if not path.is_file():
        raise StackError("%s: %s is not there" % (what, path),
                         "correct %s, or unset it" % what)
    progress("base: checking the sha256 of %s" % path.name)
    found = sha256_of(path)
    if found != manifest["sha256"]:
        size = path.stat().st_size
        raise StackError("%s (from %s): wrong sha256, truncated or another file?\n"
                         "  is   %s (%d bytes)\n  want %s"
                         % (path, what, found, size, manifest["sha256"]),
                         "rm %s and get it again" % path if what == "cache" else
                         "give the right file, or unset %s" % what)
    return tarimport.run(path, repo, manifest["version"]), "tarball %s" % path


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
        raise NotHere("git: patches/%s/base.ini names no repository" % manifest["name"])
    probe(repo, url, tag)
    status, said = gitcmd.run_progress(
        "fetch", "--depth=1", "--no-tags", "--progress", url,
        "+refs/tags/%s:refs/fetched/tag" % tag, cwd=repo, env=NETWORK,
        label="base: git fetch %s: " % tag)
    if status:
        raise NotHere("git: fetch of %s from %s failed: %s"
                      % (tag, url, said[-1] if said else "no reason given"))
    tree = gitcmd.git("rev-parse", "refs/fetched/tag^{tree}", cwd=repo)
    gitcmd.git("update-ref", "-d", "refs/fetched/tag", cwd=repo)
    (repo / "shallow").unlink(missing_ok=True)
    return tree, "git %s (%s)" % (url, tag)


def probe(repo, url, tag):
    """Raise NotHere unless url answers within CONNECT_SECONDS and has the tag."""
    progress("base: asking %s for %s" % (url, tag))
    try:
        proc = subprocess.run(["git", "ls-remote", "--exit-code", url, "refs/tags/" + tag],
                              cwd=repo, env=gitcmd.environment(NETWORK), capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=CONNECT_SECONDS, check=False)
    except subprocess.TimeoutExpired as exc:
        raise NotHere("git: %s did not answer in %d s" % (url, CONNECT_SECONDS)) from exc
    if proc.returncode == 2:
        raise NotHere("git: %s has no tag %s" % (url, tag))
    if proc.returncode:
        said = proc.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotHere("git: %s: %s" % (url, said[-1] if said else "no answer"))


def source_package(ws, repo, manifest):
    """Download the tarball of the distribution's source package through apt; import it."""
    source, suites = manifest.get("debian-source"), manifest.get("debian-suites", "").split()
    if not source or not suites:
        raise NotHere("apt: patches/%s/base.ini names no source package" % manifest["name"])
    target = ws.cache / "tarballs" / manifest["tarball"]
    try:
        with AptSource(ws.cache, suites, sources=True) as apt:
            version = apt.source_version(source, manifest.get("debian-version", ""))
            progress("base: downloading source package %s %s" % (source, version))
            found = apt.download_source(source, version, manifest["tarball"])
            if sha256_of(found) != manifest["sha256"]:
                raise NotHere("apt: %s of %s %s has another sha256 than patches/%s/base.ini says"
                              % (found.name, source, version, manifest["name"]))
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(found, target)
    except AptError as exc:
        raise NotHere("apt: " + exc.msg, exc.mend) from exc
    warn("note: %s is kept in %s" % (target.name, target.parent))
    tree, _ = import_tarball(repo, target, manifest, "cache")
    return tree, "source package %s %s" % (source, version)
