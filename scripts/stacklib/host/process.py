# SPDX-License-Identifier: GPL-2.0
"""Programs that this tool starts: each in a process group of its own, with a limit, noted on disk.

A note (pid, start time, who started it) lies in WORK/.running while a program runs. Whoever ends
the tool with kill -9 leaves the note, and the next run ends what it names before it builds beneath
it. A check that starts programs of its own (the check kunit) writes into the same folder.
"""
import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from stacklib.host import files

# Where a check that was started by the tool notes its own programs
VARIABLE = "STACK_RUNNING"
_GRACE = 0.3  # seconds between the polite signal and the other one
_GONE = 10    # seconds until a killed process must have left


class Expired(Exception):
    """A program was killed since it had not come to its end; the text says after how long."""

    def __init__(self, seconds):
        super().__init__(f"no end after {seconds:.0f} s")


def notes(work) -> Path:
    """The folder with the notes of the work folder `work`."""
    return Path(work) / ".running"


def birth(pid: int, gone: str = "ZX"):
    """Start time of a process in clock ticks since boot (with its id that names it for ever); "0" if gone.

    gone: the states of /proc/PID/stat that count as such; one that has ended, and is not waited for, is in Z.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return "0" if fields[0] in gone else fields[19]
    except (OSError, IndexError):
        return "0"


def end_group(pid: int) -> None:
    """End a process group that this tool started: asked first, killed then."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, number)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(_GRACE)


def kill_group(pid: int) -> None:
    """Kill a process group that this tool started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def end_leftover(work, starter=None) -> None:
    """End what a killed run left behind in the work folder, and wait until it is gone.

    starter: only what the process with this id has started. A note whose process is gone, or
    whose id another process has by now, is only removed.
    """
    for path in notes(work).glob("*"):
        if not path.name.isdigit():
            continue  # a note that is being written
        try:
            pid, born, owner = path.read_text(encoding="utf-8").split()
        except (OSError, ValueError):
            pid, born, owner = "0", "0", "0"
        if starter is not None and owner != str(starter):
            continue
        if born != "0" and birth(int(pid), gone="X") == born:  # what it started may live on without it
            end_group(int(pid))
            deadline = time.monotonic() + _GONE
            while birth(int(pid)) == born and time.monotonic() < deadline:
                time.sleep(0.05)
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def started(argv, folder, **options):
    """Start argv in a session of its own, noted in `folder`; its Popen. OSError when it cannot start.

    With the block it is ended if it still runs, with its group, and so is what it noted there itself;
    its pipes are closed. options: as for Popen.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    note = folder / str(proc.pid)
    try:
        # Its session is what a check has in common with all that it starts.
        files.write_whole(note, f"{proc.pid} {birth(proc.pid)} {os.getsid(0)}\n")
        yield proc
    finally:
        if proc.returncode is None:
            end_group(proc.pid)
            proc.wait()
        end_leftover(folder.parent, proc.pid)
        for pipe in (proc.stdout, proc.stderr):
            if pipe:
                pipe.close()
        note.unlink(missing_ok=True)


def run(argv, folder: Path, limit, **options) -> tuple:
    """Run argv as started() does; (status, stdout, stderr), the two None when they are no pipes.

    limit: seconds; Expired when they are over, its group killed by then.
    """
    with started(argv, folder, **options) as proc:
        try:
            out, err = proc.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise Expired(limit) from None
        return proc.returncode, out, err
