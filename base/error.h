// Errors: every refusal is one sentence that says what, where, expected, found and what to do next.
//
// The class says what kind of thing went wrong and fixes the exit code of the program (docs/design.md, section 9).
// A library never prints and never exits; `cli/` turns an Error into one line on stderr and its exit code.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/number.h"
#include "base/printable.h"

namespace vitrine {

enum class ExitCode : int {
  ok = 0,
  runtime = 1,       // the machine refused: unwritable output, no memory, no device
  usage = 2,         // the command line is wrong
  data = 3,          // cohort, image, mask, manifest or split refused
  weights = 4,       // weights or checkpoint refused
  numerical = 5,     // a NaN or infinity appeared; the message names the first op and step
  interrupted = 130  // stopped by a signal, 128 and its number: 129 hang-up, 130 Ctrl-C, 143 terminated; finished work is kept
};

class Error : public std::exception {
 public:
  Error(ExitCode code, std::string message) : code_(code), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  ExitCode code() const noexcept { return code_; }
  // Appends where it happened, innermost first: "conv2d: ... in blocks.2.expand".
  void in(std::string_view where) { message_.append(" in ").append(where); }

 private:
  ExitCode code_;
  std::string message_;
};

struct ShapeError final : Error {  // tensors whose shapes do not fit the op
  explicit ShapeError(std::string m) : Error(ExitCode::runtime, std::move(m)) {}
};
struct DTypeError final : Error {  // a tensor that holds other numbers than the op computes with
  explicit DTypeError(std::string m) : Error(ExitCode::runtime, std::move(m)) {}
};
struct DeviceError final : Error {  // a device that is absent, or tensors on two devices
  explicit DeviceError(std::string m) : Error(ExitCode::runtime, std::move(m)) {}
};
struct FileError final : Error {  // a path that cannot be read or written
  explicit FileError(std::string m) : Error(ExitCode::runtime, std::move(m)) {}
};
struct UsageError final : Error {  // options that contradict each other or lie outside their range
  explicit UsageError(std::string m) : Error(ExitCode::usage, std::move(m)) {}
};
struct DataError final : Error {  // cohort, image, mask, manifest or split refused (missing files included)
  explicit DataError(std::string m) : Error(ExitCode::data, std::move(m)) {}
};
struct WeightsError final : Error {  // weights or checkpoint refused (missing files included)
  explicit WeightsError(std::string m) : Error(ExitCode::weights, std::move(m)) {}
};
struct NumericalError final : Error {  // a non-finite number where none may be
  explicit NumericalError(std::string m) : Error(ExitCode::numerical, std::move(m)) {}
};
struct Interrupted final : Error {  // a signal asked the program to stop; what was finished is kept
  explicit Interrupted(std::string m, int signal = 2) : Error(static_cast<ExitCode>(128 + signal), std::move(m)) {}
};
struct InternalError final : Error {  // our own bug
  explicit InternalError(std::string m) : Error(ExitCode::runtime, std::move(m)) {}
};

// Joins its arguments into one string, numbers in the C locale (a real number in six digits, a whole one as such: 100000, not 1e+05) and
// paths as base/printable.h shows them: text("x has ", 24, " channels"). Other foreign text is passed through printable() by the caller.
// No stream: a stream that runs out of memory leaves out the rest without a word.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  const auto put = [&out](const auto& part) {
    using Part = std::remove_cvref_t<decltype(part)>;
    if constexpr (std::is_same_v<Part, std::filesystem::path>) {
      out += shown(part);
    } else if constexpr (std::is_same_v<Part, char>) {
      out += part;
    } else if constexpr (std::is_floating_point_v<Part>) {
      append_number(out, static_cast<double>(part));
    } else if constexpr (std::is_signed_v<Part>) {
      append_number(out, static_cast<std::int64_t>(part));
    } else if constexpr (std::is_unsigned_v<Part>) {
      append_number(out, static_cast<std::uint64_t>(part));
    } else {
      out += part;
    }
  };
  (put(parts), ...);
  return out;
}

// What `work` gives; a FileError in it is thrown as E, since whose file it was decides the exit code:
// as<DataError>([&] { return read_file(path, limit); }).
template <class E, class Work>
auto as(const Work& work) {
  try {
    return work();
  } catch (const FileError& error) {
    throw E(error.what());
  }
}

}  // namespace vitrine
