# SPDX-License-Identifier: GPL-2.0
"""Runs the jobs of a Plan: what is cheap first, then the suites on the whole stack, then all others.

Most runs keep one processor busy (one object compiled, one UML booted, one spatch), so there are two lanes,
each with a work tree of its own that walks down from the last state: one builds and boots the boundaries,
the other compiles; what needs no build folder goes to the one that is done first. Who has compiled all
helps with the boundaries from their other end, in a build folder of its own.
"""
import contextlib
import heapq
import threading
import time
from typing import Callable, Dict, List

from stacklib.host import process, term

CHEAP, WHOLE, REST = range(3)
STAGES = ("cheap checks", "suites on the whole stack", "everything")
TREES = ("check", "check2")  # work trees in the work folder; the first is the one of the verb kunit
# Seconds that a run takes, for the estimate, until one of its check has ended here.
GUESS = {"patch": 1.0, "tree": 10.0, "boundary": 20.0}
ENOUGH = 8  # boundaries that are left to the first lane: fewer are not worth another build of the kernel
TELL = 30  # seconds between two lines of progress in a pipe


class Lane:
    """One walk over the states: .heap (what is left, in order) .tree (name of its work tree) .at (state and
    drop-in) .path .job (what runs now) .done (set in the end)"""

    def __init__(self, tree):
        self.heap, self.tree, self.at, self.path, self.job, self.done = [], tree, None, None, None, threading.Event()


class Lanes:
    """The jobs of a Plan that have no result yet, and what is known of when they end.

    plan: planning.Plan; its .results gets what comes. told(event, what) is called under a lock, from both
    lanes: ("begin", places that wait) at first, ("verdict", place) when all that judges the place is there,
    ("stage", one of STAGES) when it is done. until: time.monotonic() after which of the last
    stage nothing more is begun; 0: none.
    """

    def __init__(self, plan, jobs: List, told: Callable, until: float = 0):
        self.plan, self.told, self.until = plan, told, until
        self.lock, self.making = threading.RLock(), threading.Lock()
        self.stop, self.last, self.counter, self.passed = False, 0.0, 0, 0
        count = min(plan.ws.jobs, len(TREES))
        self.lanes = [Lane(name) for name in TREES[:count]]
        self.shared: List = []  # for the lane that is done first
        self.took: Dict = {}  # (check, arch) -> seconds of the runs that have ended
        self.left = [0] * len(STAGES)
        self.open: Dict = {}  # key -> places that wait for the result
        # Without more boundaries than the last both lanes compile, each for architectures of its own.
        more = any(job.check.kind == "boundary" and self.stage(job) == REST for job in jobs)
        self.compiling = self.lanes[-1:] if more else self.lanes[::-1]
        self.homes: Dict = {}  # architecture -> the lane that compiles for it
        for job in jobs:
            self.add(job)

    def stage(self, job):
        """CHEAP, WHOLE or REST: a tree check is cheap when it reads certain files alone."""
        if job.check.kind == "boundary":
            return WHOLE if job.k == self.plan.tree.boundaries else REST
        return CHEAP if job.check.kind == "patch" or job.check.reads and "tree" not in job.check.reads else REST

    def add(self, job, lane=None) -> None:
        """Put a job into the heap of its lane; one whose key is there already only waits for it."""
        self.counter += 1
        waiting = self.open.setdefault(job.key, [])
        waiting.append(job)
        if len(waiting) > 1:
            return
        stage, total = self.stage(job), self.plan.tree.boundaries
        self.left[stage] += 1
        if lane:
            heap = lane.heap
        elif stage == CHEAP:
            heap = self.lanes[job.k * len(self.lanes) // (total + 1)].heap
        elif job.check.kind == "boundary":
            heap = self.lanes[0].heap
        elif job.arch:
            heap = self.homes.setdefault(job.arch, self.compiling[len(self.homes) % len(self.compiling)]).heap
        else:
            heap = self.shared
        heapq.heappush(heap, (stage, -job.k, self.counter, job))

    def run(self) -> None:
        """Run all; what a lane raises is raised here, after both have ended what they did."""
        self.told("begin", [self.plan.place(job) for waiting in self.open.values() for job in waiting])
        self.pass_stages()
        errors: List[BaseException] = []
        try:
            for lane in self.lanes:
                threading.Thread(target=self.walk, args=(lane, errors), daemon=True).start()
            for lane in self.lanes:
                lane.done.wait()  # not join(), after whose ^C a thread that runs is said to have ended
        finally:
            self.stop = True
            while not all(lane.done.wait(0.05) for lane in self.lanes):  # ^C: what runs is ended
                process.end_leftover(self.plan.ws.out)
        if errors:
            raise errors[0]

    def walk(self, lane, errors):
        """One lane, until nothing is left for it."""
        try:
            while not self.stop:
                with self.lock:
                    heap = lane.heap or self.shared or self.other_end(lane)
                    if not heap or heap[0][0] == REST and 0 < self.until < time.monotonic():
                        return
                    lane.job = job = heapq.heappop(heap)[-1]
                    self.progress()
                if lane.at != (job.k, job.dropin):
                    with self.making if not lane.at else contextlib.nullcontext():  # one work tree is made at a time
                        lane.path = self.plan.tree.checkout(job.k, job.dropin, lane.tree)
                    lane.at = (job.k, job.dropin)
                result = self.plan.run_job(job, lane.path, "" if lane is self.lanes[0] else "second")
                with self.lock:
                    if not self.stop:
                        self.ended(lane, job, result)
        except BaseException as exc:  # pylint: disable=broad-except
            errors.append(exc)
            self.stop = True
            process.end_leftover(self.plan.ws.out)
        finally:
            lane.done.set()

    def other_end(self, lane) -> List:
        """Move the lowest boundary of the first lane to a lane that has nothing left; its heap."""
        first = self.lanes[0].heap
        if lane is not self.lanes[0] and len(first) > ENOUGH and max(first)[-1].check.kind == "boundary":
            lane.heap.append(max(first))
            first.remove(lane.heap[0])
            heapq.heapify(first)
        return lane.heap

    def ended(self, lane, job, result) -> None:
        """Keep a result, see what it must be compared with, and tell what is known by it."""
        self.plan.results[job.key] = result
        self.took.setdefault((job.check.name, job.arch), []).append(result.seconds)
        lane.job = None
        for waiting in self.open.pop(job.key):
            old = self.plan.missing(waiting)
            if old:
                self.add(old, lane)
            else:
                self.told("verdict", self.plan.place(waiting))
        self.left[self.stage(job)] -= 1
        self.pass_stages()

    def pass_stages(self) -> None:
        """Tell the stages of which nothing is left, each once."""
        while self.passed < len(STAGES) and not self.left[self.passed]:
            self.plan.reached[STAGES[self.passed]] = round(self.plan.now(), 1)
            self.told("stage", STAGES[self.passed])
            self.passed += 1

    def seconds(self, job):
        """How long a run will take, as far as one can know."""
        took = self.took.get((job.check.name, job.arch)) or \
            [s for (name, _), all_ in self.took.items() if name == job.check.name for s in all_]
        return sum(took) / len(took) if took else GUESS[job.check.kind]

    def estimate(self):
        """Seconds until all is done, if both lanes share what is left for either."""
        own = [sum(self.seconds(entry[-1]) for entry in lane.heap) + (self.seconds(lane.job) / 2 if lane.job else 0)
               for lane in self.lanes]
        both = sum(self.seconds(entry[-1]) for entry in self.shared)
        return max(max(own), (sum(own) + both) / len(own))

    def progress(self) -> None:
        """Say what runs, how much is left, and how long it may take."""
        if not term.is_terminal():
            if self.plan.now() - self.last < TELL:
                return
            self.last = self.plan.now()
        left, done = len(self.open), sum(map(len, self.took.values()))
        term.progress(f"{done} of {done + left} runs, {duration(self.estimate())} left: "
                      + " | ".join(self.plan.label(lane.job) for lane in self.lanes if lane.job))


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
