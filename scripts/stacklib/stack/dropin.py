# SPDX-License-Identifier: GPL-2.0
"""The kunit drop-in: new files for a kernel tree, and the lines that hook them in.

Everything below kunit/ goes to the same path in the kernel, except the files at
its top (`hooks`, `suites.ini`, README) and the folder `commits`, which says how
the drop-in is posted (dropseries.py). A line of `hooks` is
FILE<TAB>ANCHOR<TAB>LINE: LINE goes into FILE after the last line that equals
ANCHOR, or at the end when ANCHOR is `-`. It brings a file of the drop-in into
the build or the documentation, and can do nothing else: what changes code is a
patch, where it can be read and judged. The entries of MAINTAINERS.snippet go
into MAINTAINERS, each with the F: lines for which the drop-in has a file.
"""
import hashlib
import posixpath
import re
from pathlib import Path

from stacklib.host import gitcmd
from stacklib.host.files import read_text, refuse_links
from stacklib.host.gitcmd import git
from stacklib.host.term import StackError
from stacklib.stack import maintainers

_LEFTOVERS = ("~", ".orig", ".rej", ".swp", ".pyc")
# Which files lines may be hooked into, and what lines
_HOOKED = {"Kconfig": re.compile(r'source "([\w./-]+)"'), "index.rst": re.compile(r"\s+([\w./-]+)"),
           "Makefile": re.compile(r"obj-(?:y|\$\(CONFIG_\w+\))\s*\+=\s*([\w./-]+)/")}


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
        if not hooked_file(fields[0], fields[2]):
            raise StackError(f"{path}:{number}: neither a source line of a Kconfig, a folder of a Makefile nor a page "
                             f"of an index.rst: {fields[0]}", "take the line out; a change to code is a patch: "
                             "patches/README")
        result.append((number, *fields))
    return result


def hooked_file(name, line) -> str:
    """Return the path in the kernel of the file that line brings in, as a line of the file name; "" for none."""
    folder, base = posixpath.split(name)
    match = _HOOKED[base].fullmatch(line) if base in _HOOKED else None
    if not match or base == "Kconfig":
        return match.group(1) if match else ""
    return posixpath.normpath(posixpath.join(folder, match.group(1) + ("/Makefile" if base == "Makefile" else ".rst")))


def digest(repo: Path) -> str:
    """Return a sha256 over everything that the drop-in puts into a tree."""
    total = hashlib.sha256()
    for name, path, mode in files(repo):
        total.update((f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()} {name}\n").encode())
    for hook in hooks(repo):
        total.update(repr(hook[1:]).encode())
    total.update(repr(maintainers.entries(repo)).encode())
    return total.hexdigest()


def build(git_dir: Path, treeish, repo: Path) -> str:
    """Return the tree id of treeish plus drop-in; StackError when it does not fit."""
    found = files(repo)
    for misfit in overwritten(git_dir, treeish, found):
        raise misfit
    return add(git_dir, treeish, found, hooks(repo), people(repo, {f[0] for f in found}))


def misfits(git_dir: Path, treeish, repo: Path):
    """Return a StackError for each file and each line of hooks that cannot go into treeish; [] when it fits."""
    return overwritten(git_dir, treeish, files(repo)) + _placed(git_dir, treeish, hooks(repo))[1]


def overwritten(git_dir: Path, treeish, found):
    """Return [StackError] when treeish has some of the files found, else []."""
    taken = git("ls-tree", "-r", "--name-only", treeish, "--", *[f[0] for f in found], cwd=git_dir) if found else ""
    return [StackError(f"the drop-in would overwrite {', '.join(taken.splitlines())} of the kernel",
                       "rename it below kunit/; changes to existing files are patches")] if taken else []


def people(repo: Path, names):
    """Return the entries of MAINTAINERS.snippet for those files, as maintainers.entries() does."""
    return maintainers.limited(maintainers.entries(repo), names)


def add(git_dir: Path, treeish, found, hooked, entries, texts=None) -> str:
    """Return the tree id of treeish plus files, lines of hooks and entries of MAINTAINERS.

    found, hooked, entries: as files(), hooks(), people() give them.
    texts: {path in the kernel: str} that stands for what the file holds.
    StackError for a hook that finds no place.
    """
    made, wrong = _placed(git_dir, treeish, hooked)
    for misfit in wrong:
        raise misfit
    changed = {name: (mode, "".join(f"{line}\n" for line in lines)) for name, (mode, lines) in made.items()}
    there, = gitcmd.blobs([f"{treeish}:{maintainers.TARGET}"], git_dir) if entries else [b""]
    if there:
        changed[maintainers.TARGET] = ("100644", maintainers.merge(there.decode("utf-8"), entries))
    changed.update((name, (mode, texts[name])) for name, _, mode in found if name in (texts or {}))
    whole = [item for item in found if item[0] not in changed]
    blobs = git("hash-object", "-w", "--no-filters", "--stdin-paths", cwd=git_dir,
                input="".join(f"{path}\n" for _, path, _ in whole)).split()
    rows = [(mode, name, blob) for (name, _, mode), blob in zip(whole, blobs)]
    return gitcmd.changed_tree(git_dir, treeish, rows + [
        (mode, name, text.encode("utf-8", "surrogateescape")) for name, (mode, text) in changed.items()])


def _placed(git_dir, treeish, hooked):
    """Return ({file: (mode, lines with hooks)}, [StackError of each hook that finds no place])."""
    names = list(dict.fromkeys(name for _, name, _, _ in hooked))
    listed = git("ls-tree", "-z", treeish, "--", *names, cwd=git_dir).split("\0")[:-1] if names else []
    modes = {row.partition("\t")[2]: row.split()[0] for row in listed}
    bodies = gitcmd.blobs([f"{treeish}:{name}" for name in names], git_dir)
    texts = {name: (modes.get(name, ""), body.decode("utf-8", "surrogateescape").splitlines())
             for name, body in zip(names, bodies)}
    wrong = []
    for number, name, anchor, line in hooked:
        mode, lines = texts[name]
        if not mode.startswith("100"):
            wrong.append(StackError(f"kunit/hooks:{number}: the kernel has no file {name}"))
        elif anchor not in ["-", *lines]:
            wrong.append(StackError(f"kunit/hooks:{number}: {name} has no line '{anchor}'",
                                    f"git -C out/linux show {treeish[:12]}:{name}"))
        else:
            lines.insert(len(lines) - (0 if anchor == "-" else lines[::-1].index(anchor)), line)
    return texts, wrong
