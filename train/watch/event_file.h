// The history of a fold as TensorBoard reads it: scalars train_loss, validation_loss, validation_accuracy, lr, momentum, one step an epoch;
// of a second training (--select nested-refit) refit_train_loss, refit_lr, refit_momentum.
//
// File       a record is the length of its bytes (u64), the masked CRC-32C of that length, the bytes, their masked CRC-32C; all little-endian
// Bytes      an Event of protocol buffers, encoded by hand: wall_time (1, double), step (2, varint), file_version (3, text), summary (5)
// Times      wall_time is the epoch's number, in seconds: equal runs give equal files. TensorBoard's axes STEP and RELATIVE are right (a second
//            an epoch); WALL shows the first of January 1970
// Reference  tensorflow/core/lib/io/record_writer.cc, tensorflow/core/util/event.proto, framework/summary.proto
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "train/run_files.h"

namespace vitrine {

// In the fold's folder. TensorBoard looks for "tfevents"; the digits stand where others write the time.
inline constexpr const char* kEventFile = "events.out.tfevents.0000000000.vitrine";

// The CRC-32C turned right by 15 bits, plus 0xa282ead8: a checksum of bytes that hold checksums.
std::uint32_t masked_crc32c(std::string_view bytes);
std::string event_record(std::string_view bytes);

std::string event_file_header();                     // the record that the file begins with
std::string epoch_event(const EpochRecord& record);  // one more record
std::string refit_event(const EpochRecord& record);
std::string event_file(const std::vector<EpochRecord>& history, const std::vector<EpochRecord>& refit = {});

}  // namespace vitrine
