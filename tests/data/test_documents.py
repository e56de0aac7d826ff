"""Corpora that stay on disk: what is a document, what is counted, and what stops."""

import gzip
import json
import random
import re
import tracemalloc

import pytest

from codegen_jax.data import corpus
from codegen_jax.data.corpus import Document
from codegen_jax.data.documents import MIB, Documents
from codegen_jax.errors import InputError

MANY = [{"content": f"x = {i}\n", "path": f"{i}.py"} for i in range(40)]


def line(told) -> bytes:
  return told if isinstance(told, bytes) else json.dumps(told).encode() + b"\n"


@pytest.fixture
def write(tmp_path):
  """Writes files of lines below a folder, packed where their names say so, and reads them."""

  def make(files: dict[str, list] | None = None, *, path="", field="content", every=3) -> Documents:
    for name, lines in (files or {}).items():
      file = tmp_path / name
      file.parent.mkdir(exist_ok=True, parents=True)
      data = b"".join(map(line, lines))
      file.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return Documents("toy", tmp_path / path, field=field, description="a toy", held_out_every=every)

  return make


def both(made: Documents) -> list[Document]:
  return [*made.split("train"), *made.split("validation")]


def texts(made: Documents) -> dict[str, str]:
  return {document.path: document.text for document in both(made)}


# What is a document.


def test_documents_come_from_all_files_packed_or_not(write):
  made = write({"b/1.jsonl.gz": MANY[20:30], "a.jsonl": MANY[:20], "c.jsonl": MANY[30:]})
  assert texts(made) == {told["path"]: told["content"] for told in MANY}
  in_order = [told["path"] for told in MANY]
  for split in corpus.SPLITS:
    read = [document.path for document in made.split(split)]
    assert read == [path for path in in_order if path in read]


def test_a_document_is_called_by_its_path_or_else_by_its_place(write):
  lines = [
    {"content": "1", "path": "a.py"},
    {"content": "2", "path": "a.py", "repo_name": "me/it"},
    {"content": "3", "max_stars_repo_path": "b.py", "max_stars_repo_name": "you/it"},
    {"content": "4", "repo_name": "me/it"},
    {"content": "5", "path": None},
    b"\n",
    {"content": "6"},
  ]
  got = texts(write({"x/0.jsonl": lines, "1.jsonl": MANY}))
  named = {path: text for path, text in got.items() if len(text) == 1}
  assert named == {
    "a.py": "1", "me/it/a.py": "2", "you/it/b.py": "3",
    "x/0.jsonl:4": "4", "x/0.jsonl:5": "5", "x/0.jsonl:7": "6",
  }  # fmt: skip


def test_texts_are_exact(write):
  nasty = ["a\r\n\tb\r\n", "\0", "é e\u0301 🦊", "\ufeffx", " \n x", '"\\n"', "\u2028x"]
  lines = [{"content": text} for text in nasty]
  lines[0] = b"\xef\xbb\xbf" + line(lines[0])  # a byte order mark, as Windows writes it
  lines[1] = line(lines[1]).replace(b"\n", b"\r\n")
  lines[2] = json.dumps(lines[2], ensure_ascii=False).encode() + b"\n"
  lines[-1] = line(lines[-1]).rstrip()  # a last line without its end
  got = texts(write({"0.jsonl": lines, "1.jsonl": MANY}))
  assert [got[f"0.jsonl:{number}"] for number in range(1, len(nasty) + 1)] == nasty


def test_source_files_are_documents_where_there_is_no_jsonl(write):
  sources = {f"{i}/x.py": [f"x = {i}\n".encode()] for i in range(30)}
  left_out = {".git/x.py": [b"hidden"], "data.bin": [b"\xff"], "LICENSE": [b"words"]}
  made = write(sources | left_out | {"README.md": [b"# It\n"]})
  assert texts(made) == {f"{i}/x.py": f"x = {i}\n" for i in range(30)} | {"README.md": "# It\n"}
  made = write({"0.jsonl": MANY})
  assert texts(made).keys() == {told["path"] for told in MANY}


def test_a_file_may_be_given_for_a_folder(write):
  made = write({"0.jsonl.gz": MANY, "1.jsonl": MANY[:1]}, path="0.jsonl.gz")
  assert len(texts(made)) == 40 and made.files.keys() == {"0.jsonl.gz"}


# The split.


def test_each_document_is_in_the_split_that_its_path_says(write):
  made = write({"0.jsonl": MANY})
  held_out = {d.path for d in made.split("validation")}
  assert 0 < len(held_out) < len(MANY)
  assert held_out == {t["path"] for t in MANY if corpus.is_held_out(t["path"], every=3)}
  assert {d.path for d in made.split("train")} == {t["path"] for t in MANY} - held_out
  with pytest.raises(InputError, match="toy has no split 'test'; its splits are train and valid"):
    next(made.split("test"))


@pytest.mark.parametrize("every", [1, 10**9])
def test_a_split_without_documents_is_told(write, every):
  made = write({"0.jsonl": MANY}, every=every)
  with pytest.raises(InputError, match=r"toy has too few documents .*: 40 that are not empty"):
    both(made)


# What is counted.


def test_a_record_counts_both_splits_whichever_was_read(write):
  lines = [*MANY, {"content": ""}, {"content": " \n"}]
  for split in corpus.SPLITS:
    made = write({"0.jsonl": lines})
    assert "files" not in made.record()
    read = {name: [*write().split(name)] for name in corpus.SPLITS}
    list(made.split(split))
    size = {name: sum(len(d.text) for d in documents) for name, documents in read.items()}
    assert made.record() == {
      "fingerprint": made.fingerprint,
      "version": f"1 files, 0.000 GB, of {made.path.name}",
      "description": "a toy",
      "files": 40,
      "bytes": size["train"] + size["validation"],
      "held_out_files": len(read["validation"]),
      "held_out_bytes": size["validation"],
      "empty_removed": 2,
      "unreadable": 0,
      "first_unreadable": "",
    }


BROKEN = {
  "it is not JSON": b'{"content": "x\n',
  "it is not UTF-8": b'{"content": "\xe9"}\n',
  "it is not UTF-8 .*surrogates": b'{"content": "\\ud800"}\n',
  "it is not JSON .*recursion|it is not JSON .*Recursion": b"[" * 100_000 + b"\n",
  "it has no text 'content' but the fields text, meta": {"text": "x", "meta": 1},
  "it has no text 'content' but the fields content": {"content": None},
  "it has no text 'content' but list": ["x"],
}


@pytest.mark.parametrize(("why", "broken"), BROKEN.items(), ids=range(len(BROKEN)))
def test_what_cannot_be_read_is_counted_and_told_and_the_rest_is_read(write, why, broken, capsys):
  many = [{"content": f"{i}"} for i in range(400)]
  made = write({"0.jsonl": many[:3], "1.jsonl.gz": [*many[3:10], broken, broken, *many[10:]]})
  assert len(texts(made)) == 400
  assert (made.record()["unreadable"], made.record()["files"]) == (2, 400)
  said = r"2 of 402 documents of toy cannot be read \(the first is 1\.jsonl\.gz:8: "
  assert re.match(f"{said}({why})", capsys.readouterr().err)
  assert made.record()["first_unreadable"].startswith("1.jsonl.gz:8: it ")


@pytest.mark.parametrize(("why", "broken"), BROKEN.items(), ids=range(len(BROKEN)))
def test_more_than_one_in_a_hundred_stops(write, why, broken):
  made = write({"0.jsonl": [broken, *MANY]})
  said = rf"^1 of 41 documents of toy cannot be read \(the first is 0\.jsonl:1: ({why})"
  with pytest.raises(InputError, match=said):
    both(made)
  assert "files" not in made.record()


def test_a_large_corpus_of_the_wrong_kind_is_not_read_to_its_end(write):
  made = write({"0.jsonl": [{"text": "x"}] * 200, "1.jsonl.gz": []})
  (made.path / "1.jsonl.gz").write_bytes(b"broken, and never reached")
  said = "^101 of 101 documents of toy .*but the fields text"
  with pytest.raises(InputError, match=said):
    both(made)


def test_source_files_that_are_not_utf8_are_counted_too(write, capsys):
  sources = {f"{i:03}.py": [f"x = {i}\n".encode()] for i in range(200)}
  made = write(sources | {"latin.py": ["# é".encode("latin-1")]})
  assert len(texts(made)) == 200
  assert "1 of 201 documents of toy cannot be read (the first is latin.py: it is not UTF-8" in (
    capsys.readouterr().err
  )


def test_a_damaged_file_is_named_after_what_it_had(write):
  noise = random.Random(0)
  made = write({"0.jsonl.gz": [{"content": noise.randbytes(5000).hex()} for _ in range(20)]})
  file = made.path / "0.jsonl.gz"
  file.write_bytes(file.read_bytes()[:-100])
  got = made.split("train")
  assert len(next(got).text) == 10_000
  with pytest.raises(InputError, match=r"0\.jsonl\.gz cannot be read to its end \(Compressed file"):
    list(got)


def test_documents_are_read_one_by_one(write):
  """Eight million characters, of which only a few lines are in memory at a time."""
  made = write({"0.jsonl": [{"content": f"{i:08}" * 2500} for i in range(400)]})
  _ = made.fingerprint  # which reads two MiB of a file
  tracemalloc.start()
  total = sum(len(document.text) for document in made.split("train"))
  _, peak = tracemalloc.get_traced_memory()
  tracemalloc.stop()
  assert total > 4_000_000 and peak < 1_000_000


# What is there to be read.


@pytest.mark.parametrize("name", ["0.parquet", "a/0.jsonl.zst", "0.tar.gz"])
def test_what_is_not_read_is_told_with_its_cure(write, name):
  made = write({"0.jsonl": MANY, name: [b"PAR1"]})
  with pytest.raises(InputError, match=rf"^{name} in .* is not read, .* convert Parquet in Python"):
    both(made)


def test_a_place_that_is_empty_or_not_there_is_told(write):
  with pytest.raises(
    InputError, match=r"there is no folder and no file .*missing; check its spell"
  ):
    both(write(path="missing"))
  with pytest.raises(InputError, match=r"there is neither JSONL .* nor source code below"):
    both(write({"data.bin": [b"x"]}))


# The fingerprint.


def test_a_fingerprint_tells_names_sizes_and_both_ends_of_a_file(write):
  def of(data: bytes, name: str = "0.jsonl", **settings) -> str:
    return write({f"x/{name}": [data]}, path="x", **settings).fingerprint

  def changed(place: int) -> bytes:
    data = bytearray(3 * MIB)
    data[place] = 1
    return bytes(data)

  same = bytes(3 * MIB)
  first = of(same)
  assert of(same) == first
  others = [of(changed(place)) for place in (0, MIB - 1, -MIB, -1)]
  others += [of(bytes(4 * MIB)), of(same, field="text"), of(same, every=4)]
  renamed = write({"y/1.jsonl": [same]}, path="y")
  two = write({"z/0.jsonl": [same], "z/1.jsonl": []}, path="z")
  others += [renamed.fingerprint, two.fingerprint]
  assert len({first, *others}) == 1 + len(others)


def test_a_fingerprint_does_not_read_the_middle_of_a_large_file(write):
  data = bytearray(3 * MIB)
  first = write({"0.jsonl": [bytes(data)]}).fingerprint
  data[MIB : 2 * MIB] = b"x" * MIB
  assert write({"0.jsonl": [bytes(data)]}).fingerprint == first
