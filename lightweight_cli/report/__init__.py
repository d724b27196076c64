"""What a command has to say, in four forms: terminal, JSON, Markdown and HTML.

`model` holds the facts; `groups`, `words` and `sizes` put them in few words; each form has a file of its own.
"""
