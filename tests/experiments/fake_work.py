"""What `pool` starts in its tests: says when it ran and where, and ends as its job's label asks."""

import json
import os
import pathlib
import signal
import sys
import time


def main() -> None:
  job = json.loads(pathlib.Path(sys.argv[1]).read_text())
  workdir, how = pathlib.Path(job["workdir"]), job["label"].split()[0]
  began = time.monotonic()
  if how == "stays":
    signal.signal(signal.SIGINT, lambda *_: leave(workdir, "SIGINT", 130))
    signal.signal(signal.SIGTERM, lambda *_: leave(workdir, "SIGTERM", 75))
    (workdir / "ready").touch()
    time.sleep(60)
  if how == "slow":
    time.sleep(2)
  if how == "fails":
    print("experiments.work: the folder is full; make room", file=sys.stderr)
    sys.exit(2)
  if how == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
  (workdir / "metrics.jsonl").write_text(json.dumps({"step": job["total_steps"]}) + "\n")
  told = {"began": began, "ended": time.monotonic(), "cores": job["cores"]}
  (workdir / "told.json").write_text(json.dumps(told))


def leave(workdir: pathlib.Path, how: str, code: int) -> None:
  (workdir / "left").write_text(how)
  os._exit(code)


if __name__ == "__main__":
  main()
