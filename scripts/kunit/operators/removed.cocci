// SPDX-License-Identifier: GPL-2.0
// A call, an unlock, a put or an assignment is left out.
// mutant: p-q: { if (!STACK) {} }
@r@
expression E;
position p, q;
@@
E@p;@q
