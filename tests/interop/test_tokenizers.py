"""Ids are the same on both sides of a conversion, for text that is meant to part them."""

import json
import pathlib
import shutil

import pytest

from codegen_jax.data import vocabulary
from codegen_jax.errors import InputError
from codegen_jax.interop import from_hf, run, to_hf
from codegen_jax.interop.tokenizer_files import NAME
from tests.interop import theirs

ADVERSARIAL = (
  "", " ", "\n", "\r\n", "\r", "\0", "a\0b\0\0", "\t", "\t\t\t\t\t\t\t\t\t\t\t", " " * 2, " " * 31,
  " " * 64 + "x", "  \t \t\t  x", "if x:\r\n\treturn\r\n\r\n", "trailing   ", "  leading",
  "é e\u0301 ﬁ", "😀👩‍👩‍👧🏽", "\ufeffbom", "\u200b\u2028", "\x7f\x80\x9f", "\U0010ffff",
  "<mask_1", "<|endoftext|", "'ll don't '''", "0123456789" * 5, "日本語のコメント", "_" * 50,
)  # fmt: skip
SPECIALS = ("a<sep>b", "<|endoftext|>", "<mask_1><mask_8>  <eom>\n", "<mask_9>")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
  return theirs.tokenizer(str(tmp_path_factory.mktemp("tokenizer")))


def corpus() -> list[str]:
  """Lines of this project's own code."""
  folder = pathlib.Path(__file__).resolve().parents[2] / "codegen_jax" / "data"
  return [file.read_text() for file in sorted(folder.glob("*.py"))]


def exported(tmp_path, tokenizer, family="codegen") -> pathlib.Path:
  """There, here, and there again; its tokenizer went along."""
  folder = theirs.save(family, tmp_path / "theirs")
  shutil.copy(tokenizer, folder / NAME)
  made = from_hf.convert(folder, tmp_path / "ours", name=family)
  assert made.has_tokenizer
  found = run.read(tmp_path / "ours")
  ours = vocabulary.ByteLevelBPE(found.tokenizer)
  to_hf.convert(found, tmp_path / "back", vocabulary=ours)
  return tmp_path / "back"


@pytest.mark.parametrize("family", ["codegen", "llama"])
def test_ids_and_texts_are_those_of_transformers(family, tokenizer, tmp_path):
  ours = vocabulary.ByteLevelBPE(tokenizer)
  loaded = theirs.transformers.AutoTokenizer.from_pretrained(exported(tmp_path, tokenizer, family))
  for text in (*ADVERSARIAL, *SPECIALS, *corpus()):
    ids = ours.encode(text)
    assert loaded(text, split_special_tokens=True)["input_ids"] == list(ids), text
    assert loaded.decode(ids) == text == ours.decode(ids)
    # What transformers does unless it is asked: a prompt may have specials.
    assert loaded(text)["input_ids"] == ours.encode_with_specials(text), text
  assert loaded.eos_token_id == loaded.pad_token_id == ours.eos_id
  assert len(loaded) == ours.vocab_size == 310


def test_an_export_ends_where_its_tokenizer_says_and_not_where_the_junk_does(tokenizer, tmp_path):
  out = exported(tmp_path, tokenizer)
  before = json.loads((tmp_path / "theirs" / "config.json").read_text())
  assert (before["bos_token_id"], before["eos_token_id"]) == (1, 2)
  end = vocabulary.ByteLevelBPE(tokenizer).eos_id
  for name in ("config.json", "generation_config.json"):
    told = json.loads((out / name).read_text())
    assert told["bos_token_id"] == told["eos_token_id"] == end


def test_half_a_surrogate_is_refused_with_a_sentence(tokenizer, tmp_path):
  exported(tmp_path, tokenizer)
  ours = vocabulary.ByteLevelBPE(tmp_path / "ours" / NAME)
  with pytest.raises(InputError, match=r"lone surrogate '\\ud83d' at character 1"):
    ours.encode("a\ud83d")


def test_a_tokenizer_without_rows_for_its_ids_is_refused_by_its_last_token(tmp_path):
  texts = ["def add(a, b):\n    return a + b\n" * 9]
  large = vocabulary.train(texts, vocab_size=theirs.VOCAB + 12, num_masks=252, out=tmp_path / "t")
  folder = theirs.save("codegen", tmp_path / "theirs")
  shutil.copy(large, folder / NAME)
  with pytest.raises(InputError, match=r"gives '<mask_1>' the id 523, and the embedding has 512"):
    from_hf.convert(folder, tmp_path / "ours", name="x")
  assert not (tmp_path / "ours").exists() and not list(tmp_path.glob(".*"))


def test_three_files_of_older_tokenizers_become_one_with_the_same_ids(tmp_path):
  folder = theirs.save("codegen", tmp_path / "theirs")
  vocab, merges = gpt2_like()
  (folder / "vocab.json").write_text(json.dumps(vocab))
  (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(map(" ".join, merges)) + "\n")
  added = [" " * n for n in range(31, 1, -1)] + ["\t" * n for n in range(9, 1, -1)] + ["<sep>"]
  first = len(vocab)
  numbers = {token: first + i for i, token in enumerate(added)}
  (folder / "added_tokens.json").write_text(json.dumps(numbers))
  from_hf.convert(folder, tmp_path / "ours", name="x")
  ours = vocabulary.ByteLevelBPE(tmp_path / "ours" / NAME)
  loaded = theirs.transformers.CodeGenTokenizer(vocab=vocab, merges=merges)
  loaded.add_tokens([theirs.transformers.AddedToken(t, normalized=False) for t in added])
  for text in (*ADVERSARIAL, *corpus()):
    assert loaded(text)["input_ids"] == ours.encode_with_specials(text), text
  assert ours.special_id("<sep>") == numbers["<sep>"]
  (folder / "added_tokens.json").write_text(json.dumps({"<sep>": first + 3}))
  with pytest.raises(InputError, match=f"gives '<sep>' the id {first + 3}.*it would be {first};"):
    from_hf.convert(folder, tmp_path / "never", name="x")


def gpt2_like() -> tuple[dict[str, int], list[tuple[str, str]]]:
  """As GPT-2's files: bytes, some merges, <|endoftext|> the last."""
  from tokenizers import pre_tokenizers

  merges = [("Ġ", "a"), ("d", "e"), ("de", "f"), ("Ġ", "Ġ"), ("ĠĠ", "ĠĠ"), ("r", "e")]
  tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *map("".join, merges), "<|endoftext|>"]
  return {token: i for i, token in enumerate(tokens)}, merges
