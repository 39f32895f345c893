// Small DICOM files, written element by element in explicit little-endian: the tests need no other program.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/number.h"
#include "base/output.h"
#include "imaging/volume.h"

namespace vitrine::testing {

// A data set under construction: elements by tag, in the order of a file.
class DicomElements {
 public:
  DicomElements& put(std::uint32_t tag, const std::string& vr, std::string value) {
    if (value.size() % 2 != 0) value += vr == "UI" || vr == "OB" || vr == "OW" ? '\0' : ' ';
    elements_[tag] = {vr, std::move(value)};
    return *this;
  }
  DicomElements& number(std::uint32_t tag, std::uint16_t value) {
    return put(tag, "US", std::string(reinterpret_cast<const char*>(&value), 2));
  }
  DicomElements& real(std::uint32_t tag, double value) {
    return put(tag, "FD", std::string(reinterpret_cast<const char*>(&value), 8));
  }
  DicomElements& items(std::uint32_t tag, const std::vector<DicomElements>& all, bool undefined_length = false) {
    std::string value;
    for (const DicomElements& one : all) {
      const std::string inside = one.bytes();
      value += head(0xFFFEE000) + word(undefined_length ? 0xFFFFFFFF : static_cast<std::uint32_t>(inside.size())) + inside;
      if (undefined_length) value += head(0xFFFEE00D) + word(0);
    }
    if (undefined_length) value += head(0xFFFEE0DD) + word(0);
    elements_[tag] = {undefined_length ? "sq" : "SQ", value};
    return *this;
  }
  // Encapsulated pixels: an empty table of offsets and one fragment of each frame.
  DicomElements& fragments(const std::vector<std::string>& all) {
    std::string value = head(0xFFFEE000) + word(0);
    for (std::string one : all) {
      if (one.size() % 2 != 0) one += '\0';
      value += head(0xFFFEE000) + word(static_cast<std::uint32_t>(one.size())) + one;
    }
    elements_[0x7FE00010] = {"ob", value + head(0xFFFEE0DD) + word(0)};
    return *this;
  }
  DicomElements& drop(std::uint32_t tag) {
    elements_.erase(tag);
    return *this;
  }

  std::string bytes() const {
    std::string out;
    for (const auto& [tag, element] : elements_) {
      const bool undefined = element.vr == "sq" || element.vr == "ob";
      const std::string vr = element.vr == "sq" ? "SQ" : element.vr == "ob" ? "OB" : element.vr;
      out += head(tag) + vr;
      const auto size = static_cast<std::uint32_t>(element.value.size());
      if (vr == "SQ" || vr == "OB" || vr == "OW" || vr == "UN") {
        out += std::string(2, '\0') + word(undefined ? 0xFFFFFFFF : size);
      } else {
        const auto half = static_cast<std::uint16_t>(size);
        out.append(reinterpret_cast<const char*>(&half), 2);
      }
      out += element.value;
    }
    return out;
  }
  // The whole file of part 10.
  std::string file(const std::string& syntax = "1.2.840.10008.1.2.1") const {
    DicomElements meta;
    meta.put(0x00020010, "UI", syntax);
    return std::string(128, '\0') + "DICM" + meta.bytes() + bytes();
  }

 private:
  struct Element {
    std::string vr, value;
  };
  static std::string head(std::uint32_t tag) {
    const std::uint16_t halves[2] = {static_cast<std::uint16_t>(tag >> 16), static_cast<std::uint16_t>(tag)};
    return {reinterpret_cast<const char*>(halves), 4};
  }
  static std::string word(std::uint32_t value) { return {reinterpret_cast<const char*>(&value), 4}; }

  std::map<std::uint32_t, Element> elements_;
};

inline std::string decimals(std::initializer_list<double> values) {
  std::string out;
  for (const double v : values) out += (out.empty() ? "" : "\\") + shortest(static_cast<float>(v));
  return out;
}

// A slice of an oblique stack of 6 x 5 pixels; its values are 100 * slice + 6 * row + column.
struct SliceMaker {
  imaging::Geometry grid = [] {
    imaging::Geometry g{{6, 5, 7}, {0.75, 1.25, 3}, {-10, 5, -40}, {}};
    imaging::RigidTransform turn;
    turn.angles = {0.1, 0.2, -0.05};
    g.direction = turn.rotation();
    return g;
  }();
  std::string series = "1.2.3.4", study = "1.2.3", patient = "PAT-0815", name = "Doe^Jane";

  static std::int16_t value(std::int64_t k, std::int64_t pixel) { return static_cast<std::int16_t>(100 * k + pixel); }
  std::string pixels(std::int64_t k) const {
    std::string out;
    for (std::int64_t n = 0; n < grid.size[0] * grid.size[1]; ++n) {
      const std::int16_t v = value(k, n);
      out.append(reinterpret_cast<const char*>(&v), 2);
    }
    return out;
  }
  std::string position(std::int64_t k) const {
    const imaging::Vec3 p = grid.to_physical({0, 0, static_cast<double>(k)});
    return decimals({p[0], p[1], p[2]});
  }
  std::string axes() const {
    const imaging::Matrix3& m = grid.direction;
    return decimals({m[0], m[3], m[6], m[1], m[4], m[7]});
  }
  // What classic and enhanced files share.
  DicomElements common() const {
    DicomElements d;
    d.put(0x00080008, "CS", "ORIGINAL\\PRIMARY\\M\\ND")
        .put(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4")
        .put(0x00080060, "CS", "MR");
    d.put(0x00080070, "LO", "Maker")
        .put(0x0008103E, "LO", "t1 post")
        .put(0x00100010, "PN", name)
        .put(0x00100020, "LO", patient);
    d.put(0x00100030, "DA", "19500203").put(0x0020000D, "UI", study).put(0x0020000E, "UI", series).put(0x00200011, "IS", "3");
    d.number(0x00280002, 1).put(0x00280004, "CS", "MONOCHROME2");
    d.number(0x00280010, static_cast<std::uint16_t>(grid.size[1])).number(0x00280011, static_cast<std::uint16_t>(grid.size[0]));
    d.number(0x00280100, 16).number(0x00280101, 16).number(0x00280102, 15).number(0x00280103, 1);
    return d;
  }
  DicomElements slice(std::int64_t k) const {
    DicomElements d = common();
    d.put(0x00080018, "UI", text("1.2.3.4.5.", k)).put(0x00180050, "DS", decimals({grid.spacing[2]}));
    d.put(0x00180081, "DS", "3")
        .put(0x00200013, "IS", text(k + 1))
        .put(0x00200032, "DS", position(k))
        .put(0x00200037, "DS", axes());
    d.put(0x00280030, "DS", decimals({grid.spacing[1], grid.spacing[0]})).put(0x7FE00010, "OW", pixels(k));
    return d;
  }
  // All slices as the frames of one file, in the order 3, 0, 4, ... ; `slope` of frame k is k + 1 when `scaled`.
  DicomElements enhanced(bool scaled, bool undefined_length) const {
    DicomElements d = common();
    d.put(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4.1")
        .put(0x00080018, "UI", "1.2.3.4.5.99")
        .put(0x00280008, "IS", text(grid.size[2]));
    DicomElements shared;
    shared.items(0x00209116, {DicomElements().put(0x00200037, "DS", axes())});
    shared.items(
        0x00289110,
        {DicomElements().put(0x00280030, "DS", decimals({grid.spacing[1], grid.spacing[0]})).put(0x00180050, "DS", "3")});
    shared.items(0x00189114, {DicomElements().real(0x00189082, 2.5)});
    d.items(0x52009229, {shared}, undefined_length);
    std::vector<DicomElements> frames;
    std::string all;
    for (std::int64_t n = 0; n < grid.size[2]; ++n) {
      const std::int64_t k = (3 + 4 * n) % grid.size[2];
      DicomElements frame;
      frame.items(0x00209113, {DicomElements().put(0x00200032, "DS", position(k))}, undefined_length);
      if (scaled)
        frame.items(0x00289145, {DicomElements().put(0x00281052, "DS", "-1").put(0x00281053, "DS", text(k + 1))},
                    undefined_length);
      frames.push_back(frame);
      all += pixels(k);
    }
    d.items(0x52009230, frames, undefined_length).put(0x7FE00010, "OW", all);
    return d;
  }
  // The whole stack; names do not follow the places.
  void write(const std::filesystem::path& folder) const {
    std::filesystem::create_directories(folder);
    for (std::int64_t k = 0; k < grid.size[2]; ++k) write_file(folder / text("im", (5 * k) % grid.size[2]), slice(k).file());
  }
};

}  // namespace vitrine::testing
