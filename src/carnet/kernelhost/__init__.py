"""The kernel host: a process of its own that owns kernels and writes down what they say.

It never serves HTTP, stores no notebook and runs no user code. Rules HO1
onwards: docs/specs/host.md; why it is so: docs/explanation/kernel-host.md.
"""
