"""Steps: what an option is, the table of passes, recipes as text, and running them one after the other.

Here belongs what is the same for every pass. No pass is imported here (they hand themselves over), nor anything of reports, the
command line, or inspection.
"""
