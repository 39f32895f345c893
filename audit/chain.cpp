#include "audit/chain.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/sha256.h"

namespace vitrine::audit {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 32;
constexpr std::size_t kHashMember = 72;  // ,"h":"<64 digits>"}

// NaN and infinity are no JSON: they are texts.
std::string number(double value) {
  const std::string digits = shortest(value);
  return digits.find_first_of("ni") == std::string::npos ? digits : "\"" + digits + "\"";
}

Hash128 hash_in(const Json& line, std::string_view key) {
  Hash128 hash;
  if (!parse_hash(text_in(line, key), hash)) throw std::runtime_error(text("'", key, "' is no hash of 32 digits"));
  return hash;
}

double real_in(const Json& line, std::string_view key) {
  const Json& value = member(line, key);
  if (value.is_number()) return value.get<double>();
  double number = 0;
  if (!value.is_string() || !parse_number(value.get<std::string>(), number))
    throw std::runtime_error(text("'", key, "' is no number"));
  return number;
}

StepLine parsed(std::string_view text) {
  const Json line = parse_json(text);
  constexpr std::int64_t kMost = 0xFFFFFFFF;
  StepLine s;
  s.step = unsigned_in(line, "step");
  s.epoch = static_cast<std::uint32_t>(integer_in(line, "epoch", 1, kMost));
  s.in_epoch = static_cast<std::uint32_t>(integer_in(line, "in_epoch", 0, kMost));
  s.first = static_cast<std::uint32_t>(integer_in(line, "first", 0, kMost));
  s.lr = real_in(line, "lr");
  s.momentum = real_in(line, "momentum");
  s.images = hash_in(line, "images");
  s.targets = hash_in(line, "targets");
  s.logits = hash_in(line, "logits");
  s.loss = real_in(line, "loss");
  s.gradients = hash_in(line, "gradients");
  s.weights = hash_in(line, "weights");
  s.buffers = hash_in(line, "buffers");
  s.moments = hash_in(line, "moments");
  s.sampled = static_cast<std::uint32_t>(integer_in(line, "sampled", 1, kMost));
  s.lineage = text_in(line, "lineage");
  s.trace = {unsigned_in(line, "blocks"), unsigned_in(line, "bytes"), text_in(line, "trace")};
  return s;
}

}  // namespace

std::string chained_line(const StepLine& s, std::string& prev) {
  std::string line = text("{\"step\":", s.step, ",\"epoch\":", s.epoch, ",\"in_epoch\":", s.in_epoch, ",\"first\":", s.first);
  line += ",\"lr\":" + number(s.lr) + ",\"momentum\":" + number(s.momentum);
  line += ",\"images\":\"" + hex(s.images) + "\",\"targets\":\"" + hex(s.targets) + "\",\"logits\":\"" + hex(s.logits);
  line += "\",\"loss\":" + number(s.loss) + ",\"gradients\":\"" + hex(s.gradients) + "\",\"weights\":\"" + hex(s.weights);
  line += "\",\"buffers\":\"" + hex(s.buffers) + "\",\"moments\":\"" + hex(s.moments);
  line += text("\",\"sampled\":", s.sampled, ",\"lineage\":\"", s.lineage, "\",\"blocks\":", s.trace.blocks);
  line += text(",\"bytes\":", s.trace.bytes, ",\"trace\":\"", s.trace.seal, "\",\"prev\":\"", prev, "\"");
  prev = sha256(line);
  return line + ",\"h\":\"" + prev + "\"}\n";
}

ChainReader::ChainReader(const std::filesystem::path& file, const std::string& prev)
    : file_(file), bytes_(read_file(file, kMostBytes)), prev_(prev) {}

void ChainReader::refuse(const std::string& what) const {
  throw DataError(text(file_, ": the chain breaks at step ", lines_, " (line ", lines_ + 1, ", byte ", at_, "): ", what,
                       "; from there on nothing in it can be trusted"));
}

std::optional<StepLine> ChainReader::next() {
  if (at_ == bytes_.size()) return std::nullopt;
  const std::size_t end = bytes_.find('\n', at_);
  if (end == std::string::npos) refuse("the last line was not finished: the run was killed, or is still being written");
  const std::string_view line = std::string_view(bytes_).substr(at_, end - at_);
  if (line.size() < kHashMember + 2 || line.substr(line.size() - kHashMember, 6) != ",\"h\":\"" || !line.ends_with("\"}"))
    refuse("the line does not end with its hash");
  const std::string_view body = line.substr(0, line.size() - kHashMember);
  const std::string_view told = line.substr(line.size() - kHashMember + 6, 64);
  if (!body.ends_with(text("\"prev\":\"", prev_, "\""))) refuse("it does not follow the line before");
  const std::string h = sha256(body);
  if (h != told) refuse("it is not what it was when its hash was taken");
  StepLine step;
  try {
    step = parsed(line);
  } catch (const std::runtime_error& error) {
    refuse(error.what());
  }
  if (step.step != lines_) refuse(text("it is step ", step.step));
  prev_ = h;
  at_ = end + 1;
  ++lines_;
  return step;
}

}  // namespace vitrine::audit
