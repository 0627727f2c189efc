"""The server's side of the kernel host: find or start it, call it, read what kernels say.

It starts no process but the host, and knows no ZeroMQ. The frames:
`carnet.core.wire.host`; the rules: docs/specs/host.md.
"""
