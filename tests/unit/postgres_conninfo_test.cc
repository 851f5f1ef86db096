#include <gmock/gmock.h>

#include "common/postgres/connection.h"
#include "common/postgres/conninfo.h"
#include "common/postgres/sql_error.h"
#include "tests/support/status_matchers.h"

namespace vecferry::postgres {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::StatusIs;

TEST(MaskConninfoTest, HidesThePasswordOfAUrl) {
  EXPECT_EQ(MaskConninfo("postgresql://me:hunter2@db.example:5433/store"), "postgresql://me:***@db.example:5433/store");
  EXPECT_EQ(MaskConninfo("postgres://me@db/store?password=hunter2"), "postgresql://me:***@db/store");
  EXPECT_EQ(MaskConninfo("postgres://db/store?sslmode=require&sslpassword=hunter2"),
            "postgresql://db/store?sslmode=require&sslpassword=***");
  EXPECT_EQ(MaskConninfo("postgres:///store?host=/run/pg"), "postgresql:///store?host=/run/pg");
}

TEST(MaskConninfoTest, HidesThePasswordOfKeyValuePairs) {
  EXPECT_EQ(MaskConninfo("host=db password='hunter 2' dbname='a b'"), "password=*** dbname='a b' host=db");
}

// Each of these would show a part of the password if what libpq makes of it were printed.
TEST(MaskConninfoTest, ShowsNothingOfWhatCannotBeRead) {
  for (const char* text :
       {"postgres://me:hun@ter2@db/store", "postgres://me:hun/ter2@db/store", "postgres://me:hun%ter2@db/store",
        "postgres://me:hun/t?er2@db/store", "password=hun ter2", "host=db password=hun ter2=x", "hunter2",
        "postgres://me:hunter2@db/store?nonsense=hunter2", "password='hunter2"}) {
    EXPECT_EQ(MaskConninfo(text), "***") << text;
    const auto parsed = ParseConninfo(text);
    EXPECT_THAT(parsed, StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("hun")))) << text;
    EXPECT_THAT(std::string(parsed.status().message()), Not(HasSubstr("ter2"))) << text;
  }
}

TEST(ParseConninfoTest, ReturnsWhatIsSaidAndNothingElse) {
  const auto parsed = ParseConninfo("postgres://me@db:5433/store");
  ASSERT_THAT(parsed, IsOk());
  EXPECT_THAT(*parsed,
              ::testing::UnorderedElementsAre(::testing::Pair("user", "me"), ::testing::Pair("host", "db"),
                                              ::testing::Pair("port", "5433"), ::testing::Pair("dbname", "store")));
}

TEST(CheckServerVersionTest, RefusesServersOlderThan13) {
  EXPECT_THAT(CheckServerVersion(130000), IsOk());
  EXPECT_THAT(CheckServerVersion(170002), IsOk());
  EXPECT_THAT(CheckServerVersion(120017),
              StatusIs(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr("12.17"), HasSubstr("13"))));
}

TEST(SqlErrorTest, FindsTheLineOfACopy) {
  EXPECT_EQ(CopyLine("COPY t, line 17, column a"), 17);
  EXPECT_EQ(CopyLine("SQL function \"f\"\nCOPY t, line 3"), 3);
  EXPECT_EQ(CopyLine("COPY t, line 4: \"x\""), 4);
  EXPECT_EQ(CopyLine("SQL statement \"COPY\""), 0);
  EXPECT_EQ(CopyLine(""), 0);
}

TEST(SqlErrorTest, TellsTheCallerWhatToDo) {
  EXPECT_EQ(CodeOf("08006"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CodeOf("57P01"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CodeOf("57014"), absl::StatusCode::kCancelled);
  EXPECT_EQ(CodeOf("40P01"), absl::StatusCode::kAborted);
  EXPECT_EQ(CodeOf("53100"), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf("23505"), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf("42501"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(CodeOf("28P01"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(CodeOf("22003"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("3D000"), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf("42P01"), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace vecferry::postgres
