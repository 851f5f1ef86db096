#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/option_values.h"
#include "cli/options.h"
#include "common/flags/values.h"

namespace vecferry::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CommandValuesTest, ReadsSizesInBothUnits) {
  EXPECT_EQ(*flags::ParseSize("--s", "65536", 1, 1 << 30), 65536);
  EXPECT_EQ(*flags::ParseSize("--s", "64MiB", 1, 1 << 30), 64 << 20);
  EXPECT_EQ(*flags::ParseSize("--s", "3 kB", 1, 1 << 30), 3000);
  EXPECT_EQ(*flags::ParseSize("--s", "1GiB", 1, 1 << 30), 1 << 30);
  for (const char* bad :
       {"", "MiB", "-1", "1.5GiB", "64Mib", "2GiB", "9223372036854775807GiB", "99999999999999999999"}) {
    EXPECT_THAT(flags::ParseSize("--s", bad, 1, 1 << 30).status().message(), HasSubstr("--s")) << bad;
  }
}

TEST(CommandValuesTest, ReadsNumbersWithinTheirRange) {
  EXPECT_EQ(*flags::ParseNumber("--n", "3", 3, 9), 3);
  EXPECT_EQ(*flags::ParseNumber("--n", "9", 3, 9), 9);
  for (const char* bad : {"2", "10", "", " 3", "3 ", "+3", "0x3", "99999999999999999999"}) {
    EXPECT_FALSE(flags::ParseNumber("--n", bad, 3, 9).ok()) << bad;
  }
}

TEST(CommandValuesTest, SortsListsAndKeepsEachNameOnce) {
  EXPECT_THAT(*flags::ParseNames("--only", "b,a,b"), ElementsAre("a", "b"));
  for (const char* bad : {"", ",", "a,", ",a", "a,,b"}) EXPECT_FALSE(flags::ParseNames("--only", bad).ok()) << bad;
}

TEST(CommandValuesTest, PartsAValueToSet) {
  const auto set = ParseSetValue("--set", "notes.body=a.b=c");
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->table, "notes");
  EXPECT_EQ(set->column, "body");
  EXPECT_EQ(set->text, "a.b=c");
  EXPECT_EQ(ParseSetValue("--set", "t.c=NULL")->text, std::nullopt);
  EXPECT_EQ(ParseSetValue("--set", "t.c=")->text, "");
  for (const char* bad : {"", "t", "t.c", "=1", "t=1.c", ".c=1", "t.=1"}) {
    EXPECT_THAT(ParseSetValue("--set", bad).status().message(), HasSubstr("--set")) << bad;
  }
}

TEST(CommandValuesTest, SplitsAVectorColumnAtItsLastColon) {
  EXPECT_EQ(*ParseVectorColumn("--v", "t:x.c:768"), "t:x.c:768");
  for (const char* bad : {"t.c", "tc:3", ".c:3", "t.:3", "t.c:0", "t.c:16001", "t.c:x"}) {
    EXPECT_FALSE(ParseVectorColumn("--v", bad).ok()) << bad;
  }
}

TEST(CommandValuesTest, SuggestsWhatWasProbablyMeant) {
  const std::vector<std::string> flags = {"--batch-size", "--schema", "--skip", "--only"};
  EXPECT_EQ(flags::Nearest("--bath-size", flags), "--batch-size");
  EXPECT_EQ(flags::Nearest("--shcema", flags), "--schema");  // a transposition is one slip
  EXPECT_EQ(flags::Nearest("--batchsize", flags), "--batch-size");
  EXPECT_EQ(flags::Nearest("--coordinator", flags), "");
}

TEST(CommandLineTest, ResolvesDefaults) {
  const auto parsed =
      ParseCommandLine({"migrate", "copy", "--from", "sqlite", "--to=postgres", "--sqlite-path", "s.db"});
  ASSERT_TRUE(std::holds_alternative<Options>(parsed));
  const CopyOptions& copy = std::get<Options>(parsed).copy;
  core::Identity expected;
  expected.source_path = "s.db";
  expected.destination_schema = "public";
  expected.profile = "auto";
  EXPECT_EQ(copy.identity, expected);
  EXPECT_EQ(copy.batch_rows_max, 500);
  EXPECT_EQ(copy.connections_max, 4);
  EXPECT_EQ(copy.rejects_max, 1000);
}

TEST(CommandLineTest, ReadsEveryFlagOfACopy) {
  const auto parsed = ParseCommandLine({"migrate",
                                        "copy",
                                        "--from",
                                        "sqlite",
                                        "--to",
                                        "postgres",
                                        "--sqlite-path",
                                        "s.db",
                                        "--postgres-url",
                                        "u",
                                        "--schema",
                                        "s",
                                        "--profile",
                                        "vestige",
                                        "--only",
                                        "b,a",
                                        "--skip",
                                        "c",
                                        "--vector-column",
                                        "t.b:3",
                                        "--vector-column",
                                        "t.a:2",
                                        "--on-conflict",
                                        "update",
                                        "--batch-size",
                                        "7",
                                        "--max-connections",
                                        "9",
                                        "--readers",
                                        "2",
                                        "--writers",
                                        "3",
                                        "--max-rejects",
                                        "0",
                                        "--max-row-bytes",
                                        "1MiB",
                                        "--allow-model-mismatch",
                                        "--on-source-change",
                                        "fail",
                                        "--snapshot",
                                        "copy",
                                        "--scratch-dir",
                                        "/x",
                                        "--no-indexes",
                                        "--no-verify",
                                        "--dry-run",
                                        "--report",
                                        "-",
                                        "--progress",
                                        "json",
                                        "--log-level",
                                        "debug",
                                        "--log-format",
                                        "json"});
  ASSERT_TRUE(std::holds_alternative<Options>(parsed)) << std::get<Answer>(parsed).text;
  const Options& options = std::get<Options>(parsed);
  const CopyOptions& copy = options.copy;
  EXPECT_EQ(options.postgres_url, "u");
  EXPECT_EQ(copy.identity.destination_schema, "s");
  EXPECT_EQ(copy.identity.profile, "vestige");
  EXPECT_THAT(copy.identity.only, ElementsAre("a", "b"));
  EXPECT_THAT(copy.identity.vector_columns, ElementsAre("t.a:2", "t.b:3"));
  EXPECT_EQ(copy.identity.on_conflict, "update");
  EXPECT_EQ(copy.identity.max_row_bytes, 1 << 20);
  EXPECT_TRUE(copy.identity.allow_model_mismatch && copy.no_indexes && copy.no_verify && copy.dry_run);
  EXPECT_EQ(copy.batch_rows_max, 7);
  EXPECT_EQ(copy.readers, 2);
  EXPECT_EQ(copy.writers, 3);
  EXPECT_EQ(copy.rejects_max, 0);
  EXPECT_EQ(copy.on_source_change, "fail");
  EXPECT_EQ(copy.snapshot, sqlite::SnapshotMode::kCopy);
  EXPECT_EQ(copy.scratch_dir, "/x");
  EXPECT_EQ(copy.report_path, "-");
  EXPECT_EQ(copy.progress, ProgressMode::kJson);
}

TEST(CommandLineTest, LeavesTheWordsOfPsqlAlone) {
  const auto parsed = ParseCommandLine({"postgres", "psql", "-c", "SELECT 1", "--bath-size"});
  ASSERT_TRUE(std::holds_alternative<Options>(parsed));
  EXPECT_THAT(std::get<Options>(parsed).psql_words, ElementsAre("-c", "SELECT 1", "--bath-size"));
  const auto parted = ParseCommandLine({"postgres", "psql", "--", "--help", "--"});
  ASSERT_TRUE(std::holds_alternative<Options>(parted));
  EXPECT_THAT(std::get<Options>(parted).psql_words, ElementsAre("--help", "--"));
}

}  // namespace
}  // namespace vecferry::cli
