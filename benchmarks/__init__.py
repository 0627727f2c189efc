"""How fast Carnet is, measured beside its limits and, where wanted, its peers: `./run bench`.

Nothing here is a test: times depend on the machine. What it prints are medians
with their range, Carnet and its limit in turn in the same run, so that a noisy
machine is noisy for both. The goals and what came of them:
docs/explanation/speed.md.
"""
