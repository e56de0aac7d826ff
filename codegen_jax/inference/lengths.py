"""Few lengths for many, so that few programs are compiled."""

SHORTEST = 16


def bucket(length: int) -> int:
  """The smallest of 16, 32, 48, 64, 96, 128, 192, ... that is at least `length`.

  Each is a power of two or half as much again, so at most a third of a row is padding, and half of
  one below 32.
  """
  size = SHORTEST
  while size < length:
    size *= 2
  three_quarters = 3 * size // 4
  return three_quarters if three_quarters >= max(length, SHORTEST) and size > 32 else size


def rows(number: int, *, most: int, ways: int) -> int:
  """Rows for `number` requests, at most `most`: a power of two times `ways`, or `most`."""
  size = ways
  while size < number:
    size *= 2
  return min(size, most)
