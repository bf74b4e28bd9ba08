# SPDX-License-Identifier: GPL-2.0
"""The kunit drop-in: new files for a kernel tree, and the lines that hook them in.

Everything below kunit/ goes to the same path in the kernel, except the files at
its top (`hooks`, `suites.ini`, README) and the folder `commits`, which says how
the drop-in is posted (dropseries.py). A line of `hooks` is
FILE<TAB>ANCHOR<TAB>LINE: LINE goes into FILE after the last line that equals
ANCHOR, or at the end when ANCHOR is `-`. The entries of MAINTAINERS.snippet go
into MAINTAINERS, each with the F: lines for which the drop-in has a file.
"""
import hashlib
from pathlib import Path

from stacklib.host import gitcmd
from stacklib.host.files import read_text, refuse_links
from stacklib.host.gitcmd import git, git_bytes
from stacklib.host.term import StackError
from stacklib.stack import maintainers

_LEFTOVERS = ("~", ".orig", ".rej", ".swp", ".pyc")


def files(repo: Path):
    """Return [(path in the kernel, Path here, "100644" or "100755")], sorted."""
    top = Path(repo) / "kunit"
    found = []
    for path in sorted(top.rglob("*")):
        refuse_links(path, top.parent)
        if path.is_dir() or path.parent in (top, top / "commits") \
                or path.name.endswith(_LEFTOVERS):
            continue
        mode = "100755" if path.stat().st_mode & 0o100 else "100644"
        found.append((path.relative_to(top).as_posix(), path, mode))
    return found


def hooks(repo):
    """Return [(line number, file, anchor, line)] of kunit/hooks."""
    path = Path(repo) / "kunit" / "hooks"
    result = []
    if not path.is_file():
        return result
    for number, text in enumerate(read_text(path).splitlines(), 1):
        if not text.strip() or text.startswith("#"):
            continue
        fields = text.split("\t", 2)
        if len(fields) != 3 or not fields[0] or not fields[1] or not fields[2]:
            raise StackError(f"{path}:{number}: not of the form FILE<TAB>ANCHOR<TAB>LINE",
                             "correct the line; ANCHOR is a whole line of FILE, or - for its end")
        result.append((number, *fields))
    return result


def digest(repo: Path) -> str:
    """Return a sha256 over everything that the drop-in puts into a tree."""
    total = hashlib.sha256()
    for name, path, mode in files(repo):
        total.update((f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()} {name}\n").encode())
    for hook in hooks(repo):
        total.update(repr(hook[1:]).encode())
    total.update(repr(maintainers.entries(repo)).encode())
    return total.hexdigest()


def build(git_dir: Path, treeish, repo: Path, index):
    """Return the tree id of treeish plus drop-in; index is a scratch index file's path."""
    for misfit in misfits(git_dir, treeish, repo):
        raise misfit
    found = files(repo)
    return add(git_dir, treeish, found, hooks(repo), index, people(repo, {f[0] for f in found}))


def misfits(git_dir: Path, treeish, repo: Path):
    """Return a StackError for each file and each line of hooks that cannot go into treeish; [] when it fits."""
    found = files(repo)
    taken = git("ls-tree", "-r", "--name-only", treeish, "--", *[f[0] for f in found], cwd=git_dir) if found else ""
    wrong = [StackError(f"the drop-in would overwrite {', '.join(taken.splitlines())} of the kernel",
                        "rename it below kunit/; changes to existing files are patches")] if taken else []
    return wrong + _placed(git_dir, treeish, hooks(repo))[1]


def people(repo: Path, names):
    """Return the entries of MAINTAINERS.snippet for those files, as maintainers.entries() does."""
    return maintainers.limited(maintainers.entries(repo), names)


def add(git_dir: Path, treeish, found, hooked, index, entries, texts=None):
    """Return the tree id of treeish plus files, lines of hooks and entries of MAINTAINERS.

    found, hooked, entries: as files(), hooks(), people() give them. index: as for build().
    texts: {path in the kernel: str} that stands for what the file holds.
    """
    env = {"GIT_INDEX_FILE": index}
    git("read-tree", treeish, cwd=git_dir, env=env)
    texts = texts or {}
    whole = [item for item in found if item[0] not in texts]
    blobs = git("hash-object", "-w", "--no-filters", "--stdin-paths", cwd=git_dir,
                input="".join(f"{path}\n" for _, path, _ in whole)).split()
    rows = [f"{mode} {blob} 0\t{name}" for (name, _, mode), blob in zip(whole, blobs)]
    rows += [f"{mode} {blob_of(git_dir, texts[name])} 0\t{name}" for name, _, mode in found if name in texts]
    rows += _hooked(git_dir, treeish, hooked) + _listed(git_dir, treeish, entries)
    git("update-index", "--add", "--index-info", cwd=git_dir, env=env, input="".join(row + "\n" for row in rows))
    return git("write-tree", cwd=git_dir, env=env)


def _listed(git_dir, treeish, entries):
    """Return the index row of MAINTAINERS with entries; [] for a tree that has no such file."""
    status, body, _ = gitcmd.run("cat-file", "blob", f"{treeish}:{maintainers.TARGET}", cwd=git_dir)
    if status or not entries:
        return []
    text = maintainers.merge(body.decode("utf-8"), entries)
    return [f"100644 {blob_of(git_dir, text)} 0\t{maintainers.TARGET}"]


def blob_of(git_dir: Path, text: str):
    """Write text (str) as an object of the repository; return its id."""
    return git("hash-object", "-w", "--stdin", cwd=git_dir, input=text.encode("utf-8", "surrogateescape"))


def _hooked(git_dir, treeish, hooked):
    """Return the index rows of the files that hooks change; StackError for a hook that finds no place."""
    texts, wrong = _placed(git_dir, treeish, hooked)
    for misfit in wrong:
        raise misfit
    return [f"{mode} {blob_of(git_dir, chr(10).join(lines) + chr(10))} 0\t{name}"
            for name, (mode, lines) in texts.items()]


def _placed(git_dir, treeish, hooked):
    """Return ({file: (mode, lines with hooks)}, [StackError of each hook that finds no place])."""
    texts, wrong = {}, []
    for number, name, anchor, line in hooked:
        if name not in texts:
            mode, kind, *_ = git("ls-tree", treeish, "--", name, cwd=git_dir).split(None, 2) or ("", "")
            body = git_bytes("cat-file", "blob", f"{treeish}:{name}", cwd=git_dir) if kind == "blob" else b""
            texts[name] = (mode, body.decode("utf-8", "surrogateescape").splitlines())
        mode, lines = texts[name]
        if not mode.startswith("100"):
            wrong.append(StackError(f"kunit/hooks:{number}: the kernel has no file {name}"))
        elif anchor not in ["-", *lines]:
            wrong.append(StackError(f"kunit/hooks:{number}: {name} has no line '{anchor}'",
                                    f"git -C out/linux show {treeish[:12]}:{name}"))
        else:
            lines.insert(len(lines) - (0 if anchor == "-" else lines[::-1].index(anchor)), line)
    return texts, wrong
