"""The page of tools/serve.py; see docs/page.md. Its packages are the extra ``page``."""
