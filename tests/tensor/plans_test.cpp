// Plans of NVIDIA's libraries are kept between runs: what was chosen first stays, a damaged file is refused.
#include "tensor/cuda/plans.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"

namespace vitrine::testing {
namespace {

namespace fs = std::filesystem;

class Plans : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("vitrine-plans-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path file() const { return folder_ / "made" / "plans.json"; }

  fs::path folder_;
};

const cuda::KeptPlan kFirst{"00ff10", 4096, "best of 8", 12.5}, kSecond{"plan 3, engine 17, notes", 0, "best of 2", 0.25};

TEST_F(Plans, AreKeptFromRunToRun) {
  {
    cuda::PlanStore store(file());
    EXPECT_FALSE(store.find("a").has_value());
    store.keep("a", kFirst);
    store.keep("b", kSecond);
  }
  const cuda::PlanStore store(file());
  EXPECT_EQ(store.size(), 2u);
  EXPECT_EQ(store.find("a"), kFirst);
  EXPECT_EQ(store.find("b"), kSecond);
}

TEST_F(Plans, OfOtherProcessesAreKeptAndTheFirstChoiceStays) {
  cuda::PlanStore one(file()), other(file());
  one.keep("a", kFirst);
  other.keep("a", kSecond);
  other.keep("b", kSecond);
  const cuda::PlanStore store(file());
  EXPECT_EQ(store.find("a"), kFirst);
  EXPECT_EQ(store.find("b"), kSecond);
}

TEST_F(Plans, WhatCannotBeRunIsReplacedAndNothingElse) {
  cuda::PlanStore store(file());
  store.keep("a", kFirst);
  EXPECT_EQ(store.keep("a", kSecond), kFirst);
  EXPECT_EQ(store.keep("a", kSecond, kSecond), kFirst) << "another one was found unusable";
  EXPECT_EQ(store.keep("a", kSecond, kFirst), kSecond);
  EXPECT_EQ(cuda::PlanStore(file()).find("a"), kSecond);
}

TEST_F(Plans, ManyAreKept) {
  std::string json = "{\"format\": 1, \"plans\": {";
  for (int i = 0; i < 20'000; ++i)
    json += std::string(i > 0 ? "," : "") + "\"s" + std::to_string(i) +
            R"(": {"choice": "own", "workspace": 0, "notes": "", "microseconds": 1})";
  make_directory(file().parent_path());
  write_file(file(), json + "}}");
  EXPECT_EQ(cuda::PlanStore(file()).size(), 20'000u);
}

TEST_F(Plans, ADamagedFileIsRefusedByName) {
  make_directory(file().parent_path());
  for (const char* bytes :
       {"", "{", "[]", "{\"format\": 2, \"plans\": {}}", "{\"format\": 1}", "{\"format\": 1, \"plans\": {\"a\": {}}}",
        "{\"format\": 1, \"plans\": []}",
        "{\"format\": 1, \"plans\": {\"a\": {\"choice\": \"own\", \"workspace\": -1, \"notes\": \"\", \"microseconds\": 1}}}",
        "{\"format\": 1, \"plans\": {\"a\": {\"choice\": \"own\", \"workspace\": 1, \"notes\": \"\\n\", \"microseconds\": 1}}}",
        "{\"format\": 1, \"plans\": {\"a\": {\"choice\": 5, \"workspace\": 0, \"notes\": \"\", \"microseconds\": 1}}}"}) {
    write_file(file(), bytes);
    try {
      cuda::PlanStore store(file());
      FAIL() << bytes;
    } catch (const DataError& error) {
      EXPECT_NE(std::string(error.what()).find("delete it"), std::string::npos) << error.what();
    }
  }
}

TEST_F(Plans, AFolderThatCannotBeWrittenIsAnError) {
  make_directory(folder_);
  write_file(folder_ / "made", "a file where the folder would be");
  EXPECT_THROW(
      {
        cuda::PlanStore store(file());
        store.keep("a", kFirst);
      },
      Error);
}

TEST_F(Plans, LieWhereTheEnvironmentSays) {
  const auto named = [](const char* plans, const char* cache, const char* home) {
    const auto set = [](const char* name, const char* value) { value != nullptr ? setenv(name, value, 1) : unsetenv(name); };
    set("VITRINE_PLANS", plans);
    set("XDG_CACHE_HOME", cache);
    set("HOME", home);
    return cuda::plan_file("NVIDIA H200", "cuDNN 9.19.0-cuBLASLt 13.1.0").string();
  };
  const char* const home = std::getenv("HOME");
  const std::string before = home != nullptr ? home : "", leaf = "plans-nvidia-h200-cudnn-9.19.0-cublaslt-13.1.0.json";
  EXPECT_EQ(named("/p", "/c", "/h"), "/p/" + leaf);
  EXPECT_EQ(named(nullptr, "/c", "/h"), "/c/vitrine/" + leaf);
  EXPECT_EQ(named(nullptr, nullptr, "/h"), "/h/.cache/vitrine/" + leaf);
  EXPECT_THROW(named(nullptr, nullptr, nullptr), UsageError);
  setenv("HOME", before.c_str(), 1);
}

TEST_F(Plans, BytesTravelAsHexadecimal) {
  const std::uint64_t value = 0x0123456789abcdef;
  std::uint64_t back = 0;
  ASSERT_TRUE(cuda::bytes_of(cuda::hex_of(&value, sizeof value), &back, sizeof back));
  EXPECT_EQ(back, value);
  for (const char* hex : {"", "00", "zz23456789abcdef", "0123456789ABCDEF", "0123456789abcdef0"})
    EXPECT_FALSE(cuda::bytes_of(hex, &back, sizeof back)) << hex;
}

}  // namespace
}  // namespace vitrine::testing
