# SPDX-License-Identifier: GPL-2.0
"""Verb `b4`: a topic as a branch that `b4 prep` manages, in a git tree of the user's."""
import subprocess

from stacklib.host import env, usertree
from stacklib.host.gitcmd import git
from stacklib.host.term import StackError, done, say, warn
from stacklib.host.workspace import Workspace
from stacklib.linux import base
from stacklib.mail import posting, prep, recipients
from stacklib.stack import series

KEYS = ("send-series-to", "send-series-cc")


def register(subparsers) -> None:
    """Add the verb b4."""
    sub = subparsers.add_parser(
        "b4",
        description="Makes branch b4/TOPIC in your tree (--tree), which 'b4 prep' and 'b4 send' take as their "
                    "own: what\nthe topic needs, b4's cover letter, one commit for each patch. What you "
                    "have checked out\nstays as it is. With --config the tree's git configuration gets the lists "
                    "of .b4-config and the\ncheck command (scripts/stack mail-check), where it has no such keys.",
        epilog="examples:\n  scripts/stack b4 TOPIC --tree ~/linux:TAG --config\n"
               "  cd ~/linux && git switch b4/TOPIC && b4 prep --check && b4 prep --auto-to-cc\n"
               "  b4 send --dry-run --no-sign     or into files: b4 send --no-sign -o /tmp/out")
    sub.add_argument("--suites", action="store_true", help="the topic's KUnit suites behind its patches")
    sub.add_argument("--no-suites", action="store_false", dest="suites", help="the patches alone (the default)")
    sub.add_argument("--signoff", action="store_true", help="sign off every patch, with the tree's user.email")
    sub.add_argument("--version", type=int, metavar="N", help="revision (default: what the cover letter says)")
    sub.add_argument("--config", action="store_true", help="set b4's keys in the tree's git configuration")


def run(args) -> int:
    """Verb b4: 0."""
    ws = Workspace(args)
    if len(args.topics) != 1:
        raise StackError("b4 takes one topic", "scripts/stack b4 TOPIC --tree ~/linux")
    where = ws.tree
    if not where:
        raise StackError("b4 needs a git tree of yours to make the branch in",
                         f"scripts/stack b4 {args.topics[0]} --tree ~/linux")
    path, _ = base.split_tree(where)
    stack, name = series.load(ws.repo, args.base), args.topics[0]
    branch = "b4/" + name
    usertree.read(path, ws.out)  # or the StackError for a tree that nobody should use
    person = user(path)
    refuse_if_there(path, branch)
    with ws.lock():
        parts = posting.chain(ws, stack, [name], args.suites)
        posting.demand(parts, [name])
        tip = prep.move(ws.out / "linux" / ".git", path, parts, args.version, args.signoff, person)
    done()
    git("update-ref", "refs/heads/" + branch, tip, "0" * 40, cwd=path)
    git("config", f"branch.{branch}.b4-prep-cover-strategy", "commit", cwd=path)
    if args.config:
        configure(ws, path)
    needs = f" on what they need ({' '.join(p.name for p in parts[:-1])})" if parts[1:] else ""
    say(f"branch {branch} in {path}: cover letter and {len(parts[-1].commits)} patches{needs}")
    if not setting(path, "sendemail.smtpserver") and not setting(path, "patatt.signingkey"):
        warn("note: git has no sendemail.smtpserver there, so that b4 will send over the web endpoint of "
             "kernel.org,\nwhich wants a key: patatt genkey")
    say(f"next: cd {path} && git switch {branch} && b4 prep --check")
    return 0


def setting(path, key: str) -> str:
    """Return what the user's git configuration has for a key in the tree, or ""."""
    return subprocess.run(["git", "config", key], cwd=path, capture_output=True, text=True,
                          check=False, env=env.child(("GIT_DIR",))).stdout.strip()


def user(path) -> tuple:
    """Return (name, address) of the user of the tree, which b4 looks for; StackError without."""
    found = tuple(setting(path, key) for key in ("user.name", "user.email"))
    for key, value in zip(("user.name", "user.email"), found):
        if not value:
            raise StackError(f"{path}: git has no {key} there, and b4 finds its branch by it",
                             f"git -C {path} config {key} VALUE")
    return found


def refuse_if_there(path, branch: str) -> None:
    """Raise StackError when the tree has the branch already, or cannot have it."""
    if base.resolve(path, "refs/heads/b4"):
        raise StackError(f"{path}: there is a branch b4, so that there can be none called {branch}",
                         f"rename it: git -C {path} branch -m b4 b4-old")
    if base.resolve(path, "refs/heads/" + branch):
        raise StackError(f"{path}: there is a branch {branch} already; nothing is overwritten",
                         f"keep it under another name: git -C {path} branch -m {branch} {branch}-old\n"
                         f"or drop it: git -C {path} branch -D {branch}")


def configure(ws: Workspace, path) -> None:
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
