# SPDX-License-Identifier: GPL-2.0
"""Verb `setup`: installs what is missing, and lists the programs with their versions."""
import argparse
import shutil

from stacklib.host import packages, tools
from stacklib.host.term import colour, say, table
from stacklib.host.workspace import Workspace


def register(subparsers):
    """Add the verb setup."""
    sub = subparsers.add_parser(
        "setup", help="install what is missing",
        description="Installs what is missing of the tools that the stack needs (as root through "
                    "apt-get; else it\nprints the command), builds sparse and unpacks b4 where the "
                    "system's are too old, and\nlists all with their versions.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  scripts/stack setup\n  scripts/stack setup --list    only list")
    sub.add_argument("--list", action="store_true", help="install nothing, list what is there")


def run(args):
    """Verb setup."""
    ws = Workspace(args)
    if not args.list:
        packages.ensure(list(tools.TOOLS))
    path = tools.search_path(ws.cache)
    rows, bad = [["tool", "version", "where"]], []
    for name, (_, command) in tools.TOOLS.items():
        found, fine = tools.version(name, path), tools.good(name, path)
        if not fine:
            bad.append(name)
        where = command if isinstance(command, str) else shutil.which(command[0], path=path)
        rows.append([name, (found if fine else colour(
            f"{found}: too old" if found else "missing", "red")), where or ""])
    table(rows)
    if bad:
        say("%d of %d tools are missing or too old: %s; mend: scripts/stack setup"
            % (len(bad), len(tools.TOOLS), " ".join(bad)))
        return 1
    say(f"all {len(tools.TOOLS)} tools are there and work")
    return 0
