// SPDX-License-Identifier: GPL-2.0
// Two calls change places.
// mutant: p-q: { if (STACK) { {x} } {} } | x-y: { if (!STACK) {} }
@r@
identifier f, g;
position p, q, x, y;
@@
f@p(...);@q
g@x(...);@y
