"""Notebooks as other formats, with nbconvert, in a process of its own for each: nothing of it is ever in the server.

`converter` is the server's side: it starts the child, bounds it and ends it.
`child` is the process. Rules NC1 to NC9: docs/specs/nbconvert.md; why it is so:
docs/decisions/nbconvert-in-a-child.md.
"""
