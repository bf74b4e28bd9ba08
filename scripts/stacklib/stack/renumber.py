# SPDX-License-Identifier: GPL-2.0
"""The manifests of a topic that has lost patches on its way to another base, comments and order kept."""
import re

NUMBERED = ("arches", "upstream")   # NNNN = ...
COUNTED = ("suites",)               # SUITE = N, after N patches


def manifest(text: str, new: dict) -> str:
    """Return the text of a topic.ini for the patches that are left.

    new: {"NNNN" of a patch that is left, as it was: "NNNN" as it is}. Lines of others go, counts of patches shrink, and
    [before] goes: what fails without the patches was found on the other base.
    """
    out, section = [], ""
    for line in text.splitlines():
        head = re.match(r"\[(\w+)\]", line)
        section = head.group(1) if head else section
        key = re.match(r"(\S+)\s*=\s*(.*)", line)
        if section == "before":
            continue
        if key and section in NUMBERED:
            if key.group(1) not in new:
                continue
            line = f"{new[key.group(1)]} = {key.group(2)}"
        elif key and section in COUNTED and key.group(2).strip().isdigit():
            line = f"{key.group(1)} = {sum(int(old) <= int(key.group(2)) for old in new)}"
        out.append(line)
    empty = re.compile(r"(?:^#.*\n)*^\[\w+\]\n+(?=^\[|^#.*\n\[|\Z)", re.M)  # a section of which nothing is left
    return empty.sub("", "\n".join(out) + "\n").rstrip("\n") + "\n"


def with_topic(text: str, name: str) -> str:
    """Return the text of a base.ini whose `topics` has a topic."""
    found = re.search(r"^topics[ \t]*=(.*(?:\n[ \t]+.*)*)", text, re.M)
    if not found:
        return text.rstrip("\n") + f"\ntopics = {name}\n"
    if name in found.group(1).split():
        return text
    return text[:found.end()].rstrip() + f" {name}" + (text[found.end():] or "\n")
