# SPDX-License-Identifier: GPL-2.0
"""A git tree of somebody else's, read as objects and refs only: nothing of its configuration is obeyed.

git takes programs to run from a repository's configuration (filters, gpg, ssh, editors, remotes, hooks, and
what include.path adds). So it reads such a tree through a bare repository of ours, which has a configuration
of its own, the objects of the other as alternates, and its refs by symbolic links. A missing object is then
missing: there is no remote to fetch it from.
"""
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from stacklib.host import gitcmd
from stacklib.host.files import write_whole
from stacklib.host.term import StackError

SECONDS = 60  # for git to say what is there; a configuration can name a pipe
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tlogAllRefUpdates = false\n"


@dataclass(frozen=True)
class UserTree:
    """.path (as it was named) .git (our repository, the cwd of every git that reads it) .objects (its folder
    of objects) .top (its work tree, None when it is bare) .index (the file) .partial (lacks objects on purpose)"""

    path: Path
    git: Path
    objects: Path
    top: Path
    index: Path
    partial: bool

    def changed(self) -> int:
        """Return how many files of its work tree differ from what is checked out, not looking into submodules."""
        if not self.top:
            return 0
        # A filter that .gitattributes names has no program here; submodules have a configuration of their own.
        said = gitcmd.git("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all", cwd=self.top,
                          check=False, env={"GIT_DIR": self.git, "GIT_WORK_TREE": self.top,
                                            "GIT_INDEX_FILE": self.index})
        return len(said.splitlines())


def read(path, folder, what="--tree"):
    """Return the UserTree for the git tree that path is in; our side of it is made in folder (the work folder).

    StackError when path is in none, when it is another user's (and safe.directory of the user's own
    configuration does not name it), or when git cannot read it. what: the words before path in messages.
    """
    said = locate(path, what, "--git-dir", "--git-common-dir", "--show-object-format", "--is-bare-repository")
    if len(said) != 4:
        raise StackError(f"{what} {path}: its path has a line break in it", "mv it to another place")
    git_dir, common, bits, bare = said
    demand_files(Path(git_dir), Path(common), f"{what} {path}")
    if bits != "sha1":
        raise StackError(f"{what} {path}: object names are not sha1")
    mirror = Path(folder) / ".foreign" / hashlib.sha256(git_dir.encode()).hexdigest()[:16]
    objects = (Path(common) / "objects").resolve()
    (mirror / "objects" / "info").mkdir(parents=True, exist_ok=True)
    write_whole(mirror / "objects" / "info" / "alternates", f"{objects}\n")
    write_whole(mirror / "config", _CONFIG)
    with open(Path(git_dir) / "HEAD", "rb") as handle:
        write_whole(mirror / "HEAD", handle.read(4096))
    for name in ("refs", "packed-refs", "shallow", "logs"):
        link = mirror / name
        if not link.is_symlink():
            link.symlink_to(Path(common) / name)
    top = None if bare == "true" else Path(locate(path, what, "--show-toplevel")[0])
    partial = any((objects / "pack").glob("*.promisor"))
    return UserTree(Path(path), mirror, objects, top, Path(git_dir) / "index", partial)


def demand_files(git_dir: Path, common: Path, what: str) -> None:
    """Raise StackError for what git would read of a repository that is there and no file: a pipe, for which it would
    wait, or a device, which has no end."""
    files = [git_dir / "HEAD", git_dir / "index", common / "packed-refs", common / "shallow"]
    for folder in ("refs", "objects/info", "objects/pack"):
        files += [Path(at) / name for at, _, names in os.walk(common / folder) for name in names]
    for file in files:
        if os.path.exists(file) and not os.path.isfile(file):
            raise StackError(f"{what}: {file} is not a regular file", f"ls -l {file}")


def locate(path: Path, what: str, *questions):
    """Return the answers of git rev-parse to questions about the repository that path is in, or StackError."""
    status, out, said = gitcmd.run("rev-parse", "--path-format=absolute", *questions, cwd=path, timeout=SECONDS)
    if not status:
        return out.decode("utf-8", "surrogateescape").splitlines()
    if "dubious ownership" in said:
        raise StackError(f"{what} {path}: it belongs to another user, and git refuses to read it",
                         f"if you trust whoever can write there: git config --global --add safe.directory "
                         f"{os.path.realpath(path)}")
    if "not a git repository" in said:
        raise StackError(f"{what} {path}: not a git tree", "name a clone of Linux, or leave --tree and LINUX_TREE out")
    raise StackError(f"{what} {path}: git cannot read it: {said.strip()[:300]}", f"git -C {path} fsck")
