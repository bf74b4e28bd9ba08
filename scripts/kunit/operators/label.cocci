// SPDX-License-Identifier: GPL-2.0
// A goto goes to a label behind its own.
// mutant: p-q: { if (STACK) goto {M}; {} }
@r@
identifier L, M;
position p, q;
@@
goto@p L;@q
...
L:
...
M:
