# SPDX-License-Identifier: GPL-2.0
"""What must not change the outcome of a test: another order of suites and tests, and load beside the kernel."""
import contextlib
import os
import sys
from pathlib import Path

from stacklib.host import process, term

EXECUTOR = "lib/kunit/executor.c"
SEEDS = 1 << 31     # a seed is below that, and above 0
# Appended to EXECUTOR. Built-in suites are in two tables that may be written, and are run after all initcalls, those of
# the init section first. Each suite begins with the seed itself: its order is the same in a boot of its own.
_KERNEL = """
#include <linux/prandom.h>
static uint stack_shuffle;
core_param(stack_shuffle, stack_shuffle, uint, 0444);
static void __init stack_shuffle_table(struct kunit_suite **suites, size_t count)
{
	struct rnd_state state;
	size_t i, n, other;

	for (i = 0; i < count; i++) {
		struct kunit_case *cases = suites[i]->test_cases;

		prandom_seed_state(&state, stack_shuffle);
		for (n = 0; cases[n].run_case; n++)
			;
		for (; n > 1; n--) {
			other = prandom_u32_state(&state) % n;
			swap(cases[n - 1], cases[other]);
		}
	}
	prandom_seed_state(&state, stack_shuffle);
	for (; count > 1; count--) {
		other = prandom_u32_state(&state) % count;
		swap(suites[count - 1], suites[other]);
	}
}
static int __init stack_shuffle_suites(void)
{
	if (!stack_shuffle)
		return 0;
	stack_shuffle_table((struct kunit_suite **)__kunit_init_suites_start,
			    __kunit_init_suites_end - __kunit_init_suites_start);
	stack_shuffle_table((struct kunit_suite **)__kunit_suites_start, __kunit_suites_end - __kunit_suites_start);
	pr_info("stack_shuffle %u\\n", stack_shuffle);
	return 0;
}
late_initcall_sync(stack_shuffle_suites);
"""


def check(seed) -> None:
    """StackError for a seed, or None, that the kernel would not take."""
    if seed is not None and not 0 < seed < SEEDS:
        raise term.StackError(f"--shuffle {seed}: a seed is a number from 1 to {SEEDS - 1}",
                              "scripts/stack kunit --help")


def plant(tree: Path) -> None:
    """Give the kernel in a tree the parameter stack_shuffle=SEED, which it says in its log; without it the order is
    the usual one."""
    path = Path(tree) / EXECUTOR
    if not path.is_file():
        raise term.StackError(f"no {EXECUTOR} in {tree}: this kernel's KUnit cannot be told an order", "no --shuffle")
    with open(path, "a", encoding="utf-8") as file:
        file.write(_KERNEL)


@contextlib.contextmanager
def load(work: Path):
    """Keep every processor busy twice over; work: the folder in which what runs is noted."""
    with contextlib.ExitStack() as busy:
        for _ in range(2 * len(os.sched_getaffinity(0))):
            busy.enter_context(process.started([sys.executable, "-c", "while True: pass"], process.notes(work)))
        yield
