r"""Bytes as text: repaired where it is plain how, else refused.

b"caf\xc3\xa9"       -->  café      UTF-8
b"\xff\xfec\x00a..." -->  café      UTF-16, which says so in its first two bytes
b"caf\xe9"           -->  café      Windows-1252, where so few bytes are not ASCII
b"\x7fELF\x02\x00"   -->  Drop("binary")
"""

import codecs
import dataclasses

from codegen_jax.prepare.document import Document, Drop, Raw

_HEAD = 8_000  # bytes in which a zero tells a binary file, as git looks
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclasses.dataclass(frozen=True)
class Encoding:
  """Makes a Document of a Raw.

  Attributes:
    repair: reads UTF-16 and Windows-1252 too, and lone surrogates of JSON as U+FFFD; without it
      all of these are dropped.
    foreign: the largest share of bytes outside ASCII that is read as Windows-1252.
  """

  repair: bool = True
  foreign: float = 0.1

  def __call__(self, raw: Raw) -> tuple[Document | Drop, bool]:
    """And whether it was repaired."""
    text, repaired = raw.content, False
    if isinstance(text, bytes):
      decoded, repaired = self._decoded(text)
      if isinstance(decoded, Drop):
        return decoded, False
      text = decoded
    elif not _is_utf8(text):
      if not self.repair:
        return Drop("encoding"), False
      text, repaired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), True
    if "\0" in text:
      return Drop("binary"), False
    name = raw.name if _is_utf8(raw.name) else raw.name.encode("utf-8", "replace").decode()
    return Document(name, text.removeprefix("\ufeff"), raw.language, raw.licenses), repaired

  def _decoded(self, data: bytes) -> tuple[str | Drop, bool]:
    if data.startswith(_UTF16):
      try:
        return (data.decode("utf-16"), True) if self.repair else (Drop("encoding"), False)
      except UnicodeDecodeError:
        return Drop("binary"), False
    if b"\0" in data[:_HEAD]:
      return Drop("binary"), False
    try:
      return data.decode("utf-8"), False
    except UnicodeDecodeError:
      foreign = len(data.translate(None, _ASCII_BYTES))
      if self.repair and foreign <= self.foreign * len(data):
        try:
          return data.decode("cp1252"), True
        except UnicodeDecodeError:  # five bytes mean nothing there either
          pass
      return Drop("encoding"), False


_ASCII_BYTES = bytes(range(128))


def _is_utf8(text: str) -> bool:
  try:
    text.encode()
  except UnicodeEncodeError:
    return False
  return True
