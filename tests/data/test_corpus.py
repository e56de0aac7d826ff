import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from codegen_jax.data import corpus
from codegen_jax.data.corpus import Corpus, Document
from codegen_jax.errors import InputError


def numbered(n: int) -> list[Document]:
  return [Document(f"{i}.py", f"x = {i}\n") for i in range(n)]


def build(documents, **settings) -> Corpus:
  return Corpus.build("some", documents, description="for tests", **settings)


def paths(documents) -> set[str]:
  return {d.path for d in documents}


def test_splits_partition_the_documents_and_new_documents_move_none():
  small, large = build(numbered(100)), build(numbered(200))
  train, held_out = paths(small.split("train")), paths(small.split("validation"))
  assert train | held_out == paths(numbered(100)) and not train & held_out
  assert train < paths(large.split("train"))
  assert held_out < paths(large.split("validation"))


def test_the_split_follows_the_path_and_not_the_text():
  other_texts = [Document(d.path, d.text + "# edited\n") for d in numbered(100)]
  before, after = build(numbered(100)), build(other_texts)
  assert paths(before.split("validation")) == paths(after.split("validation"))


def test_the_split_is_the_same_on_every_machine():
  # From `printf 14.py | sha256sum`, modulo 20.  Python's own hash() would pass every other test.
  got = {d.path for d in build(numbered(100)).split("validation")}
  assert got == {f"{i}.py" for i in (14, 51, 60, 66, 75, 76, 89, 96)}


texts = st.lists(st.sampled_from(["", " \n", "a", "b", "c\n"]), min_size=1, max_size=30)


@given(texts)
def test_no_text_twice_none_empty_and_every_removal_counted(texts):
  given_documents = [*numbered(100), *(Document(f"z{i}", t) for i, t in enumerate(texts))]
  got = build(given_documents)
  kept = [d.text for d in got.documents]
  assert len(kept) == len(set(kept)) and all(t.strip() for t in kept)
  assert len(kept) + got.duplicates_removed + got.empty_removed == len(given_documents)
  assert got.empty_removed == sum(not t.strip() for t in texts)


def test_of_copies_the_first_path_stays():
  copies = [Document("z.py", "same"), Document("b.py", "same"), Document("m.py", "same")]
  got = build([*copies, *numbered(100)])
  assert [d.path for d in got.documents if d.text == "same"] == ["b.py"]


@settings(max_examples=10)
@given(st.permutations(range(100)))
def test_fingerprint_does_not_depend_on_order(order):
  shuffled = [numbered(100)[i] for i in order]
  assert build(shuffled).fingerprint == build(numbered(100)).fingerprint


@pytest.mark.parametrize(
  "change",
  [
    lambda d: Document(d.path, d.text + " "),
    lambda d: Document(d.path, d.text.replace("\n", "\r\n")),
    lambda d: Document(d.path + "3", d.text),
    lambda d: Document(d.path + d.text[0], d.text[1:]),  # a byte moves from text to path
    lambda d: Document(d.path, "\ufeff" + d.text),
  ],
)
def test_fingerprint_changes_with_any_byte(change):
  documents = numbered(100)
  changed = [*documents[:50], change(documents[50]), *documents[51:]]
  assert build(changed).fingerprint != build(documents).fingerprint


def test_fingerprint_changes_with_the_split_and_with_a_removed_document():
  fingerprint = build(numbered(100)).fingerprint
  assert build(numbered(100), held_out_every=10).fingerprint != fingerprint
  assert build(numbered(99)).fingerprint != fingerprint


def test_record_counts_bytes_and_files():
  documents = [*numbered(100), Document("é", "é"), Document("f", "é"), Document("g", "")]
  got = build(documents, version="1.2")
  record = got.record()
  train = sum(len(d.text.encode()) for d in got.split("train"))
  assert record["files"] == 101 and record["held_out_files"] == len(got.split("validation"))
  assert record["bytes"] == 590 + 100 + 2 == train + record["held_out_bytes"]
  assert (record["duplicates_removed"], record["empty_removed"]) == (1, 1)
  assert record["fingerprint"] == got.fingerprint
  assert (record["version"], record["description"]) == ("1.2", "for tests")


@pytest.mark.parametrize(
  ("make", "sentence"),
  [
    (lambda: build(numbered(100)).split("test"), "no split 'test'.*train and validation"),
    (lambda: build([]), "too few files for a train split: 0 left"),
    (lambda: build(numbered(2)), "too few files for a validation split: 2 left"),
    (lambda: build(numbered(9), held_out_every=1), "would hold every document.*give 2 or more"),
    (lambda: build([Document("a", "1"), Document("a", "2")]), "two documents called 'a'"),
  ],
)
def test_what_cannot_be_a_corpus(make, sentence):
  with pytest.raises(InputError, match=sentence):
    make()


def fill(folder: Path, files: dict[str, bytes]) -> Path:
  for name, data in files.items():
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
  return folder


def test_read_folder_reads_exact_text_in_sorted_order(tmp_path):
  files = {"b.py": b"\xef\xbb\xbfx\r\n\ry", "a/c.py": "é".encode(), "a.py": b"", "a/d.txt": b"?"}
  assert corpus.read_folder(fill(tmp_path, files)) == [
    Document("a.py", ""),
    Document("a/c.py", "é"),
    Document("b.py", "\ufeffx\r\n\ry"),
  ]


def test_read_folder_excludes_by_the_name_of_any_part(tmp_path):
  names = ["x.py", "test/x.py", "a/test/b/x.py", "test.py", "a/x_gen.py", ".git/x.py", "a/tests.py"]
  fill(tmp_path, dict.fromkeys(names, b"1"))
  got = corpus.read_folder(tmp_path, exclude=("test", "*_gen.py", ".*"))
  assert [d.path for d in got] == ["a/tests.py", "test.py", "x.py"]
  assert ".git/x.py" not in paths(corpus.read_folder(tmp_path))


def test_read_folder_enters_no_linked_folder(tmp_path):
  fill(tmp_path, {"inside/x.py": b"1", "outside/y.py": b"2"})
  (tmp_path / "inside/loop").symlink_to(tmp_path / "inside")
  (tmp_path / "inside/out").symlink_to(tmp_path / "outside")
  (tmp_path / "inside/y.py").symlink_to(tmp_path / "outside/y.py")
  assert corpus.read_folder(tmp_path / "inside") == [Document("x.py", "1"), Document("y.py", "2")]


def test_a_folder_that_cannot_be_read_says_why(tmp_path):
  fill(tmp_path, {"latin/a.py": b"ab\xe9", "none/a.md": b"x", "pipe/a.py": b"x"})
  (tmp_path / "link").mkdir()
  (tmp_path / "link/a.py").symlink_to("nowhere")
  os.mkfifo(tmp_path / "pipe/b.py")
  (tmp_path / "name").mkdir()
  (tmp_path / "name" / os.fsdecode(b"\xff.py")).write_text("x")
  for name, sentence in {
    "missing": "missing does not exist; check its spelling",
    "none/a.md": "a.md is a file; give the folder",
    "none": r"no file below .*none matches \*.py .*names like \.\* are left out",
    "latin": r"latin/a.py is not UTF-8: byte 0xe9 at offset 2; convert it \(iconv",
    "link": "link/a.py is a broken link or not a regular file; remove it",
    "pipe": "pipe/b.py is a broken link or not a regular file; remove it",
    "name": r"name of .*\\xff.py' is not UTF-8; rename",
  }.items():
    with pytest.raises(InputError, match=sentence):
      corpus.read_folder(tmp_path / name)


@pytest.mark.parametrize("forbidden", ["scandir", "open"])
def test_what_may_not_be_read_is_named(tmp_path, monkeypatch, forbidden):
  # Patched, because a superuser may read everything.
  def deny(path, *args, **kwargs):
    raise PermissionError(13, "Permission denied", str(path))

  fill(tmp_path, {"a/x.py": b"1"})
  if forbidden == "scandir":
    monkeypatch.setattr(corpus.os, "scandir", deny)
  else:
    monkeypatch.setattr(Path, "read_bytes", deny)
  with pytest.raises(InputError, match=r"cannot be read \(Permission denied\); allow it"):
    corpus.read_folder(tmp_path)
