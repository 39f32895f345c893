// DICOM: places and values of classic and enhanced series, what is skipped, chosen and refused, and files that are cut or changed.
#include "imaging/formats/dicom.h"

#include <gdcmImage.h>
#include <gdcmImageChangeTransferSyntax.h>
#include <gdcmSequenceOfFragments.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "imaging/formats/dicom_codec.h"
#include "imaging/formats/read_volume.h"
#include "tests/fuzz/memory_file.h"
#include "tests/imaging/dicom_files.h"

namespace vitrine::imaging {
namespace {

using ::testing::AllOf;
using testing::DicomElements;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SliceMaker;
namespace fs = std::filesystem;

class Dicom : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(::testing::TempDir()) /
             ("dicom_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  void put(const std::string& name, const std::string& bytes) const { write_file(folder / name, bytes); }
  std::string refusal(const ReadOptions& options = {}) const { return refusal_of(folder, options); }
  static std::string refusal_of(const fs::path& path, const ReadOptions& options = {}) {
    try {
      read_dicom_volume(path, options);
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  }
  static std::string refusal_of_bytes(const std::string& bytes) { return refusal_of(testing::MemoryFile(bytes).path()); }
  std::vector<DicomSeries> list() const {
    Notes notes;
    return find_dicom_series(folder, notes);
  }
  // `slope(k) * stored + intercept` at the place of the maker's grid.
  void expect_stack(const Volume& v, double intercept, const std::function<double(std::int64_t)>& slope) const {
    EXPECT_LT(corner_distance(v.geometry, maker.grid), 1e-5);
    ASSERT_EQ(v.data.size(), 210U);
    for (std::int64_t k = 0; k < 7; ++k) {
      for (std::int64_t n = 0; n < 30; ++n)
        ASSERT_EQ(v.data[static_cast<std::size_t>(30 * k + n)],
                  static_cast<float>(slope(k) * SliceMaker::value(k, n) + intercept))
            << k;
    }
  }

  SliceMaker maker;
  fs::path folder;
};

double one(std::int64_t) { return 1; }

TEST_F(Dicom, SlicesAreSortedByPlaceAndNothingOfThePatientIsKept) {
  maker.write(folder);
  const VolumeFile file = read_dicom_volume(folder);
  expect_stack(file.volume, 0, one);
  EXPECT_EQ(file.facts.format, "DICOM, explicit little-endian");
  const std::vector<DicomSeries> all = list();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].skipped, "");
  EXPECT_EQ(all[0].plane, "oblique axial");
  EXPECT_EQ(all[0].slices, 7);
  EXPECT_NEAR(all[0].spacing[2], 3, 1e-5);
  EXPECT_EQ(all[0].patient_key.size(), 16U);
  EXPECT_THAT(all[0].patient_key, Not(HasSubstr("0815")));
  maker.name = "Roe^Rick";  // the number decides
  maker.write(folder);
  EXPECT_EQ(list()[0].patient_key, all[0].patient_key);
  maker.patient = "PAT-0816";
  maker.write(folder);
  EXPECT_NE(list()[0].patient_key, all[0].patient_key);
}

TEST_F(Dicom, EveryStorageOfASeriesGivesTheSameVolume) {
  put("e.dcm", maker.enhanced(false, false).file());
  expect_stack(read_dicom_volume(folder).volume, 0, one);
  put("e.dcm", maker.enhanced(true, true).file());  // a slope of each frame, sequences without a length
  const VolumeFile file = read_dicom_volume(folder / "e.dcm");
  expect_stack(file.volume, -1, [](std::int64_t k) { return static_cast<double>(k + 1); });
  EXPECT_THAT(file.facts.format, HasSubstr("enhanced multi-frame"));
  EXPECT_EQ(list()[0].echo_ms, 2.5);
  fs::remove(folder / "e.dcm");
  for (std::int64_t k = 0; k < 7; ++k) {
    DicomElements d = maker.slice(k);
    put(text(k), d.put(0x00281052, "DS", "+0.5").put(0x00281053, "DS", text(2 * k + 1)).file());
  }
  expect_stack(read_dicom_volume(folder).volume, 0.5, [](std::int64_t k) { return static_cast<double>(2 * k + 1); });
  for (std::int64_t k = 0; k < 7; ++k) put(text(k), maker.slice(k).bytes());  // without preamble and header
  expect_stack(read_dicom_volume(folder).volume, 0, one);
}

TEST_F(Dicom, StoredBitsAreReadAsTheFieldsSay) {
  SliceMaker flat = maker;
  const auto first = [&](DicomElements d) {
    put("one", d.file());
    return read_dicom_volume(folder / "one").volume.data;
  };
  std::string cells;
  for (std::uint16_t n = 0; n < 30; ++n) {
    const auto cell = static_cast<std::uint16_t>(0x8007 + 0x100 * n);  // 12 bits from bit 4 on; the lowest four are of no one
    cells.append(reinterpret_cast<const char*>(&cell), 2);
  }
  DicomElements d = flat.slice(0);
  d.number(0x00280101, 12).number(0x00280102, 15).put(0x7FE00010, "OW", cells);
  EXPECT_EQ(first(d)[3], -2048 + 0x30);
  EXPECT_EQ(first(d.number(0x00280103, 0))[3], 0x830);
  d.number(0x00280102, 11);
  EXPECT_EQ(first(d)[3], 0x307);
  DicomElements bytes = flat.slice(0);
  bytes.number(0x00280100, 8)
      .number(0x00280101, 8)
      .number(0x00280102, 7)
      .number(0x00280103, 0)
      .put(0x7FE00010, "OB", std::string(30, '\xC8'));
  EXPECT_EQ(first(bytes)[29], 200);
}

TEST_F(Dicom, MonochromeOneIsTurnedOver) {
  for (std::int64_t k = 0; k < 7; ++k) put(text(k), maker.slice(k).put(0x00280004, "CS", "MONOCHROME1").file());
  const VolumeFile file = read_dicom_volume(folder);
  EXPECT_EQ(file.volume.data.front(), 629);
  EXPECT_EQ(file.volume.data.back(), 0);
  EXPECT_THAT(file.notes.front().text, HasSubstr("MONOCHROME1"));
  put("3", maker.slice(3).file());
  EXPECT_THAT(refusal(), HasSubstr("mixed"));
}

// The stream of a slice in another transfer syntax, by GDCM's own writer.
std::string compressed(const std::string& stored, const Geometry& g, gdcm::TransferSyntax::TSType type) {
  const gdcm::SmartPointer<gdcm::Image> image = new gdcm::Image;
  image->SetNumberOfDimensions(2);
  image->SetDimension(0, static_cast<unsigned>(g.size[0]));
  image->SetDimension(1, static_cast<unsigned>(g.size[1]));
  image->SetPixelFormat(gdcm::PixelFormat(1, 16, 16, 15, 0));
  image->SetPhotometricInterpretation(gdcm::PhotometricInterpretation::MONOCHROME2);
  image->SetTransferSyntax(gdcm::TransferSyntax::ExplicitVRLittleEndian);
  gdcm::DataElement pixels(gdcm::Tag(0x7FE0, 0x0010));
  pixels.SetByteValue(stored.data(), static_cast<std::uint32_t>(stored.size()));
  image->SetDataElement(pixels);
  gdcm::ImageChangeTransferSyntax change;
  change.SetTransferSyntax(type);
  change.SetInput(*image);
  EXPECT_TRUE(change.Change());
  const gdcm::DataElement& out = change.GetOutput().GetDataElement();
  const gdcm::ByteValue* stream = out.GetSequenceOfFragments()->GetFragment(0).GetByteValue();
  return {stream->GetPointer(), stream->GetLength()};
}

TEST_F(Dicom, CompressedFramesAreThoseThatWereCompressed) {
  using gdcm::TransferSyntax;
  maker.grid.size = {64, 48, 3};  // GDCM's writer of JPEG 2000 fails on smaller images
  for (std::int64_t k = 0; k < 3; ++k) put(text(k), maker.slice(k).number(0x00280103, 0).file());
  const Volume plain = read_dicom_volume(folder).volume;
  for (const auto type : {TransferSyntax::JPEG2000Lossless, TransferSyntax::JPEGLSLossless,
                          TransferSyntax::JPEGLosslessProcess14_1, TransferSyntax::RLELossless}) {
    const std::string syntax = TransferSyntax::GetTSString(type);
    SCOPED_TRACE(syntax);
    std::string good;
    for (std::int64_t k = 0; k < 3; ++k) {
      DicomElements d = maker.slice(k);
      good = d.number(0x00280103, 0).fragments({compressed(maker.pixels(k), maker.grid, type)}).file(syntax);
      put(text(k), good);
    }
    EXPECT_EQ(read_dicom_volume(folder).volume.data, plain.data);
    // A damaged stream is refused or gives an image of the same size; nothing else.
    for (std::size_t at = good.size() - 400; at < good.size(); at += 37) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x55);
      refusal_of_bytes(bad);
    }
    std::string fewer = good;  // Rows says 47, the stream holds 48
    fewer[fewer.find(std::string("\x28\x00\x10\x00US\x02\x00", 8)) + 8] = 47;
    const std::size_t end = good.rfind(std::string("\xFE\xFF\xDD\xE0", 4));
    std::string cut = good;  // the last bytes of the stream
    std::fill(cut.begin() + static_cast<std::ptrdiff_t>(end) - 30, cut.begin() + static_cast<std::ptrdiff_t>(end), '\0');
    if (type == TransferSyntax::RLELossless) continue;  // a stream that says neither its size nor its end
    EXPECT_THAT(refusal_of_bytes(cut), HasSubstr("no end mark"));
    EXPECT_THAT(refusal_of_bytes(fewer), HasSubstr("64 x 48 pixels of 1 components, expected 64 x 47"));
  }
}

TEST_F(Dicom, WhatIsNoVolumeIsSkippedWithItsReason) {
  maker.write(folder);
  const auto other = [&](const std::string& name, const std::string& uid, const std::function<void(DicomElements&)>& change) {
    SliceMaker more = maker;
    more.series = uid;
    for (std::int64_t k = 0; k < 3; ++k) {
      DicomElements d = more.slice(k);
      change(d);
      put(text(name, k), d.file());
    }
  };
  other("loc", "9.1", [](DicomElements& d) { d.put(0x00080008, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER"); });
  other("adc", "9.2", [](DicomElements& d) { d.put(0x00080008, "CS", "DERIVED\\PRIMARY\\DIFFUSION\\ADC"); });
  other("mip", "9.3", [](DicomElements& d) { d.put(0x00080008, "CS", "DERIVED\\SECONDARY\\PROJECTION IMAGE"); });
  other("ct", "9.4", [](DicomElements& d) { d.put(0x00080060, "CS", "CT"); });
  other("sc", "9.5", [](DicomElements& d) { d.put(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"); });
  other("derived", "9.6", [](DicomElements& d) { d.put(0x00080008, "CS", "DERIVED\\PRIMARY\\M"); });
  other("nowhere", "9.7", [](DicomElements& d) { d.drop(0x00200032); });
  put("DICOMDIR", DicomElements().put(0x00080016, "UI", "1.2.840.10008.1.3.10").file());
  put("notes.txt", "nothing of DICOM is in here, but some words");
  const VolumeFile file = read_dicom_volume(folder);
  expect_stack(file.volume, 0, one);
  std::string all;
  for (const DicomSeries& s : list()) all += s.skipped + "\n";
  for (const char* reason :
       {"localiser", "derived map", "projection", "modality CT", "secondary capture", "derived images", "no place in space"})
    EXPECT_THAT(all, HasSubstr(reason));
  std::string said;
  for (const Note& n : file.notes) said += n.text + "\n";
  EXPECT_THAT(said,
              AllOf(HasSubstr("1 file that is not DICOM"), HasSubstr("1 DICOM file without an image"), HasSubstr("localiser")));
  EXPECT_THAT(refusal({.series = "9.7"}), HasSubstr("ImagePositionPatient"));
  EXPECT_EQ(refusal({.series = "9.6"}), "accepted");
}

TEST_F(Dicom, SeveralSeriesAreRefusedWithAListAndChosenByNumberOrUid) {
  maker.write(folder / "a");
  maker.series = "1.2.9";
  maker.write(folder / "b");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("holds 2 series"), HasSubstr("1: oblique axial, 7 slices"), HasSubstr("--series"),
                               HasSubstr("mri info")));
  for (const char* wanted : {"1", "2", "1.2.3", "1.2.9"}) EXPECT_EQ(refusal({.series = wanted}), "accepted") << wanted;
  EXPECT_EQ(refusal({.series = uid_key("1.2.9")}), "accepted");
  EXPECT_THAT(refusal({.series = "1.2"}), HasSubstr("means 2 of its 2 series"));
  EXPECT_THAT(refusal({.series = "7"}), HasSubstr("means 0"));
  maker.patient = "OTHER";
  maker.write(folder / "b");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("several patients"), Not(HasSubstr("OTHER"))));
  maker.series = "1.2.3.4";
  fs::remove_all(folder / "b");
  put("a/im0", maker.slice(0).file());
  EXPECT_THAT(refusal(), AllOf(HasSubstr("another patient"), Not(HasSubstr("OTHER"))));
}

TEST_F(Dicom, EchoesAndTimePointsArePartsOfTheList) {
  maker.write(folder);
  for (std::int64_t k = 0; k < 7; ++k) put(text("second", k), maker.slice(k).put(0x00180081, "DS", "90").file());
  EXPECT_THAT(refusal(), AllOf(HasSubstr("2 series"), HasSubstr("TE 3 ms"), HasSubstr("TE 90 ms")));
  expect_stack(read_dicom_volume(folder, {.series = "2"}).volume, 0, one);
  for (std::int64_t k = 0; k < 7; ++k) put(text("second", k), maker.slice(k).put(0x00200100, "IS", "2").file());
  EXPECT_THAT(refusal(), HasSubstr("time point 2"));
  for (std::int64_t k = 0; k < 7; ++k) put(text("second", k), maker.slice(k).put(0x00200012, "IS", "2").file());
  EXPECT_THAT(refusal(), HasSubstr("acquisition 2"));
}

TEST_F(Dicom, FaultyStacksAreRefused) {
  maker.write(folder);
  fs::rename(folder / "im1", folder / "kept");  // slice 3
  const std::string kept = read_file(folder / "kept", 1 << 20);
  fs::remove(folder / "kept");
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("6.000 mm"), HasSubstr("expected 3.000 mm"), HasSubstr("1 of the slices are missing")));
  put("im1", kept);
  put("copy", kept);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("at one place"), HasSubstr("copy"), HasSubstr("im1")));
  fs::remove(folder / "copy");
  put("im1", maker.slice(3).put(0x00200037, "DS", "1\\0\\0\\0\\1\\0").file());
  EXPECT_THAT(refusal({.series = "1"}), HasSubstr("another orientation"));
  put("im1", maker.slice(3).put(0x00280030, "DS", "1\\1").file());
  EXPECT_THAT(refusal(), HasSubstr("PixelSpacing"));
  put("im1", maker.slice(3).number(0x00280010, 6).put(0x7FE00010, "OW", std::string(72, '\1')).file());
  EXPECT_THAT(refusal(), HasSubstr("6 x 6 pixels, expected 6 x 5"));
  put("im1", maker.slice(3).number(0x00280002, 3).put(0x00280004, "CS", "RGB").file());
  EXPECT_THAT(refusal(), HasSubstr("RGB"));
  put("im1", kept.substr(0, kept.size() - 7));
  EXPECT_THAT(refusal(), AllOf(HasSubstr("truncated"), HasSubstr("beside it lies series 1")));
  put("im1", kept);
  EXPECT_EQ(refusal(), "accepted");
}

TEST_F(Dicom, SlantedStacksAreStraightenedUpToHalfADegree) {
  const auto slanted = [&](double degrees) {
    SliceMaker slant = maker;
    const Matrix3& m = maker.grid.direction;
    for (std::int64_t k = 0; k < 7; ++k) {
      Vec3 p = maker.grid.to_physical({0, 0, static_cast<double>(k)});
      for (std::size_t c = 0; c < 3; ++c) p[c] += m[3 * c + 1] * 3 * static_cast<double>(k) * std::tan(degrees * 0.0174533);
      put(text(k), slant.slice(k).put(0x00200032, "DS", testing::decimals({p[0], p[1], p[2]})).file());
    }
  };
  slanted(0.3);
  const VolumeFile file = read_dicom_volume(folder);
  EXPECT_LT(corner_distance(file.volume.geometry, maker.grid), 0.2);
  EXPECT_THAT(file.notes.front().text, HasSubstr("straightened"));
  slanted(2);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("shear"), HasSubstr("expected at most 0.5")));
}

TEST_F(Dicom, CutAndChangedFilesAreRefusedOrRead) {
  for (const std::string& good : {maker.slice(0).file(), maker.enhanced(true, true).file(), maker.slice(1).bytes()}) {
    ASSERT_EQ(refusal_of_bytes(good), "accepted");
    for (std::size_t cut = 0; cut < good.size(); cut += 64) EXPECT_NE(refusal_of_bytes(good.substr(0, cut)), "accepted") << cut;
    for (std::size_t at = 132; at < good.size(); at += 3) {
      for (const int flip : {1, 0x80, 0xFF}) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ flip);
        refusal_of_bytes(bad);
      }
    }
  }
}

TEST_F(Dicom, LengthsAreHeldAgainstTheFile) {
  std::string huge = maker.slice(0).file();
  const std::size_t pixels = huge.find(std::string("\xE0\x7F\x10\x00OW", 6));
  huge[pixels + 11] = '\x70';  // 1.9 GB announced
  put("x", huge);
  EXPECT_THAT(refusal_of(folder / "x"), HasSubstr("truncated"));
  DicomElements deep;
  deep.put(0x00280030, "DS", "1\\1");
  for (int n = 0; n < 40; ++n) deep = DicomElements().items(0x00289110, {deep}, true);
  put("x", maker.common().items(0x52009229, {deep}, true).put(0x7FE00010, "OW", std::string(60, '\0')).file());
  EXPECT_THAT(refusal_of(folder / "x"), HasSubstr("deep"));
  put("x", maker.slice(0).put(0x00280008, "IS", "99999").file());
  EXPECT_THAT(refusal_of(folder / "x"), HasSubstr("PixelData"));
  put("x", maker.slice(0).file("1.2.840.10008.1.2.4.100"));
  EXPECT_THAT(refusal_of(folder / "x"), HasSubstr("1.2.840.10008.1.2.4.100"));
  put("x", maker.slice(0).file("1.2.840.10008.1.2.4.70"));
  EXPECT_THAT(refusal_of(folder / "x"), HasSubstr("not compressed"));
  fs::path down = folder;
  for (int n = 0; n < 14; ++n) down /= "d";
  fs::create_directories(down);
  EXPECT_THAT(refusal(), HasSubstr("folders deep"));
}

TEST_F(Dicom, LinksToFoldersAreNotFollowed) {
  maker.write(folder / "a");
  fs::create_directory_symlink(folder, folder / "a" / "loop");
  const VolumeFile file = read_dicom_volume(folder);
  EXPECT_THAT(file.notes.front().text, HasSubstr("1 link to a folder not followed"));
}

}  // namespace
}  // namespace vitrine::imaging
