"""Files: locks, checksummed arrays, caches, and text tables as rows and cells."""
