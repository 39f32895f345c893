#include "weights/element_stream.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kPieceElements = std::uint64_t{64} << 10;

// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. Every value is exact in float32.
float half_to_float(std::uint16_t bits) {
  const float sign = (bits & 0x8000u) != 0 ? -1.0f : 1.0f;
  const int exponent = bits >> 10 & 0x1f;
  const auto fraction = static_cast<float>(bits & 0x3ffu);
  if (exponent == 0x1f) {
    // The float32 with the same sign and payload, so that a NaN stays the same NaN.
    return std::bit_cast<float>((bits & 0x8000u) << 16 | 0x7f800000u | (bits & 0x3ffu) << 13);
  }
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024.0f + fraction, exponent - 25);
}

// bfloat16 is the upper half of a float32.
float bfloat16_to_float(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

// `convert` takes the element's own type (bits for the two 16-bit floats).
template <class Element, class Out, class Convert>
void decode_each(std::string_view bytes, std::span<Out> out, const Convert& convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
    out[i] = static_cast<Out>(convert(element));
  }
}

}  // namespace

template <class Out>
void decode(DType type, std::string_view bytes, std::span<Out> out) {
  if (bytes.size() != out.size() * dtype_bytes(type))
    throw InternalError(text(bytes.size(), " bytes are decoded to ", out.size(), " elements of ", dtype_name(type)));
  const auto same = [](auto value) { return value; };
  switch (type) {
    case DType::f64: return decode_each<double>(bytes, out, same);
    case DType::f32: return decode_each<float>(bytes, out, same);
    case DType::f16: return decode_each<std::uint16_t>(bytes, out, half_to_float);
    case DType::bf16: return decode_each<std::uint16_t>(bytes, out, bfloat16_to_float);
    case DType::i64: return decode_each<std::int64_t>(bytes, out, same);
    case DType::i32: return decode_each<std::int32_t>(bytes, out, same);
    case DType::i16: return decode_each<std::int16_t>(bytes, out, same);
    case DType::i8: return decode_each<std::int8_t>(bytes, out, same);
    case DType::u8: return decode_each<std::uint8_t>(bytes, out, same);
    case DType::boolean: return decode_each<std::uint8_t>(bytes, out, [](std::uint8_t b) { return b != 0 ? 1 : 0; });
  }
}

template void decode(DType, std::string_view, std::span<float>);
template void decode(DType, std::string_view, std::span<double>);

ElementStream::ElementStream(const StoredTensor& tensor)
    : tensor_(tensor),
      item_(dtype_bytes(tensor.type)),
      left_(static_cast<std::uint64_t>(tensor.shape.elements())),
      at_(tensor.offset) {
  if (tensor.strides.empty() || left_ == 0) return;
  std::uint64_t last = 0;
  for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
    if (tensor.shape[axis] == 1) continue;  // its stride is never used and may be any number
    sizes_.push_back(tensor.shape[axis]);
    strides_.push_back(tensor.strides[static_cast<std::size_t>(axis)]);
    last += static_cast<std::uint64_t>((sizes_.back() - 1) * strides_.back());
  }
  index_.assign(sizes_.size(), 0);
  extent_ = tensor.source.read(tensor.offset, (last + 1) * item_);
}

// The next `count` elements of the view, of Item bytes each, into piece_.
template <std::size_t Item>
void ElementStream::gather(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(piece_.data() + i * Item, extent_.data() + static_cast<std::size_t>(element_) * Item, Item);
    for (std::size_t axis = sizes_.size(); axis-- > 0;) {
      element_ += strides_[axis];
      if (++index_[axis] < sizes_[axis]) break;
      element_ -= strides_[axis] * sizes_[axis];
      index_[axis] = 0;
    }
  }
}

std::string_view ElementStream::next() {
  const auto count = static_cast<std::size_t>(std::min(left_, kPieceElements));
  if (count == 0) {
    if (!tensor_.checksum.empty()) tensor_.compare_checksum(checksum_.hex());
    return {};
  }
  piece_.resize(count * item_);
  if (extent_.empty()) {
    tensor_.source.read(at_, std::span<char>(piece_));
    at_ += piece_.size();
  } else {
    switch (item_) {
      case 1: gather<1>(count); break;
      case 2: gather<2>(count); break;
      case 4: gather<4>(count); break;
      default: gather<8>(count);
    }
  }
  left_ -= count;
  if (!tensor_.checksum.empty()) checksum_.update(piece_);
  return piece_;
}

}  // namespace vitrine
