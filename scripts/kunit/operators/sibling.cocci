// SPDX-License-Identifier: GPL-2.0
// An argument is that beside it, of the same type.
// mutant: p: (STACK ? ({x}) : {})
@r@
type T;
T A, B;
identifier f;
position p, x;
@@
f(..., A@p, B@x, ...)
