"""From finished downloads to rows of work: by event, by reconciler, adopted once. Nothing here touches a disk."""
