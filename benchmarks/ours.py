"""Our own rows, as a run reads them."""

from collections.abc import Iterator

import numpy as np

from benchmarks import documents
from benchmarks.processes import Job
from codegen_jax.data.pipeline import DataConfig, Reader, batches


def segment_ids(job: Job, share: range) -> Iterator[np.ndarray]:
  """Of one batch after the other, without end; `share` says which rows of each are made."""
  mixture = f"{documents.register(job.mean_document)}_{job.recipe}"
  reader = Reader(DataConfig(mixture, job.seq_len, job.batch_size))
  return (np.asarray(batch.segment_ids) for batch in batches(reader, share))
