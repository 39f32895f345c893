#include "audit/line_reader.h"

#include <algorithm>

#include "base/error.h"

namespace vitrine::audit {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;
constexpr std::size_t kPiece = std::size_t{1} << 20;

}  // namespace

LineReader::LineReader(const std::filesystem::path& file) : file_(file, kMostBytes) {}

bool LineReader::fill() {
  held_.erase(0, at_);
  begin_ += std::exchange(at_, 0);
  const std::uint64_t behind = begin_ + held_.size();
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, file_.size() - behind));
  if (count == 0) return false;
  const std::size_t before = held_.size();
  held_.resize(before + count);
  file_.read(behind, std::span(held_).subspan(before));
  return true;
}

std::optional<std::string_view> LineReader::peek() {
  std::size_t looked = at_;
  std::size_t end = held_.find('\n', looked);
  while (end == std::string::npos) {
    looked = held_.size() - at_;  // `fill` moves the line to the front
    if (looked > kPiece)
      throw DataError(
          text(path(), ": has a line of more than ", kPiece, " bytes, at byte ", offset(), "; it is no file of an audit"));
    if (!fill()) {
      if (held_.empty()) return std::nullopt;
      end = held_.size() - 1;
      break;
    }
    end = held_.find('\n', looked);
  }
  line_ = end + 1 - at_;
  return std::string_view(held_).substr(at_, line_);
}

}  // namespace vitrine::audit
