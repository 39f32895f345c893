#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <stdexcept>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/output.h"
#include "base/sha256.h"

namespace vitrine::testing {
namespace {

namespace fs = std::filesystem;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("vitrine-base-" + std::to_string(::getpid()));
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  fs::path folder;
};

TEST_F(Files, RoundTripAndLeaveNothingBehind) {
  const std::string bytes("a\0b\n", 4);
  write_file(folder / "f", bytes);
  EXPECT_EQ(read_file(folder / "f", 100), bytes);
  write_file(folder / "f", "");
  EXPECT_EQ(read_file(folder / "f", 0), "");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

TEST_F(Files, RefuseWhatIsNotARegularFileOfThatSize) {
  EXPECT_THROW(read_file(folder / "none", 100), FileError);
  EXPECT_THROW(read_file(folder, 100), FileError);
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_THROW(read_file(folder / "fifo", 100), FileError);  // and does not hang
  EXPECT_THROW(read_file("/dev/zero", 100), FileError);
  write_file(folder / "f", "12345");
  EXPECT_THROW(read_file(folder / "f", 4), FileError);
}

TEST_F(Files, AFailedWriteKeepsTheOldContent) {
  EXPECT_THROW(write_file(folder / "none" / "f", "x"), FileError);
  fs::create_directories(folder / "d" / "inside");
  EXPECT_THROW(write_file(folder / "d", "x"), FileError);  // a folder is in the way
  EXPECT_TRUE(fs::is_directory(folder / "d"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
  write_file(folder / "f", "x");
  EXPECT_THROW(make_directory(folder / "f"), FileError);
}

TEST(Numbers, ReadAndWriteTheSameBits) {
  for (const double v : {0.1, 1.0 / 3, 1e300, 5e-324, -0.0, 123456789.125}) {
    double back = 1;
    ASSERT_TRUE(parse_number(shortest(v), back)) << shortest(v);
    EXPECT_EQ(std::signbit(back), std::signbit(v));
    EXPECT_EQ(back, v);
  }
  EXPECT_EQ(shortest(0.1f), "0.1");
  EXPECT_EQ(shortest(std::nan("")), "nan");
  EXPECT_EQ(fixed(0.125, 2), "0.12");
  EXPECT_EQ(fixed(-0.001, 2), "0.00");
  EXPECT_EQ(fixed(1234.5, 0), "1234");
}

TEST(Numbers, RefuseAllButWholeNumbers) {
  double d = 7;
  for (const char* bad : {"", " 1", "1 ", "1,5", "1x", "0x10", "--1"})
    EXPECT_FALSE(parse_number(std::string_view(bad), d)) << bad;
  EXPECT_EQ(d, 7);
  std::int64_t i = 7;
  for (const char* bad : {"", "1.0", "1e3", "99999999999999999999"})
    EXPECT_FALSE(parse_number(std::string_view(bad), i)) << bad;
  EXPECT_EQ(i, 7);
}

TEST(Csv, ReadsQuotesCommentsAndLineEnds) {
  const CsvTable t = parse_csv("\xEF\xBB\xBF# made by hand\r\na,b\r\n\"x, \"\"y\"\"\",2\r\n\r\n\"two\nlines\",4\n5,", "t.csv");
  ASSERT_EQ(t.size(), 3u);
  EXPECT_EQ(t.header, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(t[0][0], "x, \"y\"");
  EXPECT_EQ(t[1][0], "two\nlines");
  EXPECT_EQ(t[2].line(), 7);
  EXPECT_EQ(t[2][1], "");
  const CsvTable back = parse_csv(csv_line({"a", "b"}) + csv_line({"x, \"y\"", "two\nlines"}), "t");
  EXPECT_EQ(back[0][1], "two\nlines");
}

TEST(Csv, RefusesWithFileAndLine) {
  const auto message = [](const std::string& bytes) {
    try {
      parse_csv(bytes, "t.csv");
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(message("a,b\n1\n").find("t.csv:2"), std::string::npos);
  EXPECT_NE(message("a,b\n1,2,3\n").find("3 cells"), std::string::npos);
  EXPECT_NE(message("a,a\n").find("twice"), std::string::npos);
  EXPECT_NE(message("a,\n").find("without a name"), std::string::npos);
  EXPECT_NE(message("a\n\"open").find("never closes"), std::string::npos);
  EXPECT_NE(message("a\n\"x\"y\n").find("closing quote"), std::string::npos);
  EXPECT_NE(message("").find("empty"), std::string::npos);
  EXPECT_NE(message(std::string("a\0b\n", 4)).find("NUL"), std::string::npos);
  EXPECT_NE(message("\xFF\xFE"
                    "a")
                .find("UTF-16"),
            std::string::npos);
  EXPECT_THROW(read_csv("/nowhere/t.csv"), DataError);
}

TEST(Json, IsStrict) {
  EXPECT_EQ(parse_json("{\"a\": [1, 2.5, \"x\"]}").at("a")[1].get<double>(), 2.5);
  for (const char* bad : {"", "{", "{\"a\":1,\"a\":2}", "{\"a\":1} x", "[1,]", "{'a':1}", "nan", "1e999", "\"\\ud800\""}) {
    EXPECT_THROW(parse_json(bad), std::runtime_error) << bad;
  }
  EXPECT_NO_THROW(parse_json("{\"a\":{\"b\":1},\"c\":{\"b\":2}}"));  // equal keys of different objects
  EXPECT_THROW(parse_json(std::string(100000, '[')), std::runtime_error);
  EXPECT_THROW(parse_json("[1, 2, 3]", {.max_bytes = 5}), std::runtime_error);
}

TEST(Sha256Smoke, PublishedVectors) {  // FIPS 180-4 examples
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  Sha256 pieces;
  for (int i = 0; i < 1000; ++i) pieces.update(std::string(1000, 'a'));
  EXPECT_EQ(pieces.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Errors, CarryTheirExitCodesAndTheirPlace) {
  EXPECT_EQ(static_cast<int>(DataError("x").code()), 3);
  EXPECT_EQ(static_cast<int>(WeightsError("x").code()), 4);
  EXPECT_EQ(static_cast<int>(NumericalError("x").code()), 5);
  EXPECT_EQ(static_cast<int>(Interrupted("x").code()), 130);
  ShapeError error("conv2d: wrong");
  error.in("blocks.2.expand");
  EXPECT_STREQ(error.what(), "conv2d: wrong in blocks.2.expand");
}

}  // namespace
}  // namespace vitrine::testing
