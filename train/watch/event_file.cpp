#include "train/watch/event_file.h"

#include <bit>
#include <utility>

#include "weights/crc32.h"

namespace vitrine {
namespace {

// Protocol buffers: a field is its number and the way it is written, then its value.
enum Written : std::uint32_t { varint = 0, eight_bytes = 1, with_length = 2, four_bytes = 5 };

template <class T>
void put_little_endian(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(0x80 | (value & 0x7f));
  out += static_cast<char>(value);
}

void put_key(std::string& out, std::uint32_t field, Written written) { put_varint(out, field << 3 | written); }

void put_double(std::string& out, std::uint32_t field, double value) {
  put_key(out, field, eight_bytes);
  put_little_endian(out, std::bit_cast<std::uint64_t>(value));
}

void put_float(std::string& out, std::uint32_t field, float value) {
  put_key(out, field, four_bytes);
  put_little_endian(out, std::bit_cast<std::uint32_t>(value));
}

void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  put_key(out, field, with_length);
  put_varint(out, bytes.size());
  out += bytes;
}

std::string scalar(const char* tag, double number) {
  std::string value;
  put_bytes(value, 1, tag);
  put_float(value, 2, static_cast<float>(number));
  return value;
}

std::string event_of(int epoch, const std::vector<std::pair<const char*, double>>& scalars) {
  std::string summary;
  for (const auto& [tag, value] : scalars) put_bytes(summary, 1, scalar(tag, value));
  std::string event;
  put_double(event, 1, epoch);
  put_key(event, 2, varint);
  put_varint(event, static_cast<std::uint64_t>(epoch));
  put_bytes(event, 5, summary);
  return event_record(event);
}

}  // namespace

std::uint32_t masked_crc32c(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; }

std::string event_record(std::string_view bytes) {
  std::string out;
  put_little_endian(out, static_cast<std::uint64_t>(bytes.size()));
  put_little_endian(out, masked_crc32c(out));
  out += bytes;
  put_little_endian(out, masked_crc32c(bytes));
  return out;
}

std::string event_file_header() {
  std::string event;
  put_double(event, 1, 0);
  put_bytes(event, 3, "brain.Event:2");
  return event_record(event);
}

std::string epoch_event(const EpochRecord& record) {
  return event_of(record.epoch, {{"train_loss", record.train_loss},
                                 {"validation_loss", record.validation_loss},
                                 {"validation_accuracy", record.validation_accuracy},
                                 {"lr", record.lr},
                                 {"momentum", record.momentum}});
}

std::string refit_event(const EpochRecord& record) {
  return event_of(record.epoch,
                  {{"refit_train_loss", record.train_loss}, {"refit_lr", record.lr}, {"refit_momentum", record.momentum}});
}

std::string event_file(const std::vector<EpochRecord>& history, const std::vector<EpochRecord>& refit) {
  std::string out = event_file_header();
  for (const EpochRecord& record : history) out += epoch_event(record);
  for (const EpochRecord& record : refit) out += refit_event(record);
  return out;
}

}  // namespace vitrine
