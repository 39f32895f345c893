#include "weights/tensor_file.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "weights/checksum.h"

// Both safetensors and torch.save store little-endian numbers; they are copied as they are.
static_assert(std::endian::native == std::endian::little, "weights/ is written for little-endian machines");

namespace vitrine {
namespace {

struct DTypeRow {
  DType type;
  std::size_t bytes;
  std::string_view name;
};

constexpr std::array<DTypeRow, 10> kDTypes{{{DType::f64, 8, "F64"},
                                            {DType::f32, 4, "F32"},
                                            {DType::f16, 2, "F16"},
                                            {DType::bf16, 2, "BF16"},
                                            {DType::i64, 8, "I64"},
                                            {DType::i32, 4, "I32"},
                                            {DType::i16, 2, "I16"},
                                            {DType::i8, 1, "I8"},
                                            {DType::u8, 1, "U8"},
                                            {DType::boolean, 1, "BOOL"}}};

const DTypeRow& row(DType type) {
  for (const DTypeRow& r : kDTypes) {
    if (r.type == type) return r;
  }
  throw InternalError("an unknown element type");
}

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

// Calls store(i, value) for every element, `value` having the element's own type (float for the two 16-bit floats).
template <class Element, class Convert, class Store>
void each(std::string_view bytes, const Convert& convert, const Store& store) {
  for (std::size_t i = 0; i < bytes.size() / sizeof(Element); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
    store(i, convert(element));
  }
}

template <class Store>
void each_value(const StoredTensor& t, const Store& store) {
  const std::string bytes = t.bytes();
  const auto same = [](auto value) { return value; };
  switch (t.type) {
    case DType::f64: return each<double>(bytes, same, store);
    case DType::f32: return each<float>(bytes, same, store);
    case DType::f16: return each<std::uint16_t>(bytes, half_to_float, store);
    case DType::bf16: return each<std::uint16_t>(bytes, bfloat16_to_float, store);
    case DType::i64: return each<std::int64_t>(bytes, same, store);
    case DType::i32: return each<std::int32_t>(bytes, same, store);
    case DType::i16: return each<std::int16_t>(bytes, same, store);
    case DType::i8: return each<std::int8_t>(bytes, same, store);
    case DType::u8: return each<std::uint8_t>(bytes, same, store);
    case DType::boolean:
      return each<std::uint8_t>(
          bytes, [](std::uint8_t b) { return b != 0 ? 1 : 0; }, store);
  }
}

template <class Value>
StoredTensor stored(std::string name, DType type, const Shape& shape, const Value* values, std::size_t count) {
  if (static_cast<std::int64_t>(count) != shape.elements()) {
    throw ShapeError(text("the tensor '", name, "' of shape ", shape.text(), " needs ", shape.elements(), " values, ", count,
                          " were given"));
  }
  std::string bytes(count * sizeof(Value), '\0');
  if (count > 0) std::memcpy(bytes.data(), values, bytes.size());
  return {.name = std::move(name), .type = type, .shape = shape, .source = ByteSource(std::move(bytes)), .strides = {}};
}

// The elements of a strided view in row-major order; `bytes` begin with its first element.
std::string gather(const StoredTensor& t, std::string_view bytes, std::size_t item) {
  std::string out;
  const auto out_bytes = static_cast<std::size_t>(t.size_in_bytes());
  out.reserve(out_bytes);
  std::vector<std::int64_t> sizes, strides;
  for (int axis = 0; axis < t.shape.rank(); ++axis) {
    if (t.shape[axis] == 1) continue;  // its stride is never used and may be any number
    sizes.push_back(t.shape[axis]);
    strides.push_back(t.strides[static_cast<std::size_t>(axis)]);
  }
  std::int64_t run = 1;  // elements of the trailing axes that lie without gaps
  while (!sizes.empty() && strides.back() == run) {
    run *= sizes.back();
    sizes.pop_back();
    strides.pop_back();
  }
  std::vector<std::int64_t> index(sizes.size(), 0);
  std::int64_t at = 0;
  while (out.size() < out_bytes) {
    out.append(bytes.substr(static_cast<std::size_t>(at) * item, static_cast<std::size_t>(run) * item));
    for (std::size_t axis = sizes.size(); axis-- > 0;) {
      at += strides[axis];
      if (++index[axis] < sizes[axis]) break;
      at -= strides[axis] * sizes[axis];
      index[axis] = 0;
    }
  }
  return out;
}

void check(const StoredTensor& t, std::string_view bytes) {
  if (t.checksum.empty() || t.checksum == checksum(bytes)) return;
  throw WeightsError(text(t.source.name(), ": the tensor '", printable(t.name),
                          "' was changed or damaged since it was written: its checksum is another one; restore it, or drop the "
                          "metadata 'vitrine.checksums' if that was meant"));
}

}  // namespace

std::size_t dtype_bytes(DType type) { return row(type).bytes; }

std::string_view dtype_name(DType type) { return row(type).name; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeRow& r : kDTypes) {
    if (r.name == name) return r.type;
  }
  return std::nullopt;
}

std::uint64_t StoredTensor::size_in_bytes() const { return static_cast<std::uint64_t>(shape.elements()) * dtype_bytes(type); }

std::string StoredTensor::bytes() const {
  const std::uint64_t count = size_in_bytes();
  if (strides.empty() || count == 0) {
    std::string all = source.read(offset, count);
    check(*this, all);
    return all;
  }
  std::uint64_t last = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] > 1) last += static_cast<std::uint64_t>((shape[axis] - 1) * strides[static_cast<std::size_t>(axis)]);
  }
  const std::size_t item = dtype_bytes(type);
  return gather(*this, source.read(offset, (last + 1) * item), item);
}

Tensor StoredTensor::to_float() const {
  Tensor tensor = Tensor::uninitialized(shape);
  const auto out = tensor.mutable_host();
  if (type == DType::f32 && strides.empty()) {
    const std::span<char> room(reinterpret_cast<char*>(out.data()), out.size_bytes());
    source.read(offset, room);
    check(*this, {room.data(), room.size()});
    return tensor;
  }
  each_value(*this, [&](std::size_t i, auto value) { out[i] = static_cast<float>(value); });
  return tensor;
}

std::vector<double> StoredTensor::to_double() const {
  std::vector<double> out(static_cast<std::size_t>(shape.elements()));
  each_value(*this, [&](std::size_t i, auto value) { out[i] = static_cast<double>(value); });
  return out;
}

StoredTensor StoredTensor::in_memory() const {
  return {.name = name, .type = type, .shape = shape, .source = ByteSource(bytes()), .strides = {}};
}

StoredTensor StoredTensor::from(std::string name, const Tensor& value) {
  const Tensor here = value.to(Device::cpu());
  return stored(std::move(name), DType::f32, here.shape(), here.host().data(), here.host().size());
}

StoredTensor StoredTensor::from(std::string name, const Shape& shape, const std::vector<double>& values) {
  return stored(std::move(name), DType::f64, shape, values.data(), values.size());
}

StoredTensor StoredTensor::from(std::string name, const Shape& shape, const std::vector<std::int64_t>& values) {
  return stored(std::move(name), DType::i64, shape, values.data(), values.size());
}

const StoredTensor* TensorFile::find(std::string_view name) const {
  for (const StoredTensor& t : tensors) {
    if (t.name == name) return &t;
  }
  return nullptr;
}

const StoredTensor& TensorFile::at(std::string_view name) const {
  if (const StoredTensor* t = find(name)) return *t;
  throw WeightsError(text("the file has no tensor '", name, "' among its ", tensors.size()));
}

}  // namespace vitrine
