# SPDX-License-Identifier: GPL-2.0
"""A patch file as `git format-patch` writes it, with the line numbers of its parts."""
import email.header
import re

HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
TAG = re.compile(r"^([A-Z][A-Za-z]*(?:-[A-Za-z]+)*|Cc): +\S")


class Line:
    """One line of the file: `.no` (1-based), `.text`, and for lines of the diff `.file` and
    `.src` (line number in the file after the patch; 0 for removed lines)."""

    def __init__(self, no, text, file=None, src=0):
        self.no, self.text, self.file, self.src = no, text, file, src


class PatchFile:
    """`.headers` dict of lower-case name -> Line, `.log` list of Line between the headers and
    `---`, `.added` list of Line that the diff adds, `.hunks` list of (Line, file),
    `.separator` number of the `---` line or 0, `.context` number -> Line of every hunk line."""

    def __init__(self, path):
        with open(path, encoding="utf-8", errors="replace") as src:
            self.lines = src.read().split("\n")
        self.headers, self.log, self.added, self.hunks = {}, [], [], []
        self.context, self.separator = {}, 0
        at = self._headers()
        at = self._log(at)
        self._diff(at)

    def _headers(self):
        name = None
        for no, text in enumerate(self.lines, 1):
            if not text:
                return no
            if text[0] in " \t" and name:
                self.headers[name].text += " " + text.strip()
            elif re.match(r"^[A-Za-z-]+: ", text):
                name, value = text.split(": ", 1)
                name = name.lower()
                self.headers.setdefault(name, Line(no, value))
        return len(self.lines)

    def _log(self, at):
        for no in range(at + 1, len(self.lines) + 1):
            text = self.lines[no - 1]
            if text == "---" or text.startswith("diff --git "):
                self.separator = no if text == "---" else 0
                return no
            self.log.append(Line(no, text))
        return len(self.lines)

    def _diff(self, at):
        path, old, new, src = None, 0, 0, 0
        for no in range(at, len(self.lines) + 1):
            text = self.lines[no - 1]
            hunk = HUNK.match(text)
            if old <= 0 and new <= 0:
                if text.startswith("+++ "):
                    name = text[4:].split("\t")[0]
                    path = name[2:] if name.startswith("b/") else path
                elif text.startswith("--- a/"):
                    path = text[6:].split("\t")[0]
                elif hunk:
                    old, new = int(hunk.group(2) or 1), int(hunk.group(4) or 1)
                    src = int(hunk.group(3))
                    self.hunks.append((Line(no, text, path, src), path))
                continue
            line = Line(no, text, path, 0 if text.startswith("-") else src)
            self.context[no] = line
            if text.startswith("+"):
                self.added.append(line)
                new, src = new - 1, src + 1
            elif text.startswith("-"):
                old -= 1
            elif not text.startswith("\\"):
                old, new, src = old - 1, new - 1, src + 1

    def header(self, name):
        """Decoded value of a mail header, or "" (RFC 2047 words are decoded)."""
        line = self.headers.get(name)
        if not line:
            return ""
        return str(email.header.make_header(email.header.decode_header(line.text))).strip()

    def header_line(self, name):
        """Line number of a mail header, 1 when it is missing."""
        return self.headers[name].no if name in self.headers else 1

    def where(self, no):
        """" (file:line)" of the source line that line NO of the patch shows, or ""."""
        line = self.context.get(no)
        if not line:
            return ""
        return " (%s:%d)" % (line.file, line.src) if line.src else " (%s)" % line.file
