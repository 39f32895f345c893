#include "audit/chain.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/sha256.h"

namespace vitrine::audit {
namespace {

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

}  // namespace

StepLine parsed_line(std::string_view text) {
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

ChainReader::ChainReader(const std::filesystem::path& file, const std::string& prev) : lines_of_(file), prev_(prev) {}

void ChainReader::refuse(std::uint64_t number, std::uint64_t offset, const std::string& what) const {
  throw DataError(text(lines_of_.path(), ": the chain breaks at step ", number, " (line ", number + 1, ", byte ", offset,
                       "): ", what, "; from there on nothing in it can be trusted"));
}

std::optional<std::string_view> ChainReader::next_text() {
  std::optional<std::string_view> line = lines_of_.peek();
  if (!line) return std::nullopt;
  const auto broken = [&](const std::string& what) { refuse(count_, lines_of_.offset(), what); };
  if (!line->ends_with('\n')) broken("the last line was not finished: the run was killed, or is still being written");
  line->remove_suffix(1);
  if (line->size() < kHashMember + 2 || line->substr(line->size() - kHashMember, 6) != ",\"h\":\"" || !line->ends_with("\"}"))
    broken("the line does not end with its hash");
  const std::string_view body = line->substr(0, line->size() - kHashMember);
  const std::string_view told = line->substr(line->size() - kHashMember + 6, 64);
  if (!body.ends_with(text("\"prev\":\"", prev_, "\""))) broken("it does not follow the line before");
  std::string h = sha256(body);
  if (h != told) broken("it is not what it was when its hash was taken");
  if (!body.starts_with(text("{\"step\":", count_, ","))) broken(text("it is not step ", count_));
  prev_ = std::move(h);
  last_ = lines_of_.offset();
  lines_of_.skip();
  ++count_;
  return line;
}

StepLine ChainReader::read(std::string_view line) const {
  try {
    StepLine step = parsed_line(line);
    if (step.step + 1 != count_) throw std::runtime_error(text("it is step ", step.step));
    return step;
  } catch (const std::runtime_error& error) {
    refuse(count_ - 1, last_, error.what());
  }
}

std::optional<StepLine> ChainReader::next() {
  const std::optional<std::string_view> line = next_text();
  if (!line) return std::nullopt;
  return read(*line);
}

}  // namespace vitrine::audit
