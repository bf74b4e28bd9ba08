# SPDX-License-Identifier: GPL-2.0
"""Whether data that was read from JSON has the form that is asked of it.

A form is a type (float: any number), a tuple of the strings that are allowed, [form of each item] or
{key: form}; a key that ends in ? may be absent, and keys that the form does not name may be there.
"""
from typing import Any

MOST = 10 ** 12  # no number of ours is larger


def fault(data: Any, form: Any, place: str = "") -> str:
    """Return the first place where data is not of the form, and why, or ""."""
    if isinstance(form, dict):
        if not isinstance(data, dict):
            return f"{place or 'it'} is no object"
        for key, inner in form.items():
            name = key.rstrip("?")
            if name in data:
                said = fault(data[name], inner, f"{place}.{name}".lstrip("."))
                if said:
                    return said
            elif name == key:
                return f"{place or 'it'} has no '{key}'"
        return ""
    if isinstance(form, list):
        if not isinstance(data, list):
            return f"{place or 'it'} is no list"
        return next(filter(None, (fault(item, form[0], f"{place}[{n}]") for n, item in enumerate(data))), "")
    if isinstance(form, tuple):
        return "" if data in form else f"{place} is none of {' '.join(form)}"
    if form in (int, float):
        good = isinstance(data, (int, form)) and not isinstance(data, bool) and -1 <= data <= MOST
        return "" if good else f"{place} is no {'number' if form is float else 'whole number'} that can be meant"
    return "" if isinstance(data, form) else f"{place} is no {form.__name__}"
