#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/core/utf8.h"
#include "common/rpc/plan_codec.h"
#include "common/rpc/status_codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecferry::rpc {
namespace {

// A plan in which every field differs from its default, so that a field the codec forgets is a difference.
core::Plan WholePlan() {
  core::Plan plan;
  plan.revision = 2;
  plan.snapshot = "0b8c2f6e-1c0e-4a87-9a51-3f1d5f0c7a11";
  plan.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  plan.program_version = "0.1.0";
  plan.identity = {"sqlite", "/stores/a.db", "tenant", "auto", {"a", "b"}, {"c"}, {"t.v:384"}, "update", 5, true};
  plan.profile = "vestige";
  plan.profile_reason = "has knowledge_nodes";
  plan.schema_version = "18";
  plan.source_fingerprint = "pages 5";
  plan.source_schema_hash = "abc";
  plan.extension_schema = "extensions";
  plan.main_model = core::EmbeddingModel{"all-MiniLM-L6-v2", 384, "h"};
  plan.setup_sql = {"CREATE FUNCTION ..."};
  plan.tables = {{"t", "CREATE TABLE ...", true, 4'000'000'000u}};
  core::Mapping mapping;
  mapping.id = 3;
  mapping.source_table = "knowledge_nodes";
  mapping.destination_table = "nodes";
  mapping.counted = false;
  mapping.counted_by = 2;
  mapping.from_sql = "\"knowledge_nodes\" AS t";
  mapping.key = {false, {"t.\"id\""}, {0, 1}, {"id", "part"}};
  mapping.inputs = {{"t.\"id\"", "id"}, {"1", ""}};
  core::Column column;
  column.name = "embedding";
  column.type = {core::PgKind::kVector, 384};
  column.conversion = core::Conversion::kMainVector;
  column.input = 1;
  column.not_null = true;
  column.fallback = "";
  column.fallback_inputs = {1, 0};
  column.null_value = "x";
  column.element_bytes_max = 2000;
  mapping.columns = {column, {}};
  mapping.conflict_key = {"id"};
  mapping.mode = core::LoadMode::kMerge;
  mapping.parents = {0, 1};
  mapping.waiting_keys = {"nodes_parent_fkey"};
  mapping.duplicates = {std::string("\x02\x01\x00\xff", 4)};
  mapping.rows_estimate = 1'000'000'000'000;
  mapping.bytes_estimate = 2'000'000'000'000;
  plan.mappings = {mapping};
  plan.shards = {{0, 3, std::nullopt, std::string("\x02\x01\x80", 3)}, {1, 3, std::string(), std::nullopt}};
  plan.seed_sql = {"INSERT ..."};
  plan.steps = {{core::StepKind::kForeignKey, "t", "t_fk", "ALTER ...", true, true, -1, {"a"}, "p", {"id"}}};
  plan.left_out = {{"knowledge_fts", "derived"}};
  plan.notes = {"over 2,000 dimensions: no index"};
  return plan;
}

void ExpectAllFields(const google::protobuf::Message& message) {
  const auto* descriptor = message.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    const bool set = field->is_repeated() ? message.GetReflection()->FieldSize(message, field) > 0
                                          : message.GetReflection()->HasField(message, field);
    EXPECT_TRUE(set) << field->full_name();
  }
}

TEST(PlanCodecTest, EveryFieldReadsBack) {
  const core::Plan plan = WholePlan();
  const auto read = ParsePlan(SerializePlan(plan));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(SerializePlan(*read), SerializePlan(plan));
  EXPECT_EQ(read->identity, plan.identity);
  const core::Mapping& mapping = read->mappings.at(0);
  const core::Column &column = mapping.columns.at(0), &expected = plan.mappings[0].columns[0];
  EXPECT_EQ(column.type, expected.type);
  EXPECT_EQ(column.conversion, expected.conversion);
  EXPECT_EQ(column.fallback, expected.fallback) << "an empty fallback is not none";
  EXPECT_EQ(column.null_value, expected.null_value);
  EXPECT_EQ(column.fallback_inputs, expected.fallback_inputs);
  EXPECT_EQ(mapping.columns.at(1).fallback, std::nullopt);
  EXPECT_EQ(mapping.columns.at(1).input, -1);
  EXPECT_EQ(mapping.duplicates, plan.mappings[0].duplicates);
  EXPECT_EQ(mapping.mode, core::LoadMode::kMerge);
  EXPECT_EQ(mapping.key.reported_columns, plan.mappings[0].key.reported_columns);
  EXPECT_EQ(read->shards.at(0).lower, std::nullopt);
  EXPECT_EQ(read->shards.at(0).upper, plan.shards[0].upper);
  EXPECT_EQ(read->shards.at(1).lower, std::string()) << "an empty bound is not an open one";
  EXPECT_EQ(read->steps.at(0).value, -1);
  EXPECT_EQ(read->tables.at(0).oid, 4'000'000'000u);
}

TEST(PlanCodecTest, NoFieldOfTheProtosIsForgotten) {
  // A field that ToProto does not set would be absent in a plan that sets everything.
  const v1::Plan proto = ToProto(WholePlan());
  ExpectAllFields(proto);
  ExpectAllFields(proto.identity());
  ExpectAllFields(proto.main_model());
  ExpectAllFields(proto.tables(0));
  ExpectAllFields(proto.mappings(0).columns(0));
  ExpectAllFields(proto.mappings(0).inputs(0));
  ExpectAllFields(proto.steps(0));
  ExpectAllFields(proto.left_out(0));
}

TEST(ReplayCodecTest, EveryFieldReadsBack) {
  core::ReplaySelection selection{"notes\xff", "foreign_key", 7, {{"notes", "person", "1"}, {"notes", "body"}}, true};
  selection.sets.push_back({"notes", "score", ""});
  const core::ReplaySelection read = FromProto(ToProto(selection));
  EXPECT_EQ(read.table, selection.table);
  EXPECT_EQ(read.kind, selection.kind);
  EXPECT_EQ(read.issue, 7);
  EXPECT_TRUE(read.dry_run);
  ASSERT_EQ(read.sets.size(), 3u);
  EXPECT_EQ(read.sets[0].column, "person");
  EXPECT_EQ(read.sets[0].text, "1");
  EXPECT_EQ(read.sets[1].text, std::nullopt);
  EXPECT_EQ(read.sets[2].text, "") << "an empty text is not NULL";
  const core::ReplayOutcome outcome{3, 2, {{"conflict", 1}}, {{"notes", "{}", "id", "conflict", "rejected", "why"}}};
  const core::ReplayOutcome told = FromProto(ToProto(outcome));
  EXPECT_EQ(told.carried, 3);
  EXPECT_EQ(told.present, 2);
  EXPECT_EQ(told.rejected, outcome.rejected);
  ASSERT_EQ(told.issues.size(), 1u);
  EXPECT_EQ(told.issues[0].reason, "why");
  EXPECT_EQ(told.issues[0].kind, "conflict");
}

TEST(PlanCodecTest, CarriesNamesThatAreNoUtf8) {
  core::Plan plan = WholePlan();
  plan.identity.source_path = "/stores/\xff.db";
  plan.mappings[0].source_table = "t\xff";
  plan.mappings[0].inputs[0] = {"t.\"\xff\"", "\xff"};
  plan.left_out[0].name = "\xff";
  plan.notes = {"\xff is left out"};
  const auto read = ParsePlan(SerializePlan(plan));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->identity, plan.identity);
  EXPECT_EQ(read->mappings[0].inputs[0].sql, "t.\"\xff\"");
  EXPECT_EQ(read->left_out[0].name, "\xff");
  EXPECT_EQ(read->notes[0], "\xef\xbf\xbd is left out");
}

TEST(PlanCodecTest, RefusesWhatItCannotUnderstand) {
  core::Plan plan = WholePlan();
  plan.format = core::kPlanFormat + 1;
  const absl::Status newer = ParsePlan(SerializePlan(plan)).status();
  EXPECT_EQ(newer.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(newer.message(), absl::StrCat("format ", core::kPlanFormat + 1))) << newer;
  EXPECT_EQ(ParsePlan("\xff\xff").status().code(), absl::StatusCode::kDataLoss);
  v1::Plan proto = ToProto(WholePlan());
  proto.mutable_mappings(0)->mutable_columns(0)->set_conversion(static_cast<v1::Conversion>(99));
  EXPECT_EQ(FromProto(proto).status().code(), absl::StatusCode::kDataLoss);
  proto = ToProto(WholePlan());
  proto.mutable_mappings(0)->mutable_columns(0)->set_type("money");
  EXPECT_EQ(FromProto(proto).status().code(), absl::StatusCode::kInvalidArgument);
  proto = ToProto(WholePlan());
  proto.mutable_steps(0)->set_kind(static_cast<v1::StepKind>(99));
  EXPECT_EQ(FromProto(proto).status().code(), absl::StatusCode::kDataLoss);
}

TEST(ReportCodecTest, EveryFieldReadsBackAndTotalsAreSummed) {
  core::Report report;
  report.vecferry_version = "0.1.0";
  report.migration_id = "id";
  report.state = core::State::kDifferent;
  report.exit_code = 4;
  report.failure = "f";
  report.source_kind = "sqlite";
  report.source_path = "/p";
  report.profile = "vestige";
  report.profile_reason = "r";
  report.schema_version = "18";
  report.fingerprint = "fp";
  report.server_version = "15";
  report.pgvector_version = "0.8.0";
  report.destination_schema = "public";
  report.started_at = "2026-01-01T00:00:00Z";
  report.finished_at = "2026-01-01T00:00:01Z";
  report.resumed = 2;
  report.seconds = {1, 2, 3, 4, 10};
  report.tables = {{"a", "b", {1, 2, 3, 4, 5, 6, 7, 8, 9, 12}, 10, 11}, {"c", "d", {10, 0, 0, 0, 0, 0, 0, 0, 1}, 1, 1}};
  report.issues = {{"t", "{}", "c", "kind", "repaired", "why"}};
  report.issues_more = 3;
  report.indexes = {{"t", "i", "CREATE INDEX", 1.5}};
  report.checks = {{"counts", "t", "pass", "1", "1", "e"}};
  report.notes = {"n"};
  report.left_out = {{"l", "why"}};
  report.step = "index";
  report.verify_level = "counts";
  report.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  report.destination_url = "postgresql://u:***@h/d";
  report.differences = {{"t", R"({"id": 1})", "a, b", "differing", "'x' there 'y'"}};
  report.differences_more = 7;
  report.recall = {{"t", "v", "m", "tag = a", "cosine", 10, 200, 0.875, 0.75, {1, 2, 3}, {4, 5, 6}}};
  report.sizes = {{"t", 1, 2, 3, 4}};
  const v1::Migration proto = ToProto(report);
  const auto read = FromProto(proto);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToProto(*read).SerializeAsString(), proto.SerializeAsString());
  EXPECT_EQ(read->state, core::State::kDifferent);
  EXPECT_EQ(read->tables.at(0).counters, report.tables[0].counters);
  EXPECT_EQ(read->totals, (core::Counters{11, 2, 3, 4, 5, 6, 7, 8, 10, 12}));
  EXPECT_EQ(read->seconds.total, 10);
  ExpectAllFields(proto);
  ExpectAllFields(proto.differences(0));
  ExpectAllFields(proto.recall(0));
  ExpectAllFields(proto.recall(0).by_index());
  ExpectAllFields(proto.recall(0).without_index());
  ExpectAllFields(proto.sizes(0));
  EXPECT_EQ(read->recall.at(0).without_index.p99, 6);
  EXPECT_EQ(read->recall.at(0).by_index.p50, 1);
  EXPECT_EQ(read->sizes.at(0).dead_tuples, 4);
  EXPECT_EQ(read->differences.at(0).columns, "a, b");
}

TEST(ReportCodecTest, FindingsCarryNamesAndValuesThatAreNoUtf8) {
  core::Report report;
  report.differences = {{"t\xff", "\xff", "c\xff", "missing", "\xff\x01"}};
  report.recall = {{"t\xff", "v\xff", "m\xff", "tag = \xff", "l2", 1, 1}};
  report.sizes = {{"t\xff"}};
  v1::Migration proto;
  ASSERT_TRUE(proto.ParseFromString(ToProto(report).SerializeAsString()));
  const auto read = FromProto(proto);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->differences.at(0).table, "t\xef\xbf\xbd");
  EXPECT_EQ(read->recall.at(0).slice, "tag = \xef\xbf\xbd");
  EXPECT_EQ(read->recall.at(0).exact, -1) << "not measured is not 0";
  EXPECT_EQ(read->sizes.at(0).table, "t\xef\xbf\xbd");
}

TEST(RowIssueCodecTest, EveryFieldReadsBack) {
  core::RowIssue issue{"s",   "{\"id\": 1}",  std::string("\x02\x09", 2),   -5,         "d",
                       "c",   "invalid_utf8", core::IssueAction::kRejected, "bad \xff", std::string("\0\xff", 2),
                       "text"};
  const auto read = FromProto(ToProto(issue));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->source_rowid, -5);
  EXPECT_EQ(read->raw, issue.raw);
  EXPECT_EQ(read->action, core::IssueAction::kRejected);
  EXPECT_EQ(read->source_key_record, issue.source_key_record);
  EXPECT_EQ(read->reason, "bad \xef\xbf\xbd") << "a protobuf string is UTF-8";
  issue.source_rowid.reset();
  EXPECT_EQ(FromProto(ToProto(issue))->source_rowid, std::nullopt);
  v1::RowIssue proto = ToProto(issue);
  proto.set_action("lost");
  EXPECT_EQ(FromProto(proto).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(StatusCodecTest, CodesAndMessagesReadBack) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "shard 7 expects batch 41, got 43");
    EXPECT_EQ(FromGrpc(ToGrpc(status)), status);
  }
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
}

TEST(StatusCodecTest, MessagesFitIntoMetadata) {
  EXPECT_EQ(ToGrpc(absl::InternalError("a\xff\n")).error_message(), "a\xef\xbf\xbd ");
  const std::string plain = ToGrpc(absl::InternalError(std::string(20'000, 'x'))).error_message();
  EXPECT_EQ(plain, std::string(6 << 10, 'x') + " [cut]");
  std::string ships;
  for (int i = 0; i < 5000; ++i) ships += "\xf0\x9f\x9a\xa2";
  const std::string cut = ToGrpc(absl::InternalError(ships)).error_message();
  EXPECT_LE(cut.size() * 3, 7u << 10);
  EXPECT_EQ(core::ValidUtf8Prefix(cut), cut.size()) << "no character is cut in two";
}

}  // namespace
}  // namespace vecferry::rpc
