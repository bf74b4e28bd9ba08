// SPDX-License-Identifier: GPL-2.0
// An operand of && is left out.
// mutant: p: (STACK || ({}))
// mutant: q: (STACK || ({}))
@r@
expression A, B;
position p, q;
@@
A@p && B@q
