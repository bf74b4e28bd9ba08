# SPDX-License-Identifier: GPL-2.0
"""Verb `b4`: a topic as a branch that `b4 prep` manages, in a git tree of the user's.

The branch is made of objects alone: no work tree, index or checked-out branch is
touched. It has what the series needs, then b4's cover letter commit, then the patches.
"""
import email.utils
import json
import re
import subprocess

from stacklib.host import env, packages, tools, usertree
from stacklib.host.gitcmd import git, git_bytes
from stacklib.host.term import StackError, done, say, warn
from stacklib.host.workspace import Workspace
from stacklib.linux import base
from stacklib.mail import posting, recipients
from stacklib.stack import canonical, series
from stacklib.verbs import export

MARKER = ("--- b4-submit-tracking ---\n"
          "# This section is used internally by b4 prep for tracking purposes.\n")
# What the README and this verb use, and the first b4 that has it.
NEEDS = [("prep --check, --check-deps, --edit-deps", (0, 14)), ("prep-perpatch-check-cmd", (0, 14)),
         ("am --check, shazam --check", (0, 14)), ("prerequisite-change-id", (0, 14)),
         ("prep --set-prefixes, --show-info", (0, 11)), ("review", (0, 15))]
KEYS = ("send-series-to", "send-series-cc")


def register(subparsers):
    """Add the verb b4."""
    sub = subparsers.add_parser(
        "b4",
        description="Makes branch b4/TOPIC in your tree (--tree), which 'b4 prep' and 'b4 send' take as their "
                    "own: what\nthe topic needs, b4's cover letter, one commit for each patch and suite. What you "
                    "have checked out\nstays as it is. With --config the tree's git configuration gets the lists "
                    "of .b4-config and the\ncheck command (scripts/stack mail-check), where it has no such keys.",
        epilog="examples:\n  scripts/stack b4 TOPIC --tree ~/linux:TAG --config\n"
               "  cd ~/linux && git switch b4/TOPIC && b4 prep --check && b4 prep --auto-to-cc\n"
               "  b4 send --dry-run --no-sign     or into files: b4 send --no-sign -o /tmp/out\n"
               "  scripts/stack b4 --have         what the b4 here can do")
    sub.add_argument("--no-suites", action="store_true", help="the patches alone, without the drop-in")
    sub.add_argument("--signoff", action="store_true", help="sign off every patch, with the tree's user.email")
    sub.add_argument("--version", type=int, metavar="N", help="revision (default: what the cover letter says)")
    sub.add_argument("--config", action="store_true", help="set b4's keys in the tree's git configuration")
    sub.add_argument("--have", action="store_true", help="list what this b4 can do; change nothing")


def run(args):
    """Verb b4: 0; with --have 1 when the b4 found is too old for something."""
    ws = Workspace(args)
    if args.have:
        return have()
    if len(args.topics) != 1:
        raise StackError("b4 takes one topic", "scripts/stack b4 TOPIC --tree ~/linux")
    where = ws.tree
    if not where:
        raise StackError("b4 needs a git tree of yours to make the branch in",
                         f"scripts/stack b4 {args.topics[0]} --tree ~/linux")
    path, _ = base.split_tree(where)
    stack, name = series.load(ws.repo, args.base), args.topics[0]
    branch = "b4/" + name
    usertree.locate(path, "--tree", "--git-dir")
    person = user(path)
    refuse_if_there(path, branch)
    with ws.lock():
        parts = posting.chain(ws, stack, [name], not args.no_suites)
        posting.demand(parts, [name])
        tip = move(ws, path, parts, args, person)
    done()
    git("update-ref", "refs/heads/" + branch, tip, "0" * 40, cwd=path)
    git("config", f"branch.{branch}.b4-prep-cover-strategy", "commit", cwd=path)
    if args.config:
        configure(ws, path)
    say("branch %s in %s: cover letter and %d patches%s" % (
        branch, path, len(parts[-1].commits),
        f" on what they need ({' '.join(p.name for p in parts[:-1])})" if parts[1:] else ""))
    if not setting(path, "sendemail.smtpserver") and not setting(path, "patatt.signingkey"):
        warn("note: git has no sendemail.smtpserver there, so that b4 will send over the web endpoint of "
             "kernel.org,\nwhich wants a key: patatt genkey")
    say(f"next: cd {path} && git switch {branch} && b4 prep --check")
    return 0


def setting(path, key):
    """Return what the user's git configuration has for a key in the tree, or ""."""
    return subprocess.run(["git", "config", key], cwd=path, capture_output=True, text=True,
                          check=False, env=env.child(("GIT_DIR",))).stdout.strip()


def user(path):
    """Return (name, address) of the user of the tree, which b4 looks for; StackError without."""
    found = tuple(setting(path, key) for key in ("user.name", "user.email"))
    for key, value in zip(("user.name", "user.email"), found):
        if not value:
            raise StackError(f"{path}: git has no {key} there, and b4 finds its branch by it",
                             f"git -C {path} config {key} VALUE")
    return found


def refuse_if_there(path, branch):
    """Raise StackError when the tree has the branch already, or cannot have it."""
    if base.resolve(path, "refs/heads/b4"):
        raise StackError(f"{path}: there is a branch b4, so that there can be none called {branch}",
                         f"rename it: git -C {path} branch -m b4 b4-old")
    if base.resolve(path, "refs/heads/" + branch):
        raise StackError(f"{path}: there is a branch {branch} already; nothing is overwritten",
                         f"keep it under another name: git -C {path} branch -m {branch} {branch}-old\n"
                         f"or drop it: git -C {path} branch -D {branch}")


def move(ws, path, parts, args, person):
    """Make the commits of all Parts in the repository at path; return the last, the branch's tip."""
    git_dir = ws.out / "linux" / ".git"
    part = parts[-1]
    pack = git_bytes("rev-list", "--objects", part.end, "^" + part.root, cwd=git_dir)
    packed = git_bytes("pack-objects", "--stdout", "-q", cwd=git_dir, input=pack)
    git("unpack-objects", "-q", cwd=path, input=packed)
    at = part.base.commit
    for needed in parts[:-1]:
        for commit, origin in zip(needed.commits, needed.origins):
            at = again(git_dir, path, commit, origin, at, person, False)
    at = cover(path, part, git_dir, args, at, person)
    for commit, origin in zip(part.commits, part.origins):
        at = again(git_dir, path, commit, origin, at, person, args.signoff)
    return at


def again(git_dir, path, commit, origin, parent, person, signoff):
    """Make a commit of git_dir anew in the repository at path, on parent; return its id."""
    author, address, date, message = git("log", "-1", "--format=%an%n%ae%n%ad%n%B", "--date=raw", commit,
                                         cwd=git_dir).split("\n", 3)
    if signoff:
        message = git("interpret-trailers", "--if-exists", "addIfDifferent", "--trailer",
                      "Signed-off-by: %s <%s>" % person, cwd=git_dir, input=message + "\n")
    notes = canonical.notes_of(getattr(origin, "text", ""))
    if notes:
        message = message.rstrip("\n") + "\n---\n" + notes
    env = dict(committer(person), GIT_AUTHOR_NAME=author, GIT_AUTHOR_EMAIL=address, GIT_AUTHOR_DATE=date)
    tree = git("rev-parse", commit + "^{tree}", cwd=git_dir)
    return git("commit-tree", tree, "-p", parent, cwd=path, env=env, input=message + "\n")


def committer(person):
    """The environment that makes person the committer."""
    return {"GIT_COMMITTER_NAME": person[0], "GIT_COMMITTER_EMAIL": person[1]}


def cover(path, part, git_dir, args, parent, person):
    """Make b4's cover letter commit on parent; return its id."""
    heads = export.letterheads(part, args.version, False, "", [part.name])
    version, text, subject = heads[part.name].version, export.cover_text(part, heads), export.title(part)
    people = [f"{name}: {p}" for name in ("To", "Cc") for p in recipients.listed(part.cover, name)]
    # A line of b4's own that begins with # is a comment; the shortlog and diffstat are its to make.
    text = re.sub(r"^(#)", r">\1", text, flags=re.M)
    tracking = {"series": {"revision": version, "change-id": part.change_id,
                           "prefixes": ["RFC"] if part.rfc else []}}
    if part.needs:
        tracking["series"]["prerequisites"] = ["base-commit: " + part.base.commit] + [
            "patch-id: " + i for i in posting.patch_ids(git_dir, part.root, part.start)]
    message = "\n\n".join([subject, text] + (["\n".join(people)] if people else []))
    message += "\n\n" + MARKER + json.dumps(tracking, indent=2) + "\n"
    author = email.utils.parseaddr(part.cover.author)
    env = dict(committer(person), GIT_AUTHOR_NAME=author[0], GIT_AUTHOR_EMAIL=author[1])
    return git("commit-tree", parent + "^{tree}", "-p", parent, cwd=path, env=env, input=message)


def configure(ws, path):
    """Set what b4 needs in the tree's git configuration, where the user has set nothing; say what was."""
    wanted = {key: ", ".join(recipients.config(ws, key)) for key in KEYS}
    wanted["prep-perpatch-check-cmd"] = f"{env.SCRIPTS / 'stack'} mail-check"
    for key, value in wanted.items():
        have_it = setting(path, "b4." + key)
        if have_it or not value:
            if have_it and have_it != value:
                warn(f"note: {path} has b4.{key} = {have_it}; it stays")
            continue
        git("config", "b4." + key, value, cwd=path)
        say(f"set in {path}: b4.{key} = {value}")


def have():
    """Say what the b4 in PATH (that of setup first) can do; return 1 when something is missing."""
    found = tools.version("b4", packages.tool_path())
    if not found:
        raise StackError("b4 is not installed", "scripts/stack setup")
    numbers = tuple(int(n) for n in re.findall(r"\d+", found)[:2])
    lacking = [(what, need) for what, need in NEEDS if numbers < need]
    say(f"b4 {found}")
    for what, need in NEEDS:
        say(f"  {what!s:<45} {'yes' if numbers >= need else 'no: needs b4 %d.%d' % need}")
    if any(need <= tools.B4_AT_LEAST for _, need in lacking):
        say("mend: scripts/stack setup (brings b4 %d.%d)" % tools.B4_AT_LEAST)
    return 1 if lacking else 0
