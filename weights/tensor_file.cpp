#include "weights/tensor_file.h"

#include <bit>
#include <cstring>

#include "base/error.h"
#include "weights/checksum.h"
#include "weights/element_stream.h"

// Both safetensors and torch.save store little-endian numbers; they are copied as they are.
static_assert(std::endian::native == std::endian::little, "weights/ is written for little-endian machines");

namespace vitrine {
namespace {

template <class Value>
StoredTensor stored(std::string name, DType type, const Shape& shape, const Value* values, std::size_t count) {
  if (static_cast<std::int64_t>(count) != shape.elements()) {
    throw ShapeError(text("the tensor '", printable(name), "' of shape ", shape.text(), " needs ", shape.elements(),
                          " values, ", count, " were given"));
  }
  std::string bytes(count * sizeof(Value), '\0');
  if (count > 0) std::memcpy(bytes.data(), values, bytes.size());
  return {.name = std::move(name), .type = type, .shape = shape, .source = ByteSource(std::move(bytes)), .strides = {}};
}

}  // namespace

std::uint64_t StoredTensor::size_in_bytes() const { return static_cast<std::uint64_t>(shape.elements()) * dtype_bytes(type); }

void StoredTensor::compare_checksum(std::string_view found) const {
  if (checksum.empty() || checksum == found) return;
  throw WeightsError(text(source.name(), ": the tensor '", printable(name),
                          "' was changed or damaged since it was written: its checksum is another one; restore it, or drop the "
                          "metadata 'vitrine.checksums' if that was meant"));
}

std::string StoredTensor::bytes() const {
  if (strides.empty()) {
    std::string all = source.read(offset, size_in_bytes());
    if (!checksum.empty()) compare_checksum(vitrine::checksum(all));
    return all;
  }
  std::string all;
  all.reserve(static_cast<std::size_t>(size_in_bytes()));
  ElementStream stream(*this);
  for (std::string_view piece = stream.next(); !piece.empty(); piece = stream.next()) all += piece;
  return all;
}

namespace {

template <class Out>
void decode_all(const StoredTensor& tensor, std::span<Out> out) {
  ElementStream stream(tensor);
  const std::size_t item = dtype_bytes(tensor.type);
  for (std::string_view piece = stream.next(); !piece.empty(); piece = stream.next()) {
    const std::size_t count = piece.size() / item;
    decode(tensor.type, piece, out.first(count));
    out = out.subspan(count);
  }
}

}  // namespace

Tensor StoredTensor::to_float() const {
  Tensor tensor = Tensor::uninitialized(shape);
  const auto out = tensor.mutable_host();
  if (type == DType::f32 && strides.empty()) {
    const std::span<char> room(reinterpret_cast<char*>(out.data()), out.size_bytes());
    source.read(offset, room);
    if (!checksum.empty()) compare_checksum(vitrine::checksum({room.data(), room.size()}));
    return tensor;
  }
  decode_all<float>(*this, out);
  return tensor;
}

std::vector<double> StoredTensor::to_double() const {
  std::vector<double> out(static_cast<std::size_t>(shape.elements()));
  decode_all<double>(*this, out);
  return out;
}

StoredTensor StoredTensor::in_memory() const {
  return {.name = name, .type = type, .shape = shape, .source = ByteSource(bytes()), .strides = {}};
}

StoredTensor StoredTensor::from(std::string name, const Tensor& value) {
  const Tensor here = value.to(Device::cpu());
  std::string bytes(static_cast<std::size_t>(here.size()) * dtype_bytes(here.dtype()), '\0');
  here.read_bytes(bytes.data(), bytes.size());
  return {.name = std::move(name),
          .type = here.dtype(),
          .shape = here.shape(),
          .source = ByteSource(std::move(bytes)),
          .strides = {}};
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
  throw WeightsError(text("the file has no tensor '", printable(name), "' among its ", tensors.size()));
}

std::unordered_map<std::string_view, const StoredTensor*> index_of(const TensorFile& file) {
  std::unordered_map<std::string_view, const StoredTensor*> index;
  for (const StoredTensor& t : file.tensors) index.emplace(t.name, &t);
  return index;
}

}  // namespace vitrine
