// Texts that no index entry holds: in a key they cost the row, elsewhere they move to the metadata.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/core/record.h"
#include "common/rows/row_encoder.h"

namespace vecferry::rows {
namespace {

using core::Conversion;
using core::PgKind;
using core::ValueView;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int64_t kRowBytesMax = 1 << 20;

// A key of two columns, a number and a text; an indexed text; metadata.
core::Mapping MakeMapping() {
  core::Mapping mapping;
  mapping.source_table = "edges";
  mapping.key.expressions = {"t.rowid"};
  for (const char* name : {"id", "kind", "note"}) {
    core::Column& column = mapping.columns.emplace_back();
    column.name = name;
    column.type = {std::string(name) == "id" ? PgKind::kInt8 : PgKind::kText};
    column.input = static_cast<int>(mapping.inputs.size());
    mapping.inputs.push_back({name, name});
  }
  mapping.conflict_key = {"id", "kind"};
  mapping.columns[2].element_bytes_max = 10;
  core::Column& metadata = mapping.columns.emplace_back();
  metadata.name = "metadata";
  metadata.type = {PgKind::kJsonb};
  metadata.conversion = Conversion::kMetadata;
  return mapping;
}

struct Result {
  EncodedRow row;
  bool rejects = false;
  std::string tuple;
  std::vector<core::RowIssue> issues;
};

Result Encode(const core::Mapping& mapping, const std::string& kind, const std::string& note) {
  const std::vector<ValueView> key = {ValueView::Integer(1)};
  const std::vector<ValueView> inputs = {ValueView::Integer(1), ValueView::Text(kind), ValueView::Text(note)};
  SourceRow row;
  row.key = key;
  row.inputs = inputs;
  const std::string record = core::EncodeRecord(key);
  RowEncoder encoder(mapping, kRowBytesMax);
  Result result;
  result.row = encoder.Encode(row, record, result.tuple, result.issues);
  result.rejects = encoder.Rejects(row, record);
  return result;
}

// The fields of the key: 4 + 8 bytes of the number, 4 of the text's length.
const std::size_t kTextMax = core::kKeyBytesMax - 16;

TEST(LongTextTest, AKeyIsCarriedUpToTheBound) {
  const Result result = Encode(MakeMapping(), std::string(kTextMax, 'k'), "");
  EXPECT_TRUE(result.row.carried);
  EXPECT_FALSE(result.rejects);
  EXPECT_THAT(result.issues, IsEmpty());
}

TEST(LongTextTest, ALongerKeyIsRejected) {
  const Result result = Encode(MakeMapping(), std::string(kTextMax + 1, 'k'), "");
  EXPECT_FALSE(result.row.carried);
  EXPECT_TRUE(result.rejects) << "also where another mapping carries the row a second time";
  EXPECT_THAT(result.tuple, IsEmpty());
  ASSERT_THAT(result.issues, SizeIs(1));
  EXPECT_EQ(result.issues[0].kind, "too_long");
  EXPECT_EQ(result.issues[0].column, "kind");
  EXPECT_EQ(result.issues[0].action, core::IssueAction::kRejected);
  EXPECT_EQ(result.issues[0].raw_format, "sqlite-record");
}

// A byte that is no UTF-8 becomes three.
TEST(LongTextTest, TheBytesAtTheDestinationCount) {
  EXPECT_TRUE(Encode(MakeMapping(), std::string(kTextMax / 3, '\xff'), "").row.carried);
  EXPECT_FALSE(Encode(MakeMapping(), std::string(kTextMax / 3 + 1, '\xff'), "").row.carried);
}

TEST(LongTextTest, AnIndexedTextMovesToTheMetadata) {
  const Result result = Encode(MakeMapping(), "k", "eleven byte");
  EXPECT_TRUE(result.row.carried);
  EXPECT_TRUE(result.row.repaired);
  EXPECT_TRUE(absl::EndsWith(result.tuple, "\x01{\"vecferry\":{\"note\":\"eleven byte\"}}"));
  ASSERT_THAT(result.issues, SizeIs(1));
  EXPECT_EQ(result.issues[0].kind, "too_long");
  EXPECT_EQ(result.issues[0].action, core::IssueAction::kRepaired);
  EXPECT_EQ(result.issues[0].raw, "eleven byte");
  EXPECT_THAT(result.issues[0].reason, HasSubstr("NULL"));
  EXPECT_THAT(Encode(MakeMapping(), "k", "ten  bytes").issues, IsEmpty());
}

TEST(LongTextTest, AnIndexedTextThatMayNotBeNullTakesItsFallback) {
  core::Mapping mapping = MakeMapping();
  mapping.columns[2].not_null = true;
  mapping.columns[2].fallback = "general";
  const Result result = Encode(mapping, "k", "eleven byte");
  EXPECT_TRUE(result.row.carried);
  EXPECT_THAT(result.tuple, HasSubstr("general"));
}

}  // namespace
}  // namespace vecferry::rows
