#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/convert/convert.h"
#include "common/pgcopy/tuple.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/random_texts.h"
#include "tests/support/test_postgres.h"

// Random values, converted and sent by COPY BINARY, against what Postgres makes of the same text.
namespace vecferry::convert {
namespace {

using core::PgKind;
using core::ValueView;
using ::testing::IsEmpty;

constexpr int kValues = 4000;

// One value twice: as the source holds it, and as the text that Postgres is given.
struct Sample {
  core::Value value;
  std::string text;
};

// What happens to a sample, by the kind of its issue ("" = none).
struct Expectations {
  std::vector<std::string> refused;     // Postgres cannot cast the text either
  std::vector<std::string> not_judged;  // we and Postgres differ, as documented
};

bool IsAmong(const std::vector<std::string>& kinds, absl::string_view kind) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

class ConvertAgainstPostgresTest : public ::testing::Test {
 protected:
  // Converts samples to `type`. What is carried must equal `cast` of the text ($1) in Postgres, in text form, which
  // tells -0 from 0; what is refused must be refused by the cast.
  void Hold(const core::PgType& type, const std::string& cast, const Expectations& expected,
            const std::function<Sample()>& make) {
    const std::string of_text =
        absl::StrCat("(", absl::StrReplaceAll(cast, {{"$1", "convert_from(source, 'UTF8')"}}), ")::text");
    PrepareTables(core::ToSql(type, "public"), of_text);
    std::string carried(pgcopy::FileHeader()), refused(pgcopy::FileHeader());
    int carried_count = 0, refused_count = 0;
    for (int i = 0; i < kValues; ++i) {
      const Sample sample = make();
      std::string field;
      const Outcome outcome = Convert(sample.value.view(), type, field);
      if (IsAmong(expected.not_judged, outcome.kind)) continue;
      const bool is_refused = IsAmong(expected.refused, outcome.kind);
      ASSERT_TRUE(is_refused || outcome.fidelity != Fidelity::kUnfit) << outcome.reason;
      ++(is_refused ? refused_count : carried_count);
      AddRow(sample.text, is_refused ? nullptr : &field, is_refused ? refused : carried);
    }
    Send("carried", carried);
    Send("refused", refused);
    EXPECT_THAT(database_.Query(absl::StrCat("SELECT source, value::text, ", of_text, " FROM carried ",
                                             "WHERE value::text IS DISTINCT FROM ", of_text, " LIMIT 5")),
                IsEmpty());
    EXPECT_THAT(database_.Query("SELECT encode(source, 'escape') FROM refused WHERE accepts(source) LIMIT 5"),
                IsEmpty());
    EXPECT_GT(carried_count, kValues / 20) << "the samples are worth the test";
    EXPECT_EQ(refused_count > kValues / 100, !expected.refused.empty()) << refused_count;
  }

  // A text column's value.
  void HoldText(PgKind kind, const std::string& cast, const Expectations& expected,
                const std::function<std::string()>& make) {
    Hold({kind}, cast, expected, [&] {
      const std::string text = make();
      return Sample{core::Value(ValueView::Text(text)), text};
    });
  }

  // A blob of `size` floats, and pgvector's text of them.
  Sample Vector(std::uint64_t size, float scale) {
    std::string blob, text;
    for (const float component : random_.Floats(size)) {
      const float number = component * scale;
      char bytes[sizeof(number)], digits[32];
      std::memcpy(bytes, &number, sizeof(number));
      blob.append(bytes, sizeof(bytes));
      const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
      absl::StrAppend(&text, text.empty() ? "[" : ",", absl::string_view(digits, end - digits));
    }
    return {core::Value(ValueView::Blob(blob)), text + "]"};
  }

  testing::RandomTexts random_;

 private:
  void PrepareTables(const std::string& type, const std::string& of_text) {
    database_.Run(absl::StrCat(
        "CREATE TABLE carried (source bytea, value ", type, ");", "CREATE TABLE refused (source bytea);",
        "CREATE FUNCTION accepts(source bytea) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN ", "PERFORM ", of_text,
        "; RETURN true; EXCEPTION WHEN data_exception ", "OR program_limit_exceeded THEN RETURN false; END $f$"));
  }

  static void AddRow(const std::string& source, const std::string* field, std::string& file) {
    pgcopy::TupleWriter row(file);
    row.BeginTuple(field == nullptr ? 1 : 2);
    for (const std::string* content : {&source, field}) {
      if (content == nullptr) continue;
      row.BeginField();
      row.buffer() += *content;
      row.EndField();
    }
  }

  void Send(const std::string& table, std::string& file) {
    absl::StrAppend(&file, pgcopy::FileTrailer());
    ASSERT_TRUE(session_.StartCopy(absl::StrCat("COPY ", table, " FROM STDIN (FORMAT binary)")).ok());
    ASSERT_TRUE(session_.PutCopyData(file).ok());
    const auto rows = session_.EndCopy();
    ASSERT_TRUE(rows.ok()) << rows.status();
  }

  testing::TestDatabase database_;
  postgres::Connection session_ = database_.Connect();
};

TEST_F(ConvertAgainstPostgresTest, Bool) {
  HoldText(PgKind::kBool, "$1::boolean", {.refused = {"wrong_type"}}, [&] { return random_.Boolean(); });
}

TEST_F(ConvertAgainstPostgresTest, Int8) {
  HoldText(PgKind::kInt8, "$1::bigint", {.refused = {"wrong_type", "out_of_range"}}, [&] { return random_.Integer(); });
}

TEST_F(ConvertAgainstPostgresTest, Int2) {
  HoldText(PgKind::kInt2, "$1::smallint", {.refused = {"wrong_type", "out_of_range"}},
           [&] { return random_.Integer().substr(0, 5); });
}

TEST_F(ConvertAgainstPostgresTest, Float8) {
  // Postgres rounds what has more digits than a double; we leave it, so that the text is not lost.
  HoldText(PgKind::kFloat8, "$1::float8", {.refused = {"wrong_type", "out_of_range"}, .not_judged = {"not_exact"}},
           [&] {
             if (random_.Below(50) == 0) return std::string(random_.Pick({"1e309", "-1e-330", "1e999", "0x", "inf"}));
             return random_.Number(9);
           });
}

TEST_F(ConvertAgainstPostgresTest, Numeric) {
  HoldText(PgKind::kNumeric, "$1::numeric", {.refused = {"wrong_type", "out_of_range"}}, [&] {
    if (random_.Below(50) == 0) return std::string(random_.Pick({"1e131072", "1e131071", "1e-16384", "0e-20000"}));
    return random_.Number(random_.Below(50) == 0 ? 6000 : 30);
  });
}

TEST_F(ConvertAgainstPostgresTest, Text) {
  HoldText(PgKind::kText, "$1", {.refused = {"invalid_utf8", "nul_in_text"}}, [&] { return random_.Utf8(); });
}

TEST_F(ConvertAgainstPostgresTest, Uuid) {
  HoldText(PgKind::kUuid, "$1::uuid", {.refused = {"not_uuid"}}, [&] { return random_.Uuid(); });
}

TEST_F(ConvertAgainstPostgresTest, TimestamptzOfText) {
  HoldText(PgKind::kTimestamptz, "$1::timestamptz", {.refused = {"unreadable_time"}}, [&] { return random_.Time(); });
}

TEST_F(ConvertAgainstPostgresTest, TimestamptzOfEpochSeconds) {
  Hold({PgKind::kTimestamptz}, "'epoch'::timestamptz + ($1 || ' seconds')::interval", {}, [&] {
    const auto seconds = static_cast<std::int64_t>(random_.Below(199'999'999'999)) - 99'999'999'999;
    return Sample{core::Value(ValueView::Integer(seconds)), absl::StrCat(seconds)};
  });
}

TEST_F(ConvertAgainstPostgresTest, TimestamptzOfEpochMilliseconds) {
  Hold({PgKind::kTimestamptz}, "'epoch'::timestamptz + ($1 || ' milliseconds')::interval", {}, [&] {
    const auto milliseconds = static_cast<std::int64_t>(100'000'000'000 + random_.Below(9'000'000'000'000));
    return Sample{core::Value(ValueView::Integer(milliseconds)), absl::StrCat(milliseconds)};
  });
}

TEST_F(ConvertAgainstPostgresTest, TimestamptzOfReals) {
  Hold({PgKind::kTimestamptz}, "to_timestamp($1::float8)", {}, [&] {
    const double seconds = static_cast<double>(random_.Below(4'000'000'000'000)) / 1000;
    char digits[64];
    const auto end = std::to_chars(digits, digits + sizeof(digits), seconds, std::chars_format::fixed).ptr;
    return Sample{core::Value(ValueView::Real(seconds)), std::string(digits, end)};
  });
}

TEST_F(ConvertAgainstPostgresTest, Jsonb) {
  constexpr char kOdd[] = "{}[]\",:\\ 01.eu\xc3\0-tn";
  HoldText(PgKind::kJsonb, "$1::jsonb", {.refused = {"invalid_json", "json_not_jsonb", "nul_in_text", "invalid_utf8"}},
           [&] { return random_.Mutate(random_.Json(4), absl::string_view(kOdd, sizeof(kOdd) - 1)); });
}

TEST_F(ConvertAgainstPostgresTest, TextArray) {
  // jsonb refuses what we repair in elements; what is no array at all cannot be taken apart.
  HoldText(
      PgKind::kTextArray,
      "ARRAY(SELECT e FROM jsonb_array_elements_text($1::jsonb) WITH ORDINALITY AS a(e, n) ORDER BY n)",
      {.refused = {"invalid_json", "nul_in_text", "invalid_utf8", "not_an_array"}, .not_judged = {"element_not_text"}},
      [&] {
        const std::string text = random_.Below(20) == 0 ? random_.Json(1) : random_.JsonStrings(false);
        return random_.Mutate(text, "[]\",\\ nu1");
      });
}

TEST_F(ConvertAgainstPostgresTest, UuidArray) {
  HoldText(PgKind::kUuidArray,
           "ARRAY(SELECT e::uuid FROM jsonb_array_elements_text($1::jsonb) WITH ORDINALITY AS a(e, n) ORDER BY n)",
           {.refused = {"invalid_json", "not_uuid", "not_an_array"}},
           [&] { return random_.Mutate(random_.JsonStrings(true), "[]\", n"); });
}

TEST_F(ConvertAgainstPostgresTest, Vector) {
  Hold({PgKind::kVector, 3}, "$1::vector(3)", {.refused = {"vector_dimension"}},
       [&] { return Vector(random_.Below(20) == 0 ? 4 : 3, 1); });
}

TEST_F(ConvertAgainstPostgresTest, VectorOfJson) {
  HoldText(PgKind::kVector, "$1::vector", {.not_judged = {"vector_not_blob", "vector_not_finite", "vector_length"}},
           [&] {
             std::string text = "[";
             for (std::uint64_t left = 1 + random_.Below(4); left > 0; --left) {
               absl::StrAppend(&text, random_.Json(0), left > 1 ? "," : "]");
             }
             return text;
           });
}

TEST_F(ConvertAgainstPostgresTest, Halfvec) {
  Hold({PgKind::kHalfvec}, "$1::vector::halfvec", {.refused = {"vector_not_finite"}}, [&] {
    return Vector(1 + random_.Below(2), random_.Pick({1.0f, 1.0f, 1000.0f, 1e-6f}));
  });
}

}  // namespace
}  // namespace vecferry::convert
