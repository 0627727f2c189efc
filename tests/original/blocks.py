"""The code blocks of the document that Carnet comes from, to the letter.

From `docs/source/interactive/public_server.rst` of IPython, as of February 2014
(commit 517bfbf64). Copyright the IPython Development Team, under the BSD licence.
"""

#: In [1] and In [2] of the session, as typed; `IPython` is what a reader replaces by `carnet`.
PASSWD_SESSION = (
    "from IPython.lib import passwd",
    "passwd()",
)

#: What the session showed.
PROMPTS = ("Enter password: ", "Verify password: ")
SHOWN_HASH = "sha1:67c9e60bb8b6:9ffede0825894254b2e042ea597d771089e11aed"

#: "You can then add this to your ipython_notebook_config.py, e.g." The line break after `=` is the document's.
PASSWORD_CONFIG = """\
    # Password to use for web authentication
    c = get_config()
    c.NotebookApp.password = 
    u'sha1:67c9e60bb8b6:9ffede0825894254b2e042ea597d771089e11aed'
"""  # noqa: W291

CERTFILE_COMMAND = "ipython notebook --certfile=mycert.pem"

OPENSSL_COMMAND = "openssl req -x509 -nodes -days 365 -newkey rsa:1024 -keyout mycert.pem -out mycert.pem"

PROFILE_COMMAND = "ipython profile create nbserver"

PUBLIC_CONFIG = """\
     c = get_config()

     # Kernel config
     c.IPKernelApp.pylab = 'inline'  # if you want plotting support always

     # Notebook config
     c.NotebookApp.certfile = u'/absolute/path/to/your/certificate/mycert.pem'
     c.NotebookApp.ip = '*'
     c.NotebookApp.open_browser = False
     c.NotebookApp.password = u'sha1:bcd259ccf...[your hashed password here]'
     # It is a good idea to put it on a known, fixed port
     c.NotebookApp.port = 9999
"""

PUBLIC_COMMAND = "ipython notebook --profile=nbserver"

PREFIX_CONFIG = """\
    c.NotebookApp.base_url = '/ipython/'
    c.NotebookApp.webapp_settings = {'static_url_prefix':'/ipython/static/'}
"""
