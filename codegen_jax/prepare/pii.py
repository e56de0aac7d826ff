"""Takes personal data out of texts: what looks like an address, a key or a password of a person.

ada@example.org  -->  <EMAIL>      192.0.2.7  -->  <IP_ADDRESS>      AKIA...  -->  <KEY>
"""

import dataclasses
import re

from codegen_jax.prepare.document import Document, Drop

_EMAIL = re.compile(
  r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})*\.[A-Za-z]{2,24}(?!\w)"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IP = re.compile(rf"(?<![\w.]){_OCTET}(?:\.{_OCTET}){{3}}(?![\w.])")
_KEY = re.compile(
  r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{10,72}"
  r"|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\S]{1,10000}?-----END (?:[A-Z]+ )?PRIVATE KEY-----"
)
# What a text has to hold before the expressions above are tried: most hold nothing of it.
_DOTTED = re.compile(r"\d\.\d{1,3}\.\d")
_KEY_SIGNS = ("AKIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "xox", "PRIVATE KEY")
_OF_NO_ONE = ("127.", "0.", "10.", "192.168.", "255.", "224.", "1.1.1.1", "8.8.8.8", "8.8.4.4")


@dataclasses.dataclass(frozen=True)
class Scrub:
  """Replaces by names of kinds; addresses of no one in particular (127.0.0.1) stay."""

  emails: bool = True
  ip_addresses: bool = True
  keys: bool = True

  def __call__(self, document: Document) -> Document | Drop:
    text = document.text
    if self.emails and "@" in text:
      text = _EMAIL.sub("<EMAIL>", text)
    if self.ip_addresses and _DOTTED.search(text):
      text = _IP.sub(_address, text)
    if self.keys and any(sign in text for sign in _KEY_SIGNS):
      text = _KEY.sub("<KEY>", text)
    return document if text == document.text else dataclasses.replace(document, text=text)


def _address(found: re.Match[str]) -> str:
  return found[0] if found[0].startswith(_OF_NO_ONE) else "<IP_ADDRESS>"
