// Fields of a NIfTI-1 header and the two forms of its orientation. For nifti_header.cpp and nifti_forms.cpp.
#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>

#include "imaging/formats/nifti_header.h"

namespace vitrine::imaging {

// A header field, byte-swapped where needed. Offsets are those of nifti1.h.
class Fields {
 public:
  Fields(std::string_view bytes, bool swap) : bytes_(bytes), swap_(swap) {}
  template <class T>
  T get(std::size_t offset) const {
    char raw[sizeof(T)];
    std::memcpy(raw, bytes_.data() + offset, sizeof(T));
    if (swap_) std::reverse(raw, raw + sizeof(T));
    T value;
    std::memcpy(&value, raw, sizeof(T));
    return value;
  }

 private:
  std::string_view bytes_;
  bool swap_;
};

// The place of a grid whose size and spacing are known, by the form that counts (docs/imaging.md); `scale` turns the header's unit into mm.
Geometry nifti_place(const Fields& fields, std::string_view file, const Geometry& grid, double scale,
                     const ReadOptions& options, NiftiHeader& header);
// Bytes 252 to 327: both forms, scanner coordinates; the sign of the third axis (qfac) at 76.
void put_nifti_forms(const Geometry& geometry, std::string& bytes);

template <class T>
void put(std::string& bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

}  // namespace vitrine::imaging
