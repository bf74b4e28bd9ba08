// SPDX-License-Identifier: GPL-2.0
// A rule that must report lib/canary.c: when it does not, spatch does not work here.
virtual report

@r depends on report@
position p;
@@

canary_fault@p(...)

@script:python depends on report@
p << r.p;
@@

coccilib.report.print_report(p[0], "ERROR: planted fault")
