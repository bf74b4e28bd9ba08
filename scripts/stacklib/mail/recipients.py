# SPDX-License-Identifier: GPL-2.0
"""Who gets a series: what the kernel's get_maintainer.pl says, the cover letter, and .b4-config."""
import re
import subprocess
import tempfile
from email.utils import getaddresses, parseaddr
from pathlib import Path

from stacklib.host import env, gitcmd, packages
from stacklib.host.gitcmd import git
from stacklib.host.term import StackError, warn

SCRIPT = "scripts/get_maintainer.pl"
# What get_maintainer.pl takes for the top of a kernel tree.
FILES = ("COPYING", "CREDITS", "Kbuild", "Makefile", "README")
FOLDERS = "Documentation arch include drivers fs init ipc kernel lib scripts".split()


def people(ws, part, git_dir):
    """Return (to, cc), lists of "Name <address>", of a posting.Part; each person once, To first.

    Maintainers and the cover's To go to To, all others to Cc. Without get_maintainer.pl in the
    tree, a warning and the rest; StackError when it fails.
    """
    to = config(ws, "send-series-to") + listed(part.cover, "To")
    cc = config(ws, "send-series-cc") + listed(part.cover, "Cc")
    for origin in part.origins:
        cc += trailers(getattr(origin, "text", getattr(origin, "log", "")))
    if part.commits:
        found_to, found_cc = from_tree(part, git_dir)
        to, cc = to + found_to, cc + found_cc
    seen, result = set(), ([], [])
    for people_, out in ((to, result[0]), (cc, result[1])):
        for person in people_:
            key = parseaddr(person)[1].lower()
            if key and key not in seen:
                seen.add(key)
                out.append(person)
    return result


def config(ws, key):
    """Return the addresses of a key in the stack's .b4-config."""
    path = ws.repo / ".b4-config"
    said = git("config", "-f", path, "--get-all", "b4." + key, cwd=ws.repo, check=False) \
        if path.is_file() else ""
    return split(said.splitlines())


def split(values):
    """Return address headers as a list of "Name <address>", without remarks ("# v6.1+") and bare names."""
    values = [re.sub(r"(@[^\s,>#]+>?)\s*#.*", r"\1", value) for value in values]
    return [person(*pair) for pair in getaddresses(values) if "@" in pair[1]]


def person(name, address):
    """Return "Name <address>", the name in quotes where a header needs that, or the address alone."""
    if re.search(r'[][()<>@,:;"\\.]', name):
        name = '"%s"' % re.sub(r'(["\\])', r"\\\1", name)
    return f"{name} <{address}>" if name else address


def listed(cover, name):
    """Return the people in the headers To: or Cc: of the cover letter, and in trailers of that name."""
    body = cover.text.partition("\n\n")[2]
    found = re.findall(rf"^{name}:[ \t]*(.+@.+)$", body, re.M)
    return split(([cover.header(name)] if cover.header(name) else []) + found)


def trailers(text):
    """Return the people in Cc: lines of a log."""
    return split(re.findall(r"^Cc:[ \t]*(.+@.+)$", text.partition("\n---\n")[0], re.M))


def from_tree(part, git_dir):
    """Return (maintainers, lists and reviewers) that get_maintainer.pl of the tree names."""
    if not gitcmd.ok("cat-file", "-e", part.end + ":" + SCRIPT, cwd=git_dir):
        warn(f"note: the kernel tree has no {SCRIPT}: To and Cc are those of the cover letter")
        return [], []
    # HOME: a .get_maintainer.conf of somebody's would change what it says.
    with tempfile.TemporaryDirectory(prefix="stack.") as folder:
        small_tree(git_dir, part.end, folder)
        diff = gitcmd.git_bytes("diff", "--no-renames", part.start, part.end, cwd=git_dir)
        packages.ensure_quickly(["perl"])
        words = ["perl", SCRIPT, "--no-git", "--no-git-fallback", "--roles", "--no-rolestats",
                 "--separator", "\n"]
        proc = subprocess.run(words, cwd=folder, input=diff, capture_output=True, check=False,
                              env=env.child(LC_ALL="C.UTF-8", HOME=folder))
    if proc.returncode:
        raise StackError("%s failed (exit %d):\n  %s" % (SCRIPT, proc.returncode, proc.stderr.decode(
            "utf-8", "replace").strip()[-400:]), "look at MAINTAINERS in the kernel tree")
    found = sort(proc.stdout.decode("utf-8", "replace"))
    if not found[0]:
        warn(f"note: {SCRIPT} names no maintainer for {part.name}: see To before it is sent")
    return found


def sort(said):
    """Return (maintainers, others) of the lines "Name <address> (role)" of get_maintainer.pl --roles."""
    to, cc = [], []
    for line in said.splitlines():
        match = re.match(r"(.*\S)\s+\(([^()]*(?:\([^()]*\)[^()]*)*)\)$", line.strip())
        if match and "@" in match.group(1):
            (to if match.group(2).startswith(("maintainer", "supporter")) else cc).extend(
                split([match.group(1)]))
    return to, cc


def small_tree(git_dir, commit, folder):
    """Lay out what get_maintainer.pl reads of a kernel tree, and what makes it take it for one."""
    folder = Path(folder)
    for name in FOLDERS:
        (folder / name).mkdir()
    for name in FILES:
        (folder / name).touch()
    for name in (SCRIPT, "MAINTAINERS", ".mailmap", ".get_maintainer.ignore"):
        status, body, _ = gitcmd.run("cat-file", "blob", f"{commit}:{name}", cwd=git_dir)
        if not status:
            (folder / name).write_bytes(body)
