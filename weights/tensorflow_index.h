// The index of a TensorFlow checkpoint (`model.ckpt.index`): a sorted string table of protocol-buffer entries.
//
// Table      data blocks, an index block and a footer of 48 bytes; a block is entries with shared key prefixes, a restart array, a
//            compression byte and a masked CRC-32C
// Entries    "" the header (shards, byte order), then for each variable its type, shape, shard, offset, size and CRC-32C
// Reference  TensorFlow core/lib/io/table_format.txt, core/protobuf/tensor_bundle.proto
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weights/tensor_file.h"

namespace vitrine {

struct TensorflowEntry {
  std::string name;
  int type = 0;  // TensorFlow's DataType
  std::vector<std::int64_t> shape;
  std::int64_t shard = 0, offset = 0, size = 0;  // bytes in the shard's file
  std::uint32_t crc = 0;                         // masked CRC-32C of them
};

struct TensorflowIndex {
  std::int64_t shards = 1;
  std::vector<TensorflowEntry> entries;
};

// The last eight bytes tell.
bool is_tensorflow_index(const ByteSource& source);

// WeightsError naming the byte on any flaw: a block outside the file, compressed or with a wrong CRC-32C, more than 65,536
// entries, a name that is no name, a partitioned variable, big-endian.
TensorflowIndex parse_tensorflow_index(const ByteSource& source, std::string_view file_name);

// The checksum that TensorFlow stores.
std::uint32_t masked_crc32c(std::uint32_t crc);

}  // namespace vitrine
