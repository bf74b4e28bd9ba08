// SPDX-License-Identifier: GPL-2.0
/// Find interrupt vectors with two owners: the device is enabled with
/// pcim_enable_device(), whose release frees the vectors of
/// pci_alloc_irq_vectors(), and the driver calls pci_free_irq_vectors() too.
/// It is worse when a handler of devm_request_irq() is still installed at
/// that moment: it is removed after its interrupt is gone.
/// Drivers that leave the vectors to the release are reported as well: they
/// say so with pcim_alloc_irq_vectors() (pcim_irq_vectors_convert.cocci).
/// See Documentation/PCI/msi-howto.rst for more information.
///
// Confidence: Moderate
// Comments: The calls are looked for in one file, on any device of it. For a
// Comments: driver split over files, give spatch all of them at once. That a
// Comments: handler is installed is told from the paths of one function, and
// Comments: not where any devm_free_irq() precedes; that it may be installed is
// Comments: a guess from calls in other functions.
// Options: --no-includes
// Keywords: pcim_enable_device, pci_alloc_irq_vectors, pci_free_irq_vectors

virtual context
virtual org
virtual report

@managed depends on context || org || report@
@@

pcim_enable_device(...)

@alloc depends on managed@
position p;
@@

(
pci_alloc_irq_vectors@p(...)
|
pci_alloc_irq_vectors_affinity@p(...)
)

@pcim_alloc depends on context || org || report@
@@

(
pcim_alloc_irq_vectors(...)
|
pcim_alloc_irq_vectors_affinity(...)
)

// The file that implements them, and its header, are no driver.
@core depends on alloc || pcim_alloc@
@@

pci_free_irq_vectors(...) { ... }

@free depends on (alloc || pcim_alloc) && !core@
symbol pci_free_irq_vectors;
position p;
@@

pci_free_irq_vectors@p

//----------------------------------------------------------
//  Handlers of devm_request_irq()
//----------------------------------------------------------

@request depends on free@
identifier f;
position pf;
@@

f@pf(...)
{
<+...
\(devm_request_irq\|devm_request_threaded_irq\|devm_request_any_context_irq\)(...)
...+>
}

@helper depends on request@
identifier f;
@@

f(...)
{
<+...
\(devm_free_irq\|free_irq\)(...)
...+>
}

@removed depends on request exists@
identifier helper.f;
position free.p, ok;
@@

(
devm_free_irq(...)
|
free_irq(...)
|
f(...)
)
... when any
pci_free_irq_vectors@p@ok

// Actions run in reverse order, thus after the handlers are removed.
@action depends on request@
identifier f;
@@

\(devm_add_action\|devm_add_action_or_reset\)(..., f, ...)

@by_action depends on request@
identifier action.f;
position free.p, ok;
@@

f(...)
{
<+...
pci_free_irq_vectors@p@ok
...+>
}

// Freed where they are allocated: no handler yet.
@early depends on request exists@
position free.p, ok;
@@

(
pci_alloc_irq_vectors(...)
|
pci_alloc_irq_vectors_affinity(...)
|
pcim_alloc_irq_vectors(...)
|
pcim_alloc_irq_vectors_affinity(...)
)
... when any
pci_free_irq_vectors@p@ok

// One request succeeded, and a path leads from there to the free.
@installed depends on request exists@
expression ret;
statement S;
position free.p != removed.ok;
position bad;
@@

(
ret = devm_request_irq(...);
|
ret = devm_request_threaded_irq(...);
|
ret = devm_request_any_context_irq(...);
)
if (\(ret\|ret < 0\|ret != 0\)) S
... when any
pci_free_irq_vectors@p@bad

// Requested in another function, or in one that this free does not follow.
@perhaps depends on request exists@
identifier f;
position free.p != {removed.ok, by_action.ok, early.ok};
position pf != request.pf;
position bad;
@@

f@pf(...)
{
... when any
pci_free_irq_vectors@p@bad
... when any
}

@other depends on free@
position free.p != {installed.bad, perhaps.bad};
position bad;
@@

pci_free_irq_vectors@p@bad

//----------------------------------------------------------
//  For context mode
//----------------------------------------------------------

@depends on context@
position free.p;
@@

* pci_free_irq_vectors@p

@depends on context && !free && !core@
position alloc.p;
@@

(
* pci_alloc_irq_vectors@p(...)
|
* pci_alloc_irq_vectors_affinity@p(...)
)

//----------------------------------------------------------
//  For org mode
//----------------------------------------------------------

@script:python depends on org@
p << installed.bad;
@@

coccilib.org.print_todo(p[0], "pci_free_irq_vectors() while a devm_request_irq() handler is installed")

@script:python depends on org@
p << perhaps.bad;
@@

coccilib.org.print_todo(p[0], "pci_free_irq_vectors() while a devm_request_irq() handler may be installed")

@script:python depends on org@
p << other.bad;
@@

coccilib.org.print_todo(p[0], "pci_free_irq_vectors() of vectors that the release of the device frees")

@script:python depends on org && !free && !core@
p << alloc.p;
@@

coccilib.org.print_todo(p[0], "opportunity for pcim_alloc_irq_vectors()")

//----------------------------------------------------------
//  For report mode
//----------------------------------------------------------

@script:python depends on report@
p << installed.bad;
@@

coccilib.report.print_report(p[0], "WARNING: pci_free_irq_vectors() while a devm_request_irq() handler is installed")

@script:python depends on report@
p << perhaps.bad;
@@

coccilib.report.print_report(p[0], "WARNING: pci_free_irq_vectors() while a devm_request_irq() handler may be installed")

@script:python depends on report@
p << other.bad;
@@

coccilib.report.print_report(p[0], "WARNING: pci_free_irq_vectors() of vectors that the release of the device frees")

@script:python depends on report && !free && !core@
p << alloc.p;
@@

coccilib.report.print_report(p[0], "WARNING opportunity for pcim_alloc_irq_vectors()")
