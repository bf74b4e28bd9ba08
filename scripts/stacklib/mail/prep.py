# SPDX-License-Identifier: GPL-2.0
"""A posting.Part as a branch of `b4 prep`, made of objects alone in a git tree of the user's.

No work tree, index or checked-out branch is touched. The branch has what the series needs, then b4's cover letter
commit, then the patches.
"""
import email.utils
import json
import re

from stacklib.host.gitcmd import git, git_bytes
from stacklib.mail import letters, posting, recipients
from stacklib.stack import canonical

MARKER = ("--- b4-submit-tracking ---\n# This section is used internally by b4 prep for tracking purposes.\n")


def move(git_dir, path, parts, version, signoff, user) -> str:
    """Make the commits of all Parts in the repository at path; return the last, the tip of the last one's branch.

    version: of that one (None: what its cover letter says); signoff: by user, (name, address), who commits.
    """
    part = parts[-1]
    pack = git_bytes("rev-list", "--objects", part.end, "^" + part.root, cwd=git_dir)
    git("unpack-objects", "-q", cwd=path, input=git_bytes("pack-objects", "--stdout", "-q", cwd=git_dir, input=pack))
    by = {"GIT_COMMITTER_NAME": user[0], "GIT_COMMITTER_EMAIL": user[1]}
    at = part.base.commit
    for needed in parts[:-1]:
        for commit, origin in zip(needed.commits, needed.origins):
            at = _again(git_dir, path, commit, origin, at, by, None)
    at = _cover(path, part, git_dir, version, at, by)
    for commit, origin in zip(part.commits, part.origins):
        at = _again(git_dir, path, commit, origin, at, by, user if signoff else None)
    return at


def _again(git_dir, path, commit, origin, parent, by, signer):
    """Make a commit of git_dir anew in the repository at path, on parent; return its id."""
    author, address, date, message = git("log", "-1", "--format=%an%n%ae%n%ad%n%B", "--date=raw", commit,
                                         cwd=git_dir).split("\n", 3)
    if signer:
        message = git("interpret-trailers", "--if-exists", "addIfDifferent", "--trailer",
                      f"Signed-off-by: {signer[0]} <{signer[1]}>", cwd=git_dir, input=message + "\n")
    notes = canonical.notes_of(getattr(origin, "text", ""))
    if notes:
        message = message.rstrip("\n") + "\n---\n" + notes
    about = dict(by, GIT_AUTHOR_NAME=author, GIT_AUTHOR_EMAIL=address, GIT_AUTHOR_DATE=date)
    return git("commit-tree", git("rev-parse", commit + "^{tree}", cwd=git_dir), "-p", parent, cwd=path, env=about,
               input=message + "\n")


def _cover(path, part, git_dir, version, parent, by):
    """Make b4's cover letter commit on parent; return its id."""
    known = letters.heads(part, version, False, "", [part.name])
    people = [f"{name}: {p}" for name in ("To", "Cc") for p in recipients.listed(part.cover, name)]
    # A line of b4's own that begins with # is a comment; the shortlog and diffstat are its to make.
    text = re.sub(r"^(#)", r">\1", letters.cover_text(part, known), flags=re.M)
    tracking = {"revision": known[part.name].version, "change-id": part.change_id,
                "prefixes": ["RFC"] if part.rfc else []}
    if part.needs:
        tracking["prerequisites"] = ["base-commit: " + part.base.commit] + [
            "patch-id: " + i for i in posting.patch_ids(git_dir, part.root, part.start)]
    message = "\n\n".join([part.cover.subject, text, *["\n".join(people)] * bool(people),
                           MARKER + json.dumps({"series": tracking}, indent=2)]) + "\n"
    author = email.utils.parseaddr(part.cover.author)
    return git("commit-tree", parent + "^{tree}", "-p", parent, cwd=path, input=message,
               env=dict(by, GIT_AUTHOR_NAME=author[0], GIT_AUTHOR_EMAIL=author[1]))
