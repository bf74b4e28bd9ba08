# SPDX-License-Identifier: GPL-2.0
"""Who gets a series: what the kernel's get_maintainer.pl says, the cover letter, and .b4-config."""
import hashlib
import re
import subprocess
import tempfile
from email.utils import getaddresses, parseaddr
from pathlib import Path

from stacklib.host import env, files, gitcmd, packages
from stacklib.host.gitcmd import git
from stacklib.host.term import StackError, progress, warn

SCRIPT = "scripts/get_maintainer.pl"
# What get_maintainer.pl reads of a kernel tree, and what it takes for the top of one.
READ = (SCRIPT, "MAINTAINERS", ".mailmap", ".get_maintainer.ignore")
FILES = ("COPYING", "CREDITS", "Kbuild", "Makefile", "README")
FOLDERS = "Documentation arch include drivers fs init ipc kernel lib scripts".split()


def people(ws, part, git_dir):
    """Return (to, cc), lists of "Name <address>", of a posting.Part; each person once, To first.

    Maintainers and the cover's To go to To, all others to Cc. Without get_maintainer.pl in the tree, a warning
    and the rest; StackError when it fails. What it said is kept in the cache, by the trees before and after.
    """
    found = _sorted(_asked(ws, part, git_dir)) if part.commits else ([], [])
    logs = [getattr(origin, "text", getattr(origin, "log", "")).partition("\n---\n")[0] for origin in part.origins]
    result, seen = [], set()
    for name, own, added in (("To", [], found[0]), ("Cc", _lines("Cc", "\n".join(logs)), found[1])):
        every = config(ws, "send-series-" + name.lower()) + listed(part.cover, name) + own + added
        result.append([p for p in every if not (parseaddr(p)[1].lower() in seen or seen.add(parseaddr(p)[1].lower()))])
    return tuple(result)


def config(ws, key: str):
    """Return the addresses of a key in the stack's .b4-config."""
    path = ws.repo / ".b4-config"
    return split(git("config", "-f", path, "--get-all", "b4." + key, cwd=ws.repo, check=False).splitlines()
                 if path.is_file() else [])


def split(values) -> list:
    """Return address headers as a list of "Name <address>", without remarks ("# v6.1+") and bare names."""
    values = [re.sub(r"(@[^\s,>#]+>?)\s*#.*", r"\1", value) for value in values]
    return [person(*pair) for pair in getaddresses(values) if "@" in pair[1]]


def person(name: str, address):
    """Return "Name <address>", the name in quotes where a header needs that, or the address alone."""
    if re.search(r'[][()<>@,:;"\\.]', name):
        escaped = re.sub(r'(["\\])', r"\\\1", name)
        name = f'"{escaped}"'
    return f"{name} <{address}>" if name else address


def listed(cover, name: str):
    """Return the people in the headers To: or Cc: of the cover letter, and in trailers of that name."""
    return split([cover.header(name)]) + _lines(name, cover.text.partition("\n\n")[2])


def _lines(name, text):
    """Return the people in lines of that name, of a log or a letter."""
    return split(re.findall(rf"^{name}:[ \t]*(.+@.+)$", text, re.M))


def _asked(ws, part, git_dir):
    """Return what get_maintainer.pl of the tree says of the whole series, "" without one."""
    trees = git("rev-parse", part.start + "^{tree}", part.end + "^{tree}", cwd=git_dir)
    kept = ws.cache / "people" / hashlib.sha256(trees.encode()).hexdigest()
    if kept.is_file():
        return kept.read_text(encoding="utf-8")
    if not gitcmd.ok("cat-file", "-e", part.end + ":" + SCRIPT, cwd=git_dir):
        warn(f"note: the kernel tree has no {SCRIPT}: To and Cc are those of the cover letter")
        return ""
    packages.ensure_quickly(["perl"])
    progress(f"export: {part.name}: {SCRIPT}")
    with tempfile.TemporaryDirectory(prefix="stack.") as folder:
        for name in FOLDERS:
            Path(folder, name).mkdir()
        for name in FILES:
            Path(folder, name).touch()
        for name in READ:
            status, body, _ = gitcmd.run("cat-file", "blob", f"{part.end}:{name}", cwd=git_dir)
            if not status:
                Path(folder, name).write_bytes(body)
        diff = gitcmd.git_bytes("diff", "--no-renames", part.start, part.end, cwd=git_dir)
        # HOME: a .get_maintainer.conf of somebody's would change what it says.
        proc = subprocess.run(["perl", SCRIPT, "--no-git", "--no-git-fallback", "--roles", "--no-rolestats",
                               "--separator", "\n"], cwd=folder, input=diff, capture_output=True, check=False,
                              env=env.child(LC_ALL="C.UTF-8", HOME=folder))
    if proc.returncode:
        said = proc.stderr.decode("utf-8", "replace").strip()[-400:]
        raise StackError(f"{SCRIPT} failed (exit {proc.returncode}):\n  {said}",
                         "look at MAINTAINERS in the kernel tree")
    said = proc.stdout.decode("utf-8", "replace")
    if _sorted(said)[0]:
        files.write_whole(kept, said)
    else:
        warn(f"note: {SCRIPT} names no maintainer for {part.name}: see To before it is sent")
    return said


def _sorted(said):
    """Return (maintainers, others) of the lines "Name <address> (role)" of get_maintainer.pl --roles."""
    to, cc = [], []
    for line in said.splitlines():
        match = re.match(r"(.*\S)\s+\(([^()]*(?:\([^()]*\)[^()]*)*)\)$", line.strip())
        if match and "@" in match.group(1):
            (to if match.group(2).startswith(("maintainer", "supporter")) else cc).extend(split([match.group(1)]))
    return to, cc
