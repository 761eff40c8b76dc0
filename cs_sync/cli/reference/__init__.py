"""The pages of `docs/reference`, written from the code, and the index `docs/llms.txt`.

Run it with `python -m cs_sync.cli.reference docs`.
"""
