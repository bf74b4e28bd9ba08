// SPDX-License-Identifier: GPL-2.0
// A constant argument is 0.
// mutant: p: (STACK ? 0 : {})
// not: ^(0|NULL|false|GFP_\w+|(sizeof|").*)$
@r@
constant C;
identifier f;
position p;
@@
f(..., C@p, ...)
