"""What a command has to say, in four forms: terminal, JSON, Markdown, HTML; and progress while it works.

Here belongs wording and layout. Figures are made elsewhere: only plain data of `pipeline` and `checking` is imported.
"""
