"""Many machines, by Ray: many paintings at the same time, or one canvas over many workers."""
