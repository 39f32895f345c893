#include "weights/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "tests/weights/torch_bytes.h"
#include "weights/checkpoint_file.h"

namespace vitrine {
namespace {

using namespace vitrine::testing;
using ::testing::HasSubstr;

const std::vector<ZipText> kGood = zip_entries(program(dict_text({})));

std::string refusal(const std::string& bytes) {
  try {
    parse_checkpoint(bytes, "x.pth");
  } catch (const WeightsError& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

// The good archive with one entry changed.
std::string changed(std::size_t entry, const std::function<void(ZipText&)>& change) {
  std::vector<ZipText> entries = kGood;
  change(entries[entry]);
  return zip_bytes(entries);
}

std::string added(const ZipText& entry) {
  std::vector<ZipText> entries = kGood;
  entries.push_back(entry);
  return zip_bytes(entries);
}

// Bit by bit, as the polynomial is defined, at every length around the steps of the fast ways.
TEST(Crc32, EveryLengthAndStartIsThatOfTheDefinition) {
  const auto defined = [](std::string_view bytes, std::uint32_t before, std::uint32_t polynomial) {
    std::uint32_t r = ~before;
    for (const char c : bytes) {
      r ^= static_cast<unsigned char>(c);
      for (int bit = 0; bit < 8; ++bit) r = r >> 1 ^ ((r & 1) != 0 ? polynomial : 0);
    }
    return ~r;
  };
  std::string bytes;
  for (std::uint32_t i = 0, x = 1; i < 400; ++i, x = x * 1664525u + 1013904223u) bytes += static_cast<char>(x >> 24);
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const std::string_view part = std::string_view(bytes).substr(length % 7, length - length % 7);
    for (const std::uint32_t before : {0u, 0x12345678u, ~0u}) {
      EXPECT_EQ(crc32(part, before), defined(part, before, 0xedb88320u)) << length;
      EXPECT_EQ(crc32c(part, before), defined(part, before, 0x82f63b78u)) << length;
    }
  }
}

TEST(ZipArchive, EntriesComeInTheOrderOfTheDirectory) {
  const std::string bytes = zip_bytes({{.name = "a", .bytes = "first"}, {.name = "b/c", .bytes = ""}});
  const auto entries = read_stored_zip(bytes, "x");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(bytes.substr(entries[0].offset, entries[0].size), "first");
  EXPECT_EQ(entries[1].name, "b/c");
  EXPECT_EQ(bytes.substr(entries[1].offset, entries[1].size), "");
  EXPECT_EQ(parse_checkpoint(zip_bytes(kGood), "x").tensors.size(), 1u);
}

TEST(ZipArchiveHostile, OnlyPlainStoredEntriesAreRead) {
  EXPECT_THAT(refusal(changed(2, [](ZipText& e) { e.method = e.local_method = 8; })), HasSubstr("compressed (method 8)"));
  EXPECT_THAT(refusal(changed(2, [](ZipText& e) { e.local_method = 8; })), HasSubstr("another compression method"));
  EXPECT_THAT(refusal(changed(2, [](ZipText& e) { e.flags = e.local_flags = 1; })), HasSubstr("encrypted"));
  EXPECT_THAT(refusal(changed(2, [](ZipText& e) { e.flags = e.local_flags = 0x40; })), HasSubstr("has the flags 64"));
  EXPECT_THAT(refusal(changed(2, [](ZipText& e) { e.attributes = 0xa1ff0000u; })), HasSubstr("symbolic link"));
  EXPECT_THAT(refusal(changed(2, [](ZipText& e) { e.crc_error = 1; })), HasSubstr("CRC-32"));
}

TEST(ZipArchiveHostile, LocalHeadersMustAgreeWithTheDirectory) {
  EXPECT_THAT(refusal(changed(0, [](ZipText& e) { e.local_name = "x/data.pkk"; })), HasSubstr("another name"));
  EXPECT_THAT(refusal(changed(0, [](ZipText& e) { e.local_flags = 0x800; })), HasSubstr("another set of flags"));
  EXPECT_THAT(refusal(changed(0, [](ZipText& e) { e.size_error = 1; })), HasSubstr("another size"));
  EXPECT_THAT(refusal(changed(2, [](ZipText& e) { e.size_error = 0x7fffffff; })), HasSubstr("another size"));
  EXPECT_THAT(refusal(changed(1, [](ZipText& e) { e.moved_to = 0; })), HasSubstr("another"));
  EXPECT_THAT(refusal(changed(1, [](ZipText& e) { e.moved_to = 0xfffffff0; })), HasSubstr("more bytes are expected"));
  // A flag that announces a data descriptor where there is none.
  EXPECT_THAT(refusal(changed(0, [](ZipText& e) { e.flags = e.local_flags = 8; })), HasSubstr("data descriptor"));
}

TEST(ZipArchiveHostile, EntriesMustNotOverlap) {
  // The inner archive's local header lies inside the bytes of the outer entry.
  const std::string inner = "PK\x03\x04" + little_endian(20, 2) + little_endian(0, 8) + little_endian(crc32("abc"), 4) +
                            little_endian(3, 4) + little_endian(3, 4) + little_endian(3, 2) + little_endian(0, 2) + "x/yabc";
  std::vector<ZipText> entries{{.name = "x/outer", .bytes = inner}, {.name = "x/y", .bytes = "abc"}};
  entries[1].moved_to = 30 + 7;
  EXPECT_THAT(refusal(zip_bytes(entries)), HasSubstr("two entries overlap"));
}

// Sizes of 64 bits: as zipfile's force_zip64 and large files of torch.save have them.
TEST(ZipArchive, Zip64FieldsAreRead) {
  const auto read = [](const std::function<void(ZipText&)>& change) {
    return parse_checkpoint(changed(2, change), "x").at("w").to_double().size();
  };
  const std::uint64_t size = 24;
  const auto local = [&](ZipText& e) {
    e.large_local = true;
    e.local_extra = zip64_field({size, size});
  };
  EXPECT_EQ(read(local), 6u);
  EXPECT_EQ(read([&](ZipText& e) { e.local_extra = zip64_field({size, size}); }), 6u);  // and in 32 bits as well
  EXPECT_EQ(read([&](ZipText& e) {
              e.large = true;
              e.extra = zip64_field({size, size});
            }),
            6u);
  EXPECT_EQ(read([&](ZipText& e) {
              local(e);
              e.large = true;
              e.extra = "FB" + little_endian(3, 2) + "ZZZ" + zip64_field({size, size});
              e.local_extra = "FB" + little_endian(0, 2) + e.local_extra;
            }),
            6u);
  // The place too: the third number.
  const std::size_t place = zip_bytes(kGood).find("x/data/0") - 30;
  EXPECT_EQ(read([&](ZipText& e) {
              e.large = true;
              e.moved_to = 0xffffffff;
              e.extra = zip64_field({size, size, place});
            }),
            6u);
  EXPECT_EQ(read([&](ZipText& e) {
              e.moved_to = 0xffffffff;
              e.extra = zip64_field({place});
            }),
            6u);
}

TEST(ZipArchiveHostile, Zip64FieldsMustAgree) {
  const std::uint64_t size = 24;
  const auto refused = [&](const std::function<void(ZipText&)>& change) { return refusal(changed(2, change)); };
  const auto local = [&](const std::string& extra) {
    return refused([&](ZipText& e) {
      e.large_local = true;
      e.local_extra = extra;
    });
  };
  EXPECT_THAT(local(""), HasSubstr("another size"));
  EXPECT_THAT(local(zip64_field({size})), HasSubstr("another zip64 field"));
  EXPECT_THAT(local(zip64_field({size, size + 1})), HasSubstr("another zip64 size"));
  EXPECT_THAT(local(zip64_field({0, 0})), HasSubstr("another zip64 size"));
  EXPECT_THAT(local(zip64_field({std::uint64_t{1} << 63, size})), HasSubstr("another zip64 size"));
  EXPECT_THAT(local(zip64_field({size, size, 0})), HasSubstr("malformed or there twice"));
  EXPECT_THAT(local(zip64_field({size, size}) + zip64_field({size, size})), HasSubstr("malformed or there twice"));
  EXPECT_THAT(local(little_endian(1, 2) + little_endian(7, 2) + "1234567"), HasSubstr("malformed"));
  EXPECT_THAT(local(little_endian(1, 2) + little_endian(999, 2)), HasSubstr("an extra field is longer"));
  EXPECT_THAT(refused([&](ZipText& e) { e.local_extra = zip64_field({size, 5}); }), HasSubstr("another zip64 size"));
  const auto central = [&](const std::string& extra) {
    return refused([&](ZipText& e) {
      e.large = true;
      e.extra = extra;
    });
  };
  EXPECT_THAT(central(""), HasSubstr("no zip64 field"));
  EXPECT_THAT(central(zip64_field({size})), HasSubstr("no zip64 field"));
  EXPECT_THAT(central(zip64_field({size, size, 0})), HasSubstr("more numbers than it needs"));
  EXPECT_THAT(central(zip64_field({size, size + 1})), HasSubstr("has two sizes"));
  EXPECT_THAT(central(zip64_field({size + 1, size + 1})), HasSubstr("another size"));
  EXPECT_THAT(central(zip64_field({~std::uint64_t{0}, ~std::uint64_t{0}})), HasSubstr("another size"));
  EXPECT_THAT(refused([&](ZipText& e) { e.extra = zip64_field({size}); }), HasSubstr("more numbers than it needs"));
  EXPECT_THAT(refused([&](ZipText& e) {
                e.moved_to = 0xffffffff;
                e.extra = zip64_field({~std::uint64_t{0}});
              }),
              HasSubstr("more bytes are expected"));
}

// Overlap is found before a single checksum is computed: these are wrong, and not what is refused.
TEST(ZipArchiveHostile, SpansComeBeforeBytes) {
  const std::string inner = "PK\x03\x04" + little_endian(20, 2) + little_endian(0, 8) + little_endian(99, 4) +
                            little_endian(3, 4) + little_endian(3, 4) + little_endian(3, 2) + little_endian(0, 2) + "x/yabc";
  std::vector<ZipText> nested{{.name = "x/outer", .bytes = inner, .crc_error = 1}, {.name = "x/y", .bytes = "abc"}};
  nested[1].moved_to = 30 + 7;
  nested[1].crc_error = 99 - crc32("abc");
  EXPECT_THAT(refusal(zip_bytes(nested)), HasSubstr("two entries overlap"));
}

TEST(ZipArchiveHostile, NamesStayInsideAndAreUnique) {
  for (const char* name : {"/x/a", "x/../a", "../a", "x/..", "x\\a", "c:/a"}) {
    EXPECT_THAT(refusal(added({.name = name, .bytes = ""})), HasSubstr("leaves the archive")) << name;
  }
  EXPECT_THAT(refusal(added({.name = "x/data.pkl", .bytes = ""})), HasSubstr("two entries are called 'x/data.pkl'"));
  EXPECT_THAT(refusal(added({.name = "y/data.pkl", .bytes = ""})), HasSubstr("two top folders"));
  EXPECT_THAT(refusal(added({.name = "readme", .bytes = ""})), HasSubstr("lies in no folder"));
  EXPECT_THAT(refusal(added({.name = std::string("x/\0", 3), .bytes = ""})), HasSubstr("control character"));
  EXPECT_THAT(refusal(added({.name = "", .bytes = ""})), HasSubstr("is empty"));
}

TEST(ZipArchiveHostile, NothingLiesAroundTheArchive) {
  EXPECT_THAT(refusal(zip_bytes(kGood) + "x"), HasSubstr("does not end with the end record"));
  EXPECT_THAT(refusal(zip_bytes(kGood, "", "a comment")), HasSubstr("does not end with the end record"));
  // A comment that ends in an end record of its own.
  const std::string empty_archive = "PK\x05\x06" + std::string(18, '\0');
  EXPECT_THAT(refusal(zip_bytes(kGood, "", empty_archive)), HasSubstr("does not end where the end record begins"));
  EXPECT_THAT(refusal(zip_bytes(kGood, "PK\x03\x04")), HasSubstr("does not begin at byte 0"));
  std::string disks = zip_bytes(kGood);
  disks[disks.size() - 18] = 1;
  EXPECT_THAT(refusal(disks), HasSubstr("several disks"));
  std::string count = zip_bytes(kGood);
  count[count.size() - 12] = count[count.size() - 14] = 2;
  EXPECT_THAT(refusal(count), HasSubstr("more bytes than its entries"));
  count[count.size() - 12] = count[count.size() - 14] = '\xff';
  EXPECT_THAT(refusal(count), HasSubstr("too small for 255 entries"));
}

TEST(ZipArchiveHostile, MembersMustBeThoseOfTorchSave) {
  EXPECT_THAT(refusal(added({.name = "x/constants.pkl", .bytes = ""})), HasSubstr("TorchScript"));
  EXPECT_THAT(refusal(added({.name = "x/byteorder", .bytes = "big"})), HasSubstr("not little-endian"));
  EXPECT_THAT(refusal(changed(1, [](ZipText& e) { e.bytes = "11\n"; })), HasSubstr("'version'"));
  EXPECT_THAT(refusal(changed(1, [](ZipText& e) { e.name = "x/other"; })), HasSubstr("'version' is missing"));
  EXPECT_THAT(refusal(changed(0, [](ZipText& e) { e.name = "x/other"; })), HasSubstr("no data.pkl"));
}

TEST(ZipArchiveHostile, TruncationIsRefusedAtEveryByte) {
  const std::string bytes = zip_bytes(kGood);
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_THROW(parse_checkpoint(bytes.substr(0, length), "x"), WeightsError);
}

// CRC-32 and the agreement of both headers leave no byte of an entry that could change unseen.
TEST(ZipArchiveHostile, NoChangedByteOfATensorGoesUnseen) {
  const std::string bytes = zip_bytes(kGood);
  const std::size_t data = bytes.find("x/data/0") + 8;
  for (std::size_t at = data; at < data + 24; ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_THAT(refusal(damaged), HasSubstr("CRC-32"));
  }
}

}  // namespace
}  // namespace vitrine
