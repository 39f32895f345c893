#include "imaging/brain/head_template.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"

namespace vitrine::imaging {

// The bytes of head.gz, written out by CMake (imaging/CMakeLists.txt).
extern const unsigned char kHeadBytes[];
extern const std::size_t kHeadSize;

namespace {

constexpr std::size_t kMostBytes = std::size_t{16} << 20;

std::string inflated(std::string_view deflated) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) throw DataError("the head template cannot be inflated");
  std::string raw(kMostBytes, '\0');
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(deflated.data()));
  stream.avail_in = static_cast<uInt>(deflated.size());
  stream.next_out = reinterpret_cast<Bytef*>(raw.data());
  stream.avail_out = static_cast<uInt>(raw.size());
  const int end = inflate(&stream, Z_FINISH);
  raw.resize(stream.total_out);
  inflateEnd(&stream);
  if (end != Z_STREAM_END || stream.avail_in != 0)
    throw DataError(
        "the head template is damaged: no gzip stream, or one that is cut, has a wrong checksum or other bytes behind it");
  return raw;
}

float ramp(float v, float from, float to) {
  const float t = std::clamp((v - from) / (to - from), 0.0f, 1.0f);
  return t * t * (3 - 2 * t);
}

// Where the surface faces down, or the stem has ended, what lies outside is the base of the head.
void mark_base(HeadTemplate& head) {
  const auto [nx, ny, nz] = head.size;
  const auto node = [&](std::int64_t i, std::int64_t j, std::int64_t k) -> HeadPoint& {
    return head.nodes[static_cast<std::size_t>(
        (std::clamp<std::int64_t>(k, 0, nz - 1) * ny + std::clamp<std::int64_t>(j, 0, ny - 1)) * nx +
        std::clamp<std::int64_t>(i, 0, nx - 1))];
  };
  for (std::int64_t k = 0; k < nz; ++k) {
    const double z = head.first[2] + head.spacing * static_cast<double>(k);
    for (std::int64_t j = 0; j < ny; ++j) {
      for (std::int64_t i = 0; i < nx; ++i) {
        const float x = node(i + 1, j, k).distance - node(i - 1, j, k).distance,
                    y = node(i, j + 1, k).distance - node(i, j - 1, k).distance,
                    up = node(i, j, k + 1).distance - node(i, j, k - 1).distance;
        const float length = std::sqrt(x * x + y * y + up * up) + 1e-3f;
        node(i, j, k).base = std::max(ramp(-up / length, 0.15f, 0.5f), ramp(static_cast<float>(-z), 56, 66));
      }
    }
  }
}

// A brain of an adult's volume about the middle of the space.
void check_head(const HeadTemplate& head) {
  const double ml = head.brain_ml();
  if (ml < 900 || ml > 2500)
    throw DataError(text("the head template has a brain of ", fixed(ml, 0), " ml, expected 900 to 2500"));
  const Vec3 centre = head.brain_centre();
  if (std::abs(centre[1] - 20) > 20 || std::abs(centre[2] - 5) > 20)
    throw DataError(text("the head template's brain lies about (0, ", fixed(centre[1], 0), ", ", fixed(centre[2], 0),
                         ") mm, expected (0, 20, 5) within 20 mm: MNI space in LPS"));
}

struct Cell {
  std::size_t corner[8];
  float share[3];  // of the upper node along each axis
};

Cell cell_of(const HeadTemplate& head, const Vec3& lps) {
  std::int64_t low[3];
  Cell cell{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double last = static_cast<double>(head.size[c] - 1);
    const double index = std::clamp((lps[c] - head.first[c]) / head.spacing, 0.0, last);
    low[c] = std::min(static_cast<std::int64_t>(index), head.size[c] - 2);
    cell.share[c] = static_cast<float>(index - static_cast<double>(low[c]));
  }
  const std::int64_t row = head.size[0], plane = row * head.size[1];
  const std::int64_t origin = (low[2] * head.size[1] + low[1]) * head.size[0] + low[0];
  for (int n = 0; n < 8; ++n)
    cell.corner[n] = static_cast<std::size_t>(origin + (n & 1) + (n & 2 ? row : 0) + (n & 4 ? plane : 0));
  return cell;
}

HeadPoint mixed(const HeadPoint& a, const HeadPoint& b, float t) {
  return {a.distance + t * (b.distance - a.distance),
          a.grey + t * (b.grey - a.grey),
          a.white + t * (b.white - a.white),
          a.soft + t * (b.soft - a.soft),
          a.air + t * (b.air - a.air),
          a.base + t * (b.base - a.base)};
}

HeadPoint change(const HeadPoint& a, const HeadPoint& b, float scale) {
  return {scale * (b.distance - a.distance), scale * (b.grey - a.grey), scale * (b.white - a.white),
          scale * (b.soft - a.soft),         scale * (b.air - a.air),   scale * (b.base - a.base)};
}

}  // namespace

double HeadTemplate::brain_ml() const {
  double inside = 0;
  each_node([&](const Vec3&, const HeadPoint& p) { inside += p.distance <= 0 ? 1 : 0; });
  return inside * spacing * spacing * spacing / 1000;
}

Vec3 HeadTemplate::brain_centre() const {
  Vec3 sum{};
  double count = 0;
  each_node([&](const Vec3& place, const HeadPoint& p) {
    if (p.distance > 0) return;
    for (std::size_t c = 0; c < 3; ++c) sum[c] += place[c];
    ++count;
  });
  for (double& s : sum) s /= std::max(count, 1.0);
  return sum;
}

HeadPoint HeadTemplate::at(const Vec3& lps) const {
  const Cell c = cell_of(*this, lps);
  HeadPoint edge[4];
  for (std::size_t n = 0; n < 4; ++n) edge[n] = mixed(nodes[c.corner[2 * n]], nodes[c.corner[2 * n + 1]], c.share[0]);
  return mixed(mixed(edge[0], edge[1], c.share[1]), mixed(edge[2], edge[3], c.share[1]), c.share[2]);
}

HeadPoint HeadTemplate::at(const Vec3& lps, std::array<HeadPoint, 3>& gradient) const {
  const Cell c = cell_of(*this, lps);
  const auto per_mm = static_cast<float>(1 / spacing);
  HeadPoint edge[4], along[4];
  for (std::size_t n = 0; n < 4; ++n) {
    const HeadPoint &a = nodes[c.corner[2 * n]], &b = nodes[c.corner[2 * n + 1]];
    edge[n] = mixed(a, b, c.share[0]);
    along[n] = change(a, b, per_mm);
  }
  const HeadPoint low = mixed(edge[0], edge[1], c.share[1]), high = mixed(edge[2], edge[3], c.share[1]);
  gradient[0] = mixed(mixed(along[0], along[1], c.share[1]), mixed(along[2], along[3], c.share[1]), c.share[2]);
  gradient[1] = mixed(change(edge[0], edge[1], per_mm), change(edge[2], edge[3], per_mm), c.share[2]);
  gradient[2] = change(low, high, per_mm);
  return mixed(low, high, c.share[2]);
}

HeadTemplate read_head_template(std::string_view deflated) {
  const std::string raw = inflated(deflated);
  const std::size_t line = raw.find('\n');
  std::istringstream words(raw.substr(0, std::min<std::size_t>(line, 200)));
  words.imbue(std::locale::classic());
  std::string magic;
  int version = 0;
  std::int64_t half = 0;
  HeadTemplate head;
  words >> magic >> version >> half >> head.size[1] >> head.size[2] >> head.spacing >> head.first[0] >> head.first[1] >>
      head.first[2];
  const bool sane = words && magic == "vitrine-head" && version == 2 && half > 1 && half < 500 && head.size[1] > 1 &&
                    head.size[1] < 500 && head.size[2] > 1 && head.size[2] < 500 && head.spacing > 0 && head.first[0] == 0;
  const auto count = static_cast<std::size_t>(half * head.size[1] * head.size[2]);
  if (!sane || raw.size() != line + 1 + 5 * count)
    throw DataError("the head template is damaged: its first line does not fit its bytes");
  head.size[0] = 2 * half - 1;
  head.first[0] = -head.spacing * static_cast<double>(half - 1);
  head.nodes.resize(static_cast<std::size_t>(head.size[0] * head.size[1] * head.size[2]));
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data() + line + 1);
  std::size_t at = 0;
  for (std::int64_t row = 0; row < head.size[1] * head.size[2]; ++row) {
    for (std::int64_t i = 0; i < head.size[0]; ++i, ++at) {
      const auto from = static_cast<std::size_t>(row * half + std::abs(i - (half - 1)));
      head.nodes[at] = {static_cast<float>(bytes[from] - 128) / 4,         static_cast<float>(bytes[count + from]) / 255,
                        static_cast<float>(bytes[2 * count + from]) / 255, static_cast<float>(bytes[3 * count + from]) / 255,
                        static_cast<float>(bytes[4 * count + from]) / 255, 0};
    }
  }
  mark_base(head);
  check_head(head);
  return head;
}

HeadTemplate carried_head_template() { return read_head_template({reinterpret_cast<const char*>(kHeadBytes), kHeadSize}); }

HeadTemplate head_template_file(const std::filesystem::path& path) {
  const std::string bytes = as<DataError>([&] { return read_file(path, kMostBytes); });
  try {
    return read_head_template(bytes);
  } catch (const DataError& error) {
    throw DataError(text(path, ": ", error.what(), "; make one with imaging/brain/template/make.py"));
  }
}

}  // namespace vitrine::imaging
