"""DistributedDataParallel: one model, trained by several processes, each on its part of a batch."""
