// SPDX-License-Identifier: GPL-2.0
// A bound is off by one, either way.
// mutant: p: (({}) + STACK)
// mutant: p: (({}) - STACK)
@r@
expression A, B;
position p;
@@
(
A < B@p
|
A <= B@p
)
