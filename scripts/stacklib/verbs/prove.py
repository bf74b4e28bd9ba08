# SPDX-License-Identifier: GPL-2.0
"""Verb `prove`: faults, planted one at a time; does a suite notice each?"""
import json
from collections import Counter

from stacklib import options
from stacklib.checking import before, proof, proven
from stacklib.host import process, term
from stacklib.host.files import write_whole
from stacklib.suites import trial
from stacklib.verbs import test

DESCRIPTION = """\
Stored mutants lie beside the patches (TOPIC/mutants). Each is applied to the whole stack (or to its topic alone,
where it only applies there), built, booted with the suites that it names, then with all. Made mutants are faults of
the kinds in scripts/kunit/operators, in the lines that the patches add: all of them in one kernel, which is booted
once for each that a suite meets, with the suites that meet it. What nothing notices, does not apply or does not
build is a finding; a kernel that hangs or dies has noticed. What no test can notice is excused in TOPIC/equivalent,
with the reason. Before: tests that the section [before] of topic.ini names fail without the patches, or with a
variant of them that is known to be bad, for the reason that stands there; the others of their suites pass.
Results are kept by content: what has not changed is not run again. Made mutants leave a page for each patch in
out/prove/TOPIC; a run of all, with nothing left out, is summed up in TOPIC/proof, which lint holds to patches and
suites."""

EPILOG = """\
exit status: 0 every mutant was noticed, and all is red that shall be, 1 findings, 2 wrong use or broken environment

examples:
  scripts/stack prove TOPIC                    all of it for one topic
  scripts/stack prove TOPIC --stored --only WORD
  scripts/stack prove TOPIC --made --config lockdep
  scripts/stack prove --budget 30              half an hour of either; again goes on from there"""


def register(subparsers) -> None:
    """Add the verb prove."""
    sub = subparsers.add_parser("prove", description=DESCRIPTION, epilog=EPILOG)
    which = sub.add_mutually_exclusive_group()
    which.add_argument("--stored", action="store_true", help="the mutants beside the patches alone")
    which.add_argument("--made", action="store_true", help="made ones alone")
    which.add_argument("--before", action="store_true", help="the tests in section [before] of topic.ini alone")
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="which made ones come first (default: 0)")
    sub.add_argument("--only", metavar="WORD", help="mutants with WORD in their names")
    sub.add_argument("--config", action="append", default=[], metavar="NAME",
                     help="only those for this configuration of KUnit, or for 'tests' (may be given again)")
    sub.add_argument("--budget", type=int, default=0, metavar="MINUTES", help="begin no more of them after that time")
    sub.add_argument("--no-cache", action="store_true", help="run them anew, whatever is known")
    sub.add_argument("--jobs", type=int, default=0, metavar="N", help="jobs of make (default: one per processor)")


def run(args: options.Prove) -> int:
    """Run the verb; 1 when a mutant was not noticed, does not apply or does not build, or a test is not red where it
    shall be, else 0."""
    status, first, red = 0, proof.Stored(args, test.one_module), before.Before(args)
    with first.ws.lock():
        process.end_leftover(first.ws.out)
        if not (args.made or args.before):
            status = stored(first)
        if not (args.made or args.stored):
            red.ws = first.ws
            status |= without(red)
        for config in [name for name in args.config if name != "tests"] or ["plain"]:
            if args.stored or args.before:
                continue
            made = proof.Made(args, config)
            made.ws = first.ws
            made.run()
            status |= report(made)
            proven.pages(made, first.fates, red.fates)
            if not (args.made or args.only or args.config or first.left or red.left or made.left):
                for topic in made.topics:
                    proven.write(first.ws.repo, topic, first, red, made)
    return status


def stored(work: proof.Stored) -> int:
    """Run stored mutants, say what became of them; 1 with findings."""
    work.run()
    counts = table("topic", Counter((path.parent.parent.name, word) for path, (word, _) in work.fates.items()))
    term.say(work.told("stored mutants", counts))
    return int(any(counts[word] for word in trial.BAD))


def without(work: before.Before) -> int:
    """Run what is to fail without the patches, say what came of it; 1 with findings."""
    work.run()
    counts = table("before", Counter((topic.name, word) for topic, _, word, _ in work.fates))
    if not (counts or work.left):
        if not work.args.before:
            return 0
        raise term.StackError("no test is chosen", "name some in [before] of a topic.ini, see patches/README")
    term.say(work.told("tests where they shall fail", counts))
    return int(any(counts[word] for word in trial.BAD))


def report(work: proof.Made) -> int:
    """Say what became of made mutants, patch by patch; 1 when one survived that no `equivalent` excuses."""
    counts = table("patch", Counter((f"{patch.topic}/{patch.name}", word) for patch, _, word, _ in work.fates))
    for text in work.stale():
        term.say(f"{term.colour('stale excuse', 'red')} {text}")
    write_whole(work.ws.out / "prove" / f"made-{work.config}.json", json.dumps([
        {"topic": patch.topic, "patch": patch.name, "file": site.path, "line": site.line, "in": site.function,
         "kind": site.op, "text": site.text, "fate": word, "by": by}
        for patch, site, word, by in work.fates], indent=1))
    term.say(work.told(f"made mutants, {work.config}", counts))
    return int(bool(counts["survived"] or work.stale()))


def table(head: str, fates: Counter) -> Counter:
    """Print how many mutants of each name had which fate; return how many had it in all."""
    words = [word for word in proof.WORDS if any(word == other for _, other in fates)]
    if words:
        term.table([[head, *words]] + [[name, *(str(fates[name, word]) for word in words)]
                                       for name in dict.fromkeys(name for name, _ in fates)])
    return Counter(word for _, word in fates.elements())
