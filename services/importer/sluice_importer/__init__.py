"""The importer: finds what a finished download is for, files it into a library exactly once, and says why not."""
