// The part of TOML that a file of options needs: what is read, and that nothing else is read as something.
#include "base/toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;

void expect_refusal(const std::string& text, int line, const std::string& what) {
  try {
    parse_toml(text, "run.toml");
    ADD_FAILURE() << "accepted: " << text;
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("run.toml:" + std::to_string(line) + ": ")) << text;
    EXPECT_THAT(error.what(), HasSubstr(what)) << text;
    EXPECT_LE(std::string(error.what()).size(), 300u);
  }
}

TEST(Toml, ReadsScalarsSectionsAndComments) {
  const TomlFile file = parse_toml(
      "\xEF\xBB\xBF# a comment\r\n"
      "batch-size = 16 # another\r\n"
      "\r\n"
      "lr=1e-3\n"
      " [ training ]\t# of a section\n"
      "\tlr-scale = \"stem=0.1, # \\\"head\\\"\"\n"
      "path = 'C:\\x # \"y\"'\n"
      "ema = true\n"
      "mixup = +0.4\n"
      "empty = ''",
      "run.toml");
  ASSERT_EQ(file.sections.size(), 1u);
  EXPECT_EQ(file.sections[0].name, "training");
  EXPECT_EQ(file.sections[0].line, 5);
  const std::vector<TomlEntry> expected{{"", "batch-size", TomlKind::whole, "16", 2},
                                        {"", "lr", TomlKind::real, "1e-3", 4},
                                        {"training", "lr-scale", TomlKind::text, "stem=0.1, # \"head\"", 6},
                                        {"training", "path", TomlKind::text, "C:\\x # \"y\"", 7},
                                        {"training", "ema", TomlKind::truth, "true", 8},
                                        {"training", "mixup", TomlKind::real, "+0.4", 9},
                                        {"training", "empty", TomlKind::text, "", 10}};
  ASSERT_EQ(file.entries.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const TomlEntry &found = file.entries[i], &e = expected[i];
    EXPECT_EQ(std::tie(found.section, found.key, found.kind, found.value, found.line),
              std::tie(e.section, e.key, e.kind, e.value, e.line))
        << found.key << " = " << found.value;
  }
  EXPECT_TRUE(parse_toml("", "run.toml").entries.empty());
}

TEST(Toml, WhatIsNoSettingIsRefusedWithItsLine) {
  expect_refusal("a = 1\nepochs 3\n", 2, "'epochs 3' is no setting");
  expect_refusal("epochs\n", 1, "is no setting");
  expect_refusal("= 3\n", 1, "is no setting");
  expect_refusal("a =\n", 1, "'a' has no value");
  expect_refusal("a = # nothing\n", 1, "'a' has no value");
  expect_refusal("a = 1 b = 2\n", 1, "'b = 2' stands after the end");
  expect_refusal("a = b0\n", 1, "'b0' is no value");
  expect_refusal("\"a\" = 1\n", 1, "without quotes");
  expect_refusal("a.b = 1\n", 1, "a name with a dot");
  expect_refusal("{\"a\": 1}\n", 1, "is no setting");
}

TEST(Toml, WhatElseTomlHasIsRefusedByName) {
  expect_refusal("[[a]]\n", 1, "list of tables");
  expect_refusal("a = \"\"\"\nx\"\"\"\n", 1, "several lines");
  expect_refusal("a = '''x'''\n", 1, "several lines");
  expect_refusal("a = 1979-05-27\n", 1, "is no value");
  expect_refusal("a = \"\\u0041\"\n", 1, "no escape known here");
  for (const char* flaw : {"a = \"x\n", "a = 'x\n", "a = \"x\\\"\n"}) expect_refusal(flaw, 1, "no closing quote");
  for (const char* section : {"[]", "[a", "[a.b]", "[\"a\"]", "[a b]"}) expect_refusal(section, 1, "expected a section");
}

TEST(Toml, ListsHoldScalarsOverAsManyLinesAsTheyTake) {
  const TomlFile file = parse_toml(
      "lr = [1e-4,3e-4 , 1e-3]\n"
      "arch = [  # small ones\n"
      "  \"b0\", 'b1,]#',  # two\n"
      "\n"
      "  \"b2\",\n"
      "]  # done\n"
      "none = []\n"
      "ema = [true, false] # both\n",
      "s.toml");
  ASSERT_EQ(file.entries.size(), 4u);
  const auto values = [&](std::size_t i) {
    std::string all;
    for (const TomlItem& item : file.entries[i].items) all += item.value + "|";
    return all;
  };
  EXPECT_EQ(values(0), "1e-4|3e-4|1e-3|");
  EXPECT_EQ(values(1), "b0|b1,]#|b2|");
  EXPECT_EQ(values(2), "");
  EXPECT_EQ(values(3), "true|false|");
  EXPECT_EQ(file.entries[0].value, "[1e-4, 3e-4, 1e-3]");
  EXPECT_EQ(file.entries[0].items[1].kind, TomlKind::real);
  EXPECT_EQ(file.entries[1].line, 2);
  EXPECT_EQ(file.entries[1].items[2].line, 5);
  for (const TomlEntry& e : file.entries) EXPECT_EQ(e.kind, TomlKind::list);
}

TEST(Toml, TablesHoldNamedScalarsInOneLine) {
  const TomlFile file = parse_toml("lr = { low = 1e-5, high = 1e-2, scale = \"log, }\" } # range\nempty = {}\n", "s.toml");
  ASSERT_EQ(file.entries.size(), 2u);
  const TomlEntry& lr = file.entries[0];
  EXPECT_EQ(lr.kind, TomlKind::table);
  ASSERT_EQ(lr.items.size(), 3u);
  EXPECT_EQ(lr.items[0].key, "low");
  EXPECT_EQ(lr.items[1].value, "1e-2");
  EXPECT_EQ(lr.items[2].value, "log, }");
  EXPECT_EQ(lr.items[2].kind, TomlKind::text);
  EXPECT_TRUE(file.entries[1].items.empty());
}

TEST(Toml, ListsAndTablesThatAreNoneAreRefusedWithTheirLine) {
  expect_refusal("a = [1\n2]\n", 2, "expected a comma or ]");
  expect_refusal("a = [1,,2]\n", 1, "is no value");
  expect_refusal("b = 1\na = [1,\n2,\n", 2, "the list of 'a' has no closing bracket");
  expect_refusal("a = [1, [2]]\n", 1, "within another");
  expect_refusal("a = [{b = 1}]\n", 1, "within another");
  expect_refusal("a = {b = [1]}\n", 1, "within another");
  expect_refusal("a = [1] 2\n", 1, "'2' stands after the end");
  expect_refusal("a = [x]\n", 1, "'x' is no value");
  expect_refusal("a = [010]\n", 1, "begins with a zero");
  expect_refusal("a = ['x]\n", 1, "no closing quote");
  expect_refusal("a = {b = 1\n", 1, "expected a comma or } in this line");
  expect_refusal("a = {b = 1 c = 2}\n", 1, "expected a comma or } in this line");
  expect_refusal("a = {b}\n", 1, "expected such as { low");
  expect_refusal("a = {b = 1, b = 2}\n", 1, "'b' is there twice in the table of 'a'");
  expect_refusal("a = {b = }\n", 1, "is no value");
  std::string many = "a = [";
  for (std::size_t i = 0; i <= kMaxTomlItems; ++i) many += "1,";
  expect_refusal(many + "]\n", 1, "more than 10000 values");
}

TEST(Toml, NumbersArePlainlyDecimal) {
  for (const char* number : {"0x10", "0o17", "0b1", "010", "-010", "00", "+0x2", "0_1", "00.5"})
    expect_refusal(std::string("a = ") + number, 1, "begins with a zero");
  for (const char* number :
       {"1_000", "inf", "-inf", "nan", ".5", "5.", "1e", "1e+", "1.5.2", "-", "+", "1,5", "--1", "True", "yes"})
    expect_refusal(std::string("a = ") + number, 1, "is no value");
  for (const char* number : {"0", "-0", "0.5", "-1.5e-3", "1E5", "12"})
    EXPECT_NO_THROW(parse_toml(std::string("a = ") + number, "x"));
}

TEST(Toml, NothingIsThereTwice) {
  expect_refusal("a = 1\n\na = 2\n", 3, "'a' is there twice, first in line 1");
  expect_refusal("[s]\na = 1\n[t]\n[s]\n", 4, "[s] is there twice, first in line 1");
  EXPECT_EQ(parse_toml("a = 1\n[s]\na = 2\n", "x").entries.size(), 2u);  // of two sections
}

TEST(Toml, BytesThatAreNoTextAreRefusedShortly) {
  expect_refusal(std::string("a = 1\n\0b = 2\n", 13), 2, "\\x00");
  expect_refusal("a = 1\rb = 2\n", 1, "control character \\r");
  expect_refusal("a = \"caf\xe9\"\n", 1, "no UTF-8");
  expect_refusal("a = 1\nb = \x1b[31m\n", 2, "\\x1b");
  expect_refusal("a = 1\n" + std::string(1u << 20, 'x') + "\n", 2, "is no setting");
  expect_refusal("a = " + std::string(1u << 20, '9') + "x\n", 1, "is no value");
  expect_refusal(std::string(1u << 20, '['), 1, "list of tables");
}

}  // namespace
}  // namespace vitrine::testing
