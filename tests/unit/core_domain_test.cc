#include "common/core/migration.h"
#include "common/core/report.h"
#include "common/core/types.h"
#include "common/core/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecferry::core {
namespace {

TEST(TypesTest, EveryTypeReadsBack) {
  for (const char* name :
       {"boolean", "smallint", "integer", "bigint", "double precision", "numeric", "text", "bytea", "uuid",
        "timestamptz", "jsonb", "text[]", "uuid[]", "vector", "vector(384)", "halfvec", "halfvec(16000)"}) {
    const auto type = ParsePgType(name);
    ASSERT_TRUE(type.ok()) << name;
    EXPECT_EQ(ToString(*type), name);
  }
  EXPECT_EQ(ParsePgType("timestamp with time zone")->kind, PgKind::kTimestamptz);
  for (const char* name : {"", "money", "vector()", "vector(0)", "vector(-1)", "vector(3", "text(3)", "Text"}) {
    EXPECT_EQ(ParsePgType(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST(TypesTest, SqlNamesTheExtensionsSchema) {
  EXPECT_EQ(ToSql({PgKind::kVector, 3}, "pub\"lic"), "\"pub\"\"lic\".\"vector\"(3)");
  EXPECT_EQ(ToSql({PgKind::kHalfvec}, "public"), "\"public\".\"halfvec\"");
  EXPECT_EQ(ToSql({PgKind::kTextArray}, "public"), "text[]");
}

TEST(TypesTest, QuotesForSql) {
  EXPECT_EQ(QuoteIdentifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(QuoteLiteral("it's \\"), "'it''s \\'");
  EXPECT_EQ(QualifiedName("s", "t"), "\"s\".\"t\"");
}

TEST(StateTest, EveryStateReadsBack) {
  for (int i = 0; i <= static_cast<int>(State::kDropped); ++i) {
    const auto state = static_cast<State>(i);
    EXPECT_EQ(*ParseState(ToString(state)), state);
  }
  EXPECT_EQ(ParseState("DONE").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(IsEnded(State::kVerified) && IsEnded(State::kDifferent) && IsEnded(State::kCopied) &&
              IsEnded(State::kDropped));
  EXPECT_FALSE(IsEnded(State::kFailed) || IsEnded(State::kPaused) || IsEnded(State::kCancelled) ||
               IsEnded(State::kVerifying));
}

TEST(ReportTest, ExitCodesAreThoseOfTheInterface) {
  const Counters clean, rejected{.rejected = 1}, conflicting{.conflicting = 1}, repaired{.repaired = 1},
      incomplete{.incomplete = 1};
  EXPECT_EQ(ExitCode(State::kVerified, clean), 0);
  EXPECT_EQ(ExitCode(State::kVerified, repaired), 0);
  EXPECT_EQ(ExitCode(State::kVerified, rejected), 3);
  EXPECT_EQ(ExitCode(State::kCopied, conflicting), 3);
  EXPECT_EQ(ExitCode(State::kVerified, incomplete), 3);
  EXPECT_EQ(ExitCode(State::kDifferent, rejected), 4);
  EXPECT_EQ(ExitCode(State::kFailed, clean), 1);
  EXPECT_EQ(ExitCode(State::kCancelled, clean), 1);
  EXPECT_EQ(ExitCode(State::kCopying, clean), 130);
  EXPECT_EQ(ExitCode(State::kPaused, rejected), 130);
}

TEST(CountersTest, SumEveryField) {
  Counters sum{1, 2, 3, 4, 5, 6, 7, 8, 9};
  sum += {10, 20, 30, 40, 50, 60, 70, 80, 90};
  EXPECT_EQ(sum, (Counters{11, 22, 33, 44, 55, 66, 77, 88, 99}));
}

TEST(SourceKeyTest, IsJsonThatJsonbTakes) {
  using namespace std::string_literals;
  EXPECT_EQ(SourceKeyJson({"id"}, {ValueView::Integer(-5)}), R"({"id": -5})");
  EXPECT_EQ(SourceKeyJson({"a\"", "b"}, {ValueView::Text("x\"\\\n"), ValueView::Null()}),
            R"({"a\"": "x\"\\\u000a", "b": {"hex": "", "type": "null"}})");
  EXPECT_EQ(SourceKeyJson({"k"}, {ValueView::Text("a\0b"s)}), R"({"k": {"hex": "610062", "type": "text"}})");
  EXPECT_EQ(SourceKeyJson({"k"}, {ValueView::Text("\xff")}), R"({"k": {"hex": "ff", "type": "text"}})");
  EXPECT_EQ(SourceKeyJson({"k"}, {ValueView::Blob("ab")}), R"({"k": {"hex": "6162", "type": "blob"}})");
  EXPECT_EQ(SourceKeyJson({"k"}, {ValueView::Real(1)}), R"({"k": {"hex": "3ff0000000000000", "type": "real"}})");
  EXPECT_EQ(SourceKeyJson({}, {}), "{}");
}

TEST(Utf8Test, ReplacesMaximalSubparts) {
  using namespace std::string_literals;
  // Unicode 15, section 3.9, table 3-8 and its neighbours.
  const std::string fffd(kReplacementCharacter);
  EXPECT_EQ(SanitizeText("\xc0\xaf"), fffd + fffd);
  EXPECT_EQ(SanitizeText("\xe0\x80\xbf"), fffd + fffd + fffd);
  EXPECT_EQ(SanitizeText("\xed\xa0\x80"), fffd + fffd + fffd) << "a surrogate";
  EXPECT_EQ(SanitizeText("\xf4\x91\x92\x93"), fffd + fffd + fffd + fffd) << "beyond U+10FFFF";
  EXPECT_EQ(SanitizeText("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), fffd + fffd + fffd + fffd + "A");
  EXPECT_EQ(SanitizeText("\xf0\x9f\x9a"), fffd) << "cut off";
  EXPECT_EQ(SanitizeText("ferry \xf0\x9f\x9a\xa2 \xc3\xa4"), "ferry \xf0\x9f\x9a\xa2 \xc3\xa4");
}

TEST(Utf8Test, FindsTheFirstInvalidByteWhereverItLies) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string text(size, 'a');
    EXPECT_EQ(ValidUtf8Prefix(text), size);
    for (std::size_t at = 0; at < size; ++at) {
      std::string broken = text;
      broken[at] = '\x80';
      EXPECT_EQ(ValidUtf8Prefix(broken), at);
    }
  }
}

TEST(Utf8Test, ControlCharactersBecomeSpaces) {
  using namespace std::string_literals;
  EXPECT_EQ(SanitizeText("a\0b\nc\x1b[31m\x7f"s), "a b c [31m ");
  EXPECT_EQ(SanitizeText("\xc2\x9b\xc2\xa0"), " \xc2\xa0") << "C1 goes, the no-break space stays";
}

}  // namespace
}  // namespace vecferry::core
