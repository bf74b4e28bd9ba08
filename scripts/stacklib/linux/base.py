# SPDX-License-Identifier: GPL-2.0
"""Gets the kernel tree that the stack stands on, from whatever place has it.

The ways, in order: a git tree of the user's (only read), the cache, a tarball, git over the network, an address, the
distribution's source package. All but the first end in <cache>/linux.git, each base under a ref of its own that is
made last, so that nothing half-made is ever trusted.
"""
import os
import re
import shutil
from pathlib import Path

from stacklib.host import gitcmd, packages, usertree
from stacklib.host.term import StackError, note, warn
from stacklib.linux import fetch


class Base:
    """A base at hand: .objects (folder of git objects) .tree (id) .commit (the user's own that it was taken from; None
    when it came from elsewhere)"""

    def __init__(self, objects, tree, commit=None):
        self.objects, self.tree, self.commit = Path(objects), tree, commit


def find(ws, manifest):
    """Return the Base for a manifest; StackError that lists every way tried.

    With `later = yes`, a later point release of the same stable series is taken where the pin cannot be
    had; manifest["version"], which every report shows, then says so.
    """
    packages.ensure_quickly(packages.GIT)
    if ws.tree:
        return from_tree(ws, ws.tree, manifest)
    with ws.cache_lock():
        repo, tried = cache_repo(ws), []
        ways = [kept, fetch.tarball, kept_later, fetch.network, fetch.urls, fetch.source_package, fetch.binary_package]
        for way in ways + ([fetch.later_tag, fetch.later_package] if manifest.get("later") == "yes" else []):
            try:
                tree, how = way(ws, repo, manifest)
            except fetch.NotHere as exc:
                tried += [exc] if exc.msg else []
                continue
            version = makefile_version(repo, tree)
            if version != manifest["version"] and not fetch.is_later(manifest, version or ""):
                holds = f"Linux {version}" if version else "no kernel Makefile"
                raise StackError(f"{how}: holds {holds}, but base {manifest['name']} is Linux {manifest['version']}",
                                 f"correct version or sha256 in patches/{manifest['name']}/base.ini")
            if not how.startswith("cache "):
                gitcmd.git("update-ref", ref_name(manifest, version), tree, cwd=repo)
                note(f"base {manifest['name']}: Linux {version} from {how}, kept in {repo}")
            told_later(manifest, version)
            return Base(repo / "objects", tree)
        raise no_way(manifest, tried)


def kept(_, repo: Path, manifest, ref: str = "") -> tuple:
    """The way of the cache: what an earlier run has brought there."""
    cached = gitcmd.git("rev-parse", "-q", "--verify", (ref or ref_name(manifest)) + "^{tree}", cwd=repo, check=False)
    if not cached or not gitcmd.ok("cat-file", "-e", cached + ":Makefile", cwd=repo):
        raise fetch.NotHere("")
    return cached, f"cache {repo}"


def kept_later(ws, repo: Path, manifest):
    """The way of the cache to a later point release, which spares asking the network each time."""
    refs = gitcmd.git("for-each-ref", "--format=%(refname)", "--sort=-version:refname", "refs/later", cwd=repo).split()
    ref = next((ref for ref in refs if fetch.is_later(manifest, ref.rpartition("/")[2])), "refs/later/none")
    return kept(ws, repo, manifest, ref)


def told_later(manifest, version) -> None:
    """Warn, and put it into the manifest's version, when version is not the pinned one."""
    if version != manifest["version"]:
        warn(f"note: base {manifest['name']} is Linux {version}, a later release of its series: the pinned "
             f"{manifest['version']} cannot be had here")
        manifest["version"] = f"{version} (later than the pinned {manifest['version']})"


def no_way(manifest, tried) -> StackError:
    """Return the error for a base that no way led to."""
    lines = [f"cannot get the base {manifest['name']} (Linux {manifest['version']}); tried:",
             "  git tree: neither --tree nor LINUX_TREE is given"]
    lines += ["  " + exc.msg.replace("\n", "\n    ") for exc in tried]
    mend = [f"give a git tree that has {manifest['tag']}: --tree PATH"]
    mend += [exc.mend for exc in tried if exc.mend]
    return StackError("\n".join(lines), "\n".join(dict.fromkeys(mend)))


def ref_name(manifest, version=None) -> str:
    """Return the ref under which the cache keeps a base, or a later version of it: what it is, not where from."""
    if version not in (None, manifest["version"]):
        return f"refs/later/{version}"
    pin = manifest.get("sha256", "")[:16] or "tag"
    return "refs/bases/" + re.sub(r"[^A-Za-z0-9._-]", "-", f"{manifest['version']}-{pin}")


def cache_repo(ws) -> Path:
    """Return <cache>/linux.git, made when it is not there; clears what a kill left behind."""
    repo = ws.cache / "linux.git"
    if not (repo / "HEAD").is_file():
        fresh = ws.cache / (f"linux.git.new.{os.getpid()}")
        shutil.rmtree(fresh, ignore_errors=True)
        gitcmd.git("init", "-q", "--bare", fresh, cwd=ws.cache)
        gitcmd.git("config", "core.compression", "1", cwd=fresh)
        shutil.rmtree(repo, ignore_errors=True)
        fresh.rename(repo)
    for stale in list(repo.glob("objects/pack/tmp_*")) + list(repo.rglob("*.lock")):
        stale.unlink(missing_ok=True)
    for stale in ws.cache.glob("linux.git.new.*"):
        shutil.rmtree(stale, ignore_errors=True)
    return repo


def makefile_version(repo: Path, treeish):
    """Return the version that the Makefile of a tree names ("7.1.8"), or None."""
    text = gitcmd.git("cat-file", "blob", treeish + ":Makefile", cwd=repo, check=False)
    found = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)\s*=[ \t]*(\S*)", text, re.M))
    if not found.get("VERSION") or "PATCHLEVEL" not in found:
        return None
    version = f"{found['VERSION']}.{found['PATCHLEVEL']}"
    if found.get("SUBLEVEL", "0") not in ("", "0"):
        version += "." + found["SUBLEVEL"]
    return version + found.get("EXTRAVERSION", "")


def from_tree(ws, spec, manifest) -> Base:
    """Return the Base in a user's git tree, PATH or PATH:REF; nothing there is written or run."""
    path, ref = split_tree(spec)
    tree = usertree.read(path, ws.out)
    if tree.partial:
        raise StackError(f"--tree {path}: a partial clone, which lacks objects that are needed",
                         "name a full clone, or leave --tree out")
    name = ref or manifest["tag"]
    commit = resolve(tree.git, name)
    if not commit and ref:
        raise StackError(f"--tree {path}: no ref '{ref}' in it", f"git -C {path} fetch origin tag {manifest['tag']}")
    if not commit:
        name, commit = "HEAD", resolve(tree.git, "HEAD")
    check_user_tree(tree, name, commit, manifest)
    if commit != resolve(tree.git, manifest["tag"]):
        warn(f"note: the base is {name} of {path}, commit {commit!s:.12}, which is not the tag {manifest['tag']}")
    if not ref:
        tell_dirty(tree, name)
    return Base(tree.objects, gitcmd.git("rev-parse", commit + "^{tree}", cwd=tree.git), commit)


def resolve(git_dir: Path, name: str):
    """Return the commit that a name means in a repository (of a UserTree: its .git), or ""."""
    return gitcmd.git("rev-parse", "-q", "--verify", "--end-of-options", name + "^{commit}", cwd=git_dir, check=False,
                      timeout=usertree.SECONDS)


def split_tree(spec) -> tuple:
    """Return (path, ref or None) of PATH[:REF]; a path that exists wins."""
    path, ref = spec, None
    if not os.path.isdir(os.path.expanduser(spec)) and ":" in spec:
        path, ref = spec.rsplit(":", 1)
        if not ref or ref.startswith("-"):
            raise StackError(f"--tree {spec}: '{ref}' is no ref")
    path = os.path.abspath(os.path.expanduser(path))
    if not os.path.isdir(path):
        raise StackError(f"--tree {path}: no such folder", "name a clone of Linux, or leave --tree and LINUX_TREE out")
    return path, ref


def check_user_tree(tree, name: str, commit: str, manifest) -> None:
    """Raise StackError unless commit of a UserTree is the Linux version that the base is."""
    want, path = manifest["version"], tree.path
    found = makefile_version(tree.git, commit) if commit else None
    if found is None:
        raise StackError(f"--tree {path}: {name} is not a Linux kernel tree (no Makefile with "
                         "VERSION)", "name a clone of Linux, or leave --tree out")
    if found != want and not fetch.is_later(manifest, found):
        raise StackError(f"--tree {path}: {name} is Linux {found}, but base {manifest['name']} is {want}",
                         f"git -C {path} fetch https://git.kernel.org/pub/scm/linux/kernel/git/stable/"
                         f"linux.git tag {manifest['tag']}\nor name another base: --base NAME")
    told_later(manifest, found)


def tell_dirty(tree, name: str) -> None:
    """Say so when the user's tree (a UserTree) has uncommitted changes, for they are not used."""
    changed = tree.changed()
    if changed:
        warn(f"note: {tree.path} has {changed} uncommitted changes; they are not used, {name} is")
