"""SPEKE 2.0, AWS's key exchange over HTTP: a packager posts a CPIX document with blanks, a key server fills them in.

`client` asks, `server` answers from our own key store. Both leave signatures out, which SPEKE does not use; who is
who is settled by TLS and by a token in the Authorization header.
"""

VERSION = "2.0"
CPIX_VERSION = "2.3"
VERSION_HEADER = "X-Speke-Version"
AGENT_HEADER = "X-Speke-User-Agent"
MEDIA_TYPE = "application/xml"
PATH = "/speke/v2.0/copyProtection"
