// SPDX-License-Identifier: GPL-2.0
/// Convert a driver that leaves its interrupt vectors to the release of
/// pcim_enable_device() to pcim_alloc_irq_vectors(), which says so.
/// A file that frees vectors itself is left alone: who owns them has to be
/// decided by hand, see pcim_irq_vectors_hazard.cocci.
///
// Confidence: High
// Comments: The new name is one column longer. spatch would leave the
// Comments: continuation lines where they are, or fill the lines anew, so
// Comments: the text of the call is made here and goes in as one identifier.
// Comments: Comments of the driver about who frees the vectors are for you.
// Options: --no-includes
// Keywords: pcim_enable_device, pci_alloc_irq_vectors, pcim_alloc_irq_vectors

virtual patch

@initialize:python@
@@

def renamed(start, end):
    """Return the text of a call from start to end (positions of its name and
    its closing parenthesis) with "pcim" for "pci"; lines that are aligned to
    the parenthesis move along."""
    with open(start.file, encoding="utf-8", errors="surrogateescape") as source:
        lines = source.read().split("\n")[int(start.line) - 1:int(end.line_end)]
    first, last = int(start.column), int(end.column_end)
    lines[-1] = lines[-1][:last]
    paren = len(lines[0][:lines[0].index("(", first)].expandtabs(8))
    text = ["pcim" + lines[0][first + len("pci"):]]
    for line in lines[1:]:
        body = line.lstrip()
        indent = len(line[:len(line) - len(body)].expandtabs(8))
        if body and indent > paren:
            tabs, spaces = divmod(indent + 1, 8)
            line = "\t" * tabs + " " * spaces + body
        text.append(line)
    return "\n".join(text)

@managed depends on patch@
@@

pcim_enable_device(...)

@free depends on managed@
symbol pci_free_irq_vectors;
@@

pci_free_irq_vectors

@alloc depends on managed && !free@
position start, end;
@@

\(pci_alloc_irq_vectors@start\|pci_alloc_irq_vectors_affinity@start\)(...)@end

@script:python call@
start << alloc.start;
end << alloc.end;
text;
@@

coccinelle.text = cocci.make_ident(renamed(start[0], end[0]))

@@
position alloc.start, alloc.end;
identifier call.text;
@@

(
- pci_alloc_irq_vectors@start(...)@end
+ text
|
- pci_alloc_irq_vectors_affinity@start(...)@end
+ text
)
