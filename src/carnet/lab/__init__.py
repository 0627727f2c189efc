"""What JupyterLab's own front end asks of a server besides Jupyter's API: its page, files, settings and workspaces.

Blocking functions over files, called on worker threads. Nothing of JupyterLab's
Python is imported: its files are read. Rules LB1 to LB16: docs/specs/lab.md; why
it is so: docs/decisions/jupyterlab-as-it-is.md.
"""
