#include "weights/tensorflow_index.h"

#include "base/error.h"
#include "weights/checked.h"
#include "weights/crc32.h"
#include "weights/tensor_name.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kMagic = 0xdb4775248b80fb57, kFooterBytes = 48;
constexpr std::uint64_t kMaxIndexBytes = std::uint64_t{64} << 20;
constexpr std::size_t kMaxEntries = 65'536;
constexpr std::size_t kMaxNameBytes = std::size_t{8} << 20;  // of all names: a name shares bytes with the one before it

// A piece of the file with a position that moves; every read is checked.
class Reader {
 public:
  Reader(std::string_view bytes, std::string_view file, std::uint64_t first_byte)
      : bytes_(bytes), file_(file), first_byte_(first_byte) {}

  [[noreturn]] void refuse(const std::string& flaw) const {
    throw WeightsError(text(file_, ": TensorFlow index refused at byte ", first_byte_ + at_, ": ", flaw));
  }
  bool done() const { return at_ == bytes_.size(); }
  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_) refuse(text(count, " more bytes are expected, ", bytes_.size() - at_, " are left"));
    at_ += static_cast<std::size_t>(count);
    return bytes_.substr(at_ - static_cast<std::size_t>(count), static_cast<std::size_t>(count));
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      if (shift == 63 && byte > 1) break;
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    refuse("a variable-length number has more than 64 bits");
  }
  std::int64_t size() {  // a number that counts bytes or elements
    const std::uint64_t value = varint();
    if (value > std::uint64_t{1} << 62) refuse(text("the number ", value, " is no size"));
    return static_cast<std::int64_t>(value);
  }
  // The next field of a message: its number; the value is read by the caller or skipped.
  std::uint32_t field(int& wire) {
    const std::uint64_t tag = varint();
    wire = static_cast<int>(tag & 7);
    if (tag >> 3 == 0 || tag >> 3 > 1000) refuse("a field number that no message has");
    return static_cast<std::uint32_t>(tag >> 3);
  }
  Reader message(int wire) {
    if (wire != 2) refuse("a message is expected");
    const std::uint64_t length = varint();
    const std::uint64_t begin = first_byte_ + at_;
    return {take(length), file_, begin};
  }
  std::int64_t number(int wire) {
    if (wire != 0) refuse("a number is expected");
    return size();
  }
  std::uint32_t fixed32(int wire) {
    if (wire != 5) refuse("four bytes are expected");
    return load_little_endian<std::uint32_t>(take(4).data());
  }
  void skip(int wire) {
    if (wire == 0) {
      varint();
    } else if (wire == 1 || wire == 5) {
      take(wire == 1 ? 8 : 4);
    } else if (wire == 2) {
      take(varint());
    } else {
      refuse("a field of an unknown wire type");
    }
  }

 private:
  std::string_view bytes_, file_;
  std::uint64_t first_byte_;
  std::size_t at_ = 0;
};

struct Block {
  std::string bytes;  // entries alone
  std::uint64_t offset = 0;
};

class IndexReader {
 public:
  IndexReader(const ByteSource& source, std::string_view file) : source_(source), file_(file) {}

  TensorflowIndex read() {
    if (source_.size() < kFooterBytes || source_.size() > kMaxIndexBytes)
      refuse(0, text("it has ", source_.size(), " bytes, ", kFooterBytes, " to ", kMaxIndexBytes, " are allowed"));
    const std::string footer = source_.read(source_.size() - kFooterBytes, kFooterBytes);
    Reader handles(footer, file_, source_.size() - kFooterBytes);
    handles.size();  // the metaindex block: never used
    handles.size();
    const Block index = block(handles);
    each_entry(index, [&](const std::string&, Reader value) {
      const Block data = block(value);
      each_entry(data, [&](const std::string& key, Reader entry) { add(key, entry); });
    });
    if (!header_) refuse(0, "it has no header entry");
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(std::uint64_t at, const std::string& flaw) const {
    throw WeightsError(text(file_, ": TensorFlow index refused at byte ", at, ": ", flaw));
  }

  // The block whose offset and size come next.
  Block block(Reader& handle) {
    const auto offset = static_cast<std::uint64_t>(handle.size()), size = static_cast<std::uint64_t>(handle.size());
    const std::uint64_t end = source_.size() - kFooterBytes;
    if (offset > end || end - offset < 5 || size > end - offset - 5)
      refuse(offset, text("a block of ", size, " bytes reaches outside the file"));
    read_bytes_ += size;
    if (read_bytes_ > 2 * source_.size()) refuse(offset, "blocks overlap");
    std::string bytes = source_.read(offset, size + 5);
    const auto stored = load_little_endian<std::uint32_t>(bytes.data() + size + 1);
    if (bytes[size] != 0) refuse(offset + size, "the block is compressed; save the checkpoint again without compression");
    if (masked_crc32c(crc32c(std::string_view(bytes).substr(0, size + 1))) != stored)
      refuse(offset, "the block's CRC-32C is wrong; the file is damaged, fetch it again");
    if (size < 4) refuse(offset, "the block has no restart array");
    const std::uint64_t restarts = load_little_endian<std::uint32_t>(bytes.data() + size - 4);
    if (restarts > (size - 4) / 4) refuse(offset, text("the block has ", restarts, " restart points, more than fit"));
    bytes.resize(static_cast<std::size_t>(size - 4 - 4 * restarts));
    return {std::move(bytes), offset};
  }

  template <class Visit>
  void each_entry(const Block& b, const Visit& visit) {
    Reader reader(b.bytes, file_, b.offset);
    std::string key;
    while (!reader.done()) {
      const std::uint64_t shared = reader.varint(), fresh = reader.varint(), length = reader.varint();
      if (shared > key.size()) reader.refuse("a key shares more bytes than the one before it has");
      key.resize(static_cast<std::size_t>(shared));
      key += reader.take(fresh);
      if (key.size() > 512) reader.refuse("a name is longer than 512 bytes");
      visit(key, Reader(reader.take(length), file_, b.offset));
    }
  }

  void add(const std::string& key, Reader& value) {
    if (key.empty()) return read_header(value);
    if (out_.entries.size() == kMaxEntries) value.refuse(text("more than ", kMaxEntries, " variables"));
    if (const std::string_view flaw = tensor_name_flaw(key); !flaw.empty())
      value.refuse(text("the variable name '", printable(key), "' ", flaw));
    if (!out_.entries.empty() && key <= out_.entries.back().name)
      value.refuse(text("the variable '", printable(key), "' is there twice or out of order"));
    name_bytes_ += key.size();
    if (name_bytes_ > kMaxNameBytes) value.refuse(text("the names have more than ", kMaxNameBytes, " bytes"));
    TensorflowEntry e;
    e.name = key;
    for (int wire = 0; !value.done();) {
      switch (value.field(wire)) {
        case 1: e.type = static_cast<int>(value.number(wire) & 0xff); break;
        case 2: e.shape = read_shape(value.message(wire)); break;
        case 3: e.shard = value.number(wire); break;
        case 4: e.offset = value.number(wire); break;
        case 5: e.size = value.number(wire); break;
        case 6: e.crc = value.fixed32(wire); break;
        case 7: value.refuse(text("the variable '", printable(key), "' is partitioned; save it whole"));
        default: value.skip(wire);
      }
    }
    out_.entries.push_back(std::move(e));
  }

  void read_header(Reader& value) {
    header_ = true;
    for (int wire = 0; !value.done();) {
      switch (value.field(wire)) {
        case 1: out_.shards = value.number(wire); break;
        case 2:
          if (value.number(wire) != 0) value.refuse("its numbers are big-endian; save it again on a little-endian machine");
          break;
        default: value.skip(wire);
      }
    }
    if (out_.shards < 1 || out_.shards > 1000) value.refuse(text("it has ", out_.shards, " shards, 1 to 1000 are read"));
  }

  std::vector<std::int64_t> read_shape(Reader message) {
    std::vector<std::int64_t> shape;
    for (int wire = 0; !message.done();) {
      if (message.field(wire) != 2) {
        message.skip(wire);
        continue;
      }
      Reader dimension = message.message(wire);
      std::int64_t size = 0;
      for (int inner = 0; !dimension.done();) {
        if (dimension.field(inner) == 1) {
          size = dimension.number(inner);
        } else {
          dimension.skip(inner);
        }
      }
      if (shape.size() == Shape::kMaxRank) message.refuse(text("a shape has more than ", Shape::kMaxRank, " axes"));
      shape.push_back(size);
    }
    return shape;
  }

  const ByteSource& source_;
  std::string_view file_;
  TensorflowIndex out_;
  bool header_ = false;
  std::uint64_t read_bytes_ = 0;
  std::size_t name_bytes_ = 0;
};

}  // namespace

bool is_tensorflow_index(const ByteSource& source) {
  return source.size() >= kFooterBytes && load_little_endian<std::uint64_t>(source.read(source.size() - 8, 8).data()) == kMagic;
}

TensorflowIndex parse_tensorflow_index(const ByteSource& source, std::string_view file_name) {
  return IndexReader(source, file_name).read();
}

std::uint32_t masked_crc32c(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

}  // namespace vitrine
