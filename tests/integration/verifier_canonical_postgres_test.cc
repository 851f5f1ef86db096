// Odd values in a real Postgres, as the copy sends them and as CanonicalText spells them: what Postgres sends back is,
// in canonical form, what the verifier reads in the source.
#include <libpq-fe.h>

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/convert/convert.h"
#include "common/pgcopy/tuple.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/odd_values.h"
#include "tests/support/reading.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_postgres.h"
#include "verifier/canonical.h"

namespace vecferry::verifier {
namespace {

using core::PgKind;
using testing::IsOk;

constexpr int kValues = 6'000;

// A big-endian number at the front of `bytes`, which is taken away.
std::int64_t TakeNumber(absl::string_view& bytes, std::size_t size) {
  std::int64_t number = static_cast<unsigned char>(bytes[0]) < 0x80 ? 0 : -1;  // the sign goes on to the left
  for (std::size_t at = 0; at < size; ++at) number = number * 256 + static_cast<unsigned char>(bytes[at]);
  bytes.remove_prefix(size);
  return number;
}

std::string Number(std::uint64_t number) {
  std::string bytes(8, '\0');
  for (std::size_t at = 8; at-- > 0; number >>= 8) bytes[at] = static_cast<char>(number & 0xff);
  return bytes;
}

// The fields of the rows that COPY TO STDOUT (FORMAT binary) sends for a query; there are no NULLs.
std::vector<std::vector<std::string>> CopyOut(const std::string& conninfo, const std::string& query) {
  const std::unique_ptr<PGconn, void (*)(PGconn*)> session(PQconnectdb(conninfo.c_str()), PQfinish);
  PQclear(PQexec(session.get(), absl::StrCat("COPY (", query, ") TO STDOUT (FORMAT binary)").c_str()));
  std::string file;
  char* part = nullptr;
  for (int bytes = 0; (bytes = PQgetCopyData(session.get(), &part, 0)) > 0; PQfreemem(part)) file.append(part, bytes);
  PQclear(PQgetResult(session.get()));
  EXPECT_STREQ(PQerrorMessage(session.get()), "");
  std::vector<std::vector<std::string>> rows;
  absl::string_view rest = file;
  rest.remove_prefix(pgcopy::FileHeader().size());
  for (std::int64_t fields; (fields = TakeNumber(rest, 2)) >= 0;) {
    for (rows.emplace_back(); fields > 0; --fields) {
      const auto size = static_cast<std::size_t>(TakeNumber(rest, 4));
      rows.back().emplace_back(rest.substr(0, size));
      rest.remove_prefix(size);
    }
  }
  return rows;
}

class CanonicalPostgresTest : public ::testing::TestWithParam<core::PgType> {
 protected:
  CanonicalPostgresTest() {
    database_.Run(
        absl::StrCat("CREATE TABLE carried (n bigint, value ", core::ToSql(GetParam(), "public"), ", spoken text)"));
  }

  // Makes a row of a value that the type holds.
  void Add(const core::ValueView& value) {
    std::string field, canonical;
    const Reading reading = ReadValue(value, GetParam(), canonical);
    if (reading.result == Reading::Result::kUnfit || reading.result == Reading::Result::kNull) return;
    convert::Convert(value, GetParam(), field);
    // Whether the copy says the same is for verifier_against_convert_test to judge; jsonb's form is Postgres' work.
    if (GetParam().kind != PgKind::kJsonb && Canonical(field) != canonical) return;
    pgcopy::TupleWriter row(file_);
    row.BeginTuple(3);
    for (const std::string& content : {Number(read_.size()), field, CanonicalText(GetParam(), canonical)}) {
      row.BeginField();
      row.buffer() += content;
      row.EndField();
    }
    read_.push_back(canonical);
  }

  void Send() {
    file_ += std::string(pgcopy::FileTrailer());
    ASSERT_THAT(session_.StartCopy("COPY carried FROM STDIN (FORMAT binary)"), IsOk());
    ASSERT_THAT(session_.PutCopyData(file_), IsOk());
    ASSERT_THAT(session_.EndCopy().status(), IsOk());
  }

  std::string Canonical(const std::string& field) {
    std::string buffer;
    const auto canonical = CanonicalField(GetParam(), field, buffer);
    return canonical.ok() ? std::string(*canonical) : canonical.status().ToString();
  }

  testing::OddValues values_;
  testing::TestDatabase database_;
  postgres::Connection session_ = database_.Connect();
  std::string file_{pgcopy::FileHeader()};
  std::vector<std::string> read_;  // the canonical form of row n
};

TEST_P(CanonicalPostgresTest, ReadsInPostgresWhatItReadsInTheSource) {
  const core::PgType type = GetParam();
  for (int left = kValues; left > 0; --left) Add(values_.Next().view());
  ASSERT_GT(read_.size(), std::size_t{10}) << "the samples are worth the test";
  Send();
  const auto rows = CopyOut(database_.conninfo(), absl::StrCat("SELECT value, spoken::", core::ToSql(type, "public"),
                                                               ", spoken FROM carried ORDER BY n"));
  ASSERT_EQ(rows.size(), read_.size());
  for (std::size_t at = 0; at < rows.size() && !HasFailure(); ++at) {
    const std::string& spoken = rows[at][2];
    EXPECT_EQ(testing::Shown(type.kind, Canonical(rows[at][0])), testing::Shown(type.kind, read_[at])) << spoken;
    EXPECT_EQ(testing::Shown(type.kind, Canonical(rows[at][1])), testing::Shown(type.kind, read_[at])) << spoken;
  }
}

std::string NameOf(const ::testing::TestParamInfo<core::PgType>& info) {
  std::string name;
  for (const char letter : core::ToString(info.param)) name += absl::ascii_isalnum(letter) ? letter : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(EveryType, CanonicalPostgresTest,
                         ::testing::Values(core::PgType{PgKind::kBool}, core::PgType{PgKind::kInt2},
                                           core::PgType{PgKind::kInt4}, core::PgType{PgKind::kInt8},
                                           core::PgType{PgKind::kFloat8}, core::PgType{PgKind::kNumeric},
                                           core::PgType{PgKind::kText}, core::PgType{PgKind::kBytea},
                                           core::PgType{PgKind::kUuid}, core::PgType{PgKind::kTimestamptz},
                                           core::PgType{PgKind::kJsonb}, core::PgType{PgKind::kTextArray},
                                           core::PgType{PgKind::kUuidArray}, core::PgType{PgKind::kVector},
                                           core::PgType{PgKind::kVector, 3}, core::PgType{PgKind::kHalfvec},
                                           core::PgType{PgKind::kHalfvec, 3}),
                         NameOf);

// What other programs may have left in a destination, as literals.
TEST(CanonicalFieldPostgresTest, ReadsWhatNoSourceBrings) {
  testing::TestDatabase database;
  const struct {
    PgKind kind;
    std::string literal, text;
  } kCases[] = {
      {PgKind::kNumeric, "Infinity", "Infinity"},
      {PgKind::kNumeric, "-Infinity", "-Infinity"},
      {PgKind::kTimestamptz, "infinity", "infinity"},
      {PgKind::kTimestamptz, "-infinity", "-infinity"},
      {PgKind::kTimestamptz, "4714-11-24 00:00:00+00 BC", "4714-11-24 00:00:00.000000+00 BC"},
      {PgKind::kTextArray, "[2:3]={a,b}", "[2:3]={\"a\",\"b\"}"},
      {PgKind::kTextArray, "[0:0][-1:0]={{NULL,b}}", "[0:0][-1:0]={{NULL,\"b\"}}"},
      {PgKind::kTextArray, "{{{a,b}},{{c,\"\\\"\\\\\"}}}", "{{{\"a\",\"b\"}},{{\"c\",\"\\\"\\\\\"}}}"},
      {PgKind::kUuidArray, "[0:0]={01234567-89ab-cdef-0123-456789abcdef}",
       "[0:0]={01234567-89ab-cdef-0123-456789abcdef}"},
      {PgKind::kFloat8, "-0", "-0"},
      {PgKind::kJsonb, "{\"aa\": 1.50, \"b\": [1e-7, -0.0]}", "{\"aa\":1.50,\"b\":[0.0000001,0.0]}"},
  };
  for (const auto& test : kCases) {
    const std::string sql_type = core::ToSql({test.kind}, "public");
    const auto rows = CopyOut(database.conninfo(), absl::StrCat("SELECT '", test.literal, "'::", sql_type));
    ASSERT_EQ(rows.size(), 1u);
    std::string buffer;
    const auto canonical = CanonicalField({test.kind}, rows[0][0], buffer);
    ASSERT_THAT(canonical.status(), IsOk());
    const std::string text = CanonicalText({test.kind}, *canonical);
    EXPECT_EQ(text, test.text);
    EXPECT_EQ(
        database.QueryValue(absl::StrCat("SELECT '", test.literal, "'::", sql_type, " = '", text, "'::", sql_type)),
        "t");
  }
}

}  // namespace
}  // namespace vecferry::verifier
