# SPDX-License-Identifier: GPL-2.0
"""The command line: finds the verb's module, runs it, turns failures into messages."""
import argparse
import errno
import importlib
import platform
import signal
import sys
import traceback

from stacklib import options
from stacklib.host import env, gitcmd, term, workspace

VERBS = [
    ("setup", "install what is missing, build sparse where the system's is too old"),
    ("apply", "base + patches + kunit drop-in as commits in out/linux"),
    ("check", "run every check on every patch, print the verdicts, write the report"),
    ("kunit", "build and run the suites on UML"),
    ("prove", "plant faults, one at a time: does a suite notice each?"),
    ("edit", "put a topic's patches on a branch as commits"),
    ("refresh", "write that branch back as canonical patch files"),
    ("port", "carry topics to another base by three-way merge"),
    ("lint", "check series, patch files, headers, cover letters, manifests"),
    ("export", "a topic as a mailbox with cover letter, for git am, b4 and the list"),
    ("diff", "what changed between two states of a topic, or against a posting"),
    ("b4", "a topic as a branch of b4 prep in a git tree of yours"),
    ("mail-check", "judge one patch on standard input, for b4"),
    ("test", "the project's own tests, and what CI runs"),
]

# The verbs whose result can be had as JSON, and those that know no topic, base, tree or work folder.
JSON = ("setup", "apply", "check", "lint", "diff")
PLACELESS = ("setup", "mail-check")
# The verbs that bring a kernel tree into the work folder.
TREES = ("apply", "kunit", "prove", "edit", "refresh", "port", "export", "diff", "b4", "test")

EPILOG = """\
exit status: 0 all is well, 1 findings, 2 wrong use or broken environment

examples:
  scripts/stack setup           once
  scripts/stack check           judge every patch
  scripts/stack kunit --help    the options of one verb"""


def usage() -> str:
    """Return the help text of the tool as a whole."""
    lines = ["usage: scripts/stack VERB [TOPIC...] [-q|-v] [--base NAME] [--out DIR] [--tree PATH[:REF]] | --version",
             "", "Applies a stack of kernel patches to a pinned kernel, proves it, keeps it.", ""]
    lines += [f"  {verb:<10}  {text}" for verb, text in VERBS]
    return "\n".join(lines) + "\n\n" + EPILOG


def version() -> str:
    """Return what this tool is: the commit of its repository, the Python that runs it."""
    status, out, _ = gitcmd.run("describe", "--always", "--dirty", cwd=env.REPO)
    commit = out.decode().strip() if not status else "of no git repository"
    return f"stack {commit}, Python {platform.python_version()}"


def load(verb: str):
    """Return the module that implements verb; StackError when the verb is unknown."""
    if verb in options.VERBS:
        return importlib.import_module("stacklib.verbs." + verb.replace("-", "_"))
    raise term.StackError(f"no verb '{verb}'{term.meant(verb, options.VERBS)}", "scripts/stack --help")


def build_parser(verb: str) -> argparse.ArgumentParser:
    """Return the argument parser for one verb, with the options that all have."""
    parser = argparse.ArgumentParser(prog="scripts/stack")
    sub = parser.add_subparsers(dest="verb", required=True)
    load(verb).register(sub)
    child = sub.choices[verb]
    child.formatter_class = argparse.RawDescriptionHelpFormatter
    level = child.add_mutually_exclusive_group()
    level.add_argument("-q", "--quiet", dest="level", action="store_const", const=-1, default=0,
                       help="no progress, no notes: what is wrong, and the last line")
    level.add_argument("-v", "--verbose", dest="level", action="store_const", const=1,
                       help="also what is expected, and whole hunks and logs")
    if verb in JSON:
        child.add_argument("--json", action="store_true",
                           help="the result as JSON on standard output, all else on standard error")
    if verb not in PLACELESS:
        if not any(action.dest == "topics" for action in child._actions):  # pylint: disable=protected-access
            child.add_argument("topics", nargs="*", metavar="TOPIC", help="topics to use (default: all of the series)")
        child.add_argument("--base", metavar="NAME",
                           help="kernel base, a folder of patches/ (default: that of the series)")
        child.add_argument("--out", metavar="DIR", help="work folder (default: $STACK_OUT or out/ in the repository)")
        child.add_argument("--tree", metavar="PATH[:REF]", help="git tree to take the base from; only read "
                           "(default: $LINUX_TREE, then tarball, network, apt)")
    return parser


def main(argv):
    """Run the tool with argv (without the program name); return the exit status."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if argv else 2
    try:
        end_cleanly()
        if argv[0] == "--version":
            print(version())
            return 0
        verb = argv[0]
        parser = build_parser(verb)
        opts = options.VERBS[verb].of(parser.parse_args(argv))
        term.set_level(opts.level)
        with term.on_stderr(opts.json):
            if verb in TREES:
                workspace.Workspace(opts).refuse_paths()
            return int(load(verb).run(opts) or 0)
    except term.StackError as exc:
        term.error(exc)
        return exc.code
    except KeyboardInterrupt:
        term.warn("interrupted; the same command goes on from here")
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except OSError as exc:
        term.error(term.StackError(f"{exc.strerror or exc}{f': {exc.filename}' if exc.filename else ''}",
                                   gitcmd.FREE_SPACE if exc.errno == errno.ENOSPC else None))
        return 2
    except Exception:  # pylint: disable=broad-except
        # Python's own exit status would be 1, and 1 means findings.
        term.done()
        traceback.print_exc()
        term.error(term.StackError("this is a fault of the tool itself", "report it with the lines above"))
        return 2


def end_cleanly() -> None:
    """Let SIGTERM and SIGHUP end a run as ^C does: children ended, locks freed, a last line."""
    def stop(*_) -> None:
        # timeout(1) sends its signal twice; the second must not cut the clearing up short.
        for number in ours:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt
    # One that is ignored stays so: nohup.
    ours = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_IGN]
    for number in ours:
        signal.signal(number, stop)
