// The data set of a DICOM file, as far as a volume needs it; read by ourselves, in pieces.
//
// GDCM reserves what a length announces before it is there, leaves the rescale slope of MR images out, and has been written past its buffers by
// crafted files. So the elements are walked here with every length held against the file, and GDCM decompresses frames alone (dicom_codec.h).
//
// Accepted   implicit and explicit little-endian, explicit big-endian, with or without the preamble of part 10; sequences of defined and undefined
//            length; unknown VRs (UN) as implicit little-endian
// Personal   name, number and birth date of the patient become a hash at once (patient_key) and are not kept
// Reference  DICOM PS3.5 (data structures and encoding), sections 7 and annex A; PS3.10, section 7
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace vitrine::imaging {

inline constexpr std::uint64_t kMaxDicomBytes = std::uint64_t{3} << 30;

// The elements of interest: those of dicom_tags.h.
struct DicomDataSet {
  std::map<std::uint32_t, std::string> values;  // numbers little-endian
  std::map<std::uint32_t, std::vector<DicomDataSet>> sequences;

  bool has(std::uint32_t tag) const { return values.contains(tag); }
  std::string text(std::uint32_t tag) const;                // without padding; empty when it is not there
  std::vector<std::string> texts(std::uint32_t tag) const;  // values between backslashes
  std::vector<double> numbers(std::uint32_t tag) const;     // of a text or binary element; empty when one is no finite number
  std::optional<double> number(std::uint32_t tag) const;    // the first
  std::optional<std::int64_t> integer(std::uint32_t tag) const;
  const DicomDataSet* item(std::uint32_t tag) const;  // the first of a sequence; null when there is none
};

// The stored pixels: where they lie.
struct DicomPixels {
  struct Piece {
    std::uint64_t offset = 0, bytes = 0;
  };
  bool encapsulated = false;
  Piece whole;                              // of native pixels
  std::vector<Piece> fragments;             // of compressed ones, without the table of offsets
  std::vector<std::uint64_t> frame_starts;  // from that table, counted from the first fragment's item
};

struct DicomHeader {
  std::string transfer_syntax;  // a UID
  bool big_endian = false;
  std::string patient;  // a hash of the identity, for patient_key; empty when the file names no patient
  DicomDataSet data;
  std::optional<DicomPixels> pixels;
};

// Whether it begins as DICOM does. False for a file that cannot be read.
bool is_dicom_file(const std::filesystem::path& path);

// DataError (file, byte, what, next step) for a file that is cut or damaged. Interrupted.
DicomHeader read_dicom_header(const InputFile& file);

// 16 hexadecimal digits for DicomHeader::patient, which comes of the patient's number, or of name and birth date where there is none: the same
// in every file of a patient. Hashed many times, so that trying all numbers of a hospital takes long; who has the numbers can still do it.
std::string patient_key(const std::string& patient);
// 16 hexadecimal digits that stand for a UID.
std::string uid_key(std::string_view uid);

}  // namespace vitrine::imaging
