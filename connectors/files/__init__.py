"""Files: bounded input read as blocks, output written as whole blocks, rates on file.

This room turns files into lines with positions and lines into files. It knows nothing of
providers, of events or of accounting.
"""
