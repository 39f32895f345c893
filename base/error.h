// Errors: every refusal is one sentence that says what, where, expected, found and what to do next.
//
// The class says what kind of thing went wrong and fixes the exit code of the program (docs/design.md, section 9).
// A library never prints and never exits; `cli/` turns an Error into one line on stderr and its exit code.
#pragma once

#include <exception>
#include <locale>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace vitrine {

enum class ExitCode : int {
  ok = 0,
  runtime = 1,       // the machine refused: unwritable output, no memory, no device
  usage = 2,         // the command line is wrong
  data = 3,          // cohort, image, mask, manifest or split refused
  weights = 4,       // weights or checkpoint refused
  numerical = 5,     // a NaN or infinity appeared; the message names the first op and step
  interrupted = 130  // stopped by the user; finished work is kept
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
struct Interrupted final : Error {  // the user pressed Ctrl-C; what was finished is kept
  explicit Interrupted(std::string m) : Error(ExitCode::interrupted, std::move(m)) {}
};
struct InternalError final : Error {  // our own bug
  explicit InternalError(std::string m) : Error(ExitCode::runtime, std::move(m)) {}
};

// Joins its arguments into one string, numbers in the C locale: text("x has ", 24, " channels").
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  (out << ... << parts);
  return out.str();
}

}  // namespace vitrine
