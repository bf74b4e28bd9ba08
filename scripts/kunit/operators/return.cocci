// SPDX-License-Identifier: GPL-2.0
// A function returns 0, NULL or false.
// mutant: p: (STACK ? 0 : {})
// not: ^(0|NULL|false)$
@r@
expression E;
position p;
@@
return E@p;
