"""Every run goes through jax.distributed, also one of one process: one code path, one set of bits.

Without it CPU devices sum in another order, and a SIGTERM ends a run without a checkpoint.
"""

import os
import socket
from typing import Any

import jax
from jax._src import distributed as jax_distributed
from jax.experimental import multihost_utils

from codegen_jax import endings
from codegen_jax.errors import InputError

# Seconds.  The hosts of a pod do not start together: one may still be fetching its image.
JOINING = 1800
# A process that says nothing for so long is lost to the others.  JAX's own 100 cost a pod as much.
SILENT = 30


def initialize(
  coordinator: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
  """Joins the run's processes.  Call it before anything asks JAX for a device.

  Without arguments the machine is asked: a TPU VM's metadata, Slurm's or Kubernetes' variables (as
  `jax.distributed` reads them).  Where they say nothing, the run has one process.

  Args:
    coordinator: host:port of process 0; not needed for one process.
    num_processes: how many processes the run has.
    process_id: which one this is, from 0.

  Raises:
    InputError: the three do not say where and as what to join.
  """
  if jax.distributed.is_initialized():
    return
  if coordinator is None and num_processes is None and process_id is None:
    if not _join_as_the_machine_says():
      _join_alone()
  else:
    _join(coordinator, num_processes, process_id)
  if jax.process_count() > 1:
    endings.watch()
    meet("joined")
    multihost_utils.sync_global_devices("joined")  # connects all devices while everyone is here


def meet(place: str) -> None:
  """Waits until every process is here; each place is for one meeting.

  Gloo, which joins CPUs, gives devices that meet for the first time 30 seconds.  On a busy machine
  one process compiles longer than that after another, so they meet here first.
  """
  if jax.process_count() > 1:
    client: Any = jax_distributed.global_state.client
    client.wait_at_barrier(place, timeout_in_ms=JOINING * 1000)


def said_by_others(place: str, sentence: str) -> list[str]:
  """What every other process says at this place, which is for one meeting; "" says nothing."""
  if jax.process_count() == 1:
    return []
  client: Any = jax_distributed.global_state.client
  own = f"{place}/{jax.process_index()}"
  if sentence:
    client.key_value_set(own, sentence)
  meet(place)
  return [said for key, said in client.key_value_dir_get(f"{place}/") if key != own]


def _join_as_the_machine_says() -> bool:
  try:
    jax.distributed.initialize(initialization_timeout=JOINING, heartbeat_timeout_seconds=SILENT)
  except ValueError as error:
    if "should be defined" in str(error):  # nothing here knows of a cluster
      _refuse_an_indexed_job()
      return False
    if "must be defined" in str(error):
      raise InputError(
        "JAX_COORDINATOR_ADDRESS is set, and nothing here says how many processes there are or"
        " which one this is; give --coordinator, --num_processes and --process_id"
      ) from error
    raise
  return True


def _refuse_an_indexed_job() -> None:
  # Its pods would each train alone, all into one folder.
  if "JOB_COMPLETION_INDEX" in os.environ:
    raise InputError(
      "this is a pod of an indexed Kubernetes job, and the package that would find the others is"
      " not here; install jax[k8s], give --coordinator, --num_processes and --process_id, or"
      " --num_processes=1 where each pod trains alone"
    )


def _join_alone(coordinator: str | None = None) -> None:
  address = coordinator or f"127.0.0.1:{_free_port()}"
  jax.distributed.initialize(address, 1, 0, coordinator_bind_address=address)


def _join(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
  if num_processes is None:
    given = "--coordinator" if process_id is None else "--process_id"
    raise InputError(f"{given} needs --num_processes, how many processes the run has")
  if num_processes < 1:
    raise InputError(f"num_processes is {num_processes}; it must be at least 1")
  if process_id is None and num_processes > 1:
    raise InputError(
      f"{num_processes} processes need --process_id, which one this is: from 0 to"
      f" {num_processes - 1}"
    )
  process_id = process_id or 0
  if not 0 <= process_id < num_processes:
    raise InputError(
      f"process_id is {process_id} of {num_processes} processes; it must lie between 0 and"
      f" {num_processes - 1}"
    )
  if coordinator is None and num_processes > 1:
    raise InputError(f"{num_processes} processes need --coordinator=HOST:PORT of process 0")
  if coordinator is not None:
    _check_address(coordinator)
  if num_processes == 1:
    return _join_alone(coordinator)
  print(f"waiting for {num_processes} processes at {coordinator}", flush=True)
  jax.distributed.initialize(
    coordinator,
    num_processes,
    process_id,
    initialization_timeout=JOINING,
    heartbeat_timeout_seconds=SILENT,
  )


def _check_address(coordinator: str) -> None:
  host, _, port = coordinator.rpartition(":")
  if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
    raise InputError(
      f"the coordinator is {coordinator!r}; it must be HOST:PORT of process 0, e.g. 10.0.0.1:8476"
    )


def _free_port() -> int:
  with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    return probe.getsockname()[1]
