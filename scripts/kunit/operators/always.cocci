// SPDX-License-Identifier: GPL-2.0
// The condition of an if always holds.
// mutant: p: (STACK || ({}))
@r@
expression E;
statement S1, S2;
position p;
@@
if (E@p) S1 else S2
