"""The web page of tools/serve.py, see docs/page.md. The extra ``page`` installs its packages."""
