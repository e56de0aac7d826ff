"""tf.train.Example in its own wire format, without TensorFlow: importing it costs a worker seconds.

message Example { map<string, Feature> features.feature }
message Feature { oneof { bytes_list, float_list, int64_list } }
"""

from collections.abc import Mapping, Sequence
import functools
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_BYTES, _INT, _MESSAGE = _FIELD.TYPE_BYTES, _FIELD.TYPE_INT64, _FIELD.TYPE_MESSAGE


@functools.cache
def _example() -> Any:
  file = descriptor_pb2.FileDescriptorProto(name="codegen_jax/example.proto", package="codegen_jax")
  file.syntax = "proto3"
  _message(file, "BytesList", ("value", 1, _BYTES, "", True))
  _message(file, "Int64List", ("value", 1, _INT, "", True))
  _message(
    file, "Feature", ("bytes_list", 1, _MESSAGE, "BytesList", False),
    ("int64_list", 3, _MESSAGE, "Int64List", False),
  )  # fmt: skip
  # A map is, on the wire, a list of entries; a list keeps the order that it is given.
  _message(file, "Entry", ("key", 1, _BYTES, "", False), ("value", 2, _MESSAGE, "Feature", False))
  _message(file, "Features", ("feature", 1, _MESSAGE, "Entry", True))
  _message(file, "Example", ("features", 1, _MESSAGE, "Features", False))
  pool = descriptor_pool.DescriptorPool()
  pool.Add(file)
  return message_factory.GetMessageClass(pool.FindMessageTypeByName("codegen_jax.Example"))


def _message(file: Any, name: str, *fields: tuple[str, int, int, str, bool]) -> None:
  message = file.message_type.add(name=name)
  for field, number, kind, of, repeated in fields:
    label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
    made = message.field.add(name=field, number=number, type=kind, label=label)
    if of:
      made.type_name = f".codegen_jax.{of}"


def serialised(features: Mapping[str, bytes | Sequence[int]]) -> bytes:
  example = _example()()
  for key in sorted(features):
    entry, value = example.features.feature.add(key=key.encode()), features[key]
    if isinstance(value, bytes):
      entry.value.bytes_list.value.append(value)
    else:
      entry.value.int64_list.value.extend(value)
  return example.SerializeToString(deterministic=True)
