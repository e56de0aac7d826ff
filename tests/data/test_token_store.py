import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data import token_store
from codegen_jax.data.token_file import TokenFile
from codegen_jax.data.token_store import TokenStore
from codegen_jax.errors import InputError

VOCAB = 50257
EOS = VOCAB - 1


def write(folder: Path, documents, **changes) -> TokenStore:
  settings = {"vocab_size": VOCAB, "eos_id": EOS, "fingerprint": "abc"} | changes
  named = ((f"{i}.py", ids) for i, ids in enumerate(documents))
  return token_store.write(folder, named, **settings)


ids = st.one_of(st.sampled_from([0, EOS]), st.integers(0, VOCAB - 1))
some_documents = st.lists(st.lists(ids, max_size=6), min_size=1, max_size=8)


@given(some_documents, st.data())
def test_slices_are_slices_of_all_documents_end_to_end(tmp_path_factory, documents, data):
  store = write(tmp_path_factory.mktemp("stores") / "train", documents)
  tokens = [t for ids in documents for t in [*ids, EOS]]
  owners = [i for i, ids in enumerate(documents) for _ in [*ids, EOS]]
  start = data.draw(st.integers(0, len(tokens)))
  stop = data.draw(st.integers(start, len(tokens)))
  got_tokens, got_owners = store.slice(start, stop)
  assert got_tokens.tolist() == tokens[start:stop]
  assert got_owners.tolist() == owners[start:stop]
  assert got_tokens.dtype == got_owners.dtype == np.int32
  assert [store.document_at(i) for i in range(len(tokens))] == owners
  assert (store.num_tokens, store.num_documents) == (len(tokens), len(documents))
  assert store.paths == tuple(f"{i}.py" for i in range(len(documents)))


@pytest.mark.parametrize(
  ("vocab_size", "dtype"), [(2**16, np.uint16), (2**16 + 1, np.uint32), (250_000, np.uint32)]
)
def test_the_largest_id_survives_in_the_smallest_type(tmp_path, vocab_size, dtype):
  largest = vocab_size - 1
  store = write(tmp_path / "s", [[0, largest]], vocab_size=vocab_size, eos_id=0)
  assert store.tokens.dtype == dtype
  assert store.slice(0, 3)[0].tolist() == [0, largest, 0]


def test_tokens_stay_on_disk_and_numpy_reads_the_file(tmp_path):
  store = write(tmp_path / "s", [np.arange(5, dtype=np.int32)] * 1000)
  assert isinstance(store.tokens, TokenFile)
  assert np.load(tmp_path / "s/tokens.npy").tolist() == [0, 1, 2, 3, 4, EOS] * 1000


def test_a_store_is_found_again(tmp_path):
  write(tmp_path / "a/b/s", [[1], [2]])
  found = TokenStore.open(tmp_path / "a/b/s", fingerprint="abc")
  assert (found.fingerprint, found.vocab_size, found.eos_id) == ("abc", VOCAB, EOS)
  assert found.slice(0, 4)[0].tolist() == [1, EOS, 2, EOS]


def test_what_is_said_after_the_last_document_is_kept(tmp_path):
  seen = []
  documents = (seen.append(ids) or ids for ids in ([1], [2]))
  made = write(tmp_path / "s", documents, record=lambda: {"documents": len(seen)})
  assert made.record == TokenStore.open(tmp_path / "s").record == {"documents": 2}
  assert write(tmp_path / "t", [[1]]).record == {}
  without(tmp_path / "s", "record", "checks", "seal")  # as it was before there were records
  assert TokenStore.open(tmp_path / "s").record == {}


@pytest.mark.parametrize("start, stop", [(-1, 2), (0, 5), (3, 2)])
def test_a_slice_outside_the_store_is_refused(tmp_path, start, stop):
  store = write(tmp_path / "s", [[1], [2]])
  with pytest.raises(IndexError):
    store.slice(start, stop)
  with pytest.raises(IndexError):
    store.document_at(4)


def test_a_failure_halfway_leaves_nothing(tmp_path):
  def tokenize():
    yield "a.py", [1, 2]
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    token_store.write(tmp_path / "s", tokenize(), vocab_size=9, eos_id=0, fingerprint="abc")
  assert list(tmp_path.iterdir()) == []


def test_the_store_appears_only_when_it_is_whole(tmp_path):
  def tokenize():
    yield "a.py", [1]
    assert not (tmp_path / "s").exists()
    yield "b.py", [2]

  token_store.write(tmp_path / "s", tokenize(), vocab_size=9, eos_id=0, fingerprint="abc")
  assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_who_comes_second_uses_the_store_of_who_came_first(tmp_path):
  def tokenize():
    write(tmp_path / "s", [[7]])
    yield "a.py", [1]

  settings = {"vocab_size": VOCAB, "eos_id": EOS}
  store = token_store.write(tmp_path / "s", tokenize(), **settings, fingerprint="abc")
  assert store.slice(0, 2)[0].tolist() == [7, EOS]
  assert [p.name for p in tmp_path.iterdir()] == ["s"]
  with pytest.raises(InputError, match=r"holds other data.*abc, expected def.*delete that folder"):
    token_store.write(tmp_path / "s", [("a.py", [1])], **settings, fingerprint="def")


@pytest.mark.parametrize(
  ("documents", "changes", "sentence"),
  [
    ([[1], [VOCAB]], {}, "1.py has the token id 50257, outside a vocabulary of 50257"),
    ([[-1]], {}, "0.py has the token id -1"),
    ([[1]], {"eos_id": VOCAB}, "eos_id 50257 is outside a vocabulary of 50257"),
    ([], {}, "no documents to store"),
  ],
)
def test_what_cannot_be_stored(tmp_path, documents, changes, sentence):
  with pytest.raises(InputError, match=sentence):
    write(tmp_path / "s", documents, **changes)
  assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match=r"cannot make .*file/s \(Not a directory\); choose"):
    write(tmp_path / "file/s", [[1]])


def edit_meta(folder: Path, **changes) -> None:
  meta = json.loads((folder / "meta.json").read_text())
  (folder / "meta.json").write_text(json.dumps(meta | changes))


def without(folder: Path, *keys: str) -> None:
  """A store as it was written before meta.json had these."""
  meta = json.loads((folder / "meta.json").read_text())
  (folder / "meta.json").write_text(json.dumps({k: v for k, v in meta.items() if k not in keys}))


def cut(file: Path, by: int) -> None:
  file.write_bytes(file.read_bytes()[:-by])


DAMAGES = {
  "tokens.npy is missing": lambda s: (s / "tokens.npy").unlink(),
  "offsets.npy is missing": lambda s: (s / "offsets.npy").unlink(),
  "meta.json is missing": lambda s: (s / "meta.json").unlink(),
  "documents.json is missing": lambda s: (s / "documents.json").unlink(),
  "damaged .*tokens.npy is not 4 uint16": lambda s: np.save(
    s / "tokens.npy", np.zeros(5, np.uint16)
  ),
  "damaged .*tokens.npy has 135 bytes, which are not .4,. tokens": lambda s: cut(
    s / "tokens.npy", 1
  ),
  "damaged .*is not of format": lambda s: (s / "meta.json").write_text("{}"),
  "damaged .*Expecting value": lambda s: (s / "meta.json").write_text(""),
  "damaged .*No data left": lambda s: (s / "offsets.npy").write_bytes(b""),
  "offsets.npy does not describe the 4 tokens": lambda s: np.save(
    s / "offsets.npy", np.array([0, 4, 4])
  ),
  "does not describe": lambda s: np.save(s / "offsets.npy", np.array([0, 2, 5])),
  "is not 3 uint16": lambda s: edit_meta(s, num_tokens=3),
  "is not 4 uint32": lambda s: edit_meta(s, vocab_size=70_000),
  "does not describe the": lambda s: edit_meta(s, num_documents=1),
}


@pytest.mark.parametrize("sentence", DAMAGES)
def test_a_damaged_store_says_to_delete_it(tmp_path, sentence):
  write(tmp_path / "s", [[1], [2]])
  without(tmp_path / "s", "checks", "seal")  # which would tell the same of all that is changed
  DAMAGES[sentence](tmp_path / "s")
  with pytest.raises(InputError, match=f"{sentence}.*delete that folder and prepare it again"):
    TokenStore.open(tmp_path / "s")


def test_paths_that_do_not_fit_are_damage_too(tmp_path):
  write(tmp_path / "s", [[1], [2]])
  without(tmp_path / "s", "checks", "seal")
  (tmp_path / "s/documents.json").write_text('["a"]')
  store = TokenStore.open(tmp_path / "s")
  with pytest.raises(InputError, match=r"names 1, not 2.*delete that folder"):
    _ = store.paths


def test_a_missing_store_is_to_be_prepared(tmp_path):
  with pytest.raises(InputError, match=r"there is no token store at .*prepare the data first"):
    TokenStore.open(tmp_path / "s")


def test_another_fingerprint_is_refused(tmp_path):
  write(tmp_path / "s", [[1]])
  with pytest.raises(InputError, match=r"fingerprint abc, expected xyz.*delete that folder"):
    TokenStore.open(tmp_path / "s", fingerprint="xyz")
