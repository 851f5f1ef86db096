#include <gmock/gmock.h>

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/convert/convert.h"
#include "common/core/record.h"
#include "common/pgcopy/tuple.h"
#include "common/rows/row_encoder.h"

namespace vecferry::rows {
namespace {

using core::Conversion;
using core::PgKind;
using core::ValueView;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int64_t kRowBytesMax = 1 << 20;
const char kUuid[] = "0c4a7c1e-9d2b-4a55-8f3e-2b1a90d4c777";

// A mapping of table `notes` with one input a column; the first column is the key.
class MappingBuilder {
 public:
  MappingBuilder() {
    mapping_.source_table = "notes";
    mapping_.destination_table = "kept_notes";
    mapping_.key.expressions = {"t.rowid"};
  }
  core::Column& Add(const std::string& name, core::PgType type, Conversion conversion = Conversion::kNatural) {
    core::Column column;
    column.name = name;
    column.type = type;
    column.conversion = conversion;
    const bool has_input = conversion != Conversion::kRowHash && conversion != Conversion::kMetadata;
    if (has_input) {
      column.input = static_cast<int>(mapping_.inputs.size());
      mapping_.inputs.push_back({absl::StrCat("t.", name), name});
    }
    if (mapping_.conflict_key.empty()) mapping_.conflict_key = {name};
    mapping_.columns.push_back(column);
    return mapping_.columns.back();
  }
  core::Mapping& mapping() { return mapping_; }

 private:
  core::Mapping mapping_;
};

struct Result {
  EncodedRow row;
  std::vector<std::optional<std::string>> fields;  // of the tuple
  std::vector<core::RowIssue> issues;
};

constexpr std::int64_t kRowid = 42;

Result Encode(RowEncoder& encoder, const std::vector<ValueView>& inputs) {
  const std::vector<ValueView> key = {ValueView::Integer(kRowid)};
  SourceRow row{key, inputs, core::HashRow(inputs), 0};
  for (const ValueView& value : inputs) row.bytes += static_cast<std::int64_t>(value.bytes.size());
  std::string tuples = "before";
  Result result;
  result.row = encoder.Encode(row, core::EncodeRecord(key), tuples, result.issues);
  EXPECT_EQ(tuples.substr(0, 6), "before");
  if (!result.row.carried) {
    EXPECT_EQ(tuples, "before") << "a rejected row leaves no bytes";
    return result;
  }
  const std::string tuple = tuples.substr(6);
  const auto fields = pgcopy::ReadTuple(tuple);
  EXPECT_TRUE(fields.ok()) << fields.status();
  for (const auto& field : *fields) {
    result.fields.push_back(field ? std::optional<std::string>(std::string(*field)) : std::nullopt);
  }
  return result;
}

Result Encode(const core::Mapping& mapping, const std::vector<ValueView>& inputs) {
  RowEncoder encoder(mapping, kRowBytesMax);
  return Encode(encoder, inputs);
}

std::string Wire(const ValueView& value, core::PgType type) {
  std::string wire;
  convert::Convert(value, type, wire);
  return wire;
}

TEST(RowEncoderTest, WritesEachColumnInItsWireForm) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kUuid}, Conversion::kId);
  builder.Add("body", {PgKind::kText});
  builder.Add("count", {PgKind::kInt8});
  builder.Add("nothing", {PgKind::kText});
  const Result result = Encode(builder.mapping(), {ValueView::Text(kUuid), ValueView::Text("h\xc3\xa9"),
                                                   ValueView::Integer(258), ValueView::Null()});
  ASSERT_TRUE(result.row.carried);
  EXPECT_FALSE(result.row.repaired);
  EXPECT_THAT(result.issues, IsEmpty());
  EXPECT_THAT(result.fields, ElementsAre(absl::HexStringToBytes("0c4a7c1e9d2b4a558f3e2b1a90d4c777"), "h\xc3\xa9",
                                         std::string("\0\0\0\0\0\0\1\2", 8), std::nullopt));
}

TEST(RowEncoderTest, TurnsNullIntoTheStatedValueSilently) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kInt8});
  builder.Add("model", {PgKind::kText}).null_value = "";
  const Result result = Encode(builder.mapping(), {ValueView::Integer(1), ValueView::Null()});
  EXPECT_EQ(result.fields[1], "");
  EXPECT_THAT(result.issues, IsEmpty());
}

TEST(RowEncoderTest, RepairsWhatTheTypeCannotHoldAndKeepsItsBytes) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kInt8});
  core::Column& state = builder.Add("state", {PgKind::kJsonb});
  state.not_null = true;
  state.fallback = "{}";
  builder.Add("weight", {PgKind::kInt4});
  const Result result =
      Encode(builder.mapping(), {ValueView::Integer(1), ValueView::Text("{broken"), ValueView::Real(0.5)});
  ASSERT_TRUE(result.row.carried);
  EXPECT_TRUE(result.row.repaired);
  EXPECT_EQ(result.fields[1], Wire(ValueView::Text("{}"), {PgKind::kJsonb}));
  EXPECT_EQ(result.fields[2], std::nullopt);
  ASSERT_THAT(result.issues, SizeIs(2));
  const core::RowIssue& issue = result.issues[0];
  EXPECT_EQ(issue.source_table, "notes");
  EXPECT_EQ(issue.destination_table, "kept_notes");
  EXPECT_EQ(issue.column, "state");
  EXPECT_EQ(issue.kind, "invalid_json");
  EXPECT_EQ(issue.action, core::IssueAction::kRepaired);
  EXPECT_EQ(issue.raw, "{broken");
  EXPECT_EQ(issue.raw_format, "text");
  EXPECT_EQ(issue.source_key, "{\"rowid\": 42}");
  EXPECT_EQ(issue.source_rowid, kRowid);
  EXPECT_EQ(issue.source_key_record, core::EncodeRecord({ValueView::Integer(kRowid)}));
  EXPECT_EQ(result.issues[1].raw, "0.5");
  EXPECT_EQ(result.issues[1].raw_format, "real");
}

TEST(RowEncoderTest, TakesTheFirstOtherTimeThatCanBeRead) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kInt8});
  core::Column& created = builder.Add("created_at", {PgKind::kTimestamptz});
  created.not_null = true;
  created.fallback = "1970-01-01T00:00:00Z";
  created.fallback_inputs = {2, 3};
  builder.mapping().inputs.push_back({"t.updated_at", "updated_at"});
  builder.mapping().inputs.push_back({"t.seen_at", "seen_at"});
  const core::PgType time = {PgKind::kTimestamptz};
  const ValueView good = ValueView::Text("2024-05-06T07:08:09Z"), bad = ValueView::Text("soon");
  const Result third = Encode(builder.mapping(), {ValueView::Integer(1), bad, ValueView::Null(), good});
  EXPECT_EQ(third.fields[1], Wire(good, time));
  ASSERT_THAT(third.issues, SizeIs(1));
  EXPECT_EQ(third.issues[0].column, "created_at");
  EXPECT_EQ(third.issues[0].raw, "soon");
  EXPECT_THAT(third.issues[0].reason, HasSubstr("took seen_at"));
  const Result none = Encode(builder.mapping(), {ValueView::Integer(1), ValueView::Null(), bad, bad});
  EXPECT_EQ(none.fields[1], Wire(ValueView::Text("1970-01-01T00:00:00Z"), time));
  EXPECT_EQ(none.issues[0].raw_format, "") << "a NULL has no bytes";
}

TEST(RowEncoderTest, RejectsWhatANotNullColumnCannotHold) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kInt8});
  builder.Add("embedding", {PgKind::kVector, 3}).not_null = true;
  builder.mapping().columns[1].fallback = "";  // no vector: as good as none
  const Result unfit = Encode(builder.mapping(), {ValueView::Integer(1), ValueView::Blob("abc")});
  EXPECT_FALSE(unfit.row.carried);
  ASSERT_THAT(unfit.issues, SizeIs(1));
  EXPECT_EQ(unfit.issues[0].kind, "vector_length");
  const Result null = Encode(builder.mapping(), {ValueView::Integer(1), ValueView::Null()});
  EXPECT_EQ(null.issues[0].kind, "null_value");
}

TEST(RowEncoderTest, KeepsTheWholeRowOfARejectedOne) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kInt8}).not_null = true;
  builder.Add("state", {PgKind::kJsonb});
  const std::vector<ValueView> inputs = {ValueView::Text("abc\xff"), ValueView::Text("{broken")};
  const Result result = Encode(builder.mapping(), inputs);
  EXPECT_FALSE(result.row.carried);
  ASSERT_THAT(result.issues, SizeIs(1)) << "the repair of a row that stays behind is no news";
  EXPECT_EQ(result.issues[0].action, core::IssueAction::kRejected);
  EXPECT_EQ(result.issues[0].column, "id");
  EXPECT_EQ(result.issues[0].raw_format, "sqlite-record");
  EXPECT_EQ(result.issues[0].raw, core::EncodeRecord(inputs));
}

TEST(RowEncoderTest, RejectsNullKeysAndDuplicates) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kUuid}, Conversion::kId);
  EXPECT_EQ(Encode(builder.mapping(), {ValueView::Null()}).issues.at(0).kind, "null_key");
  builder.mapping().duplicates = {core::EncodeRecord({ValueView::Integer(kRowid)})};
  EXPECT_EQ(Encode(builder.mapping(), {ValueView::Text(kUuid)}).issues.at(0).kind, "duplicate_key");
  builder.mapping().duplicates = {core::EncodeRecord({ValueView::Integer(kRowid + 1)})};
  EXPECT_TRUE(Encode(builder.mapping(), {ValueView::Text(kUuid)}).row.carried);
}

TEST(RowEncoderTest, RejectsARowOverItsBoundWithSizesAndHashInPlaceOfBytes) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kInt8});
  builder.Add("body", {PgKind::kText});
  const std::string body(kRowBytesMax + 1, 'x');
  const std::vector<ValueView> inputs = {ValueView::Integer(1), ValueView::Text(body)};
  const Result result = Encode(builder.mapping(), inputs);
  EXPECT_FALSE(result.row.carried);
  ASSERT_THAT(result.issues, SizeIs(1));
  EXPECT_EQ(result.issues[0].kind, "too_large");
  EXPECT_EQ(result.issues[0].raw, absl::StrCat("body: ", body.size(), " bytes, XXH3-128 ",
                                               absl::BytesToHexString(core::HashRow(inputs).ToBytes())));
}

TEST(RowEncoderTest, TellsARepairedIdWithItsOwnerAlone) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kUuid}, Conversion::kId);
  builder.Add("parent", {PgKind::kUuid}, Conversion::kIdReference);
  builder.Add("mention", {PgKind::kUuid}, Conversion::kIdMention);
  builder.Add("metadata", {PgKind::kJsonb}, Conversion::kMetadata);
  const Result result =
      Encode(builder.mapping(), {ValueView::Text("note-1"), ValueView::Text("note-1"), ValueView::Text("note-1")});
  ASSERT_TRUE(result.row.carried);
  EXPECT_EQ(result.fields[0], result.fields[1]);
  EXPECT_EQ(result.fields[0], result.fields[2]);
  ASSERT_THAT(result.issues, SizeIs(2));
  EXPECT_EQ(result.issues[0].column, "id");
  EXPECT_EQ(result.issues[1].column, "mention");
  EXPECT_EQ(*result.fields[3], "\x01{\"vecferry\":{\"source_id\":\"note-1\"}}");
  const Result clean = Encode(builder.mapping(), {ValueView::Text(kUuid), ValueView::Text("x"), ValueView::Null()});
  EXPECT_EQ(*clean.fields[3], "\x01{}");
  EXPECT_THAT(clean.issues, IsEmpty());
}

TEST(RowEncoderTest, WritesAnIdThatJsonCannotHoldInHex) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kUuid}, Conversion::kId);
  builder.Add("metadata", {PgKind::kJsonb}, Conversion::kMetadata);
  const Result result = Encode(builder.mapping(), {ValueView::Blob(absl::string_view("\0\xff", 2))});
  EXPECT_EQ(*result.fields[1], "\x01{\"vecferry\":{\"source_id\":{\"hex\":\"00ff\",\"type\":\"blob\"}}}");
}

TEST(RowEncoderTest, MovesTagsThatAnIndexCannotHoldToTheMetadata) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kInt8});
  builder.Add("tags", {PgKind::kTextArray}).element_bytes_max = 4;
  builder.Add("metadata", {PgKind::kJsonb}, Conversion::kMetadata);
  const Result result = Encode(builder.mapping(), {ValueView::Integer(1), ValueView::Text("[\"abc\",\"abcdef\"]")});
  EXPECT_EQ(result.fields[1], Wire(ValueView::Text("[\"abc\"]"), {PgKind::kTextArray}));
  EXPECT_EQ(*result.fields[2], "\x01{\"vecferry\":{\"tags\":[\"abcdef\"]}}");
  ASSERT_THAT(result.issues, SizeIs(1));
  EXPECT_EQ(result.issues[0].raw, "[\"abc\",\"abcdef\"]");
}

TEST(RowEncoderTest, CarriesAMainVectorOnlyWhereItFitsAndSaysNothing) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kInt8});
  builder.Add("embedding", {PgKind::kVector, 2}, Conversion::kMainVector);
  const std::string good("\0\0\x80\x3f\0\0\0\x40", 8);  // 1, 2
  EXPECT_EQ(Encode(builder.mapping(), {ValueView::Integer(1), ValueView::Blob(good)}).fields[1],
            std::string("\0\2\0\0\x3f\x80\0\0\x40\0\0\0", 12));
  for (const std::string& bad : {good + good, good.substr(0, 5), std::string()}) {
    const Result result = Encode(builder.mapping(), {ValueView::Integer(1), ValueView::Blob(bad)});
    EXPECT_EQ(result.fields[1], std::nullopt);
    EXPECT_THAT(result.issues, IsEmpty());
  }
}

TEST(RowEncoderTest, MakesTheKeyOfAKeylessTableFromItsContent) {
  MappingBuilder builder;
  builder.Add("vecferry_rowhash", {PgKind::kBytea}, Conversion::kRowHash);
  builder.Add("body", {PgKind::kText});
  const std::vector<ValueView> inputs = {ValueView::Text("x")};
  EXPECT_EQ(Encode(builder.mapping(), inputs).fields[0], core::HashRow(inputs).ToBytes());
}

TEST(RowEncoderTest, TellsASourceColumnThatFillsTwoColumnsOnce) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kInt8});
  builder.Add("state", {PgKind::kJsonb});
  core::Column again = builder.mapping().columns[1];
  again.name = "state_again";
  builder.mapping().columns.push_back(again);
  EXPECT_THAT(Encode(builder.mapping(), {ValueView::Integer(1), ValueView::Text("{broken")}).issues, SizeIs(1));
}

TEST(RowEncoderTest, CountsRoundedValuesWithoutAnIssue) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kInt8});
  builder.Add("at", {PgKind::kTimestamptz});
  const Result result =
      Encode(builder.mapping(), {ValueView::Integer(1), ValueView::Text("2024-05-06T07:08:09.123456789Z")});
  EXPECT_EQ(result.row.values_rounded, 1u);
  EXPECT_THAT(result.issues, IsEmpty());
}

TEST(RowEncoderTest, ReportsRowsByTheirDeclaredKey) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kInt8});
  builder.Add("state", {PgKind::kJsonb});
  builder.mapping().key.reported_inputs = {0};
  builder.mapping().key.reported_columns = {"id"};
  EXPECT_EQ(Encode(builder.mapping(), {ValueView::Integer(7), ValueView::Text("{broken")}).issues.at(0).source_key,
            "{\"id\": 7}");
}

TEST(RowEncoderTest, ForeseesWhatItWouldReject) {
  MappingBuilder builder;
  builder.Add("id", {PgKind::kInt8}).not_null = true;
  builder.Add("state", {PgKind::kJsonb});
  RowEncoder encoder(builder.mapping(), kRowBytesMax);
  const std::string long_text(kRowBytesMax + 1, 'x');
  for (const std::vector<ValueView>& inputs :
       std::vector<std::vector<ValueView>>{{ValueView::Integer(1), ValueView::Null()},
                                           {ValueView::Null(), ValueView::Null()},
                                           {ValueView::Text("x"), ValueView::Null()},
                                           {ValueView::Integer(1), ValueView::Text("{broken")},
                                           {ValueView::Integer(1), ValueView::Text(long_text)}}) {
    const std::vector<ValueView> key = {ValueView::Integer(kRowid)};
    const SourceRow row{key, inputs, {}, static_cast<std::int64_t>(inputs[1].bytes.size())};
    std::string tuples;
    std::vector<core::RowIssue> issues;
    const bool rejects = encoder.Rejects(row, "key");
    EXPECT_EQ(rejects, !encoder.Encode(row, "key", tuples, issues).carried);
  }
}

}  // namespace
}  // namespace vecferry::rows
