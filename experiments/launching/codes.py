"""Exit codes after which a launch goes on, in the words of each scheduler (docs/reliability.md)."""

from codegen_jax.supervise import PREEMPTED, starts_again

# SIGABRT, SIGBUS, SIGKILL, SIGSEGV, SIGTERM: how a process ends whose host goes, or another's.
KILLED = (134, 135, 137, 139, 143)
AGAIN = (PREEMPTED, *KILLED)
assert all(map(starts_again, AGAIN))

# The same in bash: `if` followed by this is true for a code of supervise's `starts_again`.
TEST = f'[ "$code" -eq {PREEMPTED} ] || {{ [ "$code" -gt 128 ] && [ "$code" -ne 130 ]; }}'
