"""From labelled faces to batches: regions, sampling, prefetching, packed shards."""
