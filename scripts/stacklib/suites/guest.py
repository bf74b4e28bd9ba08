# SPDX-License-Identifier: GPL-2.0
"""A machine in qemu that does what it is told: its kernel's console is a file, commands go over a second serial line,
devices come and go over QMP. Only TCG is used, as in scripts/kunit/numa.py."""
import gzip
import json
from pathlib import Path
import re
import select
import socket
import stat
import subprocess
import time
from typing import Dict, Iterable, List, Optional, Tuple

from stacklib.host import process
from stacklib.suites import scenario

# The first program of the guest. It does the commands that come over the line, and says what came of them:
#   pair/loops     the steps of a scenario
#   begin STATE    (guest.sh) brings devices and drivers to that state
#   left           (guest.sh) says how many devices are there that should not be
#   again          (guest.sh) whether all can be used as before
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
exec 3<>/dev/ttyS1 >/dev/console 2>&1
stty raw -echo <&3
tell() { echo "$*" >&3; }
host() { tell "@$*"; }
now() { cut -d. -f1 /proc/uptime; }
pair() {
	tell pair
	while [ $# -gt 0 ]; do
		{ usleep ${1}000; eval "$2"; tell "$2: $?"; } &
		shift 2
	done
	wait
}
loops() {
	end=$(($(now) + $1)); shift
	while [ $# -gt 0 ]; do
		{ rounds=0; usleep ${1}000
		while [ "$(now)" -lt $end ]; do eval "$2"; rounds=$((rounds + 1)); done; tell "$2: $rounds rounds"; } &
		shift 2
	done
	wait
}
. /guest.sh
tell ready
while read -r number words <&3; do
	echo "e2e: $words" >/dev/kmsg
	eval "$words"
	tell "end $number $?"
done
poweroff -f
"""
LOG_LIMIT = 16 << 20     # bytes of a console
LINE_LIMIT = 1 << 20     # bytes that a guest may say between two commands
BOOT_LIMIT = 300         # seconds
# How many seconds a command may take after the kernel has reported a task that hangs (others will be told, too), or
# something that it does not come back from.
GRACE = {"hung": 6.0, "fatal": 15.0}
# What a kernel that has said this does not come back from.
_FATAL = re.compile(rb"Oops: |BUG: (?!MAX_|workqueue|sleeping|scheduling)|kernel BUG at |Kernel panic"
                    rb"|general protection")
_HUNG = re.compile(rb"INFO: task .* blocked for more than")


def archive(files: Iterable[Tuple[str, bytes, int]]) -> bytes:
    """An initramfs with @files (name, content, mode), folders made as needed: newc, compressed."""
    done: List[bytes] = []
    folders = set()

    def entry(name: str, data: bytes, mode: int) -> None:
        head = [len(done) + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        raw = b"070701" + b"".join(b"%08X" % value for value in head) + name.encode() + b"\0"
        done.append(raw + b"\0" * (-len(raw) % 4) + data + b"\0" * (-len(data) % 4))

    for name, data, mode in files:
        for parent in reversed(Path(name).parents):
            if str(parent) != "." and parent not in folders:
                folders.add(parent)
                entry(str(parent), b"", stat.S_IFDIR | 0o755)
        entry(name, data, stat.S_IFREG | mode)
    entry("TRAILER!!!", b"", 0)
    return gzip.compress(b"".join(done), 1)


class Gone(Exception):
    """The machine has ended, or said too much; the text says which."""


class Line:
    """One end of a socket, line by line, bounded."""

    def __init__(self, sock: socket.socket):
        self.sock, self.left = sock, b""

    def send(self, text: str) -> None:
        """Send a line; Gone when nobody is there."""
        try:
            self.sock.sendall(text.encode() + b"\n")
        except OSError as exc:
            raise Gone("qemu has ended") from exc

    def lines(self, seconds: float) -> List[str]:
        """The lines that are there, waiting up to @seconds for the first; Gone at the end, or for too long a line."""
        if select.select([self.sock], [], [], seconds)[0]:
            try:
                data = self.sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                raise Gone("qemu has ended")
            self.left += data
        if len(self.left) > LINE_LIMIT:
            raise Gone("a line without an end")
        *whole, self.left = self.left.split(b"\n")
        return [line.decode("ascii", "replace").strip() for line in whole]


class Guest:
    """A machine that runs: run() has it do a command, console() is the kernel's log. A context."""

    def __init__(self, qemu: List[str], machine: scenario.Machine, kernel: Path, initrd: Path, folder: Path,
                 notes: Path):
        """@qemu: the program, with options of its own; @folder: for console and disk; @notes: see process.notes()"""
        self.machine, self.folder, self.log = machine, Path(folder), Path(folder) / "console"
        self.number, self.again = 0, 0.0
        self.there, self.deleting, self.adding = True, False, False
        own, theirs = zip(socket.socketpair(), socket.socketpair())
        self.line, self.monitor = map(Line, own)
        self.log.write_bytes(b"")
        with open(self.folder / "disk", "wb") as disk:
            disk.truncate(16 << 20)
        fds = [end.fileno() for end in theirs]
        with open(self.folder / "qemu", "wb") as said:
            self.context = process.started([*qemu, *arguments(machine, kernel, initrd, fds)], notes, cwd=self.folder,
                                           pass_fds=fds, stdout=said, stderr=subprocess.STDOUT)
            self.proc = self.context.__enter__()
        for end in theirs:
            end.close()

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *exc) -> None:
        process.kill_group(self.proc.pid)
        self.proc.wait()
        self.context.__exit__(None, None, None)
        for line in (self.line, self.monitor):
            line.sock.close()

    def size(self) -> int:
        """How many bytes the kernel has said so far; Gone when that is more than anybody reads."""
        size = self.log.stat().st_size
        if size > LOG_LIMIT:
            raise Gone(f"the kernel has said more than {LOG_LIMIT >> 20} MiB")
        return size

    def console(self, begin: int) -> bytes:
        """What the kernel has said since the console had @begin bytes, up to LOG_LIMIT."""
        with open(self.log, "rb") as file:
            file.seek(begin)
            return file.read(LOG_LIMIT)

    def start(self) -> None:
        """Wait until the guest takes commands; Gone when it does not."""
        try:
            self.qmp("qmp_capabilities")
            _, ended = self._until("ready", BOOT_LIMIT, 0)
        except Gone:
            ended = False
        if not ended:
            tail = (self.folder / "qemu").read_bytes()[-300:] or self.console(0)[-300:]
            raise Gone(f"no guest within {BOOT_LIMIT} s: {tail.decode('utf-8', 'replace')}")

    def run(self, command: str, limit: float) -> Tuple[List[str], Optional[int]]:
        """Do a command of the shell; returns (what it told, its status, None when it has not ended within @limit
        seconds, or never will, by what the kernel says)."""
        self.number += 1
        begin = self.size()
        self.line.send(f"{self.number} {command}")
        said, ended = self._until(f"end {self.number} ", limit, begin)
        status = said[-1].split()[-1] if ended else ""
        return said[:-1] if ended else said, int(status) if status.isdigit() else None

    def _until(self, wanted: str, limit: float, begin: int) -> Tuple[List[str], bool]:
        """Lines of the guest up to one that begins with @wanted; whether that came. What it asks of us is done."""
        said: List[str] = []
        end, looked = time.monotonic() + limit, time.monotonic()
        while time.monotonic() < end:
            for line in self.line.lines(0.2):
                if line.startswith("@"):
                    self._asked(line[1:].split())
                    continue
                said.append(line)
                if line.startswith(wanted):
                    return said, True
            if sum(map(len, said)) > LINE_LIMIT:
                raise Gone("the guest talks without an end")
            self.events()
            if time.monotonic() - looked > 1:
                looked = time.monotonic()
                self.size()
                new = self.console(begin)
                if _HUNG.search(new):
                    end = min(end, looked + GRACE["hung"])
                elif _FATAL.search(new):
                    end = min(end, looked + GRACE["fatal"])
        return said, False

    def _asked(self, words: List[str]) -> None:
        """What the guest wants of the host: del (take the device away), add (put it in again, once it is away)."""
        if words == ["del"]:
            self.qmp("device_del", id="hot")
            self.deleting = True
        elif words == ["add"]:
            self.adding = True
        self.events()

    def events(self) -> None:
        """Take note of what qemu tells, and do what was waiting for that. A slot that is busy is asked again."""
        for line in self.monitor.lines(0):
            try:
                told = json.loads(line)
            except (ValueError, RecursionError):
                raise Gone("QMP: no JSON") from None
            told = told if isinstance(told, dict) else {}
            if told.get("event") == "DEVICE_DELETED" and told.get("data", {}).get("device") == "hot":
                self.there = self.deleting = False
            elif "error" in told:
                self.again = time.monotonic() + 1 if self.deleting else 0.0
        if self.again and time.monotonic() > self.again:
            self.again = 0.0
            self.qmp("device_del", id="hot")
        if self.adding and not self.there:
            self.there, self.adding = True, False
            self.qmp("device_add", **self.machine.hot)

    def qmp(self, command: str, **arguments: str) -> None:
        """Tell qemu to do something; its answer is looked at by events()."""
        self.monitor.send(json.dumps({"execute": command, "arguments": arguments}))


def arguments(machine: scenario.Machine, kernel: Path, initrd: Path, fds: List[int]) -> List[str]:
    """The command line of a machine, less the program. @fds: for the line of commands, for QMP."""
    words = ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35", "-accel", "tcg",
             "-smp", "2", "-m", "512", "-serial", "file:console", "-chardev", f"socket,id=line,fd={fds[0]}",
             "-serial", "chardev:line", "-chardev", f"socket,id=monitor,fd={fds[1]}",
             "-mon", "chardev=monitor,mode=control", "-drive", "if=none,id=disk,file=disk,format=raw",
             "-kernel", str(kernel), "-initrd", str(initrd),
             "-append", "console=ttyS0 tsc=unstable no_timer_check panic=-1 " + machine.kernel]
    for name in machine.globals:
        words += ["-global", name]
    hot = ",".join([machine.hot["driver"], *(f"{key}={value}" for key, value in machine.hot.items()
                                             if key != "driver")])
    for device in [*machine.devices, hot]:
        words += ["-device", device]
    return words


def kernel_options(text: str) -> Dict[str, str]:
    """The symbols in a fragment of Kconfig that must be in the .config."""
    return dict(re.findall(r"^CONFIG_(\w+)=(.+)$", text, re.MULTILINE))
