// SPDX-License-Identifier: GPL-2.0
// == for !=, and the other way round.
// mutant: p-q: (STACK ^ ({}))
@r@
expression A, B;
position p, q;
@@
(
A@p == B@q
|
A@p != B@q
)
