// Foreign text: shown safely, read strictly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/csv.h"
#include "base/error.h"
#include "base/json.h"
#include "base/names.h"
#include "base/nearest.h"
#include "base/printable.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;

TEST(Printable, ControlsDirectionMarksAndForeignBytesAreEscaped) {
  EXPECT_EQ(printable("Müller 01"), "Müller 01");
  EXPECT_EQ(printable("a\nb\r\t\x1b[31m"), "a\\nb\\r\\t\\x1b[31m");
  EXPECT_EQ(printable(std::string("nul\0!", 5)), "nul\\x00!");
  EXPECT_EQ(printable("gpj.\xe2\x80\xae"
                      "exe"),
            "gpj.\\u{202e}exe");
  EXPECT_EQ(printable("\xe2\x80\xa8line"), "\\u{2028}line");
  EXPECT_EQ(printable("caf\xe9"), "caf\\xe9");              // Latin-1
  EXPECT_EQ(printable("\xc0\x80"), "\\xc0\\x80");           // an overlong NUL
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(printable("\xc2\x9b"), "\\x9b");                // CSI in one character
}

TEST(Printable, IsCutWhole) {
  EXPECT_EQ(printable(std::string(80, 'x')), std::string(80, 'x'));
  EXPECT_EQ(printable(std::string(81, 'x')), std::string(77, 'x') + "...");
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "ü";
  EXPECT_TRUE(is_utf8(printable(umlauts)));
  EXPECT_LE(printable(std::string(10u << 20, '\n')).size(), 80u);
}

TEST(Printable, APathKeepsItsEnd) {
  EXPECT_EQ(shown("a/b.png"), "a/b.png");
  EXPECT_EQ(shown("a\nb"), "a\\nb");
  const std::string path = shown(std::string(3000, 'd') + "/file.png");
  EXPECT_LE(path.size(), 80u);
  EXPECT_TRUE(path.starts_with("...") && path.ends_with("ddd/file.png")) << path;
}

TEST(Printable, AMessageIsOneLineAndKeepsBothEnds) {
  EXPECT_EQ(one_line("short\nmessage", 100), "short\\nmessage");
  const std::string line = one_line("where " + std::string(5000, 'x') + " what to do", 291);
  EXPECT_LE(line.size(), 291u);
  EXPECT_TRUE(line.starts_with("where ") && line.ends_with(" what to do")) << line;
  std::string umlauts;
  for (int i = 0; i < 500; ++i) umlauts += "ü";
  EXPECT_TRUE(is_utf8(one_line(umlauts, 291)));
}

TEST(Names, LoseTheSpacesThatToolsLeave) {
  EXPECT_EQ(trimmed(" \tS1 \r\n"), "S1");
  EXPECT_EQ(trimmed("\xc2\xa0S1\xe2\x80\x8b"), "S1");
  EXPECT_EQ(trimmed("\xef\xbb\xbfS 1"), "S 1");
  EXPECT_EQ(trimmed("  "), "");
}

TEST(Names, AnIdentifierCanBePartOfAFileName) {
  for (const char* good : {"S1", "sub-001", "Patient 3", "Müller01", "p_1.a", "患者1"})
    EXPECT_EQ(identifier_flaw(good), "") << good;
  for (const char* bad : {"", "a/b", "a\\b", "..", ".hidden", "a*", "=1+1", "-x", "@x", "a\nb", "a:b", "a\"b", "caf\xe9",
                          "u\xcc\x88", "x\xe2\x80\xae"})
    EXPECT_NE(identifier_flaw(bad), "") << bad;
  EXPECT_NE(identifier_flaw(std::string(65, 'x')), "");
  EXPECT_EQ(label_flaw("SCLC, small \"cell\""), "");
  EXPECT_NE(label_flaw("a\nb"), "");
}

TEST(Names, CapitalsAloneAreNoDifference) {
  CaseClashes clashes;
  EXPECT_EQ(clashes.see("Sub-Ä1"), "");
  EXPECT_EQ(clashes.see("Sub-Ä1"), "");
  EXPECT_EQ(clashes.see("sub-ä1"), "Sub-Ä1");
  EXPECT_EQ(clashes.see("sub-a1"), "");
  EXPECT_EQ(case_folded("ŠÁΣЖ"), case_folded("šáσж"));
}

TEST(Nearest, FindsSlipsAndNothingElse) {
  const std::vector<std::string> names{"predict", "prep", "split", "train"};
  EXPECT_EQ(nearest_name("predcit", names), "predict");
  EXPECT_EQ(nearest_name("trian", names), "train");
  EXPECT_EQ(nearest_name("xyz", names), "");
  EXPECT_EQ(edit_distance("predcit", "predict"), 1u);  // two neighbours exchanged
  EXPECT_EQ(edit_distance("SCLC", "NSCLC"), 1u);
}

std::string refusal(const std::string& bytes) {
  try {
    parse_csv(bytes, "t.csv");
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(CsvRules, ALoneCarriageReturnEndsARow) {
  const CsvTable mixed = parse_csv("a,b\r1,2\r3,4\n5,6\r\n7,8", "t.csv");
  ASSERT_EQ(mixed.size(), 4u);
  EXPECT_EQ(mixed[1][0], "3");
  EXPECT_EQ(mixed[3].line(), 5);
}

TEST(CsvRules, TheEncodingIsTold) {
  EXPECT_THAT(refusal("id,label\n1,SCLC\n2,m\xe9ta\n"), HasSubstr("t.csv:3: byte 19 (\\xe9) is not UTF-8"));
  EXPECT_THAT(refusal("\xff\xfe"
                      "a"),
              HasSubstr("UTF-16"));
  EXPECT_THAT(refusal(std::string("a\0,\0", 4)), HasSubstr("UTF-16"));
  EXPECT_THAT(refusal("a,b\xed\xa0\x80\n"), HasSubstr("not UTF-8"));
}

TEST(CsvRules, CellsLoseSpacesAndEmptyRowsAreSkipped) {
  const CsvTable t = parse_csv("id , label\n S1\t, \"two words \" \n,\n,,\n\nS2,x\n", "t.csv");
  ASSERT_EQ(t.size(), 2u);
  EXPECT_EQ(t.header, (std::vector<std::string>{"id", "label"}));
  EXPECT_EQ(t[0][0], "S1");
  EXPECT_EQ(t[0][1], "two words ");
  EXPECT_EQ(t[1].where(), "t.csv:6: ");
}

TEST(CsvRules, AColumnThatIsMissingIsLookedFor) {
  const auto missing = [](const std::string& header) {
    try {
      parse_csv(header + "\n", "t.csv").column("subject_id");
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("found");
  };
  EXPECT_THAT(missing("Subject_ID,label"), HasSubstr("'Subject_ID' has other capitals"));
  EXPECT_THAT(missing("subject,label"), HasSubstr("the file has subject, label"));
  EXPECT_THAT(missing("sujbect_id,label"), HasSubstr("is it 'sujbect_id'?"));
  EXPECT_THAT(missing("subject_id;label"), HasSubstr("semicolons"));
}

TEST(CsvRules, AColumnThatIsNotReadAndLooksMeantIsNamed) {
  const std::vector<std::string> known{"subject_id", "brain_mask", "label"};
  const auto notes = [&](const std::string& header) { return parse_csv(header + "\n", "t.csv").misspelt_columns(known); };
  EXPECT_THAT(notes("subject_id,label,Brain-Mask").at(0), HasSubstr("'Brain-Mask' is not read; is it 'brain_mask'?"));
  EXPECT_EQ(notes("subject_id,label,brainmask").size(), 1u);
  EXPECT_EQ(notes("subject_id,label,brain_mask,brainmask,age,comment").size(), 0u);
}

TEST(CsvRules, WhatASpreadsheetWouldRunIsDefusedAndReadBack) {
  const std::vector<std::string> cells{"=1+1", "+x", "-y", "@z", "-1.5", "'=a", "plain", "\tt", " spaced "};
  const std::string line = csv_line(cells);
  EXPECT_EQ(line, "\"'=1+1\",\"'+x\",\"'-y\",\"'@z\",-1.5,\"''=a\",plain,\"'\tt\",\" spaced \"\n");
  const CsvTable t = parse_csv("a,b,c,d,e,f,g,h,i\n" + line, "t.csv");
  for (std::size_t i = 0; i < cells.size(); ++i) EXPECT_EQ(t[0][i], cells[i]);
}

TEST(CsvRules, RowsAndCellsAreBounded) {
  std::string rows = "a\n";
  for (int i = 0; i < 1'000'001; ++i) rows += "x\n";
  EXPECT_THAT(refusal(rows), HasSubstr("more than 1000000 rows"));
  std::string cells(4'000'002, ',');
  EXPECT_THAT(refusal("a\n" + cells), HasSubstr("more than 4000000 cells"));
}

TEST(JsonRules, ANulAndTooManyValuesAreRefused) {
  EXPECT_THROW(parse_json(std::string("{}\0{}", 5)), std::runtime_error);
  EXPECT_THROW(parse_json(std::string("{\"a\":1}\0", 8)), std::runtime_error);
  std::string many = "[0";
  for (int i = 0; i < 400'000; ++i) many += ",1";
  EXPECT_THROW(parse_json(many + "]"), std::runtime_error);
  std::string keys = "{\"a\":0";
  for (int i = 0; i < 2000; ++i) keys += ",\"" + std::to_string(i) + "\":0";
  EXPECT_THROW(parse_json(keys + "}"), std::runtime_error);
  EXPECT_EQ(parse_json(keys + "}", {.max_keys = 2001}).size(), 2001u);
  std::string objects = "[{}";
  for (int i = 0; i < 120'000; ++i) objects += ",{}";
  EXPECT_EQ(parse_json(objects + "]").size(), 120'001u);  // in no more than a moment: the work is that of the bytes
}

TEST(JsonRules, MembersAreOfTheirTypeAndRange) {
  const auto why = [](const std::string& value) {
    try {
      return std::to_string(unsigned_in(parse_json("{\"seed\":" + value + "}"), "seed"));
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(why("18446744073709551615"), "18446744073709551615");
  for (const char* bad : {"18446744073709551616", "-1", "1.0", "\"1\"", "null", "[1]", "true"})
    EXPECT_THAT(why(bad), HasSubstr("a whole number from 0")) << bad;
  const Json json = parse_json(R"({"n": 3, "x": 0.5, "t": "a", "l": ["a", 1]})");
  EXPECT_EQ(integer_in(json, "n", 0, 3), 3);
  EXPECT_THROW(integer_in(json, "n", 0, 2), std::runtime_error);
  EXPECT_THROW(integer_in(json, "x", 0, 2), std::runtime_error);
  EXPECT_THROW(number_in(json, "x", 0.6, 1), std::runtime_error);
  EXPECT_THROW(text_in(json, "n"), std::runtime_error);
  EXPECT_THROW(texts_in(json, "l"), std::runtime_error);
  EXPECT_THROW(text_in(json, "none"), std::runtime_error);
}

TEST(JsonRules, ASealTellsEveryChangedByte) {
  Json json = Json::object();
  json["key"] = "k";
  json["epoch"] = 3;
  const std::string sealed = sealed_json_text(json);
  EXPECT_EQ(parse_sealed_json(sealed), json);
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    try {
      accepted += parse_sealed_json(changed) == json ? 0 : 1;  // other white space is the same JSON
    } catch (const std::runtime_error&) {
    }
  }
  EXPECT_EQ(accepted, 0u);
  EXPECT_THROW(parse_sealed_json("{\"key\": \"k\"}"), std::runtime_error);
}

TEST(Text, WholeNumbersReadAsSuch) {
  EXPECT_EQ(text("1 to ", 1e5), "1 to 100000");
  EXPECT_EQ(text(0.5, ' ', -3.0, ' ', 1e300), "0.5 -3 1e+300");
}

}  // namespace
}  // namespace vitrine::testing
