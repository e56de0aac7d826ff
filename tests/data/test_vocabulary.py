"""Ids and back: exactly, safely, and as the published models have them."""

import concurrent.futures
import copy
import itertools
import json
import math
import pathlib
import pickle
import random

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
import seqio
import tensorflow as tf
from tokenizers import pre_tokenizers

from codegen_jax.data import special_tokens, vocabulary
from codegen_jax.errors import InputError

GPT2 = pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data" / "gpt2_bpe"
needs_gpt2 = pytest.mark.skipif(
  not GPT2.is_dir(), reason="encoder.json and vocab.bpe of GPT-2 are not beside the checkout"
)

SOURCE = pathlib.Path(json.__file__).parent  # some Python to learn from
NASTY = [
  "",
  "!",
  "\0\0a\0",
  "a\r\n\tb\r\n",
  "\n\n    x   \t \t",
  "🦊 é e\u0301 \u3000\xa0",
  "def f(x):\n    if x:\n\t\treturn [ x , 1 ]  # don't .\n\n\n",
  "a<|endoftext|>b <mask_1><sep>",
]
PIECES = [" ", "  ", "\t", "\r\n", "\0", "x", "return", "é", "🦊", "<sep>", "<mask_1>", "'s", "!"]
no_deadline = settings(deadline=None)  # the first example loads the tokenizer
any_text = st.text() | st.lists(st.sampled_from(PIECES)).map("".join)


def texts() -> list[str]:
  return [path.read_text("utf-8") for path in sorted(SOURCE.glob("*.py"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
  return tmp_path_factory.mktemp("tokenizers")


@pytest.fixture(scope="module")
def trained_file(folder) -> pathlib.Path:
  return vocabulary.train(texts(), vocab_size=600, out=folder / "trained.json", num_masks=8)


@pytest.fixture(scope="module")
def trained(trained_file) -> vocabulary.ByteLevelBPE:
  return vocabulary.ByteLevelBPE(trained_file)


@pytest.fixture(scope="module")
def stand_in(folder) -> tuple[pathlib.Path, pathlib.Path]:
  """Two files shaped like GPT-2's; the merges are the first 50000 pairs of two bytes."""
  chars = sorted(pre_tokenizers.ByteLevel.alphabet())
  pairs = [(a, b) for a, b in itertools.product(chars, chars) if a != b][:50_000]
  tokens = [*chars, *map("".join, pairs), special_tokens.END_OF_TEXT]
  encoder, merges = folder / "encoder.json", folder / "vocab.bpe"
  encoder.write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
  lines = ["#version: 0.2", *map(" ".join, pairs), ""]
  merges.write_text("\n".join(lines), "utf-8")
  return encoder, merges


@pytest.fixture(scope="module")
def layouts(folder, stand_in):
  return _layouts(folder / "stand_in", *stand_in)


@pytest.fixture(scope="module")
def published(folder):
  return _layouts(folder / "published", GPT2 / "encoder.json", GPT2 / "vocab.bpe")


def _layouts(folder, encoder, merges) -> dict[str, vocabulary.ByteLevelBPE]:
  def build(layout):
    path = vocabulary.from_gpt2(encoder, merges, layout=layout, out=folder / f"{layout}.json")
    return vocabulary.ByteLevelBPE(path, rows=special_tokens.CODEGEN_ROWS)

  return {layout: build(layout) for layout in special_tokens.LAYOUTS}


def check_round_trip(vocab: vocabulary.ByteLevelBPE, text: str) -> None:
  ids = vocab.encode(text)
  lengths = vocab.token_num_bytes()[ids]
  assert vocab.decode(ids) == text
  assert lengths.sum() == len(text.encode())
  assert lengths.all()  # a control token has no length


# Text to ids and back.


@no_deadline
@given(any_text)
def test_text_comes_back_byte_for_byte_and_never_as_control(trained, text):
  check_round_trip(trained, text)


@pytest.mark.parametrize("layout", special_tokens.LAYOUTS)
def test_text_comes_back_under_every_layout(layouts, layout):
  for text in (*NASTY, *texts()[:1]):
    check_round_trip(layouts[layout], text)


@needs_gpt2
@no_deadline
@given(any_text, st.sampled_from(sorted(special_tokens.LAYOUTS)))
def test_text_comes_back_under_the_published_layouts(published, text, layout):
  check_round_trip(published[layout], text)


@no_deadline
@given(st.lists(any_text))
def test_a_batch_is_the_texts_one_by_one(trained, texts):
  batch = trained.encode_batch(texts)
  assert [ids.tolist() for ids in batch] == [trained.encode(text) for text in texts]
  assert all(ids.dtype == np.int32 for ids in batch)


@no_deadline
@given(st.lists(st.integers(-5, 700)))
def test_any_ids_decode_to_some_text(trained, ids):
  assert isinstance(trained.decode(ids), str)


def test_half_a_character_decodes_to_a_replacement(trained):
  fox = trained.encode("🦊")
  assert trained.decode(fox[:-1]) == "\ufffd"
  assert trained.decode([*fox[:-1], *trained.encode("a")]) == "\ufffda"


def test_ids_without_a_token_are_empty(trained, layouts):
  assert trained.decode([0, 600, -1, -100, 2**31 - 1, 0]) == "!!"
  assert layouts["codegen"].decode([0, 50_295, 51_199, 51_200, -1, 0]) == "!!"


def test_text_that_utf8_cannot_hold_is_refused(trained, tmp_path):
  for refuse in (
    lambda: trained.encode("ab\ud800c"),
    lambda: trained.encode_batch(["fine", "ab\ud800c"]),
    lambda: trained.encode_with_specials("<sep>ab\ud800c"),
    lambda: vocabulary.train(["ab\ud800c"], vocab_size=600, out=tmp_path / "t.json"),
  ):
    with pytest.raises(InputError, match=r"lone surrogate '\\ud800' at character 2"):
      refuse()
  assert not list(tmp_path.iterdir())


# Special tokens.


def test_specials_count_in_a_prompt_and_not_in_a_file(trained):
  text = "f(<mask_1>)<|endoftext|><sep><mask_1>"
  assert trained.encode_with_specials(text) == [
    *trained.encode("f("),
    trained.mask_id(1),
    *trained.encode(")"),
    trained.eos_id,
    trained.special_id("<sep>"),
    trained.mask_id(1),
  ]
  assert "<sep>" not in [trained.decode([i]) for i in trained.encode(text)]


def test_specials_are_the_last_ids_and_weigh_nothing(trained):
  names = ["<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>"]
  names += ["<dummy_0>", "<dummy_1>", "<dummy_2>", "<dummy_3>", "<sep>", "<eom>"]
  names += [f"<mask_{k}>" for k in (8, 7, 6, 5, 4, 3, 2, 1)]
  ids = [trained.special_id(name) for name in names]
  assert ids == list(range(600 - 18, 600))
  assert [trained.decode([i]) for i in ids] == names
  assert not trained.token_num_bytes()[ids].any()
  assert trained.token_num_bytes()[:582].all()


@pytest.mark.parametrize(
  ("layout", "specials"),
  [("gpt2", 1), ("codegen", 1), ("codegen2", 1 + 6 + 899), ("codegen25", 1 + 24 + 881)],
)
def test_special_is_what_text_never_becomes(trained, layouts, layout, specials):
  for vocab, count in ((trained, 18), (layouts[layout], specials)):
    special = vocab.is_special()
    assert special.shape == (vocab.vocab_size,) and special.sum() == count
    assert special[[vocab.eos_id, *vocab.mask_ids()]].all()
    assert not special[vocab.encode("".join((*NASTY, " " * 31, "\t" * 9)))].any()


@no_deadline
@given(st.data())
def test_bytes_are_those_of_the_text_also_within_a_character(trained, data):
  text = data.draw(any_text)
  ids = np.array(trained.encode(text), np.int32)
  cut = data.draw(st.integers(0, len(ids)))
  head, tail = trained.to_bytes(ids[:cut]), trained.to_bytes(ids[cut:])
  assert head + tail == text.encode()
  assert len(head) == trained.token_num_bytes()[ids[:cut]].sum()


def test_masks_count_from_one(trained):
  assert [trained.mask_id(k) for k in range(1, 9)] == list(range(599, 591, -1))
  assert trained.mask_ids().tolist() == list(range(599, 591, -1))
  for k in (0, -1, 9):
    with pytest.raises(InputError, match=f"no <mask_{k}>: this vocabulary has 8 masks"):
      trained.mask_id(k)


def test_a_misspelt_special_is_told_its_neighbour(trained):
  with pytest.raises(InputError, match=r"no .* '<fim_middel>'; did you mean <fim_middle>"):
    trained.special_id("<fim_middel>")


# The layouts of the published models.


@pytest.mark.parametrize("layout", ["codegen", "codegen2", "codegen25"])
def test_runs_have_the_published_ids(layouts, layout):
  vocab = layouts[layout]
  assert [vocab.encode(" " * n) for n in (2, 3, 30, 31)] == [[50286], [50285], [50258], [50257]]
  assert [vocab.encode("\t" * n) for n in (2, 3, 8, 9)] == [[50294], [50293], [50288], [50287]]
  assert vocab.encode(" " * 70) == [50257, 50257, 50280]
  assert vocab.encode("\t" * 20) == [50287, 50287, 50294]


@pytest.mark.parametrize("layout", special_tokens.LAYOUTS)
def test_every_layout_has_the_rows_and_the_ends_of_codegen(layouts, layout):
  vocab = layouts[layout]
  assert vocab.vocab_size == vocab.token_num_bytes().size == 51_200
  assert (vocab.eos_id, vocab.bos_id, vocab.unk_id, vocab.decode([0])) == (50_256, None, None, "!")


@pytest.mark.parametrize(
  ("layout", "num_masks", "first_ids"),
  [
    ("gpt2", 0, {}),
    ("codegen", 0, {}),
    ("codegen2", 899, {"<dummy_0>": 50295, "<dummy_3>": 50298, "<sep>": 50299, "<eom>": 50300}),
    (
      "codegen25",
      881,
      {"<fim_prefix>": 50295, "<fim_middle>": 50296, "<fim_suffix>": 50297, "<reponame>": 50312}
      | {"<dummy_0>": 50313, "<dummy_3>": 50316, "<sep>": 50317, "<eom>": 50318},
    ),
  ],
)
def test_specials_have_the_published_ids(layouts, layout, num_masks, first_ids):
  vocab = layouts[layout]
  assert {name: vocab.special_id(name) for name in first_ids} == first_ids
  assert vocab.num_masks == num_masks
  assert all(vocab.mask_id(k) == 51_200 - k for k in range(1, num_masks + 1))


@needs_gpt2
@pytest.mark.parametrize(
  ("layout", "text", "ids"),
  [
    *(
      (layout, "prefix<mask_1>suffix<|endoftext|><sep><mask_1>", ids)
      for layout, ids in {
        "codegen2": [40290, 51199, 37333, 844, 50256, 50299, 51199],
        "codegen25": [40290, 51199, 37333, 844, 50256, 50317, 51199],
      }.items()
    ),
    (
      "codegen25",
      "<fim_prefix>abc<fim_suffix>xyz<fim_middle>",
      [50295, 39305, 50297, 5431, 89, 50296],
    ),
    ("codegen", "Hello world", [15496, 995]),
    ("codegen", " Hello world", [18435, 995]),
  ],
)
def test_published_vectors(published, layout, text, ids):
  assert published[layout].encode_with_specials(text) == ids


@needs_gpt2
def test_a_run_before_a_word_is_cut_first_until_codegen25_merges_it(published):
  x, space_x = published["gpt2"].encode("x") + published["gpt2"].encode(" x")
  for layout in ("codegen", "codegen2"):
    assert published[layout].encode("    x") == [50284, x]
  assert published["codegen25"].encode("    x") == [50285, space_x]


def adversarial_texts() -> list[str]:
  spaces = [a + " " * n + b for n in range(71) for a in ("", "x") for b in ("", "y")]
  tabs = [a + "\t" * n + b for n in range(25) for a in ("", "\n") for b in ("", "y")]
  rng, pieces = random.Random(0), [" ", "  ", "\t", "\n", "\r\n", "x", "é"]
  mixed = ["".join(rng.choices(pieces, k=20)) for _ in range(200)]
  ordinary = [text.replace("<|endoftext|>", "") for text in (*NASTY, *texts())]
  return [*spaces, *tabs, *mixed, *ordinary]


@needs_gpt2
def test_ids_equal_those_of_transformers(published):
  transformers = pytest.importorskip("transformers")
  lines = (GPT2 / "vocab.bpe").read_text("utf-8").split("\n")[1:]
  peer = transformers.CodeGenTokenizer(
    vocab=json.loads((GPT2 / "encoder.json").read_text("utf-8")),
    merges=[tuple(line.split()) for line in lines if line],
  )
  peer.add_tokens([" " * n for n in range(31, 1, -1)])  # the order of jaxformer's sample.py
  peer.add_tokens(["\t" * n for n in range(9, 1, -1)])
  for text in adversarial_texts():
    assert published["codegen"].encode(text) == peer(text)["input_ids"], text
  # Where it differs on purpose: there, a file that spells <|endoftext|> ends the document.
  assert peer("<|endoftext|>")["input_ids"] == [50256]
  assert 50256 not in published["codegen"].encode("<|endoftext|>")


@needs_gpt2
def test_codegen25_merges_as_tiktoken_does(published):
  """tiktoken joins, again and again, the two neighbours whose union has the lowest id."""
  rank = json.loads((GPT2 / "encoder.json").read_text("utf-8"))
  rank |= {"Ġ" * n: 50_288 - n for n in range(2, 32)} | {"ĉ" * n: 50_296 - n for n in range(2, 10)}

  def merge(word: str) -> list[int]:
    parts = list(word)
    while True:
      ranks = [rank.get(a + b, math.inf) for a, b in itertools.pairwise(parts)]
      if min(ranks, default=math.inf) == math.inf:
        return [rank[part] for part in parts]
      at = ranks.index(min(ranks))
      parts[at : at + 2] = [parts[at] + parts[at + 1]]

  split = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
  for text in adversarial_texts():
    expected = [i for word, _ in split(text) for i in merge(word)]
    assert published["codegen25"].encode(text) == expected, text


@pytest.mark.parametrize(
  ("encoder", "merges", "message"),
  [
    (None, "fine", "cannot read .*encoder.json"),
    ("fine", None, "cannot read .*vocab.bpe"),
    ("{", "fine", "encoder.json is not GPT-2's encoder.json, a JSON object"),
    ("[1]", "fine", "encoder.json is not GPT-2's encoder.json, a JSON object"),
    ('{"a": 0}', "fine", "encoder.json .* it has 1 tokens"),
    ("fine", "#version: 0.2\na b c\n", "vocab.bpe, line 2: 'a b c' is not a merge"),
    ("fine", "#version: 0.2\na a\n", "vocab.bpe, line 2: 'a a' is not a merge"),
    ("fine", "#version: 0.2\na b\n", "vocab.bpe has 1 merges"),
    ("fine", b"\xff", "cannot read .*vocab.bpe"),
  ],
)
def test_bad_gpt2_files_are_named(stand_in, tmp_path, encoder, merges, message):
  paths = tmp_path / "encoder.json", tmp_path / "vocab.bpe"
  for path, good, content in zip(paths, stand_in, (encoder, merges), strict=True):
    if content is not None:
      content = good.read_bytes() if content == "fine" else content
      path.write_bytes(content if isinstance(content, bytes) else content.encode())
  with pytest.raises(InputError, match=message):
    vocabulary.from_gpt2(*paths, layout="codegen", out=tmp_path / "out.json")
  assert not (tmp_path / "out.json").exists()


def test_an_unknown_layout_is_told_its_neighbour(stand_in, tmp_path):
  with pytest.raises(InputError, match=r"no layout .* 'codegen2\.5'; did you mean codegen25"):
    vocabulary.from_gpt2(*stand_in, layout="codegen2.5", out=tmp_path / "out.json")


# Training.


def test_training_is_the_same_every_time_and_in_any_order(tmp_path):
  files = [
    vocabulary.train(order, vocab_size=500, out=tmp_path / "new" / f"{i}.json", num_masks=2)
    for i, order in enumerate([texts(), texts(), reversed(texts())])
  ]
  assert len({file.read_bytes() for file in files}) == 1
  assert {path.name for path in (tmp_path / "new").iterdir()} == {"0.json", "1.json", "2.json"}


def test_ids_begin_with_gpt2s_bytes_and_indentation_becomes_one_token(trained):
  assert [trained.decode([i]) for i in (0, 1, 93)] == ["!", '"', "~"]
  assert trained.vocab_size == 600
  assert len(trained.encode("        ")) == 1


@pytest.mark.parametrize(
  ("learned_from", "wanted", "message"),
  [
    (["abc" * 100], {"vocab_size": 365}, "vocab_size 365 is too small: .* need 366"),
    (["abc" * 100], {"vocab_size": 600, "num_masks": -1}, "too small"),
    ([], {"vocab_size": 400}, "256 ordinary tokens could be learned .* ask for 366"),
    (["a few words"], {"vocab_size": 400}, "repeat too little"),
  ],
)
def test_training_refuses_what_cannot_be_learned(tmp_path, learned_from, wanted, message):
  with pytest.raises(InputError, match=message):
    vocabulary.train(learned_from, out=tmp_path / "t.json", **wanted)
  assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(trained, tmp_path, monkeypatch):
  out = tmp_path / "t.json"
  out.write_text("old")

  def fail(self, target):
    raise OSError("disk")

  monkeypatch.setattr(pathlib.Path, "replace", fail)
  with pytest.raises(OSError, match="disk"):
    vocabulary.train(texts(), vocab_size=400, out=out, num_masks=2)
  assert [path.name for path in tmp_path.iterdir()] == ["t.json"]
  assert out.read_text() == "old"


# Loading, equality, copies.


def test_nothing_is_read_before_it_is_needed(trained, trained_file, tmp_path):
  calls = []

  def later():
    calls.append(1)
    return tmp_path / "later.json"

  vocab = vocabulary.ByteLevelBPE(later)
  feature = seqio.Feature(vocabulary=vocab, add_eos=False)
  source = seqio.FunctionDataSource(
    lambda split, shuffle_files: tf.data.Dataset.range(1), splits=["train"]
  )
  tasks = [
    seqio.Task(name, source=source, output_features={"targets": feature}) for name in ("a", "b")
  ]
  assert vocab == vocab and vocab != 3
  assert vocab == vocabulary.ByteLevelBPE(later)
  assert tasks[0].output_features == tasks[1].output_features
  assert not calls
  (tmp_path / "later.json").write_bytes(trained_file.read_bytes())
  with concurrent.futures.ThreadPoolExecutor(8) as threads:
    got = list(threads.map(vocab.encode, ["if x:"] * 32))
  assert got == [trained.encode("if x:")] * 32
  assert len(calls) == 1


def test_equal_means_the_same_ids(trained, trained_file, tmp_path):
  content = json.loads(trained_file.read_text("utf-8"))
  content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
  content["truncation"] = {
    "max_length": 2, "strategy": "LongestFirst", "stride": 0, "direction": "Right"
  }  # fmt: skip
  relaid = tmp_path / "relaid.json"
  relaid.write_text(json.dumps(content))
  assert vocabulary.ByteLevelBPE(relaid) == trained
  assert vocabulary.ByteLevelBPE(relaid).encode("if x: pass") == trained.encode("if x: pass")
  assert vocabulary.ByteLevelBPE(str(trained_file)) == trained
  assert vocabulary.ByteLevelBPE(trained_file, rows=640) != trained
  content["model"]["merges"].reverse()
  relaid.write_text(json.dumps(content))
  assert vocabulary.ByteLevelBPE(relaid) != trained


ADDED = {"id": 600, "content": "éé", "special": False}  # a model's "éé" would be the bytes E9 E9


def test_an_added_word_beyond_ascii_is_itself(trained_file, tmp_path):
  content = json.loads(trained_file.read_text("utf-8"))
  content["added_tokens"].append(content["added_tokens"][0] | ADDED)
  (tmp_path / "t.json").write_text(json.dumps(content))
  vocab = vocabulary.ByteLevelBPE(tmp_path / "t.json")
  assert vocab.encode("éé") == [600]
  check_round_trip(vocab, "né éé à é")


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_work_before_and_after_loading(trained, trained_file, duplicate):
  fresh = vocabulary.ByteLevelBPE(trained_file, rows=640)
  for vocab in (fresh, trained):
    assert duplicate(vocab) == vocab
    assert duplicate(vocab).vocab_size == vocab.vocab_size
    assert duplicate(vocab).encode("if x:") == trained.encode("if x:")


WORDS = {"type": "WordLevel", "vocab": {"x": 0}, "unk_token": "x"}


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (lambda s: s.update(normalizer={"type": "NFC"}), "not give every text back"),
    (lambda s: s["pre_tokenizer"].update(add_prefix_space=True), "not give every text back"),
    (lambda s: s["model"]["vocab"].pop("Ã"), "not (give|a tokenizer.json)"),
    (lambda s: s["added_tokens"].pop(0), r"no special token <\|endoftext\|>"),
    (lambda s: s.pop("model"), "is not a tokenizer.json"),
    (lambda s: s.update(model=WORDS), "not give every text back"),
  ],
)
def test_a_tokenizer_that_would_lose_text_is_refused(trained_file, tmp_path, change, message):
  content = json.loads(trained_file.read_text("utf-8"))
  change(content)
  path = tmp_path / "t.json"
  path.write_text(json.dumps(content))
  with pytest.raises(InputError, match=message):
    vocabulary.ByteLevelBPE(path).encode("x")


def test_bad_files_are_named(trained_file, tmp_path):
  with pytest.raises(InputError, match=r"cannot read the tokenizer .*absent\.json"):
    vocabulary.ByteLevelBPE(tmp_path / "absent.json").encode("x")
  (tmp_path / "t.json").write_text("[")
  with pytest.raises(InputError, match=r"t\.json is not a tokenizer.json"):
    vocabulary.ByteLevelBPE(tmp_path / "t.json").encode("x")
  with pytest.raises(InputError, match="rows=599 cannot hold the 600 ids"):
    vocabulary.ByteLevelBPE(trained_file, rows=599).encode("x")


# Inside seqio.


@pytest.mark.parametrize("text", [*NASTY, "ends with NUL\0"])
def test_tensorflow_gets_the_same_ids_and_text(trained, text):
  data = tf.data.Dataset.from_tensors({"targets": tf.constant(text.encode())})
  features = {"targets": seqio.Feature(trained, add_eos=False)}
  tokenized = seqio.preprocessors.tokenize(data, features, copy_pretokenized=False)
  assert tokenized.element_spec["targets"] == tf.TensorSpec([None], tf.int32)
  (example,) = tokenized.as_numpy_iterator()
  assert example["targets"].tolist() == trained.encode(text)
  assert trained.decode_tf(tf.constant(example["targets"])).numpy() == text.encode()


def test_decode_tf_does_not_fill_up_with_bangs(trained):
  a, eos = trained.encode("a")[0], trained.eos_id
  ids = tf.constant([[a, eos, 5], [a, a, a]])
  assert trained.decode_tf(ids).numpy().tolist() == [b"a<|endoftext|>", b"aaa"]
  assert trained.decode([a, eos, 5]) == "a<|endoftext|>"


def test_text_that_is_not_utf8_stops_the_pipeline(trained):
  with pytest.raises(InputError, match="text is not UTF-8"):
    trained.encode_tf(tf.constant(b"a\xff"))
  with pytest.raises(tf.errors.OpError, match="text is not UTF-8"):
    list(tf.data.Dataset.from_tensors(b"a\xff").map(trained.encode_tf))


def test_the_iterator_of_a_tokenizing_pipeline_can_be_checkpointed(trained, tmp_path):
  def pipeline():
    return iter(tf.data.Dataset.from_tensor_slices(["a", "if x:", "c"]).map(trained.encode_tf))

  before, after = pipeline(), pipeline()
  next(before)
  path = tf.train.Checkpoint(iterator=before).write(str(tmp_path / "iterator"))
  tf.train.Checkpoint(iterator=after).read(path)
  assert next(after).numpy().tolist() == trained.encode("if x:")
