# SPDX-License-Identifier: GPL-2.0
"""Verb `setup`: installs what is missing, and lists the programs with their versions."""
import shutil

from stacklib.host import packages, tools
from stacklib.host.term import colour, data, say, table


def register(subparsers) -> None:
    """Add the verb setup."""
    sub = subparsers.add_parser(
        "setup",
        description="Installs what is missing of the tools that the stack needs (as root through "
                    "apt-get; else it\nprints the command), builds sparse and unpacks b4 where the "
                    "system's are too old, and\nlists all with their versions.",
        epilog="examples:\n  scripts/stack setup\n  scripts/stack setup --list    only list")
    sub.add_argument("--list", action="store_true", help="install nothing, list what is there")


def run(args) -> int:
    """Verb setup."""
    if not args.list:
        packages.ensure(list(tools.TOOLS))
    path = packages.tool_path()
    rows, bad, found_all = [["tool", "version", "where"]], [], []
    for name, (_, command) in tools.TOOLS.items():
        found, fine = tools.version(name, path), tools.good(name, path)
        if not fine:
            bad.append(name)
        where = command if isinstance(command, str) else shutil.which(command[0], path=path)
        found_all.append({"tool": name, "version": found or "", "where": where or "", "ok": fine})
        rows.append([name, found if fine else colour(f"{found}: too old" if found else "missing", "red"), where or ""])
    if args.json:
        data({"ok": not bad, "tools": found_all})
    table(rows)
    if bad:
        say(f"{len(bad)} of {len(tools.TOOLS)} tools are missing or too old: {' '.join(bad)}; "
            "mend: scripts/stack setup")
        return 1
    say(f"all {len(tools.TOOLS)} tools are there and work")
    return 0
