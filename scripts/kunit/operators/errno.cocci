// SPDX-License-Identifier: GPL-2.0
// Another error than the one that is meant.
// mutant: p: (STACK ? EDOM : {})
@r@
constant C =~ "^E[A-Z]";
position p;
@@
 -C@p
